//! Step 1: who is calling? One file per scheme; each turns what was presented into a [`Caller`].
//!
//! A scheme answers that its kind of proof was not presented, verified, or refused. After a
//! refusal no other scheme is tried, so that a bad proof of one kind never passes as another.

mod access_token;
mod basic;
mod bearer;
mod bearer_secret;
mod client_proof;
mod error;
pub mod jws;
mod policy_test;
mod subject;
pub mod workload;
mod workload_token;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use subtle::ConstantTimeEq;

pub use access_token::{AccessTokenKeys, AccessTokenNames, TYPE as ACCESS_TOKEN_TYPE, access_token_subject};
pub use client_proof::ClientProof;
pub use error::{AuthnError, Fault, TokenError};
pub use policy_test::{Sample, SampleError};
pub use subject::SubjectKind;

use self::workload::Workloads;
use crate::audit::{Audit, Event, Outcome, What, WorkloadIdentity};
use crate::clock::Clock;
use crate::domain::{Client, ClientId, DisplayName, Grant, IssuerUrl, Origin, Role, Scope, SecretHash, Slug};
use crate::store::{Snapshot, Store};

/// A program that has proved who it is. Only this room makes one.
#[derive(Clone, Debug)]
pub struct Caller {
    client: Arc<Client>,
    via: Via,
    scope: Scope,
    ends_at: Option<Timestamp>,
    origin: Origin,
}

/// How a caller proved who it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Via {
    /// By its secret.
    Secret,
    /// By an access token of feedpass.
    AccessToken {
        /// The token's id.
        jti: String,
    },
    /// By a JWT that it signed with its own key (RFC 7523 §2.2).
    Assertion,
    /// As a workload, by a token of an outside issuer.
    Workload {
        /// The trusted issuer's name.
        issuer: Slug,
        /// The token's `sub`.
        subject: String,
        /// The rule that gives the client.
        rule: Slug,
    },
}

impl std::fmt::Display for Via {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secret => f.write_str("secret"),
            Self::AccessToken { jti } => write!(f, "access_token {jti}"),
            Self::Assertion => f.write_str("private_key_jwt"),
            Self::Workload { .. } => f.write_str("workload"),
        }
    }
}

impl Caller {
    /// The client that is calling.
    #[must_use]
    pub fn id(&self) -> &ClientId {
        &self.client.id
    }

    /// What it was granted, as of this request; of that, only what [`Caller::scope`] has counts.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.client.grants
    }

    /// Of what it was granted, what its proof is good for; grants of which nothing is left are left out.
    #[must_use]
    pub fn grants_in_scope(&self) -> Vec<Grant> {
        let narrowed = self.client.grants.iter().map(|grant| Grant {
            actions: grant.actions.iter().copied().filter(|action| self.scope.has(*action)).collect(),
            ..grant.clone()
        });
        narrowed.filter(|grant| !grant.actions.is_empty()).collect()
    }

    /// What it may do beyond that, as of this request. Nothing, where its scope has no `admin`.
    #[must_use]
    pub fn roles(&self) -> &BTreeSet<Role> {
        const NONE: &BTreeSet<Role> = &BTreeSet::new();
        if self.scope.has_admin() { &self.client.roles } else { NONE }
    }

    /// What its proof is good for: all, unless it is an access token for less.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// When its proof ends, where that is soon: nothing like it may be given for longer.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.ends_at
    }

    /// The same caller, for no more than `scope`; none where that is more than it has.
    #[must_use]
    pub fn narrowed_to(&self, scope: &Scope) -> Option<Self> {
        self.scope.covers(scope).then(|| Self { scope: scope.clone(), ..self.clone() })
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> Option<&DisplayName> {
        self.client.name.as_ref()
    }

    /// From when on it is nobody any more.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.client.expires_at
    }

    /// How it proved who it is.
    #[must_use]
    pub fn via(&self) -> &Via {
        &self.via
    }

    /// Where the request came from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// That this caller asked for `what` just now.
    #[must_use]
    pub fn event(&self, audit: &Audit, what: What) -> Event {
        let event = audit.event_from(what, &self.origin);
        let workload = match &self.via {
            Via::Workload { issuer, subject, rule } => {
                Some(WorkloadIdentity { rule: Some(rule.clone()), ..WorkloadIdentity::of(issuer, subject) })
            }
            Via::Secret | Via::AccessToken { .. } | Via::Assertion => None,
        };
        Event { client: Some(self.id().clone()), via: Some(self.via.to_string()), workload, ..event }
    }
}

