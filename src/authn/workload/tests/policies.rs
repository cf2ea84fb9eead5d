//! Which client a token is, and what is said where it is none.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::support::{AUDIENCE, ISSUER, SUBJECT, World, issuer, rule, rule_for};
use crate::authn::workload::rules::decide;
use crate::authn::workload::{Decision, Policy, WorkloadError, WorkloadPolicy as _, test_claims};
use crate::domain::{ClaimMatcher, RuleMode, WorkloadRule};

fn ci() -> [Arc<crate::domain::TrustedIssuer>; 1] {
    [issuer("ci", ISSUER, "")]
}

#[tokio::test]
async fn a_token_is_the_client_of_the_rule_that_it_fits() {
    let rules = [
        rule("a", "ci", "sub = { pattern = \"repo:other-org/*:ref:refs/heads/main\" }"),
        rule("b", "ci", "sub = { pattern = \"repo:my-org/*:ref:refs/heads/main\" }\n\"/k/ns\" = [\"x\", \"y\"]"),
        rule_for("c", "ci", "someone", "observe", &format!("sub = \"{SUBJECT}\"")),
        rule("d", "elsewhere", &format!("sub = \"{SUBJECT}\"")),
    ];
    let world = World::with(&ci(), &rules);
    let verified = world.verify(&world.key.token(&world.claims_with("k", json!({ "ns": "y" })))).await.unwrap();
    assert_eq!((verified.issuer.as_str(), verified.client.as_str(), verified.rule.as_str()), ("ci", "b", "b"));
    assert_eq!((verified.subject.as_str(), verified.audience.as_str()), (SUBJECT, AUDIENCE));
    assert_eq!(verified.would_have.iter().map(|rule| rule.client.as_str()).collect::<Vec<_>>(), ["someone"]);
}

#[tokio::test]
async fn an_observed_rule_lets_no_one_in() {
    let world = World::with(&ci(), &[rule_for("a", "ci", "a", "observe", &format!("sub = \"{SUBJECT}\""))]);
    let WorkloadError::NoRule(unfitting) = world.verify(&world.token()).await.unwrap_err() else {
        panic!("it must be refused for want of a rule");
    };
    assert_eq!(unfitting.would_have[0].rule.as_str(), "a");
    assert!(unfitting.nearest[0].fits);
}

#[tokio::test]
async fn a_caller_without_a_rule_is_told_less_than_the_log() {
    let rules = [
        rule("far", "ci", "sub = \"x\"\nref = \"y\""),
        rule("near", "ci", &format!("sub = \"{SUBJECT}\"\nenvironment = [\"prod\", {{ pattern = \"eu-*\" }}]")),
    ];
    let world = World::with(&ci(), &rules);
    let token = world.key.token(&world.claims_with("environment", json!("test")));
    let refusal = world.verify(&token).await.unwrap_err();
    let told = refusal.to_string();
    for said in [ISSUER, SUBJECT, AUDIENCE, "no rule"] {
        assert!(told.contains(said), "{told}");
    }
    for withheld in ["near", "far", "prod", "eu-"] {
        assert!(!told.contains(withheld), "{told}");
    }
    let logged = refusal.explain();
    let near = r#"rule `near`: `environment` is "test", not "prod" or a text like "eu-*"; rule `far`"#;
    assert!(logged.contains(near) && logged.contains("there is no `ref`"), "{logged}");
}

#[tokio::test]
async fn rules_that_disagree_give_no_client() {
    let sub = format!("sub = \"{SUBJECT}\"");
    let agree = [rule_for("a", "ci", "x", "enforce", &sub), rule_for("b", "ci", "x", "enforce", &sub)];
    let world = World::with(&ci(), &agree);
    assert_eq!(world.verify(&world.token()).await.unwrap().rule.as_str(), "a");

    let [a, b] = agree;
    let world = World::with(&ci(), &[b, a, rule_for("c", "ci", "y", "enforce", &sub)]);
    let refusal = world.verify(&world.token()).await.unwrap_err();
    assert!(!refusal.to_string().contains("`x`"), "{refusal}");
    let logged = refusal.explain();
    assert!(logged.contains("rule `a` gives `x`, rule `b` gives `x`, rule `c` gives `y`"), "{logged}");
}

