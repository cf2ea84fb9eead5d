//! Where in a token a claim stands.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::Invalid;

/// Names a claim: its plain name (`sub`), or where it is nested, an RFC 6901 JSON Pointer that starts with `/`
/// (`/kubernetes.io/namespace`); at most 256 characters.
///
/// In a pointer `~1` stands for `/` and `~0` for `~`. A pointer leads through objects alone: a list has no
/// order that a rule could rely on. A name that does not start with `/` is taken as it is, slashes included:
/// `https://sts.amazonaws.com/` is one name, whose members `/https:~1~1sts.amazonaws.com~1/aws_account` reaches.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClaimPath {
    text: String,
    names: Vec<String>,
}

impl ClaimPath {
    /// The path's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of the claim at the top of the token, in which the rest of the path lies.
    #[must_use]
    pub fn top(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// Whether this is the `sub` claim itself.
    #[must_use]
    pub fn is_subject(&self) -> bool {
        self.names == ["sub"]
    }

    /// The claim's value, where the token has one.
    #[must_use]
    pub fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let (first, rest) = self.names.split_first()?;
        rest.iter().try_fold(claims.get(first)?, |value, name| value.as_object()?.get(name))
    }
}

impl FromStr for ClaimPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |expected: &str| Err(Invalid::new("a claim", text, expected));
        if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
            return invalid("it is a claim's name of 1 to 256 printable characters, as in `sub`");
        }
        let names = match text.strip_prefix('/') {
            None => vec![text.to_owned()],
            Some(pointer) => {
                let after_tilde = |rest: &str| rest.starts_with('0') || rest.starts_with('1');
                if !pointer.split('~').skip(1).all(after_tilde) {
                    return invalid("in a path, `~` is written `~0` and a `/` in a name `~1` (RFC 6901)");
                }
                pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect()
            }
        };
        if names.iter().any(String::is_empty) {
            return invalid("each part of a path has a name, as in `/kubernetes.io/namespace`");
        }
        Ok(Self { text: text.to_owned(), names })
    }
}

impl std::fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for ClaimPath {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<ClaimPath> for String {
    fn from(path: ClaimPath) -> Self {
        path.text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_through_objects_and_a_plain_name_is_taken_as_it_is() {
        let claims = json!({
            "sub": "x",
            "kubernetes.io": { "namespace": "a", "serviceaccount": { "name": "b" } },
            "https://sts.amazonaws.com/": { "aws_account": "123456789012" },
            "a~b": 1,
            "groups": [{ "name": "c" }],
        });
        let find = |path: &str| path.parse::<ClaimPath>().unwrap().find(claims.as_object().unwrap()).cloned();
        assert_eq!(find("sub"), Some(json!("x")));
        assert_eq!(find("/sub"), Some(json!("x")));
        assert_eq!(find("/kubernetes.io/serviceaccount/name"), Some(json!("b")));
        assert_eq!(find("/https:~1~1sts.amazonaws.com~1/aws_account"), Some(json!("123456789012")));
        assert_eq!(find("https://sts.amazonaws.com/"), Some(json!({ "aws_account": "123456789012" })));
        assert_eq!(find("/a~0b"), Some(json!(1)));
        for absent in ["kubernetes.io/namespace", "/sub/x", "/groups/0/name", "/kubernetes.io/pod/name", "Sub"] {
            assert_eq!(find(absent), None, "{absent}");
        }
    }

    #[test]
    fn the_subject_is_known_however_it_is_written() {
        for (path, is_subject) in [("sub", true), ("/sub", true), ("/sub/x", false), ("subject", false)] {
            assert_eq!(path.parse::<ClaimPath>().unwrap().is_subject(), is_subject, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for bad in ["", "/", "/a//b", "/a/", "/a~b", "/a~2", "a\n", &"x".repeat(257)] {
            assert!(bad.parse::<ClaimPath>().is_err(), "{bad:?} must be refused");
        }
    }
}
