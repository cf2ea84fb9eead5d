//! The evaluator of IAM's policy language, against what the IAM User Guide says: a table of cases, each with the page and
//! section that it follows from.
//!
//! Left out are the three rows that the guide has for `ForAllValues:StringNotLike` below "Wildcard matching": they say the
//! opposite of that operator's description on the same page.

use std::collections::{BTreeMap, BTreeSet};

use feedpass::iam::{Context, Decision, Policy, Principal, Request};
use serde::Deserialize;
use serde_json::{Value, json};

const CASES: &str = include_str!("iam/cases.json");

/// A condition that holds or not, or a policy and its decision.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Case {
    Condition {
        source: String,
        says: String,
        condition: Value,
        context: Keys,
        holds: bool,
    },
    Policy {
        source: String,
        says: String,
        policy: Value,
        principal: Option<Who>,
        action: String,
        resource: Option<String>,
        context: Keys,
        decision: String,
    },
}

type Keys = BTreeMap<String, Vec<String>>;

#[derive(Deserialize)]
enum Who {
    #[serde(rename = "AWS")]
    Aws(Vec<String>),
    Federated(String),
    Service(String),
}

fn context(keys: &Keys) -> Context {
    let mut context = Context::default();
    for (key, values) in keys {
        context.set(key, values);
    }
    context
}

fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allowed(_) => "allowed",
        Decision::Denied(_) => "denied",
        Decision::NotAllowed(_) => "not_allowed",
    }
}

impl Case {
    /// Where it is from, what it says, what is expected and what the evaluator answers.
    fn judged(&self) -> (&str, &str, &str, &'static str) {
        match self {
            Self::Condition { source, says, condition, context: keys, holds } => {
                let statement = json!({ "Effect": "Allow", "Action": "a:B", "Resource": "*", "Condition": condition });
                let policy = json!({ "Version": "2012-10-17", "Statement": statement });
                let request = Request {
                    principal: None,
                    action: "a:B".to_owned(),
                    resource: Some("*".to_owned()),
                    context: context(keys),
                };
                let policy: Policy = policy.to_string().parse().unwrap_or_else(|error| panic!("{source}: {error}"));
                (source, says, if *holds { "allowed" } else { "not_allowed" }, word(&policy.evaluate(&request)))
            }
            Self::Policy { source, says, policy, principal, action, resource, context: keys, decision } => {
                let principal = principal.as_ref().map(|who| match who {
                    Who::Aws(arns) => Principal::Aws(arns.clone()),
                    Who::Federated(provider) => Principal::Federated(provider.clone()),
                    Who::Service(name) => Principal::Service(name.clone()),
                });
                let request =
                    Request { principal, action: action.clone(), resource: resource.clone(), context: context(keys) };
                let policy: Policy = policy.to_string().parse().unwrap_or_else(|error| panic!("{source}: {error}"));
                (source, says, decision, word(&policy.evaluate(&request)))
            }
        }
    }
}

#[test]
fn the_evaluator_agrees_with_the_user_guide() {
    let cases: Vec<Case> = serde_json::from_str(CASES).unwrap();
    assert!(cases.len() >= 120, "{}", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .enumerate()
        .filter_map(|(index, case)| {
            let (source, says, expected, answered) = case.judged();
            assert!(source.starts_with("reference_policies_") || source.starts_with("id_roles_"), "{source}");
            (expected != answered).then(|| format!("{index} {source}: {says}: {answered}, not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let answers: BTreeSet<&str> = cases.iter().map(|case| case.judged().3).collect();
    assert_eq!(answers, BTreeSet::from(["allowed", "denied", "not_allowed"]), "the table has all answers");
}

#[test]
fn no_case_stands_twice() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    let mut seen = BTreeSet::new();
    for case in cases {
        let question = ["condition", "policy", "context", "principal", "action"].map(|part| case[part].to_string());
        assert!(seen.insert(question), "{case}");
    }
}
