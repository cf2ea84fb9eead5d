//! Step 1: who is calling? One file per scheme; each turns what was presented into a [`Caller`].
//!
//! A scheme answers that its kind of proof was not presented, verified, or refused. After a
//! refusal no other scheme is tried, so that a bad proof of one kind never passes as another.

mod basic;
mod bearer_secret;
pub mod jws;
pub mod workload;

use std::sync::Arc;

use subtle::ConstantTimeEq;

use crate::domain::{Client, ClientId, Grant, SecretHash};
use crate::store::{Snapshot, Store};

/// A program that has proved who it is. Only this room makes one.
#[derive(Clone, Debug)]
pub struct Caller {
    client: Arc<Client>,
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

/// Finds out who is calling.
#[derive(Clone, Debug)]
pub struct Authn {
    store: Arc<Store>,
}

impl Authn {
    /// Authenticates against what `store` knows at the time of each request.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// Makes a [`Caller`] of the value of a request's one `Authorization` header (RFC 9110 §11.6.2).
    ///
    /// # Errors
    /// [`AuthnError`], whatever the reason always the caller's to mend.
    pub fn authenticate(&self, authorization: Option<&str>) -> Result<Caller, AuthnError> {
        let header = authorization.ok_or(AuthnError::NotPresented)?;
        let (scheme, proof) = header.split_once(' ').ok_or(AuthnError::Malformed)?;
        let proof = proof.trim_matches(' ');
        let snapshot = self.store.current();
        for verify in [bearer_secret::verify, basic::verify] {
            match verify(&snapshot, scheme, proof) {
                Outcome::NotPresented => {}
                Outcome::Verified(caller) => return Ok(caller),
                Outcome::Refused(error) => return Err(error),
            }
        }
        Err(AuthnError::Malformed)
    }
}

/// What one scheme says of the header.
enum Outcome {
    NotPresented,
    Verified(Caller),
    Refused(AuthnError),
}

/// Whether the presented secret is one of the client's live ones, in time that does not tell which bytes match.
fn has_secret(client: &Client, presented: &SecretHash) -> bool {
    client.secrets.iter().fold(false, |found, secret| bool::from(secret.as_bytes().ct_eq(presented.as_bytes())) | found)
}

/// What the schemes share: a client with a matching secret is verified, anything else refused.
fn verified(snapshot: &Snapshot, find: impl FnOnce(&Snapshot) -> Option<&Arc<Client>>, secret: &str) -> Outcome {
    let presented = SecretHash::of(secret);
    match find(snapshot).filter(|client| has_secret(client, &presented)) {
        Some(client) => Outcome::Verified(Caller { client: Arc::clone(client) }),
        None => Outcome::Refused(AuthnError::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authn() -> Authn {
        let client = |id: &str, secrets: &[&str]| Client {
            id: id.parse().unwrap(),
            secrets: secrets.iter().copied().map(SecretHash::of).collect(),
            grants: Vec::new(),
        };
        let clients = [client("ci", &["old-secret", "new-secret"]), client("cd", &["other:secret"])];
        Authn::new(Arc::new(Store::new(Snapshot::new([], clients))))
    }

    fn who(header: &str) -> Result<String, AuthnError> {
        authn().authenticate(Some(header)).map(|caller| caller.id().to_string())
    }

    #[test]
    fn either_of_two_live_secrets_names_its_client() {
        assert_eq!(who("Bearer old-secret"), Ok("ci".into()));
        assert_eq!(who("bearer new-secret"), Ok("ci".into()));
        assert_eq!(who("Bearer other:secret"), Ok("cd".into()));
        assert_eq!(who("Bearer wrong"), Err(AuthnError::Refused));
        assert_eq!(who("Bearer "), Err(AuthnError::Malformed));
    }

    #[test]
    fn basic_needs_the_secret_of_the_very_client() {
        use base64::prelude::{BASE64_STANDARD, Engine as _};
        let basic = |pair: &str| who(&format!("Basic {}", BASE64_STANDARD.encode(pair)));
        assert_eq!(basic("ci:new-secret"), Ok("ci".into()));
        assert_eq!(basic("cd:other:secret"), Ok("cd".into()));
        assert_eq!(basic("cd:new-secret"), Err(AuthnError::Refused));
        assert_eq!(basic("nobody:new-secret"), Err(AuthnError::Refused));
        assert_eq!(basic("no-colon"), Err(AuthnError::Malformed));
        assert_eq!(basic("ci:"), Err(AuthnError::Malformed));
        assert_eq!(who("Basic %%%"), Err(AuthnError::Malformed));
    }

    #[test]
    fn what_is_no_known_scheme_is_malformed() {
        assert_eq!(authn().authenticate(None).unwrap_err(), AuthnError::NotPresented);
        assert_eq!(who("new-secret"), Err(AuthnError::Malformed));
        assert_eq!(who("Digest new-secret"), Err(AuthnError::Malformed));
    }
}
