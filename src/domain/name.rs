//! Names as people write them, and the slugs made of them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Slug;
use super::invalid::{Invalid, text_value};

/// What people call a space, a feed or a client: 1 to 200 characters, none of control, no white space at its ends.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct DisplayName(String);

text_value!(DisplayName);

impl FromStr for DisplayName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let good = !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control);
        if good && text.chars().count() <= 200 {
            Ok(Self(text.to_owned()))
        } else {
            let expected = "it is 1 to 200 characters on one line, without white space at its ends";
            Err(Invalid::new("a name", text, expected))
        }
    }
}

impl DisplayName {
    /// The slug made of the name: letters of any script become ASCII, all else becomes `-`.
    ///
    /// # Errors
    /// [`Invalid`] where that leaves nothing, or the reserved `all`: then a slug must be given.
    pub fn slug(&self) -> Result<Slug, Invalid> {
        let ascii = deunicode::deunicode(&self.0).to_ascii_lowercase();
        let words = ascii.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let mut slug = words.collect::<Vec<_>>().join("-");
        slug.truncate(Slug::MAX_LENGTH);
        slug.trim_end_matches('-').parse().map_err(|_| {
            let expected = "no slug can be made of it; give one, of `a-z`, `0-9` and inner `-`";
            Invalid::new("a name to make a slug of", &self.0, expected)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_made_of_a_name() {
        for (name, slug) in [
            ("Team A", "team-a"),
            ("Äpfel & Öl", "apfel-ol"),
            ("Crème Brûlée (prod)", "creme-brulee-prod"),
            ("Привет", "privet"),
            ("  inner  ".trim(), "inner"),
            ("a_b.c/d", "a-b-c-d"),
        ] {
            assert_eq!(name.parse::<DisplayName>().unwrap().slug().unwrap().as_str(), slug);
        }
        let long = format!("{} x", "y".repeat(99)).parse::<DisplayName>().unwrap();
        assert_eq!(long.slug().unwrap().as_str(), "y".repeat(99), "no hyphen is left at the end");
    }

    #[test]
    fn a_name_that_leaves_no_slug_asks_for_one() {
        for name in ["!!!", "All", "—"] {
            let refusal = name.parse::<DisplayName>().unwrap().slug().unwrap_err().to_string();
            assert!(refusal.contains("give one"), "{refusal}");
        }
        for bad in ["", " x", "a\nb", &"x".repeat(201)] {
            assert!(bad.parse::<DisplayName>().is_err(), "{bad} must be refused");
        }
    }
}
