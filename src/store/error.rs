//! Why the store gave nothing.

use super::Clash;

/// Why the store gave nothing; always the operator's to mend.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no database that can be opened.
    #[error("the store cannot be opened: {0}")]
    Open(String),
    /// The tables could not be made or brought up to date.
    #[error("the store's tables could not be brought up to date: {0}")]
    Migrate(String),
    /// The database does not answer as it should.
    #[error("the store does not answer: {0}")]
    Database(String),
    /// A document cannot be read. Nothing is guessed of it.
    #[error("{kind} `{name}` in the store cannot be read: {reason}; was it written by a later feedpass?")]
    Unreadable {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// What the configuration declares cannot be beside what the store has, had or will have.
    #[error(
        "the configuration declares what cannot be beside the store: {}",
        .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(". ")
    )]
    Clashes(Vec<Clash>),
    /// Other processes changed the store again and again in between.
    #[error("other processes kept changing the store; ask again")]
    Contended,
}

impl From<sqlx::Error> for StoreError {
    /// Keeps the words, but for those that may hold the URL and its password.
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Configuration(_) => Self::Open("its URL is not one".into()),
            other => Self::Database(other.to_string()),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Database(format!("a value has no JSON form: {error}"))
    }
}
