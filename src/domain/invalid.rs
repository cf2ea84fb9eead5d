//! What is said of text that is not what it should be.

/// Text that could not become a domain value: what it should have been, what was found, and what
/// would be right.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{found}` is not {what}: {expected}")]
pub struct Invalid {
    /// The kind of value that was asked for, with its article: "a slug".
    pub what: &'static str,
    /// The text as found, shortened to 80 characters with control characters escaped.
    pub found: String,
    /// What would be right, as a sentence part.
    pub expected: String,
}

impl Invalid {
    /// Notes that `found` is not `what`, and that `expected` would be right.
    pub fn new(what: &'static str, found: &str, expected: impl Into<String>) -> Self {
        Self { what, found: shown(found), expected: expected.into() }
    }
}

/// Text from outside as an error may show it: 80 characters at most, control characters escaped.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Gives a text newtype what all of them share: `Display`, `as_str`, and serde by its text.
macro_rules! text_value {
    ($name:ident) => {
        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::domain::Invalid;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

/// Gives a type serde by its text, as `Display` writes it and `FromStr` reads it.
macro_rules! serde_by_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(<D::Error as serde::de::Error>::custom)
            }
        }
    };
}

pub(crate) use serde_by_text;
pub(crate) use text_value;