#[tokio::test]
async fn a_report_says_rule_by_rule_what_a_policy_makes_of_a_token() {
    let rules = [
        rule("a", "ci", "sub = \"x\""),
        rule_for("b", "ci", "b", "observe", &format!("sub = \"{SUBJECT}\"")),
        rule("c", "elsewhere", "sub = \"x\""),
    ];
    let world = World::with(&ci(), &rules);
    let [issuer] = ci();
    let report = world.workloads.test_token(&issuer, &rules, &world.token(), world.now()).await;
    let claims = json!(SUBJECT);
    assert_eq!(
        serde_json::to_value(&report).unwrap(),
        json!({
            "issuer": "ci",
            "outcome": "no_rule",
            "would_have": [{ "rule": "b", "client": "b" }],
            "rules": [
                { "rule": "b", "client": "b", "mode": "observe", "fits": true,
                  "conditions": [{ "claim": "sub", "expected": SUBJECT, "found": claims, "holds": true }] },
                { "rule": "a", "client": "a", "mode": "enforce", "fits": false,
                  "conditions": [{ "claim": "sub", "expected": "x", "found": claims, "holds": false }] },
            ],
        })
    );
    assert_eq!(report.admitted(), None);
}

#[tokio::test]
async fn a_report_on_a_token_that_is_refused_still_says_what_the_rules_would() {
    let world = World::new();
    let [issuer] = ci();
    let rules = [rule("main", "ci", &format!("sub = \"{SUBJECT}\""))];
    let token = world.token();
    let test = |token: String, now| {
        let (world, issuer, rules) = (&world, &issuer, &rules);
        async move { world.workloads.test_token(issuer, rules, &token, now).await }
    };
    assert_eq!(test(token.clone(), world.now()).await.admitted().unwrap().client.as_str(), "main");
    let later = world.now() + std::time::Duration::from_hours(1);
    let expired = test(token.clone(), later).await;
    assert!(expired.refused.as_ref().unwrap().contains("expired"), "{expired:?}");
    assert!(matches!(expired.decision, Decision::Client(_)) && expired.admitted().is_none());
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = test(format!("{signed}.AAAA"), world.now()).await;
    assert!(forged.refused.as_ref().unwrap().contains("signature"), "{forged:?}");
    assert!(forged.admitted().is_none());
    assert!(test("x".into(), world.now()).await.refused.unwrap().contains("1 parts"));
}

#[test]
fn claims_that_say_only_who_are_judged_by_the_rules_and_what_else_they_say_is_judged_too() {
    let world = World::new();
    let [issuer] = ci();
    let rules = [rule("main", "ci", &format!("sub = \"{SUBJECT}\""))];
    let test = |claims: &Value| test_claims(&issuer, &rules, claims.as_object().unwrap(), world.now());
    assert_eq!(test(&serde_json::json!({ "sub": SUBJECT })).admitted().unwrap().client.as_str(), "main");
    let other = test(&serde_json::json!({ "sub": "another" }));
    assert!(other.refused.is_none() && matches!(other.decision, Decision::NoRule), "{other:?}");
    for (claim, wrong, said) in [("aud", "x".into(), "aud"), ("exp", 1.into(), "expired"), ("iss", "x".into(), "iss")] {
        let refused = test(&world.claims_with(claim, wrong)).refused;
        assert!(refused.as_ref().is_some_and(|refused| refused.contains(said)), "{claim}: {refused:?}");
    }
}

#[test]
fn two_issuers_never_share_a_url() {
    let twins = [issuer("a", ISSUER, ""), issuer("b", ISSUER, "")];
    let refusal = Policy::new(&twins, &[]).unwrap_err().to_string();
    assert!(refusal.contains("`a` and `b`") && refusal.contains(ISSUER), "{refusal}");
    assert!(Policy::new(&twins[..1], &[]).unwrap().issuer(&format!("{ISSUER}/")).is_none());
}

