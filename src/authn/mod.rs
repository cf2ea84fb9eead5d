//! Step 1: who is calling? One file per scheme; each turns what was presented into a [`Caller`].
//!
//! A scheme answers that its kind of proof was not presented, verified, or refused. After a
//! refusal no other scheme is tried, so that a bad proof of one kind never passes as another.

mod basic;
mod bearer_secret;
pub mod jws;
pub mod workload;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use subtle::ConstantTimeEq;

use crate::audit::{Audit, Event, Outcome, What};
use crate::clock::Clock;
use crate::domain::{Client, ClientId, Grant, Origin, Role, SecretHash};
use crate::store::{Snapshot, Store};

/// A program that has proved who it is. Only this room makes one.
#[derive(Clone, Debug)]
pub struct Caller {
    client: Arc<Client>,
    via: Via,
    origin: Origin,
}

/// How a caller proved who it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Via {
    /// By its secret.
    Secret,
}

impl std::fmt::Display for Via {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secret => f.write_str("secret"),
        }
    }
}

impl Caller {
    /// The client that is calling.
    #[must_use]
    pub fn id(&self) -> &ClientId {
        &self.client.id
    }

    /// What it was granted, as of this request.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.client.grants
    }

    /// What it may do beyond that, as of this request.
    #[must_use]
    pub fn roles(&self) -> &BTreeSet<Role> {
        &self.client.roles
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
        Event { client: Some(self.id().clone()), via: Some(self.via.to_string()), ..event }
    }
}

/// Why nobody could be made of what was presented; each is the caller's to mend.
///
/// Which part was wrong (an unknown client, a wrong secret) is told to nobody: it would help who guesses.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AuthnError {
    /// No `Authorization` header came with the request.
    #[error("no credentials were presented")]
    NotPresented,
    /// The header is not of a scheme and form that feedpass knows.
    #[error("the Authorization header is malformed or of an unknown scheme")]
    Malformed,
    /// The secret is not one of a known client's.
    #[error("the presented secret is not valid")]
    Refused,
}

impl AuthnError {
    /// The stable code that callers, the log and the audit trail know it by.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotPresented => "credentials_missing",
            Self::Malformed => "credentials_malformed",
            Self::Refused => "credentials_refused",
        }
    }
}

/// Finds out who is calling.
#[derive(Clone)]
pub struct Authn {
    store: Arc<Store>,
    audit: Audit,
    clock: Arc<dyn Clock>,
}

impl Authn {
    /// Authenticates against what `store` knows at the time of each request.
    #[must_use]
    pub fn new(store: Arc<Store>, audit: Audit, clock: Arc<dyn Clock>) -> Self {
        Self { store, audit, clock }
    }

    /// Writes down that somebody at `origin` was refused. A refusal that cannot be written down is one all the same.
    pub async fn note_refusal(&self, error: AuthnError, origin: &Origin) {
        let event = self.audit.event_from(What::Authentication, origin);
        if let Err(unwritten) = self.audit.record(event.ended(Outcome::Refused, error.code(), error.to_string())).await
        {
            tracing::warn!("a refusal was not written down: {unwritten}");
        }
    }

    /// Makes a [`Caller`] of the value of a request's one `Authorization` header (RFC 9110 §11.6.2).
    ///
    /// # Errors
    /// [`AuthnError`], whatever the reason always the caller's to mend.
    pub fn authenticate(&self, authorization: Option<&str>, origin: &Origin) -> Result<Caller, AuthnError> {
        let header = authorization.ok_or(AuthnError::NotPresented)?;
        let (scheme, proof) = header.split_once(' ').ok_or(AuthnError::Malformed)?;
        let proof = proof.trim_matches(' ');
        let (snapshot, now) = (self.store.current(), self.clock.now());
        for verify in [bearer_secret::verify, basic::verify] {
            match verify(&snapshot, scheme, proof, now) {
                Verdict::NotPresented => {}
                Verdict::Verified(client, via) => return Ok(Caller { client, via, origin: origin.clone() }),
                Verdict::Refused(error) => return Err(error),
            }
        }
        Err(AuthnError::Malformed)
    }
}

/// What one scheme says of the header.
enum Verdict {
    NotPresented,
    Verified(Arc<Client>, Via),
    Refused(AuthnError),
}

/// Whether the presented secret is one of the client's live ones, in time that does not tell which bytes match.
fn has_secret(client: &Client, presented: &SecretHash, now: Timestamp) -> bool {
    client.secrets.iter().fold(false, |found, secret| {
        (bool::from(secret.hash.as_bytes().ct_eq(presented.as_bytes())) & secret.is_live(now)) | found
    })
}

/// What the schemes share: a client with a matching secret is verified, anything else refused.
fn verified(
    snapshot: &Snapshot,
    find: impl FnOnce(&Snapshot) -> Option<&Arc<Client>>,
    secret: &str,
    now: Timestamp,
) -> Verdict {
    let presented = SecretHash::of(secret);
    match find(snapshot).filter(|client| client.is_live(now) && has_secret(client, &presented, now)) {
        Some(client) => Verdict::Verified(Arc::clone(client), Via::Secret),
        None => Verdict::Refused(AuthnError::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::domain::ClientSecret;
    use crate::store::Declared;
    use crate::store::database::{Database, SqlDatabase};

    const NOW: &str = "2026-11-23T11:00:00Z";

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
        Authn::new(Arc::new(store), audit, clock)
    }

    async fn who(header: &str) -> Result<String, AuthnError> {
        authn().await.authenticate(Some(header), &origin()).map(|caller| caller.id().to_string())
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
        assert_eq!(authn().await.authenticate(None, &origin()).unwrap_err(), AuthnError::NotPresented);
        assert_eq!(who("new-secret").await, Err(AuthnError::Malformed));
        assert_eq!(who("Digest new-secret").await, Err(AuthnError::Malformed));
    }
}
