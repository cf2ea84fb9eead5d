//! The signing keys: opened, shown, rotated, and asked about.

use std::path::PathBuf;
use std::sync::Arc;

use super::from_settings::{lifetimes, rotation_policy};
use crate::admin::{Canaries, Outside, Trial};
use crate::audit::Audit;
use crate::authn::workload::Fetch;
use crate::broker::Broker;
use crate::clock::Clock;
use crate::config::{KeyStore as KeyStoreSettings, Settings};
use crate::entropy::Entropy;
use crate::issuer::keyring::backends::{Directory, KeyStore};
use crate::issuer::keyring::{IssuerChange, KeyRing, KeyRingError, Rotation};
use crate::issuer::metadata::Metadata;
use crate::issuer::mint::Mint;
use crate::store::Store;
use crate::telemetry::{Metrics, with_causes};

pub(super) async fn open(
    settings: &Settings,
    issuer_change: IssuerChange,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Result<Arc<KeyRing>, KeyRingError> {
    let KeyStoreSettings::Directory(path) = &settings.keys.store;
    let passphrase = settings.keys.passphrase.clone();
    let store: Arc<dyn KeyStore> = Arc::new(Directory::new(PathBuf::clone(path), passphrase, Arc::clone(entropy)));
    let keyring = KeyRing::open(Arc::clone(&store), settings.keys.spec, Arc::clone(clock), Arc::clone(entropy)).await?;
    KeyRing::claim_issuer(&*store, &settings.issuer, issuer_change).await?;
    Ok(Arc::new(keyring))
}

pub(super) fn mint(
    settings: &Settings,
    keyring: &Arc<KeyRing>,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Mint {
    let (issuer, api) = (settings.issuer.clone(), settings.listen.at(""));
    let (keyring, lifetimes) = (Arc::clone(keyring), lifetimes(settings));
    Mint::new(issuer, &api, keyring, lifetimes, Arc::clone(clock), Arc::clone(entropy))
}

/// What rotation is made of.
pub(super) struct Parts<'p> {
    pub(super) settings: &'p Settings,
    pub(super) keyring: &'p Arc<KeyRing>,
    pub(super) metadata: &'p Arc<Metadata>,
    pub(super) store: &'p Arc<Store>,
    pub(super) audit: &'p Audit,
    pub(super) metrics: &'p Arc<Metrics>,
    pub(super) clock: &'p Arc<dyn Clock>,
}

impl Parts<'_> {
    /// What rotates the keys. Each change of them is shown to the world, and what was obtained with a burnt one is
    /// dropped, before whoever made it hears of it.
    pub(super) async fn rotation(&self, broker: &Broker) -> Rotation {
        let rotation = Rotation::new(
            Arc::clone(self.keyring),
            rotation_policy(self.settings),
            Arc::clone(self.metadata),
            Arc::clone(self.store),
            self.audit.clone(),
            Arc::clone(self.metrics),
            Arc::clone(self.clock),
        );
        let (shown, held) = (Arc::clone(self.metadata), broker.clone());
        self.keyring.on_change(move |keys| {
            if let Err(error) = shown.publish(keys) {
                tracing::error!("the documents stay as they were: {}", with_causes(&error));
            }
            held.forget_revoked(keys);
        });
        rotation.prepare().await;
        rotation
    }

    /// What asks verifiers about them.
    pub(super) fn canaries(&self, rotation: &Rotation, trial: Trial, fetch: Arc<dyn Fetch>) -> Canaries {
        let (issuer, clock) = (self.settings.issuer.clone(), Arc::clone(self.clock));
        let outside = Outside { issuer, fetch, clock: Arc::clone(&clock) };
        Canaries { rotation: rotation.clone(), trial, outside, clock }
    }
}
