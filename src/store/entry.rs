//! A value that is known, and where it comes from.

use std::sync::Arc;

use jiff::Timestamp;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// From the configuration, and so not to be changed here.
    Declared,
    /// From the store.
    Stored {
        /// The revision that wrote it.
        version: i64,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last written.
        changed_at: Timestamp,
    },
}

/// A value and where it comes from.
#[derive(Debug)]
pub struct Entry<T> {
    /// The value.
    pub value: Arc<T>,
    /// Where it comes from.
    pub source: Source,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), source: self.source }
    }
}
