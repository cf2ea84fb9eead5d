//! Client secrets: shown once, kept as hashes.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::change::Decision;
use super::scene::Scene;
use super::{Admin, AdminError, Attempt, ChangeAction, Expected, last_admin};
use crate::authz::Operator;
use crate::clock::later;
use crate::domain::{Client, ClientId, ClientSecret, Period, SecretHash, client_secret};
use crate::store::{Entry, Kind};

/// A secret to be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretDraft {
    /// From when on it is no longer taken.
    pub expires_at: Option<Timestamp>,
    /// After how long the client's other secrets end, if they do not end sooner; `0s` is at once.
    pub ends_others_in: Option<Period>,
}

/// A secret that was made just now. It is kept nowhere.
#[derive(Debug)]
pub struct NewSecret {
    /// What it is named by.
    pub id: String,
    /// The secret.
    pub secret: SecretString,
    /// From when on it is no longer taken.
    pub expires_at: Option<Timestamp>,
}

impl Admin {
    /// Makes a secret of a client, which may have two live ones at a time.
    ///
    /// # Errors
    /// [`AdminError::NotFound`], [`AdminError::Declared`], [`AdminError::TooManySecrets`], [`AdminError::Invalid`] for
    /// an end that is past, [`AdminError::NoEntropy`].
    pub async fn add_secret(
        &self,
        operator: &Operator,
        id: &ClientId,
        draft: &SecretDraft,
    ) -> Result<NewSecret, AdminError> {
        let mut random = Zeroizing::new([0; 32]);
        self.entropy.fill(&mut *random).map_err(|_| AdminError::NoEntropy)?;
        let secret = client_secret(&random);
        let hash = SecretHash::of(secret.expose_secret());
        let attempt = Attempt { action: ChangeAction::Change, kind: Kind::Client, name: id.as_str() };
        let kept = self
            .change(operator, &attempt, |scene| {
                let before = scene.changeable::<Client>(id, &Expected::Unsaid)?;
                let made =
                    ClientSecret { hash: hash.clone(), created_at: Some(scene.now), expires_at: draft.expires_at };
                let mut secrets = others(scene, &before.value, draft)?;
                secrets.push(made.clone());
                put(scene, before, secrets, made)
            })
            .await?;
        Ok(NewSecret { id: kept.id(), secret, expires_at: kept.expires_at })
    }

    /// Removes a secret of a client: from the next request on it is not taken.
    ///
    /// # Errors
    /// [`AdminError::NotFound`], [`AdminError::Declared`], [`AdminError::LastAdmin`].
    pub async fn remove_secret(&self, operator: &Operator, id: &ClientId, secret: &str) -> Result<(), AdminError> {
        let attempt = Attempt { action: ChangeAction::Change, kind: Kind::Client, name: id.as_str() };
        self.change(operator, &attempt, |scene| {
            let before = scene.changeable::<Client>(id, &Expected::Unsaid)?;
            let mut secrets = before.value.secrets.clone();
            secrets.retain(|kept| kept.id() != secret);
            if secrets.len() == before.value.secrets.len() {
                return Err(AdminError::NoSecret { client: id.clone(), secret: secret.to_owned() });
            }
            put(scene, before, secrets, ())
        })
        .await
    }
}

/// The live secrets that `client` has beside the one that `draft` makes.
fn others(scene: &Scene<'_>, client: &Client, draft: &SecretDraft) -> Result<Vec<ClientSecret>, AdminError> {
    if draft.expires_at.is_some_and(|end| end <= scene.now) {
        let reason = "`expires_at` of a secret has to be in the future".to_owned();
        return Err(AdminError::Invalid { kind: Kind::Client, name: client.id.to_string(), reason });
    }
    let end = draft.ends_others_in.map(|period| later(scene.now, period.as_duration()));
    let ended = |secret: ClientSecret| {
        let expires_at = match (secret.expires_at, end) {
            (Some(own), Some(end)) => Some(own.min(end)),
            (own, end) => own.or(end),
        };
        ClientSecret { expires_at, ..secret }
    };
    let live: Vec<_> = client.secrets.iter().cloned().map(ended).filter(|secret| secret.is_live(scene.now)).collect();
    if live.len() >= Client::MAX_SECRETS {
        let words = |secret: &ClientSecret| match secret.expires_at {
            Some(end) => format!("`{}`, which ends at {end}", secret.id()),
            None => format!("`{}`", secret.id()),
        };
        let secrets = live.iter().map(words).collect();
        return Err(AdminError::TooManySecrets { client: client.id.clone(), secrets });
    }
    Ok(live)
}

fn put<T>(
    scene: &Scene<'_>,
    before: &Entry<Client>,
    secrets: Vec<ClientSecret>,
    outcome: T,
) -> Result<Decision<T>, AdminError> {
    let after = Client { secrets, ..Client::clone(&before.value) };
    last_admin::check(scene, &before.value, Some(&after))?;
    let (change, _) = scene.put(Some(before), after)?;
    Decision::of((change, outcome))
}
