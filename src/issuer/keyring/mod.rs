//! The signing keys: what each is, where in its life it stands, and which one signs.
//!
//! [`lifecycle`] says which steps there are, [`schedule`] when each is due, [`evidence`] what verifiers were seen to
//! know; all three are pure. [`KeyRing`] is the keys in use, [`Rotation`] takes the steps.

pub mod backends;
mod certificate;
pub mod evidence;
mod generate;
mod key_set;
pub mod lifecycle;
mod place;
pub mod plan;
mod private_key;
mod public_key;
mod record;
pub mod rotation;
pub mod schedule;
mod signer;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;

pub use certificate::certificate_pem;
pub use generate::{ImportError, NewKey};
pub use key_set::KeySet;
pub use place::{Place, Places};
pub use private_key::{GenerateError, JwkError, PemError, PrivateKey, WriteError};
pub use public_key::{PublicKey, public_pem};
pub use record::{KeyRecord, KeyState};
pub use rotation::Rotation;
pub use signer::{SignError, Signer};

use self::backends::{Committed, KeyStore, KeyStoreError, Stamp, Stored};
use self::lifecycle::{Keys, Refusal};
use crate::authn::AccessTokenKeys;
use crate::authn::jws::VerificationKey;
use crate::clock::Clock;
use crate::domain::{IssuerUrl, KeySpec, Kid};
use crate::entropy::Entropy;
use crate::telemetry::with_causes;

/// Why there is no key ring.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// The keys could not be read or written.
    #[error("the signing keys are not usable")]
    Store(#[from] KeyStoreError),
    /// No key could be made.
    #[error("no first signing key could be made")]
    Generate(#[from] GenerateError),
    /// The keys that are in use are not there any more.
    #[error("there is no signing key any more; put `keys.json` and the keys' files back from a backup")]
    Gone,
    /// There are keys, but none signs.
    #[error("none of the {0} signing keys is active; put `keys.json` back from a backup, or start with an empty store")]
    NoneActive(usize),
    /// More than one key is active, which no transition leads to.
    #[error("keys {0} and {1} are both active; exactly one may be")]
    TwoActive(Kid, Kid),
    /// The keys were made for another issuer, which roles out there trust by name.
    #[error(
        "these keys are those of the issuer {was}, and the configuration says {now}: every role that trusts the old one \
         would refuse. Put it back, or start once with --change-issuer if that is meant"
    )]
    IssuerChanged {
        /// The issuer that the keys were made for.
        was: IssuerUrl,
        /// The configured one.
        now: IssuerUrl,
    },
    /// The keys that were there are gone; a new one would have AWS refuse until it has fetched it.
    #[error(
        "there were keys of the issuer {0}, and none is there any more: put them back from a backup, or remove the \
         note `issuer` beside them to begin with a new key"
    )]
    Lost(IssuerUrl),
}

/// Why the keys stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It cannot be done with these keys.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another process, or somebody by hand, changed the keys at the same moment.
    #[error(
        "another process changed the keys at the same moment, so nothing was done; `key list` shows what they are now"
    )]
    OtherWasFaster,
    /// What the keeper holds is not what is in use, so nothing can be built on it.
    #[error("the keys as they are stored cannot be used, so nothing was done: {0}")]
    Trouble(String),
    /// The keeper could not.
    #[error("the keys could not be changed, and stay as they were")]
    Store(#[from] KeyStoreError),
}

/// The keys in use. Readers take a [`KeySet`] and never wait.
pub struct KeyRing {
    store: Arc<dyn KeyStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    current: ArcSwap<KeySet>,
    /// Held by whoever takes something in or changes it: the mark of what `current` was made of.
    turn: tokio::sync::Mutex<Stamp>,
    /// Why what the keeper holds is not in use, in the words that the log had.
    trouble: Mutex<Option<String>>,
    changed: OnceLock<Hook>,
}

