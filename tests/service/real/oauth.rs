//! Libraries that get tokens, and AWS's programs with a role session, none of them written for feedpass.

use serde_json::{Value, json};

use super::parts::{Part, Parts, parts, script};
use crate::process::Site;

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
        .args(["--subject-token-file".as_ref(), site.path("secret").as_os_str()])
        .run();
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn assert_gets_tokens(library: &str) {
    let Some(parts) = parts(Part::Verifiers) else { return };
    let site = site();
    let _server = site.serve();
    let outcomes = outcomes(&site, &parts, library);
    for case in ["client_secret_basic", "client_secret_post", "private_key_jwt ES256", "private_key_jwt EdDSA"] {
        let outcome = outcomes.iter().find(|outcome| outcome["case"] == case);
        let outcome = outcome.unwrap_or_else(|| panic!("{library} said nothing of {case}: {outcomes:?}"));
        assert_eq!((&outcome["error"], &outcome["bearer_status"]), (&json!(""), &json!(200)), "{outcome}");
        assert_eq!(outcome["token"]["header"]["typ"], "at+jwt");
        assert_eq!(outcome["token"]["claims"]["client_id"], "ci");
    }
}

#[test]
fn openid_client_gets_tokens_with_the_issuers_url_alone() {
    assert_gets_tokens("openid-client");
}

#[test]
fn authlib_gets_tokens_with_the_issuers_url_alone() {
    assert_gets_tokens("Authlib");
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
