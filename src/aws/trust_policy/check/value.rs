//! Values of conditions on `sub` and `aud`, and how they miss what the token has.

use super::facts::Facts;
use super::finding::Finding;
use super::key::{plain, same, without_scheme};
use crate::domain::wildcard;
use crate::iam::{Condition, FailedCondition, StatementName};

/// Why a condition on a key that the token has does not hold.
pub(super) fn mismatch(
    facts: &Facts<'_>,
    statement: &StatementName,
    condition: &Condition,
    failed: &FailedCondition,
) -> Finding {
    let sent = failed.sent.as_ref().and_then(|sent| sent.first()).cloned().unwrap_or_default();
    let detail = failed.to_string();
    let fix = |words: &str| format!("{words}: {:?} for {}", sent, failed.key);
    let error = |code, words: &str| Finding::error(code, Some(statement), detail.clone(), fix(words));
    if condition.is_negated() {
        return error(
            "negated_condition",
            "it keeps out this very feed; leave it away, and ask for the value with StringEquals",
        );
    }
    let expected = || condition.expected.iter();
    if !condition.has_wildcards()
        && expected().any(|value| value.contains(['*', '?']) && wildcard::matches(value, &sent))
    {
        let name = condition.name.replace("Equals", "Like");
        let words =
            format!("`*` and `?` are plain characters in {}; use {name}, or better the exact value", condition.name);
        return Finding::error("wildcard_in_string_equals", Some(statement), detail, fix(&words));
    }
    if expected().any(|value| plain(value) == plain(&sent) && !same(value, &sent)) {
        return error(
            "stray_character",
            "a stray character stands in the value, at its end most often; write it without",
        );
    }
    if expected().any(|value| same(value, &sent)) {
        return error("value_case", "upper and lower case differ; write the value to the letter");
    }
    if same(&failed.key, &facts.key("aud")) {
        if expected().any(|value| same(without_scheme(value).trim_end_matches('/'), &sent)) {
            return error("audience_has_scheme", "the audience is no URL here; write it as the feed has it");
        }
        return error("audience_differs", "ask for the feed's audience, or give the feed this one");
    }
    if same(&failed.key, &facts.key("sub")) {
        return subject(facts, condition, &error);
    }
    error("value_differs", "ask for what the token has, or leave the condition away")
}

fn subject(facts: &Facts<'_>, condition: &Condition, error: &impl Fn(&'static str, &str) -> Finding) -> Finding {
    let sent = facts.subject.as_str();
    let parts = |text: &str| -> Vec<(String, String)> {
        let words: Vec<&str> = text.split(':').collect();
        words.chunks(2).map(|two| (two[0].to_owned(), two.get(1).copied().unwrap_or_default().to_owned())).collect()
    };
    let mine = parts(sent);
    for value in &condition.expected {
        let theirs = parts(value);
        let mut sorted = theirs.clone();
        sorted.sort();
        let mut own = mine.clone();
        own.sort();
        if sorted == own {
            return error("subject_order", "a subject names the space first, then the feed");
        }
        let (fewer, more) = if theirs.len() < mine.len() { (&theirs, &mine) } else { (&mine, &theirs) };
        if fewer.len() < more.len() && fewer.iter().all(|part| more.contains(part)) {
            return error(
                "subject_parts",
                "the feed's subject has other parts (its `subject`); ask for the whole of it",
            );
        }
    }
    if condition.has_wildcards() {
        return error("subject_pattern_differs", "no pattern fits the feed's subject; ask for it with StringEquals");
    }
    error("subject_differs", "it is another feed's, or a slug is misspelt; ask for this feed's subject")
}
