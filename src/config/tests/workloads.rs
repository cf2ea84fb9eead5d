//! Workload issuers and rules.

use super::*;
use crate::domain::{KeySource, RuleMode};

const GITHUB: &str = "[[workload_issuer]]\nname = 'github'\nissuer = 'https://token.actions.githubusercontent.com'\n";

fn rule(name: &str, claims: &str) -> String {
    format!(
        "[[workload]]\nname = '{name}'\nissuer = 'github'\nclient = 'ci'\n[workload.claims]\n{claims}\n\
         [[client]]\nid = 'ci'\n"
    )
}

#[test]
fn an_issuer_s_audience_is_the_internal_url_unless_said() {
    let listen = "listen.internal = '0.0.0.0:81'\nlisten.internal_url = 'https://feedpass.internal/'\n";
    let settings = load(&format!("{SMALL}{listen}{GITHUB}"));
    let issuer = &settings.workload_issuers[0];
    assert_eq!(issuer.audiences(), ["https://feedpass.internal"]);
    assert_eq!(issuer.keys(), &KeySource::Discovery);
    let more = "audiences = 'a'\nalgorithms = ['PS256']\njwks_url = 'https://b.example/jwks'\nmax_lifetime = '1h'\n";
    let settings = load(&format!("{SMALL}{GITHUB}{more}"));
    let issuer = &settings.workload_issuers[0];
    assert_eq!(issuer.audiences(), ["a"]);
    assert_eq!(issuer.algorithms().iter().map(ToString::to_string).collect::<Vec<_>>(), ["PS256"]);
    assert!(matches!(issuer.keys(), KeySource::JwksUrl(_)));
    assert_eq!(issuer.max_lifetime().to_string(), "1h");
}