/// What is told of each new set.
type Hook = Box<dyn Fn(&Arc<KeySet>) + Send + Sync>;

/// What to do when the configured issuer is not the one that the keys were made for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IssuerChange {
    /// Refuse to start.
    Refused,
    /// Go on under the new name.
    Accepted,
}

impl KeyRing {
    /// Notes that the keys in `store` are those of `issuer`, so that no later start changes it unseen.
    ///
    /// # Errors
    /// [`KeyRingError::IssuerChanged`] and [`KeyRingError::Store`].
    pub async fn claim_issuer(
        store: &dyn KeyStore,
        issuer: &IssuerUrl,
        change: IssuerChange,
    ) -> Result<(), KeyRingError> {
        match store.issuer().await? {
            Some(was) if was == *issuer => return Ok(()),
            // No role can trust a loopback issuer, so going from the sandbox to AWS breaks nothing.
            Some(was) if change == IssuerChange::Refused && !was.is_loopback() => {
                return Err(KeyRingError::IssuerChanged { was, now: issuer.clone() });
            }
            Some(was) => tracing::warn!("the issuer changes from {was} to {issuer}"),
            None => {}
        }
        Ok(store.set_issuer(issuer).await?)
    }

    /// Reads the keys from `store`; where there has never been one, makes the first, which signs at once:
    /// no verifier can have fetched a set without it.
    ///
    /// # Errors
    /// [`KeyRingError`], always the operator's to mend.
    pub async fn open(
        store: Arc<dyn KeyStore>,
        spec: KeySpec,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, KeyRingError> {
        let mut stamp = store.stamp().await?;
        let mut stored = store.load().await?;
        if stored.keys.keys.is_empty() {
            if let Some(issuer) = store.issuer().await? {
                return Err(KeyRingError::Lost(issuer));
            }
            let first = NewKey::generate(spec, clock.now(), Arc::clone(&entropy)).await?;
            let kid = &first.record().kid;
            let untold = rotation::first(first.record(), clock.now()).into_iter().collect();
            let keys = Keys { revision: stored.keys.revision + 1, keys: vec![first.record().clone()], untold };
            match store.commit(&keys, Some(&first)).await? {
                Committed::Yes => tracing::info!(key.kid = %kid, "made a first signing key {kid}"),
                Committed::OtherWasFaster => tracing::info!("another process made the first signing key"),
            }
            stamp = store.stamp().await?;
            stored = store.load().await?;
        }
        tell_of_foreign(&stored);
        let set = KeySet::of(stored, None)?;
        set.tell_of_faults();
        Ok(Self {
            store,
            clock,
            entropy,
            current: ArcSwap::from_pointee(set),
            turn: tokio::sync::Mutex::new(stamp),
            trouble: Mutex::default(),
            changed: OnceLock::new(),
        })
    }

    /// The keys as they stand now.
    #[must_use]
    pub fn current(&self) -> Arc<KeySet> {
        self.current.load_full()
    }

    /// Why what the keeper holds is not in use; none when it is.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has `hook` called now, and with each set of other keys before whoever made the change hears of it. The first hook counts.
    pub fn on_change(&self, hook: impl Fn(&Arc<KeySet>) + Send + Sync + 'static) {
        hook(&self.current());
        // A second one would have been told of at review: there is one place that calls this.
        let _ = self.changed.set(Box::new(hook));
    }

    /// Takes in what other processes, or people by hand, changed; says whether there was anything. What is wrong
    /// there is told of once, and the keys stay as they were: they go on signing.
    pub async fn refresh(&self) -> bool {
        let mut turn = self.turn.lock().await;
        self.catch_up(&mut turn).await.unwrap_or(false)
    }

    /// Makes a key of the kind `spec`, which is kept nowhere yet.
    ///
    /// # Errors
    /// [`GenerateError`].
    pub async fn new_key(&self, spec: KeySpec) -> Result<NewKey, GenerateError> {
        NewKey::generate(spec, self.clock.now(), Arc::clone(&self.entropy)).await
    }

    /// Makes the change that `decide` decides on, by what the keeper holds now. Of two that change the keys at the same
    /// moment one does.
    ///
    /// # Errors
    /// [`ChangeError`], or what `decide` says against it; nothing is changed then.
    pub async fn change<T, E: From<ChangeError>>(
        &self,
        new: Option<&NewKey>,
        decide: impl FnOnce(&Keys, Timestamp) -> Result<(Keys, T), E>,
    ) -> Result<T, E> {
        let mut turn = self.turn.lock().await;
        self.catch_up(&mut turn).await.map_err(ChangeError::Store)?;
        if let Some(trouble) = self.trouble() {
            return Err(ChangeError::Trouble(trouble).into());
        }
        let current = self.current();
        let (mut next, outcome) = decide(current.keys(), self.clock.now())?;
        next.revision = current.keys().revision + 1;
        let committed = self.store.commit(&next, new).await.map_err(ChangeError::Store)?;
        // Ours is in force from here on, or that of whoever was faster.
        let taken_in = self.catch_up(&mut turn).await;
        match committed {
            Committed::OtherWasFaster => Err(ChangeError::OtherWasFaster.into()),
            Committed::Yes => match taken_in {
                Ok(_) => Ok(outcome),
                Err(error) => Err(ChangeError::Store(error).into()),
            },
        }
    }

    /// Reads what the keeper holds, if that may be news.
    async fn catch_up(&self, turn: &mut Stamp) -> Result<bool, KeyStoreError> {
        match self.read_again(turn).await {
            Ok(news) => Ok(news),
            Err(Reading::Store(error)) => {
                self.note_trouble(Some(with_causes(&error)));
                Err(error)
            }
            Err(Reading::Ring(error)) => {
                self.note_trouble(Some(with_causes(&error)));
                Ok(false)
            }
        }
    }

    async fn read_again(&self, turn: &mut Stamp) -> Result<bool, Reading> {
        let stamp = self.store.stamp().await?;
        if stamp == *turn {
            // What is in use is there again, as it was: a folder that was away, say.
            self.note_trouble(None);
            return Ok(false);
        }
        let stored = self.store.load().await?;
        let current = self.current();
        let known = current.foreign() == stored.foreign;
        if !known {
            tell_of_foreign(&stored);
        }
        let next = KeySet::of(stored, Some(&current)).map_err(Reading::Ring)?;
        *turn = stamp;
        if next.faults() != current.faults() {
            next.tell_of_faults();
        }
        self.note_trouble(None);
        let next = Arc::new(next);
        self.current.store(Arc::clone(&next));
        // A private half that was mended, or a note beside the keys, changes nothing for anybody else.
        let changed = next.keys() != current.keys();
        if changed && let Some(hook) = self.changed.get() {
            hook(&next);
        }
        Ok(changed)
    }

    fn note_trouble(&self, trouble: Option<String>) {
        let mut noted = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *noted == trouble {
            return;
        }
        if let Some(what) = &trouble {
            tracing::error!("the signing keys stay as they were, and sign: {what}");
        } else {
            tracing::info!("the signing keys can be read again");
        }
        *noted = trouble;
    }
}

/// Why what the keeper holds is not taken in.
enum Reading {
    Store(KeyStoreError),
    Ring(KeyRingError),
}

impl From<KeyStoreError> for Reading {
    fn from(error: KeyStoreError) -> Self {
        Self::Store(error)
    }
}

fn tell_of_foreign(stored: &Stored) {
    for name in &stored.foreign {
        tracing::warn!(
            "`{name}` beside the signing keys is none of feedpass's files, and left alone; `feedpass key import` \
             brings a key in"
        );
    }
}

impl AccessTokenKeys for KeyRing {
    fn key(&self, kid: &str) -> Option<VerificationKey> {
        self.current.load().verifier(kid)
    }
}
