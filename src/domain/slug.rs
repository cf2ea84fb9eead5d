//! Short names of spaces and feeds.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, text_value};

/// A space's or feed's short name: 1 to 100 characters, `[a-z0-9]+(-+[a-z0-9]+)*`, never `all`.
///
/// It never holds `:`, so a subject built of slugs reads back only one way, and never `*`, so no
/// slug can widen a trust policy.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

text_value!(Slug);

impl Slug {
    /// The longest slug, in characters.
    pub const MAX_LENGTH: usize = 100;
}

impl FromStr for Slug {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |expected| Err(Invalid::new("a slug", text, expected));
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let bytes = text.as_bytes();
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
            return invalid("it has at least one character of `a-z` and `0-9`");
        };
        if bytes.len() > Self::MAX_LENGTH {
            return invalid("it has at most 100 characters");
        }
        if !plain(*first) || !plain(*last) || !bytes.iter().all(|c| plain(*c) || *c == b'-') {
            return invalid("it is made of `a-z`, `0-9` and, between these, `-`, as in `team-a`");
        }
        if text == "all" {
            return invalid("`all` is reserved; choose another name");
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_lower_case_letters_digits_and_inner_hyphens() {
        for good in ["a", "0", "default", "team-a", "a--b", &"x".repeat(100)] {
            assert_eq!(good.parse::<Slug>().unwrap().as_str(), good);
        }
        for bad in ["", "-", "a-", "-a", "A", "a:b", "..", "a/b", "é", "a b", "a*", "all", &"x".repeat(101)] {
            assert!(bad.parse::<Slug>().is_err(), "{bad} must be refused");
        }
    }

    #[test]
    fn a_refusal_says_what_would_be_right() {
        let refusal = "Team:A".parse::<Slug>().unwrap_err().to_string();
        assert_eq!(
            refusal,
            "`Team:A` is not a slug: it is made of `a-z`, `0-9` and, between these, `-`, as in `team-a`"
        );
    }
}