/// What a rule's conditions mean, said as plainly as can be.
fn reference(rule: &WorkloadRule, claims: &Value) -> bool {
    rule.claims().iter().all(|(path, pattern)| {
        let pointer = if path.as_str().starts_with('/') { path.as_str().to_owned() } else { format!("/{path}") };
        let found = claims.pointer(&pointer);
        let values = match found {
            None => Vec::new(),
            Some(Value::Array(values)) => values.clone(),
            Some(value) => vec![value.clone()],
        };
        values.iter().any(|value| {
            pattern.alternatives().iter().any(|alternative| match alternative {
                ClaimMatcher::Text(text) => value == text,
                ClaimMatcher::Bool(expected) => value == expected,
                ClaimMatcher::Integer(expected) => value == expected,
                ClaimMatcher::Glob(glob) => value.as_str().is_some_and(|text| glob.matches(text)),
            })
        })
    })
}

fn a_claim() -> impl Strategy<Value = Value> {
    let one = prop_oneof![
        "[ab]{1,2}".prop_map(Value::from),
        "[ab]/[ab]".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (0_i64..3).prop_map(Value::from),
    ];
    prop_oneof![4 => one.clone(), 1 => prop::collection::vec(one, 0..3).prop_map(Value::from)]
}

fn a_condition() -> impl Strategy<Value = Value> {
    let one = prop_oneof![
        "[ab]{1,2}".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (0_i64..3).prop_map(Value::from),
        prop::sample::select(vec!["a*", "*b", "*/a", "b/*"]).prop_map(|pattern| json!({ "pattern": pattern })),
    ];
    prop_oneof![3 => one.clone(), 1 => prop::collection::vec(one, 1..3).prop_map(Value::from)]
}

fn a_rule() -> impl Strategy<Value = (Value, &'static str, &'static str)> {
    let names = prop::sample::select(vec!["sub", "/sub", "repo", "/k/ns"]);
    let claims = prop::collection::btree_map(names, a_condition(), 1..3).prop_map(|claims| json!(claims));
    (claims, prop::sample::select(vec!["x", "y"]), prop::sample::select(vec!["enforce", "enforce", "observe"]))
}

proptest! {
    #[test]
    fn what_rules_give_is_what_a_naive_reading_gives(
        rules in prop::collection::vec(a_rule(), 0..6), sub in a_claim(), repo in a_claim(), ns in a_claim(),
    ) {
        let rules: Vec<Arc<WorkloadRule>> = rules.into_iter().enumerate().map(|(at, (claims, client, mode))| {
            let name = format!("r{at}");
            let rule = json!({ "name": name, "issuer": "ci", "client": client, "mode": mode, "claims": claims });
            Arc::new(serde_json::from_value(rule).unwrap())
        }).collect();
        let claims = json!({ "sub": sub, "repo": repo, "k": { "ns": ns } });
        let clients = |mode| {
            let fitting = rules.iter().filter(|rule| rule.mode() == mode && reference(rule, &claims));
            fitting.map(|rule| rule.client().to_string()).collect::<Vec<_>>()
        };
        let (decision, would_have) = decide(&rules, claims.as_object().unwrap());
        let mut enforced = clients(RuleMode::Enforce);
        let fits = enforced.len();
        enforced.sort();
        enforced.dedup();
        match decision {
            Decision::NoRule => prop_assert!(enforced.is_empty()),
            Decision::Client(given) => prop_assert_eq!(vec![given.client.to_string()], enforced),
            Decision::Ambiguous { fitting } => prop_assert!(enforced.len() > 1 && fitting.len() == fits),
        }
        let observed = would_have.iter().map(|rule| rule.client.to_string()).collect::<Vec<_>>();
        prop_assert_eq!(observed, clients(RuleMode::Observe));
    }
}
