//! What is unsafe in a policy, or does nothing.

use super::facts::{ASSUME, Facts};
use super::finding::Finding;
use super::key::{WrongKey, same, wrong_key};
use super::refused;
use crate::domain::{Feed, Slug, SpaceFeed};
use crate::iam::{Condition, Effect, Policy, Statement, StatementName};

/// The warnings of all statements that let somebody in with a token of the issuer, and the feeds of other roles that
/// they let in.
pub(super) fn findings(facts: &Facts<'_>, policy: &Policy, others: &[&Feed]) -> (Vec<Finding>, Vec<SpaceFeed>) {
    let mut findings = Vec::new();
    let admits = admitted(facts, policy, others);
    if !admits.is_empty() {
        findings.push(Finding::admits_others(&admits, 0));
    }
    for (index, statement) in policy.statements().iter().enumerate() {
        let ours = statement.federated().contains(&facts.provider) || statement.names_everyone();
        if statement.effect == Effect::Allow && ours && is_about_tokens(statement) {
            let name = StatementName { place: index + 1, sid: statement.sid.clone() };
            of_statement(facts, &name, statement, &mut findings);
        }
    }
    (findings, admits)
}

fn is_about_tokens(statement: &Statement) -> bool {
    statement.actions().is_empty()
        || statement
            .actions()
            .iter()
            .any(|action| crate::domain::wildcard::matches(&action.to_lowercase(), &ASSUME.to_lowercase()))
}

fn admitted(facts: &Facts<'_>, policy: &Policy, others: &[&Feed]) -> Vec<SpaceFeed> {
    let others = others.iter().filter_map(|other| Some((other, other.web_identity()?, other.subject()?)));
    let admits = others.filter(|(_, identity, subject)| {
        identity.role != facts.identity.role
            && (subject, &identity.audience) != (&facts.subject, &facts.identity.audience)
            && policy.evaluate(&facts.request_as(ASSUME, subject, &identity.audience)).is_allowed()
    });
    admits.map(|(other, ..)| other.name.clone()).collect()
}

fn of_statement(facts: &Facts<'_>, name: &StatementName, statement: &Statement, findings: &mut Vec<Finding>) {
    let mut warn = |code, detail: String, fix: String| {
        findings.push(Finding::error(code, Some(name), detail, fix).into_warning());
    };
    let on = |claim: &str| -> Vec<&Condition> {
        let key = facts.key(claim);
        statement.conditions.iter().filter(|condition| same(&condition.key, &key)).collect()
    };
    // Those that a token without the claim would pass too hold nobody out by themselves.
    let holds = |conditions: &[&Condition]| conditions.iter().any(|condition| !condition.holds_without_its_key());
    let (subjects, audiences) = (on("sub"), on("aud"));
    if statement.names_everyone() {
        let detail = "Principal is everyone, so that any identity of any account may try".to_owned();
        warn("principal_everyone", detail, format!("write \"Federated\": {:?}", facts.provider));
    }
    for condition in subjects.iter().chain(&audiences) {
        if condition.name.starts_with("ForAllValues:") {
            let detail =
                format!("{} holds where the key is absent, and {} has one value", condition.name, condition.key);
            warn("for_all_values", detail, "use the operator without ForAllValues".to_owned());
        } else if condition.name.ends_with("IfExists") {
            let detail = format!("{} holds where the token has no such claim", condition.name);
            warn("if_exists", detail, "use the operator without IfExists".to_owned());
        }
    }
    if !holds(&subjects) {
        let detail = if subjects.is_empty() {
            format!("no condition asks for {}, so every feed of this issuer is let in", facts.key("sub"))
        } else {
            format!(
                "no condition says which {} is let in, only which is not, or none if there is none",
                facts.key("sub")
            )
        };
        warn(
            "no_subject_condition",
            detail,
            format!("add StringEquals on {} with {:?}", facts.key("sub"), facts.subject.as_str()),
        );
    }
    for value in subjects.iter().filter(|condition| condition.has_wildcards()).flat_map(|condition| &condition.expected)
    {
        if let Some(danger) = danger(value) {
            let fix = "ask for the exact subject with StringEquals; for all feeds of a space, `space:SLUG:feed:*`";
            warn("wildcard_crosses_colon", format!("the pattern {value:?} {danger}"), fix.to_owned());
        }
    }
    if !holds(&audiences) {
        let detail = format!("no condition asks for {}, so any audience of the provider will do", facts.key("aud"));
        warn(
            "no_audience_condition",
            detail,
            format!("add StringEquals on {} with {:?}", facts.key("aud"), facts.identity.audience.as_str()),
        );
    }
    for value in
        audiences.iter().filter(|condition| condition.has_wildcards()).flat_map(|condition| &condition.expected)
    {
        if value.contains(['*', '?']) {
            let detail = format!("the pattern {value:?} lets in more than one audience");
            warn("wildcard_audience", detail, "ask for the exact audience with StringEquals".to_owned());
        }
    }
    unused_keys(facts, name, statement, findings);
}

/// Conditions on keys that are never sent, and that hold for just that reason; and spellings that IAM forgives.
fn unused_keys(facts: &Facts<'_>, name: &StatementName, statement: &Statement, findings: &mut Vec<Finding>) {
    for condition in &statement.conditions {
        match wrong_key(facts, &condition.key) {
            Some(wrong) if condition.holds_without_its_key() && wrong != WrongKey::NotSent => {
                let finding = refused::key(facts, name, condition, wrong).into_warning();
                let detail = format!("{}; it holds for that reason, and keeps nobody out", finding.detail);
                findings.push(Finding { detail, ..finding });
            }
            None => {
                let right = facts.prefix.as_str();
                let written = condition.key.rsplit_once(':').map_or("", |(prefix, _)| prefix);
                if same(written, right) && written != right {
                    let detail = format!(
                        "the condition key {:?} differs from the issuer by upper and lower case",
                        condition.key
                    );
                    let fix = format!("write {right:?}: IAM minds no case here, whoever compares by eye does");
                    findings.push(Finding::error("key_case", Some(name), detail, fix).into_warning());
                }
            }
            Some(_) => {}
        }
    }
}

/// What a pattern for subjects lets in that its author may not see.
fn danger(pattern: &str) -> Option<&'static str> {
    if !pattern.contains(['*', '?']) {
        return None;
    }
    // All feeds of one space, said so.
    let of_a_space = pattern.strip_suffix('*').and_then(|rest| rest.strip_suffix(":feed:").or(rest.strip_suffix(':')));
    if let Some(space) = of_a_space.and_then(|rest| rest.strip_prefix("space:"))
        && space.parse::<Slug>().is_ok()
    {
        return None;
    }
    if pattern.trim_matches('*').is_empty() {
        return Some("lets every feed of this issuer in");
    }
    Some("has a wildcard that stands for `:` too, and for the rest of a name: `space:team*` lets in `space:team-2`")
}
