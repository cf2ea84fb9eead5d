//! Asking verifiers about keys: does a published one's token pass where feeds will use it, does a revoked one's still?
//! Does the public URL show the key?
//!
//! The answers go into the audit trail, from where [`Evidence`] reads them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;

use super::outside::Outside;
use super::revocation;
use crate::admin::Trial;
use crate::audit::{Event, Outcome, Unwritten};
use crate::authz::permit_canary;
use crate::clock::Clock;
use crate::domain::{Feed, Kid, Region};
use crate::issuer::keyring::evidence::{Evidence, Question, pause};
use crate::issuer::keyring::{KeyRecord, KeyState, Place, Rotation};
use crate::telemetry::with_causes;

/// How often it is looked whether somebody is to be asked.
const PAUSE: Duration = Duration::from_secs(1);
/// How many are asked at once.
const AT_ONCE: usize = 8;

/// Asks verifiers about published keys.
pub struct Canaries {
    /// The keys.
    pub rotation: Rotation,
    /// Asks STS.
    pub trial: Trial,
    /// Asks the public URL.
    pub outside: Outside,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What was answered.
pub(super) struct Answered {
    pub(super) outcome: Outcome,
    /// Why not, if not.
    pub(super) reason: Option<String>,
    /// The feed whose role STS was asked for.
    pub(super) feed: Option<Arc<Feed>>,
}

impl Canaries {
    /// Asks, for as long as feedpass runs.
    pub async fn follow(self) -> Infallible {
        loop {
            // Counted from here, so that a clock that moves on meanwhile is not waited for again.
            let pause = self.clock.sleep(PAUSE);
            self.round().await;
            pause.await;
        }
    }

    async fn round(&self) {
        let keys = self.rotation.keys();
        let published = keys.keys().candidates().into_iter();
        let published = published.map(|key| (key, Question::Canary, key.state.published_at()));
        let revoked = keys.keys().keys.iter().filter_map(|key| match key.state {
            KeyState::Revoked { revoked_at, destroyed_at: None, .. } => {
                Some((key, Question::RevocationProbe, revoked_at))
            }
            _ => None,
        });
        for (key, question, since) in published.chain(revoked) {
            if let Err(error) = self.ask_everywhere(key, question, since).await {
                tracing::warn!("what verifiers say of key {} is not known: {}", key.kid, with_causes(&*error));
            }
        }
    }

    async fn ask_everywhere(
        &self,
        key: &KeyRecord,
        question: Question,
        since: Timestamp,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let evidence = self.rotation.seen(question, &key.kid).await?;
        let in_use = self.rotation.places();
        let public = (&Place::PublicUrl, [].as_slice());
        let places = || std::iter::once(public).chain(in_use.iter().map(|(place, feeds)| (place, feeds.as_slice())));
        let now = self.clock.now();
        let mut due = Vec::new();
        for (place, feeds) in places() {
            if is_due(&evidence, place, since, now) {
                due.push(self.ask(&key.kid, question, place, feeds));
            }
        }
        let asked: Vec<Result<(), Unwritten>> = stream::iter(due).buffer_unordered(AT_ONCE).collect().await;
        asked.into_iter().collect::<Result<(), _>>()?;
        if question == Question::RevocationProbe {
            let evidence = self.rotation.seen(question, &key.kid).await?;
            let end = revocation::end(
                &evidence,
                places().map(|(place, _)| place),
                since,
                &self.rotation.policy(),
                self.clock.now(),
            );
            if let Some(details) = end {
                self.rotation.destroy(&key.kid, details).await?;
            }
        }
        Ok(())
    }

    async fn ask(&self, kid: &Kid, question: Question, place: &Place, feeds: &[Arc<Feed>]) -> Result<(), Unwritten> {
        let Answered { outcome, reason, feed } = match place {
            Place::PublicUrl => self.outside.shows(kid).await,
            Place::Sts(_, region) => self.ask_sts(kid, region, feeds).await?,
        };
        let event = self.trial.audit.event(question.event());
        let event = feed.iter().fold(event, |event, feed| event.of(&feed.name));
        let details = Some(place.to_json());
        self.trial.audit.record(Event { kid: Some(kid.clone()), outcome, reason, details, ..event }).await
    }

    /// By the first feed whose role says anything of the key: one that lets nobody in does not.
    async fn ask_sts(&self, kid: &Kid, region: &Region, feeds: &[Arc<Feed>]) -> Result<Answered, Unwritten> {
        let mut answered = Answered { outcome: Outcome::Failed, reason: None, feed: None };
        for feed in feeds {
            answered = ask_by(&self.trial, kid, feed, region).await?;
            if answered.outcome != Outcome::Failed {
                break;
            }
        }
        Ok(answered)
    }
}

/// Whether STS takes a token of `kid` for `feed`. It is refused only where one of the active key is taken: else the role,
/// the provider or AWS itself is what is wrong.
pub(super) async fn ask_by(trial: &Trial, kid: &Kid, feed: &Arc<Feed>, region: &Region) -> Result<Answered, Unwritten> {
    let permit = permit_canary(feed, region);
    let answered = |outcome, reason| Answered { outcome, reason, feed: Some(Arc::clone(feed)) };
    let Some(refusal) = trial.ask(&permit, Some(kid)).await? else { return Ok(answered(Outcome::Ok, None)) };
    let words = format!("{}: {}", refusal.code, refusal.words);
    if !refusal.refused {
        return Ok(answered(Outcome::Failed, Some(words)));
    }
    Ok(match trial.ask(&permit, None).await? {
        None => answered(Outcome::Refused, Some(format!("{words}; the active key is taken"))),
        Some(_) => answered(Outcome::Failed, Some(format!("{words}; so is the active key"))),
    })
}

fn is_due(evidence: &Evidence, place: &Place, since: Timestamp, now: Timestamp) -> bool {
    let pause = pause(now.duration_since(since));
    let last = evidence.at(place).and_then(|seen| seen.last_asked_at);
    last.is_none_or(|last| now.duration_since(last).unsigned_abs() >= pause)
}
