//! What a role session is narrowed to.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::invalid::{Invalid, serde_by_text, text_value};

/// Repositories by name: `base/alpine`, or `base/*`, where `*` is any text, slashes too (as in an ARN of a policy).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RepositoryPattern(String);

text_value!(RepositoryPattern);
serde_by_text!(RepositoryPattern);

impl FromStr for RepositoryPattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-/*".contains(&c);
        if (1..=256).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('/') {
            return Ok(Self(text.to_owned()));
        }
        let expected = "it is a repository's name, in which `*` stands for any part, as in `base/*`";
        Err(Invalid::new("repositories", text, expected))
    }
}

/// Which repositories something is for.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub enum Repositories {
    /// None.
    #[default]
    None,
    /// These; never empty.
    These(BTreeSet<RepositoryPattern>),
    /// All.
    All,
}

impl Repositories {
    /// These and those of a grant, which is for all where it names none.
    pub fn add(&mut self, granted: Option<&[RepositoryPattern]>) {
        match (granted, &mut *self) {
            (None, _) => *self = Self::All,
            (Some(_), Self::All) => {}
            (Some(names), Self::These(these)) => these.extend(names.iter().cloned()),
            (Some(names), Self::None) => *self = Self::These(names.iter().cloned().collect()),
        }
    }
}

/// What a role session is narrowed to, whatever its role may.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Narrowing {
    /// From where images may be pulled.
    pub pull: Repositories,
    /// To where images may be pushed.
    pub push: Repositories,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_without_names_is_for_all_repositories() {
        let base: Vec<RepositoryPattern> = vec!["base/*".parse().unwrap()];
        let mut repositories = Repositories::None;
        repositories.add(Some(&base));
        repositories.add(Some(&["hello".parse().unwrap()]));
        assert!(matches!(&repositories, Repositories::These(these) if these.len() == 2));
        repositories.add(None);
        repositories.add(Some(&base));
        assert_eq!(repositories, Repositories::All);
        for bad in ["", "/x", "Base", "a b", "a?", "ärger"] {
            assert!(bad.parse::<RepositoryPattern>().is_err(), "{bad}");
        }
    }
}
