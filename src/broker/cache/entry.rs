//! What is known for one key.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::{Fetch, Flight, Held, Landed, Remembered};
use crate::clock::later;

pub(super) struct Entry<V, E> {
    /// What is held; it may have ended.
    pub(super) held: Option<Arc<V>>,
    /// The last failure, and until when it is told without asking again.
    pub(super) refused: Option<(E, Timestamp)>,
    /// The fetch under way.
    pub(super) flight: Option<Flight<V, E>>,
    /// When it was last asked for.
    pub(super) last_used: Timestamp,
    /// Wakes the caretaker of an entry that it found unused.
    pub(super) used_again: Arc<Notify>,
    /// Whether the caretaker waits for that.
    pub(super) resting: bool,
    pub(super) fetch: Fetch<V, E>,
}

/// What a look at an entry found.
pub(super) enum Found<V, E> {
    Held(Arc<V>),
    Refused(E),
    /// A flight that someone else started.
    Flight(Flight<V, E>),
    /// Nothing, so this flight was started.
    Nothing(Flight<V, E>),
}

impl<V, E> Entry<V, E> {
    pub(super) fn forget_failure(&mut self) {
        self.refused = None;
    }

    pub(super) fn forget_if(&mut self, void: impl Fn(&V) -> bool) {
        self.held.take_if(|held| void(held));
    }

    /// Forgets all but the flight under way.
    pub(super) fn forget(&mut self) {
        self.held = None;
        self.refused = None;
    }
}

impl<V: Held, E: Remembered> Entry<V, E> {
    pub(super) fn in_flight(fetch: Fetch<V, E>, flight: Flight<V, E>, now: Timestamp) -> Self {
        Self {
            held: None,
            refused: None,
            flight: Some(flight),
            last_used: now,
            used_again: Arc::default(),
            resting: false,
            fetch,
        }
    }

    /// Notes that it is asked for.
    pub(super) fn touch(&mut self, now: Timestamp) {
        self.last_used = now;
        if std::mem::take(&mut self.resting) {
            self.used_again.notify_one();
        }
    }

    /// What a caller is told without a new flight. What is held comes first: while AWS is down, or
    /// while it is renewed, it is served until it ends.
    pub(super) fn find(&self, now: Timestamp) -> Option<Found<V, E>> {
        let live = self.live(now);
        if let Some(value) = live.filter(|value| value.good_until() > now) {
            return Some(Found::Held(Arc::clone(value)));
        }
        if let Some(flight) = &self.flight {
            return Some(Found::Flight(flight.clone()));
        }
        match &self.refused {
            Some((error, until)) if *until > now => Some(match live {
                Some(value) => Found::Held(Arc::clone(value)),
                None => Found::Refused(error.clone()),
            }),
            _ => None,
        }
    }

    /// What is held and has not ended.
    pub(super) fn live(&self, now: Timestamp) -> Option<&Arc<V>> {
        self.held.as_ref().filter(|value| value.expires_at() > now)
    }

    pub(super) fn land(&mut self, result: &Landed<V, E>, now: Timestamp) {
        self.flight = None;
        match result {
            Ok(value) => {
                self.refused = None;
                if value.expires_at() > now {
                    self.held = Some(Arc::clone(value));
                } else {
                    tracing::warn!(expires_at = %value.expires_at(), "what was fetched had ended already; it is handed on and not held");
                }
            }
            Err(error) => {
                if error.ends_renewal() {
                    self.held = None;
                }
                self.refused = Some((error.clone(), later(now, error.remember_for())));
            }
        }
    }

    /// Until when there is something to be told without asking; none when there is nothing.
    pub(super) fn told_until(&self, now: Timestamp) -> Option<Timestamp> {
        let held = self.live(now).map(|value| value.expires_at());
        let refused = self.refused.as_ref().map(|(_, until)| *until).filter(|until| *until > now);
        held.max(refused)
    }
}
