//! The role sessions that were given out.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::clock::later;
use crate::domain::RoleArn;
use crate::iam::{Context, Policy};

/// How many sessions are known at most; the oldest go first.
const MOST: usize = 10_000;
/// How long an expired session is remembered, so that its caller is told that it expired rather
/// than that nobody knows it.
const REMEMBER_EXPIRED: Duration = Duration::from_hours(1);

/// A role session and its credentials.
pub(super) struct Session {
    pub(super) access_key_id: String,
    pub(super) secret: SecretString,
    pub(super) token: SecretString,
    pub(super) expires: Timestamp,
    pub(super) role: RoleArn,
    /// The role session name.
    pub(super) name: String,
    /// `AROA…:name`
    pub(super) assumed_role_id: String,
    /// The session policy, which narrows what the role may do.
    pub(super) policy: Option<Policy>,
    /// The condition keys that stay with the session.
    pub(super) context: Context,
}

impl Session {
    /// `arn:aws:sts::123456789012:assumed-role/feedpass-images/name`; it has no path.
    pub(super) fn arn(&self) -> String {
        let Self { role, name, .. } = self;
        format!("arn:{}:sts::{}:assumed-role/{}/{name}", role.partition(), role.account(), role.name())
    }
}

/// All sessions, by access key id.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Held>);

#[derive(Default)]
struct Held {
    by_key: HashMap<String, Arc<Session>>,
    oldest_first: VecDeque<String>,
}

impl Sessions {
    pub(super) fn add(&self, session: Arc<Session>, now: Timestamp) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Held { by_key, oldest_first } = &mut *held;
        while let Some(oldest) = oldest_first.front() {
            let keep = by_key.get(oldest).is_some_and(|session| now < later(session.expires, REMEMBER_EXPIRED));
            if keep && oldest_first.len() < MOST {
                break;
            }
            by_key.remove(oldest);
            oldest_first.pop_front();
        }
        oldest_first.push_back(session.access_key_id.clone());
        by_key.insert(session.access_key_id.clone(), session);
    }

    pub(super) fn find(&self, access_key_id: &str) -> Option<Arc<Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_key.get(access_key_id).cloned()
    }
}
