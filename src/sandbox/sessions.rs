//! Who may sign a request: the role sessions that were given out, and users with an access key.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use super::{Accounts, User, made_up};
use crate::clock::later;
use crate::domain::{AccountId, Partition, RoleArn, UserArn};
use crate::iam::{Context, Policy, Principal};

/// How many sessions are known at most; the oldest go first.
const MOST: usize = 10_000;
/// How long an expired session is remembered, so that its caller is told that it expired rather
/// than that nobody knows it.
const REMEMBER_EXPIRED: Duration = Duration::from_hours(1);

/// Someone who can sign requests.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) access_key_id: String,
    pub(super) secret: SecretString,
    /// None of a user.
    pub(super) token: Option<SecretString>,
    /// Never, for a user.
    pub(super) expires: Option<Timestamp>,
    pub(super) who: Who,
    /// The session policy, which narrows what the role may do.
    pub(super) policy: Option<Policy>,
    /// The condition keys that stay with the session.
    pub(super) context: Context,
}

/// Whose session it is.
#[derive(Clone)]
pub(super) enum Who {
    /// A role's, and the role session name.
    Role(RoleArn, String),
    /// None: a user's own key.
    User(UserArn),
}

impl Session {
    /// The user of an access key.
    fn of_user(user: &User) -> Self {
        let mut context = Context::default();
        context.set("aws:PrincipalArn", [user.arn.as_str()]);
        context.set("aws:PrincipalAccount", [user.arn.account().as_str()]);
        Self {
            access_key_id: user.access_key_id.to_string(),
            secret: user.secret.clone(),
            token: None,
            expires: None,
            who: Who::User(user.arn.clone()),
            policy: None,
            context,
        }
    }

    /// `arn:aws:sts::123456789012:assumed-role/feedpass-images/name`, which has no path; or the user's.
    pub(super) fn arn(&self) -> String {
        match &self.who {
            Who::Role(role, name) => {
                format!("arn:{}:sts::{}:assumed-role/{}/{name}", role.partition(), role.account(), role.name())
            }
            Who::User(user) => user.to_string(),
        }
    }

    /// The role's or the user's own ARN.
    pub(super) fn principal_arn(&self) -> &str {
        match &self.who {
            Who::Role(role, _) => role.as_str(),
            Who::User(user) => user.as_str(),
        }
    }

    /// As a trust policy sees it.
    pub(super) fn principal(&self) -> Principal {
        Principal::Aws(vec![self.arn(), self.principal_arn().to_owned()])
    }

    /// `AROA…:name`, or a user's `AIDA…`.
    pub(super) fn unique_id(&self) -> String {
        match &self.who {
            Who::Role(role, name) => format!("{}:{name}", made_up::role_id(role)),
            Who::User(user) => made_up::user_id(user),
        }
    }

    pub(super) fn account(&self) -> &AccountId {
        match &self.who {
            Who::Role(role, _) => role.account(),
            Who::User(user) => user.account(),
        }
    }

    pub(super) fn partition(&self) -> Partition {
        match &self.who {
            Who::Role(role, _) => role.partition(),
            Who::User(user) => user.partition(),
        }
    }

    /// What the role or user is allowed; none when it is no longer there.
    pub(super) fn permissions<'a>(&self, accounts: &'a Accounts) -> Option<&'a Policy> {
        match &self.who {
            Who::Role(role, _) => accounts.role(role).map(|role| &role.permissions),
            Who::User(arn) => accounts.users.iter().find(|user| user.arn == *arn).map(|user| &user.permissions),
        }
    }
}

impl Accounts {
    /// The user who has that access key.
    pub(super) fn user(&self, access_key_id: &str) -> Option<Session> {
        self.users.iter().find(|user| user.access_key_id.as_str() == access_key_id).map(Session::of_user)
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
            let ends = by_key.get(oldest).and_then(|session| session.expires);
            let keep = ends.is_some_and(|end| now < later(end, REMEMBER_EXPIRED));
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
