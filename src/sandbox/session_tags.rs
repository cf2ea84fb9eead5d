//! Session tags and source identity in a token (IAM User Guide, "Pass session tags in AWS STS").

use serde_json::{Map, Value};

const TAGS: &str = "https://aws.amazon.com/tags";
const PRINCIPAL_TAGS: &str = "https://aws.amazon.com/tags/principal_tags/";
const TRANSITIVE: &str = "https://aws.amazon.com/tags/transitive_tag_keys";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";

/// What a token asks to be put into the session.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionTags {
    /// Keys and values, in the token's order.
    pub(super) tags: Vec<(String, String)>,
    /// The keys that later sessions inherit.
    pub(super) transitive: Vec<String>,
    pub(super) source_identity: Option<String>,
}

impl SessionTags {
    /// Reads the nested and the flattened form.
    ///
    /// # Errors
    /// What is wrong with them, in words for the log.
    pub(super) fn read(claims: &Map<String, Value>) -> Result<Self, String> {
        let mut found = Self::default();
        if let Some(nested) = claims.get(TAGS) {
            let members = nested.as_object().ok_or("its tags claim is not an object")?;
            for (key, value) in members.get("principal_tags").and_then(Value::as_object).into_iter().flatten() {
                found.tags.push((key.clone(), single(key, value)?));
            }
            found.transitive.extend(keys(members.get("transitive_tag_keys")));
        }
        for (claim, value) in claims {
            if let Some(key) = claim.strip_prefix(PRINCIPAL_TAGS) {
                found.tags.push((key.to_owned(), single(key, value)?));
            }
        }
        found.transitive.extend(keys(claims.get(TRANSITIVE)));
        found.source_identity = claims.get(SOURCE_IDENTITY).map(|value| single(SOURCE_IDENTITY, value)).transpose()?;
        found.check()
    }

    /// The limits of `Tag` and `SourceIdentity` (STS API Reference).
    fn check(self) -> Result<Self, String> {
        if self.tags.len() > 50 {
            return Err(format!("it has {} session tags; 50 are allowed", self.tags.len()));
        }
        for (index, (key, value)) in self.tags.iter().enumerate() {
            let lengths = (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
            if !lengths || !key.chars().chain(value.chars()).all(is_tag_character) {
                return Err(format!("its session tag {key:?} is too long or has characters that tags may not have"));
            }
            // Tag keys are unique whatever their case.
            if self.tags[..index].iter().any(|(other, _)| other.to_lowercase() == key.to_lowercase()) {
                return Err(format!("its session tag {key:?} stands twice"));
            }
        }
        if let Some(key) = self.transitive.iter().find(|key| !self.tags.iter().any(|(tag, _)| tag == *key)) {
            return Err(format!("its transitive tag key {key:?} is not a session tag"));
        }
        match &self.source_identity {
            Some(identity) if !is_source_identity(identity) => {
                Err("its source identity is not 2 to 64 of letters, digits and `_=,.@+-`, without `aws:` first"
                    .to_owned())
            }
            _ => Ok(self),
        }
    }
}

/// A tag's value: a string, or a list of one, as AWS's nested sample has it.
fn single(key: &str, value: &Value) -> Result<String, String> {
    let one = match value {
        Value::Array(values) if values.len() == 1 => &values[0],
        other => other,
    };
    one.as_str().map(str::to_owned).ok_or_else(|| format!("{key:?} in the token is not one string"))
}

fn keys(value: Option<&Value>) -> impl Iterator<Item = String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(|key| key.as_str().map(str::to_owned))
}

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]`
fn is_tag_character(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}

/// `[\w+=,.@-]{2,64}`
fn is_source_identity(text: &str) -> bool {
    (2..=64).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"_+=,.@-".contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(claims: &str) -> Result<SessionTags, String> {
        SessionTags::read(&serde_json::from_str(claims).unwrap())
    }

    #[test]
    fn both_forms_are_read() {
        // The two samples of the User Guide.
        for claims in [
            r#"{"https://aws.amazon.com/tags": {"principal_tags": {"Project": ["Automation"]},
                "transitive_tag_keys": ["Project"]}}"#,
            r#"{"https://aws.amazon.com/tags/principal_tags/Project": "Automation",
                "https://aws.amazon.com/tags/transitive_tag_keys": ["Project"]}"#,
        ] {
            let found = read(claims).unwrap();
            assert_eq!(found.tags, [("Project".to_owned(), "Automation".to_owned())]);
            assert_eq!(found.transitive, ["Project"]);
        }
    }

    #[test]
    fn what_breaks_the_limits_is_refused() {
        for claims in [
            r#"{"https://aws.amazon.com/tags": []}"#,
            r#"{"https://aws.amazon.com/tags": {"principal_tags": {"A": ["1", "2"]}}}"#,
            r#"{"https://aws.amazon.com/tags/principal_tags/A": "1",
                "https://aws.amazon.com/tags/principal_tags/a": "2"}"#,
            r#"{"https://aws.amazon.com/tags/principal_tags/A": "<"}"#,
            r#"{"https://aws.amazon.com/tags/transitive_tag_keys": ["A"]}"#,
            r#"{"https://aws.amazon.com/source_identity": "space:a"}"#,
        ] {
            assert!(read(claims).is_err(), "{claims}");
        }
    }
}
