//! What all parts of the sandbox share.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use secrecy::SecretString;

use super::faults::Faults;
use super::jwks::Jwks;
use super::sessions::{Session, Sessions};
use super::{Accounts, OidcProvider, Options, Role, Service};
use crate::clock::Clock;
use crate::domain::RoleArn;
use crate::entropy::Entropy;

/// How many issued secrets are remembered.
const REMEMBERED: usize = 4096;

/// The sandbox's state.
pub(super) struct World {
    pub(super) accounts: ArcSwap<Accounts>,
    pub(super) jwks: Jwks,
    pub(super) sessions: Sessions,
    pub(super) faults: Faults,
    pub(super) calls: Calls,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    issued: Mutex<VecDeque<SecretString>>,
}

impl World {
    pub(super) fn new(options: &Options, accounts: Accounts, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            accounts: ArcSwap::from_pointee(accounts),
            jwks: Jwks::new(options, Arc::clone(&clock)),
            sessions: Sessions::default(),
            faults: Faults::default(),
            calls: Calls::default(),
            clock,
            entropy,
            issued: Mutex::default(),
        }
    }

    /// Who has that access key: a session's, or a user's own.
    pub(super) fn signer(&self, access_key_id: &str) -> Option<Arc<Session>> {
        self.sessions.find(access_key_id).or_else(|| self.accounts.load().user(access_key_id).map(Arc::new))
    }

    /// Remembers a secret that is about to leave.
    pub(super) fn note_issued(&self, secret: &SecretString) {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if issued.len() == REMEMBERED {
            issued.pop_front();
        }
        issued.push_back(secret.clone());
    }

    pub(super) fn issued(&self) -> Vec<SecretString> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Accounts {
    pub(super) fn role(&self, arn: &RoleArn) -> Option<&Role> {
        self.roles.iter().find(|role| role.arn == *arn)
    }

    /// The provider for an issuer in a role's account, if the account lies in the role's partition:
    /// partitions share no accounts, and of an account that has roles these say which it is.
    pub(super) fn provider(&self, role: &RoleArn, issuer: &str) -> Option<&OidcProvider> {
        let mut of_account = self.roles.iter().filter(|other| other.arn.account() == role.account()).peekable();
        let in_partition =
            of_account.peek().is_none() || of_account.any(|other| other.arn.partition() == role.partition());
        self.providers
            .iter()
            .find(|provider| in_partition && provider.account == *role.account() && provider.url.as_str() == issuer)
    }
}

/// Counts requests by service and operation.
#[derive(Default)]
pub(super) struct Calls(Mutex<BTreeMap<(Service, &'static str), u64>>);

impl Calls {
    pub(super) fn count(&self, service: Service, operation: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry((service, operation)).or_default() += 1;
    }

    pub(super) fn all(&self) -> BTreeMap<(Service, &'static str), u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn of(&self, service: Service) -> u64 {
        self.all().iter().filter(|((of, _), _)| *of == service).map(|(_, calls)| calls).sum()
    }

    pub(super) fn of_operation(&self, operation: &str) -> u64 {
        self.all().iter().filter(|((_, of), _)| *of == operation).map(|(_, calls)| calls).sum()
    }
}
