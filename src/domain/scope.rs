//! What an access token is good for: all that its client may do, or less (RFC 6749 §3.3).

use std::fmt;
use std::str::FromStr;

use super::Action;
use super::invalid::{Invalid, serde_by_text};

/// Actions, and `admin`, without which no role counts. It never gives what the client was not granted.
///
/// Written as its words with a space between, as in `pull admin`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scope {
    /// In the actions' own order, each once.
    actions: Vec<Action>,
    admin: bool,
}

const ADMIN: &str = "admin";

impl Scope {
    /// The words that a scope may have.
    pub const WORDS: [&str; 6] = ["pull", "push", "token", "session", "catalog", ADMIN];

    /// All that a client may do.
    #[must_use]
    pub fn all() -> Self {
        Self { actions: Action::ALL.to_vec(), admin: true }
    }

    /// Whether grants of `action` count.
    #[must_use]
    pub fn has(&self, action: Action) -> bool {
        self.actions.contains(&action)
    }

    /// Whether roles count.
    #[must_use]
    pub fn has_admin(&self) -> bool {
        self.admin
    }

    /// Whether `other` gives nothing more.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        (self.admin || !other.admin) && other.actions.iter().all(|action| self.has(*action))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> =
            self.actions.iter().map(|action| action.as_str()).chain(self.admin.then_some(ADMIN)).collect();
        f.write_str(&words.join(" "))
    }
}

serde_by_text!(Scope);

impl FromStr for Scope {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let words: Vec<&str> = text.split(' ').collect();
        if !words.iter().all(|word| Self::WORDS.contains(word)) {
            let expected =
                "it is some of `pull`, `push`, `token`, `session`, `catalog` and `admin`, with a space between";
            return Err(Invalid::new("a scope", text, expected));
        }
        let actions = Action::ALL.into_iter().filter(|action| words.contains(&action.as_str())).collect();
        Ok(Self { actions, admin: words.contains(&ADMIN) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    #[test]
    fn a_scope_is_written_one_way_however_it_was_asked_for() {
        assert_eq!(scope("admin push pull push").to_string(), "pull push admin");
        assert_eq!(Scope::all().to_string(), Scope::WORDS.join(" "));
        for bad in ["", " ", "pull  push", "pull ", "Pull", "openid", "pull,push"] {
            assert!(bad.parse::<Scope>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn no_scope_covers_one_with_more() {
        assert!(Scope::all().covers(&scope("pull admin")) && scope("pull").covers(&scope("pull")));
        assert!(!scope("pull").covers(&scope("pull admin")) && !scope("pull admin").covers(&scope("push")));
    }
}
