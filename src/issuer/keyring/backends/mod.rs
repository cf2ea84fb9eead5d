//! Where keys are kept. Each keeper gives the same promises.

mod directory;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

pub use directory::Directory;

use super::lifecycle::Keys;
use super::signer::Signer;
use super::{NewKey, PemError, WriteError};
use crate::domain::{IssuerUrl, Kid, Misfit};

/// A keeper of signing keys.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// All that is there; no keys where there never was one.
    ///
    /// # Errors
    /// [`KeyStoreError`] when it cannot be made out which keys there are: guessing would be worse.
    async fn load(&self) -> Result<Stored, KeyStoreError>;

    /// A mark that differs from an earlier one if what is there may differ. Cheap.
    ///
    /// # Errors
    /// [`KeyStoreError`] when that cannot be said.
    async fn stamp(&self) -> Result<Stamp, KeyStoreError>;

    /// Puts `next`, whose revision is one above that of what it was made of, in the place of that, with the private
    /// half of `new`. Of several processes that try at once one wins. After a crash at any point all of it is there,
    /// or nothing of it. The private halves of keys that need none any more are destroyed.
    ///
    /// # Errors
    /// [`KeyStoreError`]; nothing has changed then.
    async fn commit(&self, next: &Keys, new: Option<&NewKey>) -> Result<Committed, KeyStoreError>;

    /// The issuer whose keys these are; none before the first start.
    ///
    /// # Errors
    /// [`KeyStoreError`] when it could not be read.
    async fn issuer(&self) -> Result<Option<IssuerUrl>, KeyStoreError>;

    /// Notes whose keys these are.
    ///
    /// # Errors
    /// [`KeyStoreError`] when it could not be kept.
    async fn set_issuer(&self, issuer: &IssuerUrl) -> Result<(), KeyStoreError>;
}

/// What a keeper holds.
#[derive(Default)]
pub struct Stored {
    /// What is known of the keys.
    pub keys: Keys,
    /// What signs with those whose private half is there and right.
    pub signers: HashMap<Kid, Arc<dyn Signer>>,
    /// What is wrong with the private half of a key, which hinders no other key.
    pub faults: HashMap<Kid, KeyStoreError>,
    /// What else is there and should not be.
    pub foreign: Vec<String>,
}

/// What [`KeyStore::stamp`] gives.
pub type Stamp = Vec<u8>;

/// Whether a change was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Committed {
    /// It was.
    Yes,
    /// Another process changed the keys before.
    OtherWasFaster,
}

/// Why a keeper could not do what it was asked. The text says what would be right.
#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried: "read", "write".
        action: &'static str,
        /// On which file or folder.
        path: String,
        /// What the machine said.
        #[source]
        source: std::io::Error,
    },
    /// Others on the machine can read a private key.
    #[error(
        "{path} can be read by others (mode {mode:04o}); run `chmod 600 {path}`, and replace the key if others are about"
    )]
    Permissions {
        /// Which file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// Others on the machine can put keys where feedpass looks for its own.
    #[error("{path} can be changed by everybody on the machine (mode {mode:04o}); run `chmod 700 {path}`")]
    OpenToAll {
        /// Which folder.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// A file is not what its name says.
    #[error("{path} is not {expected}: {problem}")]
    Malformed {
        /// Which file.
        path: String,
        /// What it should be.
        expected: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A private half is not there.
    #[error("{path} is missing: put it back from a backup")]
    Missing {
        /// Which file.
        path: String,
    },
    /// A private half cannot be read.
    #[error("{path} is no private key that can be used")]
    Pem {
        /// Which file.
        path: String,
        /// What is wrong with it.
        #[source]
        source: PemError,
    },
    /// A private half does not sign as the record says.
    #[error("{path} does not fit its record: {source}")]
    Misfit {
        /// Which file.
        path: String,
        /// How it does sign.
        source: Misfit,
    },
    /// A private half could not be encoded or encrypted.
    #[error(transparent)]
    Unwritable(#[from] WriteError),
    /// A task that did the work was lost.
    #[error("reading or writing the keys was cut short")]
    Interrupted,
}
