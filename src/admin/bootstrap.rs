//! The first admin, made on the machine itself by whoever may read the configuration there.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::audit::{Event, What};
use crate::clock::Clock;
use crate::domain::{Client, ClientId, ClientSecret, Role, SecretHash, client_secret};
use crate::entropy::{Entropy, EntropyError};
use crate::store::{ChangeError, Kind, Plan, Store, StoreError, Write};

/// Why no first admin was made.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// It was made before.
    #[error(
        "the first admin was made already, and is made once. An admin can make others (`feedpass client add ID --role admin`); \
         if none is left, declare one in the configuration: a [[client]] with `roles = [\"admin\"]`"
    )]
    Done,
    /// A client has the id.
    #[error("there is a client `{0}` already; give another id")]
    Taken(ClientId),
    /// There was no randomness for a secret.
    #[error("no secret could be drawn")]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes client `id` with the role `admin`, and gives its secret.
///
/// # Errors
/// [`BootstrapError`]; nothing is changed then.
pub async fn bootstrap(
    store: &Store,
    id: &ClientId,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<SecretString, BootstrapError> {
    let mut random = [0; 32];
    entropy.fill(&mut random)?;
    let secret = client_secret(&random);
    let now = clock.now();
    let hash = SecretHash::of(secret.expose_secret());
    let admin = Client {
        roles: [Role::Admin].into(),
        secrets: vec![ClientSecret { created_at: Some(now), ..ClientSecret::lasting(hash) }],
        ..Client::new(id.clone())
    };
    let changed = store.change(|snapshot| {
        if snapshot.is_bootstrapped() {
            return Err(BootstrapError::Done);
        }
        if snapshot.client(id).is_some() {
            return Err(BootstrapError::Taken(id.clone()));
        }
        let marker = Write {
            kind: Kind::Bootstrap,
            name: "admin".into(),
            body: json!({ "client": id }).to_string(),
            removed: false,
            moved_to: None,
        };
        let change =
            json!({ "action": "create", "kind": "client", "name": id, "after": { "id": id, "roles": ["admin"] } });
        let event = Event { client: Some(id.clone()), change: Some(change), ..Event::new(now, What::Bootstrap) };
        let writes = vec![marker, Write::put(&admin).map_err(StoreError::from)?];
        Ok(Plan { writes, lines: vec![event.line().map_err(StoreError::from)?], outcome: () })
    });
    match changed.await {
        Ok(()) => Ok(secret),
        Err(ChangeError::Refused(refusal)) => Err(refusal),
        Err(ChangeError::Store(error)) => Err(error.into()),
    }
}
