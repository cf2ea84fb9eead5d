//! The life of a key: which steps there are, as pure functions of all keys and the time.
//!
//! What may be done is said here; when it should be done, [`schedule`](super::schedule) says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{KeyRecord, KeyState};
use crate::domain::Kid;
use crate::store::database::AuditLine;

/// How many keys the JWKS has at most: STS takes no more of a kind.
pub const MOST_PUBLISHED: usize = 100;

/// All keys of an issuer, as a keeper holds them: one document, which changes as a whole.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Keys {
    /// How often it was changed.
    pub revision: u64,
    /// The keys, in the order in which they came.
    pub keys: Vec<KeyRecord>,
    /// Lines of the audit trail that tell of changes made here and are not in the trail yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untold: Vec<AuditLine>,
}

/// Why a step is not possible, whoever asks and whatever the time. The text says what would be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no such key.
    #[error("there is no key {0}; `key list` shows those there are")]
    NotFound(Kid),
    /// The key is in another state than the step begins in.
    #[error("key {kid} is {state}, and only a key that is {needed} can be {step}")]
    WrongState {
        /// Which key.
        kid: Kid,
        /// What it is.
        state: &'static str,
        /// What it would have to be.
        needed: &'static str,
        /// What was to be done with it, as a participle.
        step: &'static str,
    },
    /// The key came without its private half.
    #[error("key {0} was imported to verify alone, and has no private half to sign with")]
    VerifyOnly(Kid),
    /// The active key cannot simply leave.
    #[error("key {0} signs; promote another first (`key rotate`), or revoke it if it is burnt")]
    Active(Kid),
    /// The JWKS is full.
    #[error("{MOST_PUBLISHED} keys are published, and STS takes no more; retire some first")]
    Full,
    /// The key is there already.
    #[error("key {0} is here already; `key show {0}` says more")]
    AlreadyThere(Kid),
    /// No key is retiring.
    #[error("no key is retiring, so there is none to roll back to; a retired key's private half is gone")]
    NothingToRollBackTo,
}

impl Refusal {
    /// The stable code that callers, logs and the audit trail know it by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "key_not_found",
            Self::WrongState { .. } => "key_in_wrong_state",
            Self::VerifyOnly(_) => "key_cannot_sign",
            Self::Active(_) => "key_is_active",
            Self::Full => "too_many_keys",
            Self::AlreadyThere(_) => "key_already_there",
            Self::NothingToRollBackTo => "nothing_to_roll_back_to",
        }
    }
}

impl Keys {
    /// The key with this id.
    #[must_use]
    pub fn get(&self, kid: &Kid) -> Option<&KeyRecord> {
        self.keys.iter().find(|key| key.kid == *kid)
    }

    /// The key that signs.
    #[must_use]
    pub fn active(&self) -> Option<&KeyRecord> {
        self.keys.iter().find(|key| key.state.is_active())
    }

    /// Those that may become the key that signs, the one first that has been published longest.
    #[must_use]
    pub fn candidates(&self) -> Vec<&KeyRecord> {
        let mut candidates: Vec<_> = self.keys.iter().filter(|key| key.is_candidate()).collect();
        candidates.sort_by_key(|key| key.state.published_at());
        candidates
    }

    /// Takes in a key that is new here, in the state that it has.
    ///
    /// # Errors
    /// [`Refusal::AlreadyThere`] and [`Refusal::Full`].
    pub fn with(mut self, key: KeyRecord) -> Result<Self, Refusal> {
        if self.get(&key.kid).is_some() {
            return Err(Refusal::AlreadyThere(key.kid));
        }
        if self.keys.iter().filter(|key| key.state.is_published()).count() >= MOST_PUBLISHED {
            return Err(Refusal::Full);
        }
        self.keys.push(key);
        Ok(self)
    }

    /// Has a published key promoted as soon as it may sign.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::WrongState`] and [`Refusal::VerifyOnly`].
    pub fn promote_when_due(mut self, kid: &Kid) -> Result<Self, Refusal> {
        let key = self.candidate(kid)?;
        key.state = KeyState::Published { published_at: key.state.published_at(), promote_when_due: true };
        Ok(self)
    }

    /// Has a published key sign, and the one that signed so far retire.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::WrongState`] and [`Refusal::VerifyOnly`].
    pub fn promote(mut self, kid: &Kid, now: Timestamp) -> Result<Self, Refusal> {
        self.candidate(kid)?;
        self.sign_with(kid, false, now);
        Ok(self)
    }

