//! Why a policy does not let the feed in.

use super::Decided;
use super::facts::{ASSUME, Facts};
use super::finding::Finding;
use super::key::{WrongKey, begins_with, plain, same, without_scheme, wrong_key};
use super::value;
use crate::iam::{Condition, Decision, Effect, FailedCondition, Miss, Policy, Reasons, Statement, StatementName};

/// What keeps the feed out, the most telling first. Nothing where it is let in.
pub(super) fn findings(facts: &Facts<'_>, policy: &Policy, decided: &[Decided]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Decided { action, decision } in decided {
        match decision {
            Some(Decision::Denied(by)) => findings.push(denied(facts, policy, by, action)),
            Some(Decision::NotAllowed(reasons)) if *action == ASSUME => {
                findings.extend(not_allowed(facts, policy, reasons));
            }
            Some(Decision::NotAllowed(_)) if findings.is_empty() => findings.push(missing_right(action)),
            _ => {}
        }
    }
    findings
}

/// Which statement is to be mended.
pub(super) enum Nearest {
    /// The one that lets the feed in, or comes nearest to it, counted from 0.
    Statement(usize),
    /// None is about it.
    None,
    /// None: another denies it.
    Denied,
}

/// The statement that lets the feed in, or comes nearest to it.
pub(super) fn nearest(facts: &Facts<'_>, policy: &Policy) -> Nearest {
    match policy.evaluate(&facts.request(ASSUME)) {
        Decision::Allowed(by) => Nearest::Statement(by.place - 1),
        Decision::Denied(_) => Nearest::Denied,
        Decision::NotAllowed(reasons) => match nearest_of(facts, policy, &reasons) {
            Some((name, _)) => Nearest::Statement(name.place - 1),
            None => Nearest::None,
        },
    }
}

/// The furthest of all misses: a condition is met after the action, the action after the principal.
fn nearest_of<'r>(facts: &Facts<'_>, policy: &Policy, reasons: &'r Reasons) -> Option<&'r (StatementName, Miss)> {
    let rank = |(name, miss): &&(StatementName, Miss)| match miss {
        // The fewer, the nearer.
        Miss::Conditions(failed) => (3, usize::MAX - failed.len()),
        Miss::Resource { .. } => (2, 0),
        Miss::Action { .. } => (1, 0),
        Miss::Principal { .. } => {
            let ours = statement(policy, name).is_some_and(|statement| {
                statement.federated().iter().any(|named| wrong_provider(facts, named).0 != "provider_other_issuer")
            });
            (0, usize::from(ours))
        }
    };
    // Of those that are equally near, the first.
    reasons.0.iter().rev().max_by_key(rank)
}

fn statement<'p>(policy: &'p Policy, name: &StatementName) -> Option<&'p Statement> {
    policy.statements().get(name.place.checked_sub(1)?)
}

fn denied(facts: &Facts<'_>, policy: &Policy, by: &StatementName, action: &str) -> Finding {
    let conditions = statement(policy, by).map(|statement| statement.conditions.as_slice()).unwrap_or_default();
    let asks: Vec<String> =
        conditions.iter().map(|condition| format!("{} on {}", condition.name, condition.key)).collect();
    let when = if asks.is_empty() { "without condition".to_owned() } else { format!("by {}", asks.join(" and ")) };
    let detail = format!("{by} denies {action} to {} {when}; a Deny wins over every Allow", facts.subject);
    Finding::error(
        "explicit_deny",
        Some(by),
        detail,
        "take the statement away, or narrow it so that it is not about this feed",
    )
}

fn missing_right(action: &str) -> Finding {
    let (code, what) = if action == super::facts::TAG {
        ("tag_session_missing", "session tags")
    } else {
        ("set_source_identity_missing", "a source identity")
    };
    let detail = format!("the feed's tokens carry {what}, and no statement allows {action}: AWS then refuses the role");
    Finding::error(code, None, detail, format!("allow {action} beside {ASSUME}, or take {what} from the feed"))
}

fn not_allowed(facts: &Facts<'_>, policy: &Policy, reasons: &Reasons) -> Vec<Finding> {
    let Some((name, miss)) = nearest_of(facts, policy, reasons) else {
        let detail = "no statement allows anything".to_owned();
        return vec![Finding::error("nothing_allowed", None, detail, "add the statement of the patch")];
    };
    let Some(statement) = statement(policy, name) else { return Vec::new() };
    match miss {
        Miss::Principal { .. } => vec![principal(facts, name, statement)],
        Miss::Action { expected, sent } => vec![action(name, statement, expected, sent)],
        Miss::Resource { expected, .. } => {
            let detail = format!("the statement names the resource {expected}, and a trust policy has none");
            vec![Finding::error("policy_malformed", Some(name), detail, "take Resource away")]
        }
        Miss::Conditions(failed) => {
            let all = failed.iter().filter_map(|failed| {
                let condition = statement
                    .conditions
                    .iter()
                    .find(|condition| condition.key == failed.key && condition.name == failed.operator)?;
                Some(condition_failed(facts, name, condition, failed))
            });
            all.collect()
        }
    }
}

/// Why a condition does not hold.
fn condition_failed(
    facts: &Facts<'_>,
    name: &StatementName,
    condition: &Condition,
    failed: &FailedCondition,
) -> Finding {
    match wrong_key(facts, &condition.key) {
        Some(wrong) => key(facts, name, condition, wrong),
        None => value::mismatch(facts, name, condition, failed),
    }
}