/// Finds out who is calling.
#[derive(Clone)]
pub struct Authn {
    store: Arc<Store>,
    audit: Audit,
    workloads: Workloads,
    keys: Arc<dyn AccessTokenKeys>,
    issuer: IssuerUrl,
    names: AccessTokenNames,
    assertion_audiences: Arc<[String]>,
    clock: Arc<dyn Clock>,
}

impl Authn {
    /// Authenticates against what `store` knows at the time of each request, for the feedpass that is `issuer` and
    /// has its API at `api`; workloads' tokens are verified by `workloads`, access tokens are signed with one of `keys`.
    #[must_use]
    pub fn new(
        store: Arc<Store>,
        audit: Audit,
        workloads: Workloads,
        keys: Arc<dyn AccessTokenKeys>,
        issuer: IssuerUrl,
        api: &str,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let names = AccessTokenNames::new(&issuer, api);
        // RFC 7523 §3 names the token endpoint, its successor the issuer.
        let assertion_audiences = [issuer.to_string(), format!("{api}/oauth2/token")].into();
        Self { store, audit, workloads, keys, issuer, names, assertion_audiences, clock }
    }

    /// Writes down that somebody at `origin` was refused. A refusal that cannot be written down is one all the same.
    pub async fn note_refusal(&self, error: &AuthnError, origin: &Origin) {
        let event = self.audit.event_from(What::Authentication, origin);
        let outcome = match error.fault() {
            Fault::Outage | Fault::Store => Outcome::Failed,
            Fault::Proof | Fault::Stranger => Outcome::Refused,
        };
        if let Err(unwritten) = self.audit.record(event.ended(outcome, error.code(), error.explain())).await {
            tracing::warn!("a refusal was not written down: {unwritten}");
        }
    }

    /// Makes a [`Caller`] of the value of a request's one `Authorization` header (RFC 9110 §11.6.2).
    ///
    /// # Errors
    /// [`AuthnError`]; [`AuthnError::fault`] says whose move it is.
    pub async fn authenticate(&self, authorization: Option<&str>, origin: &Origin) -> Result<Caller, AuthnError> {
        let header = authorization.ok_or(AuthnError::NotPresented)?;
        let (scheme, proof) = header.split_once(' ').ok_or(AuthnError::Malformed)?;
        self.proven(scheme, proof.trim_matches(' '), origin).await.map(|proven| proven.caller(origin))
    }

    async fn proven(&self, scheme: &str, proof: &str, origin: &Origin) -> Result<Proven, AuthnError> {
        let snapshot = self.store.current();
        let presented = Presented { scheme, proof, snapshot: &snapshot, origin, now: self.clock.now() };
        let mut verdict = workload_token::verify(self, &presented).await;
        for verify in [access_token::verify, bearer_secret::verify, basic::verify] {
            if let Verdict::NotPresented = verdict {
                verdict = verify(self, &presented);
            }
        }
        verdict.into()
    }
}

/// What came with a request, and what is known as it comes.
struct Presented<'a> {
    scheme: &'a str,
    proof: &'a str,
    snapshot: &'a Snapshot,
    origin: &'a Origin,
    now: Timestamp,
}

impl Presented<'_> {
    fn is_bearer(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("bearer")
    }
}

/// What one scheme says of what was presented.
enum Verdict {
    NotPresented,
    Verified(Proven),
    Refused(AuthnError),
}

impl From<Verdict> for Result<Proven, AuthnError> {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Verified(proven) => Ok(proven),
            Verdict::Refused(error) => Err(error),
            Verdict::NotPresented => Err(AuthnError::Malformed),
        }
    }
}

/// A client, and how it was found to be one.
struct Proven {
    client: Arc<Client>,
    via: Via,
    scope: Scope,
    ends_at: Option<Timestamp>,
}

impl Proven {
    fn caller(self, origin: &Origin) -> Caller {
        let Self { client, via, scope, ends_at } = self;
        Caller { client, via, scope, ends_at, origin: origin.clone() }
    }
}

/// Whether the presented secret is one of the client's live ones, in time that does not tell which bytes match.
fn has_secret(client: &Client, presented: &SecretHash, now: Timestamp) -> bool {
    client.secrets.iter().fold(false, |found, secret| {
        (bool::from(secret.hash.as_bytes().ct_eq(presented.as_bytes())) & secret.is_live(now)) | found
    })
}

