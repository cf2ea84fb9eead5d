//! Where keys are kept. Each keeper gives the same promises.

mod directory;

use async_trait::async_trait;

pub use directory::Directory;

use super::{NewKey, StoredKey, WriteError};
use crate::domain::IssuerUrl;

/// A keeper of signing keys.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// All keys, in no order. No keys is an empty list, not an error.
    ///
    /// # Errors
    /// [`KeyStoreError`] when a key is there but not usable: guessing would be worse.
    async fn load(&self) -> Result<Vec<StoredKey>, KeyStoreError>;

    /// Keeps `key` if there is no key yet. Of several processes that try at once, one wins.
    /// After a crash at any point the key is there whole, or not at all.
    ///
    /// # Errors
    /// [`KeyStoreError`] when it could not be kept.
    async fn add_first(&self, key: &NewKey) -> Result<Added, KeyStoreError>;

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

/// Whether a key was added.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Added {
    /// It was.
    Yes,
    /// There was one already.
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
    /// A private key could not be put into the form that is kept.
    #[error("a private key cannot be kept")]
    Write(#[from] WriteError),
    /// A task that did the work was lost.
    #[error("reading or writing the keys was cut short")]
    Interrupted,
}