/// What is said of a condition on a key that the token does not have.
pub(super) fn key(facts: &Facts<'_>, name: &StatementName, condition: &Condition, wrong: WrongKey) -> Finding {
    let claim = condition.key.rsplit(':').next().unwrap_or_default().trim().to_ascii_lowercase();
    let right = facts.key(&claim);
    let (code, what) = match wrong {
        WrongKey::Scheme => ("key_has_scheme", "has a scheme"),
        WrongKey::TrailingSlash => ("key_trailing_slash", "has a slash after the issuer"),
        WrongKey::PathMissing => ("key_path_missing", "leaves out the issuer's path"),
        WrongKey::StrayCharacter => ("key_stray_character", "has a stray character"),
        WrongKey::OtherIssuer => ("key_other_issuer", "is of another issuer"),
        WrongKey::OtherClaim => {
            let detail =
                format!("{} asks for {}, and feedpass's tokens have no claim `{claim}`", condition.name, condition.key);
            let fix = format!("ask for {} and {} alone", facts.key("sub"), facts.key("aud"));
            return Finding::error("claim_not_sent", Some(name), detail, fix);
        }
        WrongKey::NotSent => {
            let detail = format!(
                "{} asks for {}, which a request with a web identity does not have",
                condition.name, condition.key
            );
            return Finding::error("key_not_sent", Some(name), detail, "leave the condition away");
        }
    };
    let detail = format!("the condition key {:?} {what}, so the request has no such key", condition.key);
    Finding::error(code, Some(name), detail, format!("write {right:?}"))
}

fn principal(facts: &Facts<'_>, name: &StatementName, statement: &Statement) -> Finding {
    let Some(named) = nearest_provider(facts, statement) else {
        let detail = "the statement names no identity provider under Federated".to_owned();
        let fix = format!("write \"Principal\": {{\"Federated\": {:?}}}", facts.provider);
        return Finding::error("principal_not_federated", Some(name), detail, fix);
    };
    let (code, what) = wrong_provider(facts, named);
    let detail = format!("Principal names {named:?}, which {what}; the token's provider is {:?}", facts.provider);
    Finding::error(code, Some(name), detail, format!("write \"Federated\": {:?}", facts.provider))
}

fn nearest_provider<'s>(facts: &Facts<'_>, statement: &'s Statement) -> Option<&'s String> {
    let named = statement.federated();
    named.iter().find(|named| wrong_provider(facts, named).0 != "provider_other_issuer").or(named.first())
}

/// What is wrong with the ARN of a provider.
fn wrong_provider(facts: &Facts<'_>, named: &str) -> (&'static str, &'static str) {
    const OTHER: (&str, &str) = ("provider_other_issuer", "is the provider of another issuer");
    let (mine, theirs): (Vec<&str>, Vec<&str>) =
        (facts.provider.splitn(6, ':').collect(), named.splitn(6, ':').collect());
    let ([_, partition, _, _, account, resource], [_, their_partition, _, _, their_account, their_resource]) =
        (mine.as_slice(), theirs.as_slice())
    else {
        let spelt = without_scheme(named);
        return if same(spelt.trim_end_matches('/'), &facts.prefix) || same(spelt, resource_of(&facts.provider)) {
            ("provider_not_an_arn", "is no ARN")
        } else {
            OTHER
        };
    };
    if resource == their_resource {
        return if account != their_account {
            (
                "provider_other_account",
                "lies in another account than the role: a role trusts providers of its own alone",
            )
        } else if partition != their_partition {
            ("provider_other_partition", "lies in another partition than the role")
        } else {
            ("provider_malformed", "is misspelt")
        };
    }
    let Some(url) = their_resource.strip_prefix("oidc-provider/") else {
        return if their_resource.starts_with("saml-provider/") {
            ("provider_not_oidc", "is a SAML provider")
        } else if their_resource.contains(&facts.prefix) {
            ("provider_malformed", "lacks `oidc-provider/`")
        } else {
            OTHER
        };
    };
    let unschemed = without_scheme(url);
    if unschemed.len() < url.len() && same(unschemed.trim_end_matches('/'), &facts.prefix) {
        ("provider_has_scheme", "has the issuer's scheme in it")
    } else if url.trim_end_matches('/') == facts.prefix {
        ("provider_trailing_slash", "has a slash at its end")
    } else if same(url, &facts.prefix) {
        ("provider_case", "differs by upper and lower case, which an ARN minds")
    } else if plain(url) == facts.prefix {
        ("provider_stray_character", "has a stray character")
    } else if begins_with(&facts.prefix, url) {
        ("provider_path_missing", "leaves out the issuer's path")
    } else {
        OTHER
    }
}

fn resource_of(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or_default()
}

fn action(name: &StatementName, statement: &Statement, expected: &str, sent: &str) -> Finding {
    let named = |action: &str| statement.actions().iter().any(|named| named.eq_ignore_ascii_case(action));
    let (code, why) = if named("sts:AssumeRole") {
        ("action_assume_role", "sts:AssumeRole is for requests that are signed, not for those with a token")
    } else if named("sts:AssumeRoleWithSAML") {
        ("action_saml", "that is for SAML, not for OpenID Connect")
    } else {
        ("action_differs", "that is not what a web identity asks for")
    };
    let verb = if statement.effect == Effect::Allow { "allows" } else { "denies" };
    let detail = format!("the statement {verb} {expected}, and {why}");
    Finding::error(code, Some(name), detail, format!("write \"Action\": {sent:?}"))
}
