//! What a claim must be.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::Glob;
use crate::domain::Invalid;

/// What a claim must be: one of 1 to 100 alternatives.
///
/// Written as one of them (`"a"`, `true`, `7`, `{ pattern = "my-org/*" }`) or as a list. Values are never
/// converted: the text `"7"` is not the number 7.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimPattern(Vec<ClaimMatcher>);

/// One alternative.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClaimMatcher {
    /// This very text, 1 to 1024 characters.
    Text(String),
    /// This truth value.
    Bool(bool),
    /// This whole number.
    Integer(i64),
    /// Text of this form.
    Glob(Glob),
}

impl ClaimPattern {
    /// Any of `alternatives`.
    ///
    /// # Errors
    /// [`Invalid`] for none or more than 100, and for text that is too long, empty, or meant as a pattern.
    pub fn new(alternatives: Vec<ClaimMatcher>) -> Result<Self, Invalid> {
        if alternatives.is_empty() || alternatives.len() > 100 {
            let found = format!("a list of {}", alternatives.len());
            return Err(Invalid::new("a condition on a claim", &found, "it has 1 to 100 alternatives"));
        }
        for alternative in &alternatives {
            if let ClaimMatcher::Text(text) = alternative {
                check_text(text)?;
            }
        }
        Ok(Self(alternatives))
    }

    /// The alternatives, one or more.
    #[must_use]
    pub fn alternatives(&self) -> &[ClaimMatcher] {
        &self.0
    }

    /// Whether a claim with this value is meant. Of a list, any element will do; an object never does.
    #[must_use]
    pub fn matches(&self, value: &Value) -> bool {
        match value {
            Value::Array(elements) => elements.iter().any(|element| self.matches_one(element)),
            one => self.matches_one(one),
        }
    }

    fn matches_one(&self, value: &Value) -> bool {
        self.0.iter().any(|alternative| match (alternative, value) {
            (ClaimMatcher::Text(expected), Value::String(found)) => expected == found,
            (ClaimMatcher::Glob(expected), Value::String(found)) => expected.matches(found),
            (ClaimMatcher::Bool(expected), Value::Bool(found)) => expected == found,
            (ClaimMatcher::Integer(expected), Value::Number(found)) => found.as_i64() == Some(*expected),
            _ => false,
        })
    }

    /// Whether one of the alternatives names nothing, so that the condition holds for all who have the claim.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.iter().any(|alternative| matches!(alternative, ClaimMatcher::Glob(glob) if glob.is_open()))
    }
}

fn check_text(text: &str) -> Result<(), Invalid> {
    let invalid = |expected: &str| Err(Invalid::new("a claim's value", text, expected));
    if text.is_empty() || text.len() > 1024 {
        return invalid("it is 1 to 1024 characters");
    }
    if text.contains('*') {
        // It would be compared to the letter, match nothing, and look like a rule.
        return invalid("a `*` means something in patterns alone; write `{ pattern = \"…\" }`");
    }
    Ok(())
}

impl fmt::Display for ClaimPattern {
    /// As a sentence part: `"a" or a text like "b*"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, alternative) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" or ")?;
            }
            match alternative {
                ClaimMatcher::Text(text) => write!(f, "{text:?}")?,
                ClaimMatcher::Bool(value) => write!(f, "{value}")?,
                ClaimMatcher::Integer(value) => write!(f, "{value}")?,
                ClaimMatcher::Glob(glob) => write!(f, "a text like {:?}", glob.as_str())?,
            }
        }
        Ok(())
    }
}

impl Serialize for ClaimPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }
}

impl Serialize for ClaimMatcher {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Glob(glob) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("pattern", glob)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for ClaimPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let alternatives = deserializer.deserialize_any(PatternVisitor { list: true })?;
        Self::new(alternatives).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ClaimMatcher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut one = deserializer.deserialize_any(PatternVisitor { list: false })?;
        one.pop().ok_or_else(|| de::Error::custom("a claim's value is missing"))
    }
}