/// What the schemes share: a client with a matching secret is verified, anything else refused.
fn verified(client: Option<&Arc<Client>>, secret: &str, now: Timestamp) -> Verdict {
    let presented = SecretHash::of(secret);
    match client.filter(|client| client.is_live(now) && has_secret(client, &presented, now)) {
        Some(client) => Verdict::Verified(Proven {
            client: Arc::clone(client),
            via: Via::Secret,
            scope: Scope::all(),
            ends_at: None,
        }),
        None => Verdict::Refused(AuthnError::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::workload::HttpsFetch;
    use super::*;
    use crate::clock::ManualClock;
    use crate::domain::ClientSecret;
    use crate::store::Declared;
    use crate::store::database::{Database, SqlDatabase};

    const NOW: &str = "2026-11-23T11:00:00Z";

    struct NoKeys;

    impl AccessTokenKeys for NoKeys {
        fn key(&self, _: &str) -> Option<jws::VerificationKey> {
            None
        }
    }

    fn origin() -> Origin {
        Origin { address: [203, 0, 113, 9].into(), request_id: "r".into() }
    }

    async fn authn() -> Authn {
        let client = |id: &str, secrets: &[&str]| Client {
            secrets: secrets.iter().copied().map(SecretHash::of).map(ClientSecret::lasting).collect(),
            ..Client::new(id.parse().unwrap())
        };
        let mut clients = vec![client("ci", &["old-secret", "new-secret"]), client("cd", &["other:secret"])];
        clients.push(Client { expires_at: Some(NOW.parse().unwrap()), ..client("gone", &["gone-secret"]) });
        clients.push(client("late", &["ended-secret", "live-secret"]));
        clients[3].secrets[0].expires_at = Some(NOW.parse().unwrap());
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW.parse().unwrap()));
        let database: Arc<dyn Database> = Arc::new(SqlDatabase::open("sqlite::memory:").await.unwrap());
        let audit = Audit::new(Arc::clone(&database), Arc::clone(&clock));
        let declared = Declared { clients, ..Declared::default() };
        let store = Store::open(database, declared, Arc::clone(&clock)).await.unwrap();
        let issuer = "https://id.example.com".parse().unwrap();
        let workloads = Workloads::new(Arc::new(HttpsFetch::default()), Arc::clone(&clock));
        Authn::new(Arc::new(store), audit, workloads, Arc::new(NoKeys), issuer, "https://feedpass.example.com", clock)
    }

    async fn who(header: &str) -> Result<String, AuthnError> {
        authn().await.authenticate(Some(header), &origin()).await.map(|caller| caller.id().to_string())
    }

    #[tokio::test]
    async fn nobody_is_let_in_after_their_date() {
        assert_eq!(who("Bearer gone-secret").await, Err(AuthnError::Refused));
        assert_eq!(who("Bearer ended-secret").await, Err(AuthnError::Refused));
        assert_eq!(who("Bearer live-secret").await, Ok("late".into()));
    }

    #[tokio::test]
    async fn either_of_two_live_secrets_names_its_client() {
        assert_eq!(who("Bearer old-secret").await, Ok("ci".into()));
        assert_eq!(who("bearer new-secret").await, Ok("ci".into()));
        assert_eq!(who("Bearer other:secret").await, Ok("cd".into()));
        assert_eq!(who("Bearer wrong").await, Err(AuthnError::Refused));
        assert_eq!(who("Bearer ").await, Err(AuthnError::Malformed));
    }

    #[tokio::test]
    async fn basic_needs_the_secret_of_the_very_client() {
        use base64::prelude::{BASE64_STANDARD, Engine as _};
        let basic = async |pair: &str| who(&format!("Basic {}", BASE64_STANDARD.encode(pair))).await;
        assert_eq!(basic("ci:new-secret").await, Ok("ci".into()));
        assert_eq!(basic("cd:other:secret").await, Ok("cd".into()));
        assert_eq!(basic("cd:new-secret").await, Err(AuthnError::Refused));
        assert_eq!(basic("nobody:new-secret").await, Err(AuthnError::Refused));
        assert_eq!(basic("no-colon").await, Err(AuthnError::Malformed));
        assert_eq!(basic("ci:").await, Err(AuthnError::Malformed));
        assert_eq!(who("Basic %%%").await, Err(AuthnError::Malformed));
    }

    #[tokio::test]
    async fn what_is_no_known_scheme_is_malformed() {
        assert_eq!(authn().await.authenticate(None, &origin()).await.unwrap_err(), AuthnError::NotPresented);
        assert_eq!(who("new-secret").await, Err(AuthnError::Malformed));
        assert_eq!(who("Digest new-secret").await, Err(AuthnError::Malformed));
    }
}
