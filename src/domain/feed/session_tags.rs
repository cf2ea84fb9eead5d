//! What a role session carries with it for policies and CloudTrail.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::invalid::{Invalid, serde_by_text, text_value};

/// The tags of a feed's role sessions, by key: 50 at most, keys of 1 to 128 characters that differ by more than case,
/// values of up to 256 (IAM User Guide, "Pass session tags in AWS STS").
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct SessionTags(BTreeMap<String, String>);

impl SessionTags {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tags, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// Letters, digits and spaces of any script, and a few signs.
fn may_be_in_a_tag(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}

impl TryFrom<BTreeMap<String, String>> for SessionTags {
    type Error = Invalid;

    fn try_from(tags: BTreeMap<String, String>) -> Result<Self, Invalid> {
        const SIGNS: &str = "letters, digits, spaces and `_.:/=+-@`";
        if tags.len() > 50 {
            return Err(Invalid::new("a set of session tags", &tags.len().to_string(), "there are 50 at most"));
        }
        let mut seen: Vec<String> = Vec::new();
        for (key, value) in &tags {
            let lower = key.to_lowercase();
            if !(1..=128).contains(&key.chars().count()) || !key.chars().all(may_be_in_a_tag) {
                let expected = format!("it is 1 to 128 {SIGNS}");
                return Err(Invalid::new("a session tag's key", key, expected));
            }
            if lower.starts_with("aws:") {
                return Err(Invalid::new("a session tag's key", key, "those that begin with `aws:` are AWS's own"));
            }
            if seen.contains(&lower) {
                return Err(Invalid::new("a session tag's key", key, "another differs from it by case alone"));
            }
            if value.chars().count() > 256 || !value.chars().all(may_be_in_a_tag) {
                let expected = format!("it is up to 256 {SIGNS}");
                return Err(Invalid::new("a session tag's value", value, expected));
            }
            seen.push(lower);
        }
        Ok(Self(tags))
    }
}

impl From<SessionTags> for BTreeMap<String, String> {
    fn from(tags: SessionTags) -> Self {
        tags.0
    }
}

/// Who is behind a role session, as CloudTrail keeps it through all roles: 2 to 64 letters, digits and `_+=,.@-`, and
/// not beginning with `aws:` (IAM User Guide, "Monitor and control actions taken with assumed roles").
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct SourceIdentity(String);

text_value!(SourceIdentity);
serde_by_text!(SourceIdentity);

impl FromStr for SourceIdentity {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"_+=,.@-".contains(&c);
        if (2..=64).contains(&text.len()) && text.bytes().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(Invalid::new("a source identity", text, "it is 2 to 64 letters, digits and `_+=,.@-`; no colon"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_what_aws_takes() {
        let tags = |pairs: &[(&str, &str)]| {
            SessionTags::try_from(
                pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>(),
            )
        };
        assert!(tags(&[("team", "Zahlungsverkehr é"), ("cost:center", "4/2"), ("empty", "")]).is_ok());
        let long = "x".repeat(129);
        for (bad, says) in [
            (vec![("", "x")], "1 to 128"),
            (vec![(long.as_str(), "x")], "1 to 128"),
            (vec![("a", "tab\there")], "up to 256"),
            (vec![("AWS:x", "y")], "AWS's own"),
            (vec![("Team", "a"), ("team", "b")], "by case alone"),
        ] {
            let refusal = tags(&bad).unwrap_err().to_string();
            assert!(refusal.contains(says), "{bad:?}: {refusal}");
        }
        let many: Vec<_> = (0..51).map(|n| format!("k{n}")).collect();
        assert!(tags(&many.iter().map(|key| (key.as_str(), "v")).collect::<Vec<_>>()).is_err());
    }

    #[test]
    fn a_source_identity_has_no_colon() {
        assert!("default.images".parse::<SourceIdentity>().is_ok());
        for bad in ["", "x", "space:default", &"x".repeat(65)] {
            assert!(bad.parse::<SourceIdentity>().is_err(), "{bad}");
        }
    }
}
