//! Libraries that get tokens, and AWS's programs with a role session, none of them written for feedpass.

use feedpass::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use super::parts::{Part, Parts, parts, script};
use super::{AUDIENCE, SUBJECT};
use crate::process::Site;
use crate::workloads::issuer::{Issuer, rule};

/// The example of RFC 7515 A.3.1, and one of 32 sevens: everyone knows them, and nobody uses them.
fn client_keys() -> [(&'static str, Value); 2] {
    let es256 = json!({
        "kty": "EC",
        "crv": "P-256",
        "alg": "ES256",
        "kid": "es256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    });
    let eddsa = json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "EdDSA",
        "kid": "eddsa",
        "x": "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw",
        "d": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",
    });
    [("es256.json", es256), ("eddsa.json", eddsa)]
}

/// A feedpass whose client `ci` has a secret and keys, and may have tokens and sessions.
fn site() -> Site {
    let site = Site::example();
    site.edit("\"pull\", \"token\"", "\"token\", \"session\"");
    site.edit("[[client.grant]]", "public_keys_file = \"ci.jwks.json\"\n[[client.grant]]");
    let public = client_keys().map(|(file, mut key)| {
        site.write(file, &key.to_string());
        key.as_object_mut().unwrap().remove("d");
        key
    });
    site.write("ci.jwks.json", &json!({ "keys": public }).to_string());
    site.write("secret", site.secret);
    site
}

/// What the usual access token ends after; the workload's does sooner.
const ACCESS_LIFETIME: i64 = 600;
const WORKLOAD_LIFETIME: i64 = 420;

/// Has `site` trust `issuer`, of whose workloads one is `ci`, and puts that one's token where the libraries find it.
/// Gives the time at which the token ends.
fn trust_workload(site: &Site, issuer: &Issuer) -> i64 {
    site.append(&format!("{}{}", issuer.section("builds"), rule("main", "builds", "ci", "sub = \"main\"")));
    let now = SystemClock.now().as_second();
    let claims = json!({ "sub": "main", "iat": now, "nbf": now, "exp": now + WORKLOAD_LIFETIME });
    let token = issuer.token(&claims);
    site.remember(&token);
    site.write("workload", &token);
    now + WORKLOAD_LIFETIME
}

/// What a library says of each way to ask.
fn outcomes(site: &Site, parts: &Parts, library: &str) -> Vec<Value> {
    let program = if library == "Authlib" {
        site.run(&parts.python("python")).args([script("oauth/authlib_client.py")])
    } else {
        // A module finds packages beside itself alone.
        std::os::unix::fs::symlink(parts.node_modules(), site.path("node_modules")).unwrap();
        std::fs::copy(script("oauth/openid_client.mjs"), site.path("openid_client.mjs")).unwrap();
        site.run("node".as_ref()).args([site.path("openid_client.mjs")])
    };
    let done = program
        .args(["--issuer", &site.issuer(), "--client-id", "ci"])
        .args(["--client-secret-file".as_ref(), site.path("secret").as_os_str()])
        .args(client_keys().map(|(file, _)| format!("--key-file={}", site.path(file).display())))
        .args(["--subject-token-file".as_ref(), site.path("workload").as_os_str()])
        .run();
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The outcome of `case`, which gave a token.
fn given<'a>(outcomes: &'a [Value], case: &str) -> &'a Value {
    let outcome = outcomes.iter().find(|outcome| outcome["case"] == case);
    let outcome = outcome.unwrap_or_else(|| panic!("nothing was said of {case}: {outcomes:?}"));
    assert_eq!(outcome["error"], "", "{outcome}");
    outcome
}

async fn assert_gets_tokens(library: &str) {
    let Some(parts) = parts(Part::Verifiers) else { return };
    let (site, issuer) = (site(), Issuer::start("ES256").await);
    let workload_ends = trust_workload(&site, &issuer);
    let _server = site.serve();
    let outcomes = outcomes(&site, &parts, library);
    let by_credentials =
        ["client_secret_basic", "client_secret_post", "private_key_jwt ES256", "private_key_jwt EdDSA"];
    for case in by_credentials.into_iter().chain(["token exchange"]) {
        let outcome = given(&outcomes, case);
        let claims = &outcome["token"]["claims"];
        assert_eq!(outcome["token"]["header"]["typ"], "at+jwt", "{outcome}");
        assert_eq!((&claims["client_id"], &outcome["bearer_status"]), (&json!("ci"), &json!(200)), "{outcome}");
        let (made, ends) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
        let expected = if case == "token exchange" { workload_ends } else { made + ACCESS_LIFETIME };
        assert_eq!(ends, expected, "{outcome}");
    }
    let kind = |outcome: &Value| outcome["answer"]["issued_token_type"].clone();
    assert_eq!(kind(given(&outcomes, "token exchange")), "urn:ietf:params:oauth:token-type:access_token");

    // A feed's: for AWS STS, and no key to feedpass itself.
    let outcome = given(&outcomes, "token exchange for a feed");
    assert_eq!(kind(outcome), "urn:ietf:params:oauth:token-type:jwt");
    let claims = &outcome["token"]["claims"];
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!(site.issuer()), &json!(SUBJECT)), "{outcome}");
    assert_eq!((&claims["aud"], &outcome["token"]["header"]["typ"]), (&json!(AUDIENCE), &json!("JWT")), "{outcome}");
    assert_eq!(outcome["bearer_status"], 401, "{outcome}");
}

// The issuer of the workload's token answers while the test waits for the library.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openid_client_gets_tokens_with_the_issuers_url_alone() {
    assert_gets_tokens("openid-client").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authlib_gets_tokens_with_the_issuers_url_alone() {
    assert_gets_tokens("Authlib").await;
}

#[test]
fn boto3_and_the_aws_cli_work_through_a_feeds_role() {
    let Some(parts) = parts(Part::StandIns) else { return };
    let site = site();
    let server = site.serve();
    let done = site
        .run(&parts.python("python"))
        .env("FEEDPASS_URL", site.url())
        .env("FEEDPASS_TOKEN_FILE", site.path("secret"))
        .args([script("role_session.py")])
        .args(["--sts", &server.sandbox()])
        .args(["--feedpass".as_ref(), site.bin().join("feedpass").as_os_str()])
        .run();
    let said: Vec<Value> = done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), 4, "{}{}", done.stdout, done.stderr);
    for line in said {
        let arn = line["caller_arn"].as_str().unwrap_or_default();
        assert!(arn.starts_with("arn:aws:sts::123456789012:assumed-role/feedpass-images/default.images@"), "{line}");
    }
}
