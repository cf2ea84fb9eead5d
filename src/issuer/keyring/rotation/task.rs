//! What goes on by the calendar, for as long as feedpass runs.

use std::convert::Infallible;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::evidence::Verdict;
use super::super::lifecycle::Refusal;
use super::super::schedule::{Known, Step, due, next_change, next_step};
use super::super::{ChangeError, KeySet};
use super::{By, KeyError, Rotation};
use crate::clock::later;
use crate::domain::Kid;
use crate::telemetry::{KeyFigures, with_causes};

/// How often it is asked whether another process, or somebody by hand, changed the keys.
const PAUSE: Duration = Duration::from_millis(250);
/// How old what is known of verifiers and tokens may be while nothing is due.
const KNOWN_FOR: SignedDuration = SignedDuration::from_secs(1);
/// How long after a step that failed it is tried again: the disk may be full, and keys cost time to make.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// How long whoever took a step has to write its line; then somebody else does.
const TOLD_WITHIN: SignedDuration = SignedDuration::from_secs(10);

/// What the task remembers from turn to turn.
#[derive(Default)]
struct Turn {
    known: Known,
    known_at: Option<Timestamp>,
    try_again_at: Option<Timestamp>,
    /// What was said last, so that it is said once.
    failure: Option<String>,
    held: Option<(Kid, String)>,
}

impl Rotation {
    /// Takes what is due, takes in what others did, and says how things stand, for as long as feedpass runs.
    pub async fn follow(self) -> Infallible {
        let mut turn = Turn::default();
        loop {
            let news = self.0.ring.refresh().await;
            self.tell_late().await;
            self.turn(&mut turn, news).await;
            self.0.clock.sleep(PAUSE).await;
        }
    }

    /// Tells what was not told yet, and says how things stand, before anybody asks: what is planned bounds how long the
    /// documents may be kept.
    pub async fn prepare(&self) {
        self.tell().await;
        let mut turn = Turn::default();
        self.look(&mut turn).await;
        self.say(&mut turn);
    }

    async fn turn(&self, turn: &mut Turn, news: bool) {
        let now = self.now();
        let stale = turn.known_at.is_none_or(|at| now.duration_since(at) >= KNOWN_FOR || at > now);
        if news || stale {
            self.look(turn).await;
        }
        // One step may make another due.
        while self.due(turn).is_some() {
            // Known anew: a token may have been signed since.
            self.look(turn).await;
            let Some(step) = self.due(turn) else { break };
            let taken = self.step(&step).await;
            self.look(turn).await;
            if !self.is_taken(turn, taken) {
                break;
            }
        }
        self.say(turn);
    }

    async fn look(&self, turn: &mut Turn) {
        turn.known = self.known().await;
        turn.known_at = Some(self.now());
    }

    fn due(&self, turn: &Turn) -> Option<Step> {
        let now = self.now();
        if turn.try_again_at.is_some_and(|at| now < at) {
            return None;
        }
        next_step(self.keys().keys(), &self.policy(), &turn.known, now)
    }

    async fn step(&self, step: &Step) -> Result<(), KeyError> {
        match step {
            Step::Stage => self.stage(By::Calendar, true, Some("its time has come")).await.map(drop),
            Step::Promote(kid) => self.promote(By::Calendar, kid, None).await,
            Step::Retire(kid) => self.retire(By::Calendar, kid, None).await.map(drop),
        }
    }

    /// Whether the next step may follow at once.
    fn is_taken(&self, turn: &mut Turn, taken: Result<(), KeyError>) -> bool {
        let error = match taken {
            Ok(()) => {
                (turn.failure, turn.try_again_at) = (None, None);
                return true;
            }
            // Whoever was faster took the same step.
            Err(KeyError::Change(ChangeError::OtherWasFaster | ChangeError::Refused(Refusal::WrongState { .. }))) => {
                tracing::info!("another process changed the keys first");
                return false;
            }
            Err(error) => with_causes(&error),
        };
        turn.try_again_at = Some(later(self.now(), AFTER_FAILURE));
        if turn.failure.as_ref() != Some(&error) {
            tracing::error!("a step in the life of the signing keys is due and failed, and is tried again: {error}");
            turn.failure = Some(error);
        }
        false
    }

    /// Writes lines into the trail that whoever took the step did not.
    async fn tell_late(&self) {
        let (keys, now) = (self.keys(), self.now());
        let late = keys.keys().untold.iter().any(|line| {
            let at = line.get("at").and_then(|at| at.as_str()?.parse::<Timestamp>().ok());
            at.is_none_or(|at| now.duration_since(at) >= TOLD_WITHIN)
        });
        if late {
            self.tell().await;
        }
    }

    /// Tells verifiers how long they may keep the JWKS, and people how things stand.
    fn say(&self, turn: &mut Turn) {
        let (keys, policy, now) = (self.keys(), self.policy(), self.now());
        let next = next_change(keys.keys(), &policy, &turn.known, now);
        self.0.metadata.plan(next);
        let held = held(&keys, turn, |kid| {
            let key = keys.keys().get(kid)?;
            due(keys.keys(), key, &policy).filter(|due| *due <= now)
        });
        if turn.held != held {
            if let Some((kid, against)) = &held {
                tracing::error!(key.kid = %kid, "key {kid} is due to sign and held back: {against}");
            }
            turn.held.clone_from(&held);
        }
        let age = keys.keys().active().and_then(|key| key.state.activated_at());
        self.0.metrics.keys(&KeyFigures {
            active_age: age.map_or(0, |since| now.duration_since(since).as_secs()),
            next_change: next.map(|time| time.duration_since(now).as_secs()),
            live: keys.published().iter().map(|key| (key.kid.to_string(), turn.known.live(&key.kid))).collect(),
            held: held.is_some(),
            troubles: u64::from(self.trouble().is_some()) + u64::try_from(keys.faults().len()).unwrap_or(u64::MAX),
        });
    }
}

/// The key that would sign by now, were there nothing against it, and what is.
fn held(keys: &KeySet, turn: &Turn, overdue: impl Fn(&Kid) -> Option<Timestamp>) -> Option<(Kid, String)> {
    turn.known.verdicts.iter().find_map(|(kid, verdict)| match verdict {
        Verdict::Against(what) if overdue(kid).is_some() && keys.keys().get(kid).is_some() => {
            Some((kid.clone(), what.clone()))
        }
        _ => None,
    })
}
