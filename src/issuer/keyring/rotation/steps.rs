//! The steps, one function each.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::super::lifecycle::{Keys, Successor};
use super::super::schedule::{Gate, NotYet, SHOWN_WITHIN, leaves_at, promotion};
use super::super::{KeyRecord, KeyState, NewKey, Refusal};
use super::{By, KeyError, Rotation, StepTaken};
use crate::audit::Event;
use crate::clock::later;
use crate::domain::{Algorithm, Kid};

/// What asking for a rotation came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rotated {
    /// The key that will sign.
    pub kid: Kid,
    /// Whether it was published before, and the rotation goes on with it.
    pub resumed: bool,
}

/// A key that was brought in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Imported {
    /// Its id.
    pub kid: Kid,
    /// Whether it may sign.
    pub signs: bool,
}

impl Rotation {
    /// Makes a key and publishes it, so that verifiers learn it. `when_due` has it promoted as soon as it may sign;
    /// without, it waits for an admin or the next rotation by the calendar.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn stage(&self, by: By<'_>, when_due: bool, reason: Option<&str>) -> Result<Kid, KeyError> {
        let new = self.0.ring.new_key(self.policy().spec).await?;
        let kid = new.record().kid.clone();
        self.publish(by, "stage", new.record().clone(), Some(&new), when_due, json!({ "reason": reason })).await?;
        Ok(kid)
    }

    /// Goes on with the rotation that is under way, or begins one: a key that is published is promoted as soon as it may
    /// sign, and where there is none, one is made.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn rotate(&self, by: By<'_>, reason: Option<&str>) -> Result<Rotated, KeyError> {
        let keys = self.keys();
        let fits = |key: &&KeyRecord| key.spec() == Some(self.policy().spec);
        let Some(key) = keys.keys().candidates().into_iter().find(fits) else {
            return Ok(Rotated { kid: self.stage(by, true, reason).await?, resumed: false });
        };
        let kid = key.kid.clone();
        if !matches!(key.state, KeyState::Published { promote_when_due: true, .. }) {
            self.take(by, None, |keys, _| {
                let step = StepTaken {
                    action: "schedule",
                    kid: kid.clone(),
                    before: Some("published"),
                    after: Some("published"),
                    details: json!({ "reason": reason }),
                };
                Ok((keys.promote_when_due(&kid)?, step))
            })
            .await?;
        }
        Ok(Rotated { kid, resumed: true })
    }

    /// Has a published key sign, if it may. `force` overrides, with a reason.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn promote(&self, by: By<'_>, kid: &Kid, force: Option<&str>) -> Result<(), KeyError> {
        let policy = self.policy();
        let verdict = self.known().await.verdict(kid);
        self.take(by, None, |keys, now| {
            let key = keys.get(kid).ok_or_else(|| Refusal::NotFound(kid.clone()))?.clone();
            let was = keys.active().map(|key| key.kid.clone());
            let next = keys.promote(kid, now)?;
            if force.is_none() {
                let seen = verdict.words().to_owned();
                match promotion(&key, &policy, &verdict, now) {
                    Gate::Open => {}
                    Gate::Opens(opens_at) => {
                        let publish_before = policy.publish_before;
                        return Err(NotYet::TooSoon { kid: kid.clone(), opens_at, publish_before, seen }.into());
                    }
                    Gate::Held(against) => return Err(NotYet::Held { kid: kid.clone(), against }.into()),
                }
            }
            let details = json!({
                "retiring": was, "evidence": verdict.word(), "seen": verdict.words(),
                "forced": force.is_some(), "reason": force,
            });
            let step = StepTaken {
                action: "promote",
                kid: kid.clone(),
                before: Some("published"),
                after: Some("active"),
                details,
            };
            Ok((next, step))
        })
        .await?;
        tracing::info!(key.kid = %kid, "key {kid} now signs; {}", verdict.words());
        Ok(())
    }

    /// Has the key that signed before sign again, and gives its id.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn roll_back(&self, by: By<'_>, reason: &str) -> Result<Kid, KeyError> {
        let back = self.take(by, None, |keys, now| {
            let was = keys.active().map(|key| key.kid.clone());
            let (next, kid) = keys.roll_back(now)?;
            let details = json!({ "retiring": was, "reason": reason });
            let step = StepTaken { action: "roll_back", kid, before: Some("retiring"), after: Some("active"), details };
            Ok((next, step))
        });
        let kid = back.await?;
        tracing::warn!(key.kid = %kid, "rolled back: key {kid} signs again");
        Ok(kid)
    }

    /// Takes a key out of the JWKS, if no token that it signed can be accepted any more. `force` overrides, with a
    /// reason. Gives how many live tokens that breaks.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn retire(&self, by: By<'_>, kid: &Kid, force: Option<&str>) -> Result<u64, KeyError> {
        let policy = self.policy();
        let known = self.known().await;
        let live = known.live(kid);
        self.take(by, None, |keys, now| {
            let key = keys.get(kid).ok_or_else(|| Refusal::NotFound(kid.clone()))?.clone();
            let next = keys.retire(kid, now)?;
            let leaves_at = leaves_at(&key, &policy, &known);
            if force.is_none() {
                let leaves_at = leaves_at.clone()?;
                if now < leaves_at {
                    return Err(NotYet::StillAccepted { kid: kid.clone(), leaves_at, live }.into());
                }
            }
            let early = leaves_at.is_ok_and(|leaves_at| now < leaves_at);
            let details = json!({ "live_tokens": live, "forced": early && force.is_some(), "reason": force });
            let step = StepTaken {
                action: "retire",
                kid: kid.clone(),
                before: Some(key.state.word()),
                after: Some("retired"),
                details,
            };
            Ok((next, step))
        })
        .await?;
        tracing::info!(key.kid = %kid, "key {kid} is out of the JWKS; its private half is destroyed");
        Ok(live)
    }

    /// Takes a burnt key out of the JWKS at once. Where it signed, `successor` does from now on, or a key that is made
    /// for it; its id is given.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn revoke(
        &self,
        by: By<'_>,
        kid: &Kid,
        reason: &str,
        successor: Option<&Kid>,
    ) -> Result<Option<Kid>, KeyError> {
        let current = self.keys();
        let new = if current.active_kid() == kid && successor.is_none() {
            Some(self.0.ring.new_key(self.policy().spec).await?)
        } else {
            None
        };
        let next_kid = new.as_ref().map(|new| new.record().kid.clone()).or_else(|| successor.cloned());
        let successor = match &new {
            Some(new) => Some(Successor::New(Box::new(new.record().clone()))),
            None => successor.map(|kid| Successor::Published(kid.clone())),
        };
        let signed = current.active_kid() == kid;
        self.take(by, new.as_ref(), |keys, now| {
            let before = keys.get(kid).map(|key| key.state.word());
            let next = keys.revoke(kid, reason, successor, now)?;
            let details = json!({ "reason": reason, "successor": next_kid.as_ref().filter(|_| signed) });
            Ok((next, StepTaken { action: "revoke", kid: kid.clone(), before, after: Some("revoked"), details }))
        })
        .await?;
        tracing::warn!(key.kid = %kid, "key {kid} is revoked: {reason}");
        Ok(next_kid.filter(|_| signed))
    }

    /// Notes that nobody takes a revoked key any more, and destroys its private half.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn destroy(&self, kid: &Kid, details: Value) -> Result<(), KeyError> {
        self.take(By::Calendar, None, |keys, now| {
            let step = StepTaken {
                action: "destroy",
                kid: kid.clone(),
                before: Some("revoked"),
                after: Some("revoked"),
                details,
            };
            Ok((keys.destroy(kid, now)?, step))
        })
        .await?;
        tracing::info!(key.kid = %kid, "the private half of the revoked key {kid} is destroyed");
        Ok(())
    }

    /// Brings in a key: one that may sign from its private half, or one that is only verified with from its public half.
    ///
    /// It is published, as a staged one is.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn import(
        &self,
        by: By<'_>,
        pem: &SecretString,
        passphrase: Option<&SecretString>,
        algorithm: Option<Algorithm>,
        verify_only: bool,
    ) -> Result<Imported, KeyError> {
        let now = self.now();
        let new = if verify_only {
            NewKey::import_public(pem.expose_secret(), algorithm, now)?
        } else {
            NewKey::import(pem.clone(), passphrase.cloned(), algorithm, now).await?
        };
        let record = new.record().clone();
        let (kid, signs) = (record.kid.clone(), !record.verify_only);
        let details = json!({ "signs": signs, "algorithm": record.algorithm });
        self.publish(by, "import", record, Some(&new), false, details).await?;
        Ok(Imported { kid, signs })
    }

    async fn publish(
        &self,
        by: By<'_>,
        action: &'static str,
        record: KeyRecord,
        new: Option<&NewKey>,
        promote_when_due: bool,
        details: Value,
    ) -> Result<(), KeyError> {
        let kid = record.kid.clone();
        self.take(by, new, |keys, now| {
            let published_at = later(now, SHOWN_WITHIN);
            let state = KeyState::Published { published_at, promote_when_due };
            let next = keys.with(KeyRecord { created_at: now, state, ..record })?;
            Ok((next, StepTaken { action, kid: kid.clone(), before: None, after: Some("published"), details }))
        })
        .await?;
        tracing::info!(key.kid = %kid, "key {kid} is published");
        Ok(())
    }

    /// Takes a step, and tells of it; gives the key that it was taken with.
    async fn take(
        &self,
        by: By<'_>,
        new: Option<&NewKey>,
        decide: impl FnOnce(Keys, Timestamp) -> Result<(Keys, StepTaken), KeyError>,
    ) -> Result<Kid, KeyError> {
        let event = self.0.ring.change(new, |keys, now| {
            let (next, step) = decide(keys.clone(), now)?;
            let event = self.event(by, &step);
            Ok::<_, KeyError>((with_line(next, &event), (step.kid, event)))
        });
        let (kid, event) = event.await?;
        event.log();
        self.tell().await;
        Ok(kid)
    }
}

/// `keys`, with the line of `event` to be told.
fn with_line(mut keys: Keys, event: &Event) -> Keys {
    // An event without a JSON form there is none of.
    keys.untold.extend(event.line());
    keys
}
