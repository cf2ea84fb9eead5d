//! Patterns whose `*` stays within its part.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::invalid::text_value;
use crate::domain::{Invalid, wildcard};

/// A pattern for the whole of a claim's text, in which `*` stands for one or more characters of one part:
/// `repo:my-org/*:ref:refs/heads/main`; 1 to 1024 characters.
///
/// A `*` never matches any of `/ : @ # ? & = , ; | \`, white space or a control character, so that what a
/// workload may name by itself (a repository, a branch, a pod) cannot spell the parts that come after it.
/// All else stands for itself, and `**` is refused, since elsewhere it means what no pattern here can do.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Glob(String);

text_value!(Glob);

/// What no `*` matches.
fn separates(c: char) -> bool {
    "/:@#?&=,;|\\".contains(c) || c.is_whitespace() || c.is_control()
}

impl Glob {
    /// Whether the whole of `text` is meant.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        // No star crosses a separator, so those of the pattern and of the text are the same, in order.
        let (mut pattern, mut text) = (self.0.split_inclusive(separates), text.split_inclusive(separates));
        loop {
            match (pattern.next(), text.next()) {
                (None, None) => return true,
                (Some(pattern), Some(text)) if part_matches(pattern, text) => {}
                _ => return false,
            }
        }
    }

    /// Whether any text of as many parts would match: the pattern names nothing.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.chars().all(|c| c == '*' || separates(c))
    }
}

/// Matches one part, with the separator that ends it where one does.
fn part_matches(pattern: &str, text: &str) -> bool {
    let end = |part: &str| part.chars().next_back().filter(|c| separates(*c));
    if end(pattern) != end(text) {
        return false;
    }
    let (pattern, text) = (pattern.trim_end_matches(separates), text.trim_end_matches(separates));
    // One character or more. A `?` separates, so there is none within a part that could be taken for a sign.
    wildcard::matches(&pattern.replace('*', "?*"), text)
}

impl FromStr for Glob {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |expected: &str| Err(Invalid::new("a pattern", text, expected));
        if text.is_empty() || text.len() > 1024 || text.chars().any(char::is_control) {
            return invalid("it is 1 to 1024 printable characters, as in `my-org/*`");
        }
        if !text.contains('*') {
            return invalid("it has a `*`; a value without one is written by itself, not as a pattern");
        }
        if text.contains("**") {
            return invalid(
                "a `*` never reaches across `/`, `:` and the like, and two are no exception; write one for each part",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glob(text: &str) -> Glob {
        text.parse().unwrap()
    }

    /// What [`Glob::matches`] says, by trying everything.
    fn reference(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), Some((c, text))) if !separates(*c) => reference(rest, text) || reference(pattern, text),
            (Some((p, pattern)), Some((c, text))) => *p != '*' && p == c && reference(pattern, text),
            _ => false,
        }
    }

    #[test]
    fn a_star_is_one_or_more_characters_of_one_part() {
        for (pattern, text, expected) in [
            ("my-org/*", "my-org/my.repo", true),
            ("my-org/*", "my-org/", false),
            ("my-org/*", "my-org/a/b", false),
            ("my-org/*", "evil/my-org/a", false),
            ("my-org/*", "my-org/a\n", false),
            ("repo:my-org/*:ref:refs/heads/main", "repo:my-org/a:ref:refs/heads/main", true),
            // A branch or repository that spells the rest of the subject by itself.
            ("repo:my-org/*:ref:refs/heads/main", "repo:my-org/a:ref:refs/heads/x:ref:refs/heads/main", false),
            ("repo:my-org/*:environment:prod", "repo:my-org/a:pull_request:environment:prod", false),
            ("system:serviceaccount:*:runner", "system:serviceaccount:ci:runner", true),
            ("system:serviceaccount:*:runner", "system:serviceaccount::runner", false),
            ("*@example.com", "ci@example.com", true),
            ("*@example.com", "ci@evil.com@example.com", false),
            ("*.example.com", "example.com", false),
            ("refs/tags/v*", "refs/tags/v1.2.3", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "abc", false),
            ("é*", "éa", true),
            ("a*", "A1", false),
        ] {
            assert_eq!(glob(pattern).matches(text), expected, "{pattern} {text:?}");
        }
    }

    #[test]
    fn a_long_text_takes_no_time_to_speak_of() {
        let pattern = glob(&format!("{}b", "a*".repeat(500)));
        assert!(!pattern.matches(&"a".repeat(16 * 1024)));
    }

    #[test]
    fn patterns_that_mislead_are_refused() {
        for bad in ["", "plain", "a/**", "a\n*", &"*x".repeat(600)] {
            assert!(bad.parse::<Glob>().is_err(), "{bad:?} must be refused");
        }
        for (pattern, open) in [("*", true), ("*/*", true), ("repo:*", false), ("*@*", true), ("*-*", false)] {
            assert_eq!(glob(pattern).is_open(), open, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn a_match_is_what_trying_everything_says(pattern in "[ab*/:@.]{0,8}", text in "[ab*/:@.]{0,10}") {
            prop_assume!(pattern.parse::<Glob>().is_ok());
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(glob(&pattern).matches(&text), reference(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn no_star_reaches_across_a_separator(
            before in "[a-z/:]{0,6}", after in "[a-z/:]{0,6}", left in "\\PC{0,6}", right in "\\PC{0,6}",
            separator in prop::sample::select("/:@#?&=,;|\\ \t\n".chars().collect::<Vec<_>>()),
        ) {
            let pattern = glob(&format!("{before}*{after}"));
            let text = format!("{before}{left}{separator}{right}{after}");
            prop_assert!(!pattern.matches(&text), "{:?} {:?}", pattern, text);
        }

        #[test]
        fn a_star_takes_any_other_text(
            before in "[a-z/:]{0,6}", after in "[a-z/:]{0,6}", part in "[^/:@#?&=,;|\\\\\\s\\pC]{1,9}",
        ) {
            let pattern = glob(&format!("{before}*{after}"));
            let text = format!("{before}{part}{after}");
            prop_assert!(pattern.matches(&text), "{:?} {:?}", pattern, text);
        }
    }
}
