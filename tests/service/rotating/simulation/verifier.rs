//! Who verifies tokens, with a cache of its own.

use feedpass::domain::Kid;

use super::Dice;

/// How long a verifier keeps a JWKS, in seconds.
#[derive(Clone, Copy, Debug)]
enum Keeps {
    For(i64),
    /// As long as its `max-age` says, and never longer than so.
    MaxAge(i64),
}

/// What the issuer shows at a moment.
pub(super) struct Jwks {
    pub(super) kids: Vec<Kid>,
    pub(super) max_age: i64,
}

#[derive(Debug)]
pub(super) struct Verifier {
    keeps: Keeps,
    /// Whether it fetches for a key that it does not know, and how long it waits between two such fetches.
    fetches_unknown: Option<i64>,
    kept: Vec<Kid>,
    kept_until: i64,
    fetched_at: i64,
}

impl Verifier {
    /// One that keeps a JWKS for at most `longest` seconds.
    pub(super) fn random(dice: &Dice, longest: i64) -> Self {
        let keeps = match dice.below(4) {
            0 => Keeps::MaxAge(longest),
            1 => Keeps::For(longest),
            _ => Keeps::For(dice.within(0..longest + 1)),
        };
        let fetches_unknown = [None, Some(0), Some(10), Some(600)][usize::try_from(dice.below(4)).unwrap()];
        Self { keeps, fetches_unknown, kept: Vec::new(), kept_until: i64::MIN, fetched_at: i64::MIN / 2 }
    }

    /// Whether it takes a token of `kid` at `now`; `reachable` says whether it can fetch.
    pub(super) fn takes(&mut self, kid: &Kid, now: i64, jwks: &Jwks) -> bool {
        if now >= self.kept_until {
            self.fetch(now, jwks);
        }
        let may_fetch = self.fetches_unknown.is_some_and(|pause| now - self.fetched_at >= pause);
        if !self.kept.contains(kid) && may_fetch {
            self.fetch(now, jwks);
        }
        self.kept.contains(kid)
    }

    fn fetch(&mut self, now: i64, jwks: &Jwks) {
        self.kept.clone_from(&jwks.kids);
        self.fetched_at = now;
        self.kept_until = now
            + match self.keeps {
                Keeps::For(age) => age,
                Keeps::MaxAge(longest) => jwks.max_age.min(longest),
            };
    }
}