#[test]
fn pinned_keys_are_read_from_a_file_that_is_watched() {
    let place = Place::with(&format!("{SMALL}{GITHUB}jwks_file = 'keys.json'\n"));
    place.file("keys.json", r#"{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB"}]}"#);
    let settings = place.load(&[]).unwrap();
    assert_eq!(settings.files(), [place.0.path().join("keys.json")]);
    let KeySource::Pinned(set) = settings.workload_issuers[0].keys() else { panic!("pinned") };
    assert_eq!(set.keys().len(), 1);
    place.file("keys.json", r#"{"keys":[{"kty":"RSA","d":"hunter2"}]}"#);
    let report = place.report(&[]);
    assert!(report.contains("private member `d`") && !report.contains("hunter2"), "{report}");
}

#[test]
fn a_rule_s_claims_are_texts_numbers_truth_values_patterns_and_lists() {
    let settings = load(&format!(
        "{SMALL}{GITHUB}{}",
        rule(
            "main",
            "sub = 'repo:a/b:ref:refs/heads/main'\nprivate = true\nrun = 7\nrepository = { pattern = 'a/*' }\n\
             '/kubernetes.io/namespace' = ['x', { pattern = 'y-*' }]"
        )
    ));
    let rule = &settings.workloads[0];
    let said: Vec<_> = rule.claims().iter().map(|(path, pattern)| format!("{} = {pattern}", path.as_str())).collect();
    assert_eq!(
        said,
        [
            r#"/kubernetes.io/namespace = "x" or a text like "y-*""#,
            "private = true",
            r#"repository = a text like "a/*""#,
            "run = 7",
            r#"sub = "repo:a/b:ref:refs/heads/main""#,
        ]
    );
    assert_eq!(rule.mode(), RuleMode::Enforce);
    assert_eq!(settings.clients[0].secrets, [], "the rule is its way in");
    let variables =
        [("FEEDPASS_WORKLOAD__0__MODE", "observe"), ("FEEDPASS_WORKLOAD_ISSUER__0__AUDIENCES", "['x', 'y']")];
    let place = Place::with(&format!("{SMALL}{GITHUB}{}", self::rule("main", "sub = 'a'")));
    let settings = place.load(&variables).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(settings.workloads[0].mode(), RuleMode::Observe);
    assert_eq!(settings.workload_issuers[0].audiences(), ["x", "y"]);
}

#[test]
fn all_that_is_wrong_with_workloads_is_told_at_once() {
    insta::assert_snapshot!(report(&format!(
        "{SMALL}{GITHUB}audiences = []\nalgorithms = ['HS256']\nmax_lifetime = '1s'\njwks_url = 'http://b.example/'\n\
         [[workload_issuer]]\nname = 'github'\nissuer = 'https://token.actions.githubusercontent.com'\nkeys = 'x'\n\
         [[workload]]\nname = 'a'\nissuer = 'github'\nclient = 'ci'\nmode = 'audit'\n[workload.claims]\nsub = 1.5\n\
         repository = 'a/*'\nref = {{ glob = 'x' }}\n'/a//b' = 'x'\n\
         [[workload]]\nname = 'b'\nissuer = 'github'\nclient = 'ci'\nclaims.sub = {{ pattern = '*' }}\n\
         [[workload]]\nname = 'b'\nissuer = 'github'\nclient = 'ci'\n"
    )), @r#"
    config.toml: 15 mistakes

    config.toml:5: workload_issuer[0] "github" audiences
      found:    ``
      expected: the audience of workload tokens: there is at least one; a token for anyone would be a token for everyone

    config.toml:6: workload_issuer[0] "github" algorithms[0]
      found:    `HS256`
      expected: an algorithm for workload tokens: who can verify `HS*` can also make it; choose a public-key algorithm, as in `RS256`

    config.toml:8: workload_issuer[0] "github" jwks_url
      found:    `http://b.example/`
      expected: the URL of a JWK set: it starts with `https://`, or `http://` for loopback addresses alone, and has no user

    config.toml:10: workload_issuer[1] "github" name
      found:    `github`, which is declared on line 3 already
      expected: a name that no other workload issuer has

    config.toml:11: workload_issuer[1] "github" issuer
      found:    `https://token.actions.githubusercontent.com`, which is declared on line 4 already
      expected: an issuer that no other has; make one of the two, with the audiences of both

    config.toml:12: workload_issuer[1] "github" keys
      found:    unknown key `keys`
      expected: one of `name`, `issuer`, `audiences`, `algorithms`, `jwks_url`, `jwks_file`, `max_lifetime`

    config.toml:17: workload[0] "a" mode
      found:    `audit`
      expected: a rule's mode: it is `enforce`, or `observe` to see what the rule would do

    config.toml:19: workload[0] "a" claims.sub
      found:    the number `1.5`
      expected: a text, true or false, a whole number, `{ pattern = "…" }`, or a list of these

    config.toml:20: workload[0] "a" claims.repository
      found:    `a/*`
      expected: a claim's value: a `*` means something in patterns alone; write `{ pattern = "…" }`

    config.toml:21: workload[0] "a" claims.ref.pattern
      found:    nothing
      expected: a text in which `*` stands for a part, as in `my-org/*`

    config.toml:21: workload[0] "a" claims.ref.glob
      found:    unknown key `glob`
      expected: one of `pattern`

    config.toml:22: workload[0] "a" claims./a//b
      found:    `/a//b`
      expected: a claim: each part of a path has a name, as in `/kubernetes.io/namespace`

    config.toml:27: workload[1] "b" claims
      found:    `b`
      expected: a workload rule: its condition on `sub` would let everyone in; name the subject, or a part of it

    config.toml:28: workload[2] "b" claims
      found:    nothing
      expected: what a token's claims must be: `[workload.claims]` with, for one, `sub = "…"`

    config.toml:29: workload[2] "b" name
      found:    `b`, which is declared on line 24 already
      expected: a name that no other workload rule has
    "#);
}

#[test]
fn a_client_without_a_secret_has_another_way_in() {
    let client = "[[client]]\nid = 'lost'\n";
    let lost = report(&format!("{SMALL}{client}"));
    assert!(lost.contains("client[0] \"lost\" secret_hash") && lost.contains("rules of the store"), "{lost}");
    assert_eq!(load(&format!("{SMALL}{client}secret_hash = []\n")).clients[0].secrets, []);
    let other = report(&format!("{SMALL}{GITHUB}{}{client}", rule("main", "sub = 'a'")));
    assert!(other.contains("1 mistake"), "{other}");
}