/// Reads by hand what `#[serde(untagged)]` would read too, but without a word on what is wrong.
struct PatternVisitor {
    list: bool,
}

impl<'de> Visitor<'de> for PatternVisitor {
    type Value = Vec<ClaimMatcher>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, true or false, a whole number, or `{ pattern = \"…\" }`")?;
        f.write_str(if self.list { ", or a list of these" } else { "" })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(vec![ClaimMatcher::Text(text.to_owned())])
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(vec![ClaimMatcher::Bool(value)])
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(vec![ClaimMatcher::Integer(value)])
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        let value = i64::try_from(value).map_err(|_| E::custom("the number is larger than any that is compared"))?;
        Ok(vec![ClaimMatcher::Integer(value)])
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pattern = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != "pattern" {
                return Err(de::Error::unknown_field(&key, &["pattern"]));
            }
            if pattern.replace(map.next_value::<Glob>()?).is_some() {
                return Err(de::Error::duplicate_field("pattern"));
            }
        }
        pattern.map(|glob| vec![ClaimMatcher::Glob(glob)]).ok_or_else(|| de::Error::missing_field("pattern"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        if !self.list {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &self));
        }
        let mut alternatives = Vec::new();
        while let Some(alternative) = list.next_element()? {
            alternatives.push(alternative);
        }
        Ok(alternatives)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pattern(value: &Value) -> ClaimPattern {
        serde_json::from_value(value.clone()).unwrap()
    }

    #[test]
    fn a_condition_reads_back_as_it_was_written() {
        for written in [
            json!("a"),
            json!(true),
            json!(-7),
            json!({ "pattern": "a/*" }),
            json!(["a", "b"]),
            json!(["a", { "pattern": "b*" }, 7, false]),
        ] {
            assert_eq!(serde_json::to_value(pattern(&written)).unwrap(), written);
        }
    }

    #[test]
    fn values_are_compared_as_they_are() {
        for (expected, found, matches) in [
            (json!("a"), json!("a"), true),
            (json!("a"), json!("A"), false),
            (json!("7"), json!(7), false),
            (json!(7), json!("7"), false),
            (json!(7), json!(7), true),
            (json!(7), json!(7.0), false),
            (json!(true), json!(true), true),
            (json!(true), json!("true"), false),
            (json!(["a", "b"]), json!("b"), true),
            (json!("a"), json!(["x", "a"]), true),
            (json!("a"), json!([["a"]]), false),
            (json!({ "pattern": "a/*" }), json!(["b", "a/x"]), true),
            (json!({ "pattern": "a/*" }), json!({ "pattern": "a/*" }), false),
            (json!({ "pattern": "*" }), json!(7), false),
            (json!("a"), json!(null), false),
        ] {
            assert_eq!(pattern(&expected).matches(&found), matches, "{expected} {found}");
        }
    }

    #[test]
    fn a_refusal_says_what_a_condition_can_be() {
        for (bad, said) in [
            (json!("my-org/*"), "pattern = "),
            (json!({ "glob": "a*" }), "expected `pattern`"),
            (json!({ "pattern": "plain" }), "written by itself"),
            (json!({}), "missing field `pattern`"),
            (json!([["a"]]), "a text, true or false"),
            (json!([]), "1 to 100 alternatives"),
            (json!(1.5), "a whole number"),
            (json!(null), "or a list of these"),
            (json!(""), "1 to 1024 characters"),
        ] {
            let refusal = serde_json::from_value::<ClaimPattern>(bad.clone()).unwrap_err().to_string();
            assert!(refusal.contains(said), "{bad}: {refusal}");
        }
    }

    #[test]
    fn a_condition_is_said_as_a_sentence_part() {
        let shown = pattern(&json!(["a", { "pattern": "b*" }, 7])).to_string();
        assert_eq!(shown, r#""a" or a text like "b*" or 7"#);
    }
}
