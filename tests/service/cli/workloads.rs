//! Rules for workloads from the command line, as docs/workloads.md goes through them.

use feedpass::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use super::manage::{admin, bootstrap, printed};
use crate::process::Site;
use crate::workloads::issuer::Key;

const ISSUER: &str = "https://ci.example.com";

/// What a workload's platform gives it.
fn claims(sub: &str) -> Value {
    let now = SystemClock.now().as_second();
    json!({ "iss": ISSUER, "aud": "feedpass", "iat": now, "exp": now + 600, "sub": sub })
}

#[test]
fn a_rule_is_made_tried_observed_and_then_lets_its_workload_in() {
    let site = Site::example();
    let secret = bootstrap(&site);
    let _server = site.serve();
    let run = |arguments: &[&str]| admin(&site, &secret, arguments);
    let key = Key::new("k1", "ES256");
    site.write("jwks.json", &json!({ "keys": [key.jwk()] }).to_string());
    let token = key.token(&claims("repo:a/b:main"));
    site.remember(&token);
    site.write("main.jwt", &format!("{token}\n"));
    site.write("dev.json", &json!({ "iss": ISSUER, "sub": "repo:a/b:dev" }).to_string());

    let told = run(&["workload", "issuer", "add", "ci", "--issuer", ISSUER]).fails();
    assert!(told.contains("--audience"), "{told}");
    let issuer = ["workload", "issuer", "add", "ci", "--issuer", ISSUER, "--audience", "feedpass"];
    assert!(run(&issuer).args(["--jwks-file", "jwks.json", "--max-lifetime", "1h"]).works().contains("store"));
    let listed = run(&["workload", "issuer", "list"]).works();
    assert!(listed.contains(ISSUER) && listed.contains("1 pinned"), "{listed}");

    printed(run(&["client", "add", "builder", "--no-secret", "--grant", "default/images=pull"]));
    let told = run(&["workload", "add", "main", "--issuer", "ci", "--client", "builder"]).fails();
    assert!(told.contains("would let everyone"), "{told}");
    let rule = ["workload", "add", "main", "--issuer", "ci", "--client", "builder", "--mode", "observe"];
    run(&rule).args(["--pattern", "sub=repo:a/*:main"]).works();
    let listed = run(&["workload", "list"]).works();
    assert!(listed.contains("observe") && listed.contains(r#"sub = like "repo:a/*:main""#), "{listed}");

    let tried = ["policy", "test", "--pass", "main.jwt", "--fail", "dev.json"];
    let observed = run(&tried).run();
    assert_eq!(observed.code, Some(1), "{}{}", observed.stdout, observed.stderr);
    assert!(observed.stdout.contains("WRONG  pass  main.jwt  is refused: no rule fits"), "{}", observed.stdout);
    assert!(
        observed.stdout.contains("rule main is only observed; it would give client builder"),
        "{}",
        observed.stdout
    );
    let credentials = || admin(&site, &token, &["credentials", "default/images", "--json"]);
    assert!(credentials().fails().contains("workload_not_matched"));

    run(&["workload", "set", "main", "--mode", "enforce"]).works();
    assert_eq!(
        run(&tried).works(),
        "ok     pass  main.jwt  is client builder, by rule main\n\
         ok     fail  dev.json  is refused: no rule fits\n         \
         rule main: sub = like \"repo:a/*:main\", and it is \"repo:a/b:dev\"\n"
    );
    assert_eq!(run(&tried).args(["--json"]).gives_json()["ok"], true);
    assert_eq!(credentials().gives_json()["username"], "AWS");
    let who = run(&["who-can", "default/images"]).works();
    assert!(who.contains(r#"main (ci: sub = like "repo:a/*:main")"#), "{who}");

    let told = run(&["workload", "issuer", "remove", "ci", "--yes"]).fails();
    assert!(told.contains("`main`"), "the rule needs it: {told}");
    run(&["workload", "issuer", "set", "ci", "--discovery", "--algorithm", "ES256"]).works();
    assert!(run(&["workload", "issuer", "list"]).works().contains("discovery"));
    printed(run(&["workload", "remove", "main", "--yes"]));
    printed(run(&["workload", "issuer", "remove", "ci", "--yes"]));
    assert!(credentials().fails().contains("token_issuer_untrusted"));
}

#[test]
fn rules_are_tried_from_a_file_before_they_are_applied_from_it() {
    let site = Site::example();
    let secret = bootstrap(&site);
    let _server = site.serve();
    let run = |arguments: &[&str]| admin(&site, &secret, arguments);
    let key = Key::new("k1", "ES256");
    site.write("jwks.json", &json!({ "keys": [key.jwk()] }).to_string());
    let issuer = format!(
        "[[workload_issuer]]\nname = \"ci\"\nissuer = \"{ISSUER}\"\naudiences = [\"feedpass\"]\njwks_file = \"jwks.json\"\n"
    );
    let rule = "[[workload]]\nname = \"main\"\nissuer = \"ci\"\nclient = \"ci\"\n[workload.claims]\nsub = \"main\"\n";
    site.write("teams.toml", &issuer);
    assert_eq!(printed(run(&["apply", "-f", "teams.toml", "--yes"])), "+ workload_issuer ci\n");
    site.write("teams.toml", &(issuer + rule));
    let body = claims("main").to_string();
    let tried = run(&["policy", "test", "--rules", "teams.toml", "--pass", "-"]).input(&body).works();
    assert!(tried.contains("ok     pass  -  is client ci, by rule main"), "{tried}");
    let live = run(&["policy", "test", "--issuer", "ci", "--fail", "-"]).input(&body).works();
    assert!(live.contains("no rule fits"), "it is not made yet: {live}");
    assert_eq!(printed(run(&["apply", "-f", "teams.toml", "--yes"])), "+ workload main\n");
    assert_eq!(printed(run(&["apply", "-f", "teams.toml", "--yes"])), "nothing to change\n");
    site.write("teams.toml", "[[client]]\nid = \"admin\"\nroles = [\"admin\"]\n");
    let pruned = printed(run(&["apply", "-f", "teams.toml", "--prune", "--yes"]));
    assert_eq!(pruned, "- workload main\n- workload_issuer ci\n");
    for (arguments, said) in [
        (&["policy", "test"][..], "--pass"),
        (&["policy", "test", "--pass", "nothing.jwt"], "nothing.jwt cannot be read"),
        (&["policy", "test", "--pass", "teams.toml", "--issuer", "ci"], "no workload issuer `ci`"),
        (&["policy", "test", "--pass", "jwks.json"], "name the issuer"),
        (&["policy", "test", "--pass", "jwks.json", "--rules", "jwks.json"], "has no rules"),
    ] {
        let done = run(arguments).run();
        assert!(done.code != Some(0) && done.stderr.contains(said), "{arguments:?}: {}", done.stderr);
    }
}