    /// Has the key that signed before sign again, and gives its id.
    ///
    /// # Errors
    /// [`Refusal::NothingToRollBackTo`].
    pub fn roll_back(mut self, now: Timestamp) -> Result<(Self, Kid), Refusal> {
        let retiring = self.keys.iter().filter_map(|key| match key.state {
            KeyState::Retiring { retiring_at, .. } if !key.verify_only => Some((retiring_at, &key.kid)),
            _ => None,
        });
        let (_, kid) = retiring.max().ok_or(Refusal::NothingToRollBackTo)?;
        let kid = kid.clone();
        self.sign_with(&kid, true, now);
        Ok((self, kid))
    }

    /// Takes a key out of the JWKS that does not sign.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::WrongState`] and [`Refusal::Active`].
    pub fn retire(mut self, kid: &Kid, now: Timestamp) -> Result<Self, Refusal> {
        let key = self.get_mut(kid)?;
        match key.state {
            KeyState::Published { .. } | KeyState::Retiring { .. } => {
                let (published_at, activated_at) = (key.state.published_at(), key.state.activated_at());
                key.state = KeyState::Retired { published_at, activated_at, retired_at: now };
                Ok(self)
            }
            KeyState::Active { .. } => Err(Refusal::Active(kid.clone())),
            KeyState::Retired { .. } | KeyState::Revoked { .. } => {
                Err(wrong_state(key, "published or retiring", "retired"))
            }
        }
    }

    /// Takes a burnt key out of the JWKS. `successor`, which is published or new here, signs from now on if the burnt
    /// key did.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::WrongState`], [`Refusal::VerifyOnly`] and [`Refusal::AlreadyThere`].
    pub fn revoke(
        mut self,
        kid: &Kid,
        reason: &str,
        successor: Option<Successor>,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let key = self.get_mut(kid)?;
        if matches!(key.state, KeyState::Revoked { .. }) {
            return Err(wrong_state(key, "not revoked yet", "revoked"));
        }
        let was_active = key.state.is_active();
        // The private half of a retired key, and of one that was imported without, is not there to be asked with.
        let gone = !key.keeps_private_half();
        key.state = KeyState::Revoked {
            published_at: key.state.published_at(),
            activated_at: key.state.activated_at(),
            revoked_at: now,
            reason: reason.to_owned(),
            destroyed_at: gone.then_some(now),
        };
        match successor {
            _ if !was_active => Ok(self),
            Some(Successor::Published(kid)) => self.promote(&kid, now),
            Some(Successor::New(record)) if self.get(&record.kid).is_some() => Err(Refusal::AlreadyThere(record.kid)),
            Some(Successor::New(record)) => {
                // Not by `with`: a full JWKS must not stand in the way of this.
                self.keys.push(KeyRecord { state: KeyState::fresh(now), ..*record });
                Ok(self)
            }
            None => Err(Refusal::Active(kid.clone())),
        }
    }

    /// Notes that a revoked key's private half is destroyed.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] and [`Refusal::WrongState`].
    pub fn destroy(mut self, kid: &Kid, now: Timestamp) -> Result<Self, Refusal> {
        let key = self.get_mut(kid)?;
        match &mut key.state {
            KeyState::Revoked { destroyed_at, .. } if destroyed_at.is_none() => {
                *destroyed_at = Some(now);
                Ok(self)
            }
            _ => Err(wrong_state(key, "revoked and not destroyed yet", "destroyed")),
        }
    }

    fn get_mut(&mut self, kid: &Kid) -> Result<&mut KeyRecord, Refusal> {
        self.keys.iter_mut().find(|key| key.kid == *kid).ok_or_else(|| Refusal::NotFound(kid.clone()))
    }

    fn candidate(&mut self, kid: &Kid) -> Result<&mut KeyRecord, Refusal> {
        let key = self.get_mut(kid)?;
        match key.state {
            KeyState::Published { .. } if key.verify_only => Err(Refusal::VerifyOnly(kid.clone())),
            KeyState::Published { .. } => Ok(key),
            _ => Err(wrong_state(key, "published", "promoted")),
        }
    }

    /// Exactly one signs afterwards.
    fn sign_with(&mut self, kid: &Kid, rolled_back: bool, now: Timestamp) {
        for key in &mut self.keys {
            let published_at = key.state.published_at();
            if key.kid == *kid {
                key.state = KeyState::Active { published_at, activated_at: now, rolled_back };
            } else if let KeyState::Active { activated_at, .. } = key.state {
                key.state = KeyState::Retiring { published_at, activated_at, retiring_at: now };
            }
        }
    }
}

/// What signs in a burnt key's place.
#[derive(Clone, Debug)]
pub enum Successor {
    /// A key that verifiers may know already.
    Published(Kid),
    /// One that was just made.
    New(Box<KeyRecord>),
}

fn wrong_state(key: &KeyRecord, needed: &'static str, step: &'static str) -> Refusal {
    Refusal::WrongState { kid: key.kid.clone(), state: key.state.word(), needed, step }
}

#[cfg(test)]
mod tests;
