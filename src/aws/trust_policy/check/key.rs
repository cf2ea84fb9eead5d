//! Condition keys, and how they are spelt wrongly.

use super::facts::Facts;

/// What is wrong with a condition key that the token does not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum WrongKey {
    Scheme,
    TrailingSlash,
    PathMissing,
    StrayCharacter,
    OtherIssuer,
    /// A claim that tokens of feedpass never have.
    OtherClaim,
    /// Something else that a web identity does not send.
    NotSent,
}

/// The claims that IAM knows of any issuer (IAM User Guide, "Available keys for AWS OIDC federation").
const CLAIMS: [&str; 6] = ["sub", "aud", "amr", "azp", "oaud", "email"];

/// Says what is wrong with `key`; none where the token has it.
pub(super) fn wrong_key(facts: &Facts<'_>, key: &str) -> Option<WrongKey> {
    if facts.request(super::facts::ASSUME).context.values(key).is_some() {
        return None;
    }
    let Some((prefix, claim)) = key.rsplit_once(':') else { return Some(WrongKey::NotSent) };
    let claim = claim.trim();
    if !CLAIMS.iter().any(|known| known.eq_ignore_ascii_case(claim)) {
        return Some(if same(prefix, &facts.prefix) { WrongKey::OtherClaim } else { WrongKey::NotSent });
    }
    let unschemed = without_scheme(prefix);
    Some(if same(prefix, &facts.prefix) {
        WrongKey::OtherClaim
    } else if unschemed.len() < prefix.len() && same(unschemed.trim_end_matches('/'), &facts.prefix) {
        WrongKey::Scheme
    } else if same(prefix.trim_end_matches('/'), &facts.prefix) {
        WrongKey::TrailingSlash
    } else if same(&plain(prefix), &facts.prefix) {
        WrongKey::StrayCharacter
    } else if begins_with(&facts.prefix, prefix) {
        WrongKey::PathMissing
    } else {
        WrongKey::OtherIssuer
    })
}

/// IAM minds no case in a key.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Whether `whole` is `prefix` and a path below it.
pub(super) fn begins_with(whole: &str, prefix: &str) -> bool {
    let whole = whole.to_ascii_lowercase();
    whole.strip_prefix(&prefix.to_ascii_lowercase()).is_some_and(|rest| rest.starts_with('/'))
}

pub(super) fn without_scheme(text: &str) -> &str {
    text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text)
}

/// `text` without what does not belong at the ends of a name or between its letters: spaces, those that have no width
/// too, quotes, and colons, commas, semicolons, slashes and dots around it.
pub(super) fn plain(text: &str) -> String {
    let visible =
        |c: &char| !c.is_whitespace() && !c.is_control() && !('\u{200B}'..='\u{200F}').contains(c) && *c != '\u{FEFF}';
    let visible: String = text.chars().filter(visible).collect();
    visible.trim_matches(|c| "\"'`“”‘’:,;./".contains(c)).to_owned()
}
