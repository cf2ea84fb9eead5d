//! What was signed with each key and may still be accepted.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::store::StoreError;

/// What was signed with one key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signed {
    /// The key's id.
    pub kid: String,
    /// When the last of its tokens ends, or ended; whole seconds.
    pub longest_expires_at: Timestamp,
    /// How many of its tokens may still be accepted: they end within [`TOKEN_LEEWAY`](crate::domain::TOKEN_LEEWAY)
    /// before now, or later.
    pub live: u64,
}

/// Counts the tokens that each key signed. [`Trail::append`](super::Trail::append) and
/// [`Documents::commit`](super::Documents::commit) count each token in the transaction of the line that tells of it:
/// every `mint` and `access_token` whose outcome is `ok`, by its `kid` and its `expires_at`, rounded up to a second.
#[async_trait]
pub trait SignedTokens: Send + Sync {
    /// What was signed with each key and may still be accepted at `now`, ordered by `kid`. A key that is not there
    /// never signed.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn signed(&self, now: Timestamp) -> Result<Vec<Signed>, StoreError>;

    /// Forgets the tokens that ended before `before`, but for the last end of each key. What is forgotten is not
    /// live, if `before` is longer ago than the leeway.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing is forgotten then.
    async fn forget_signed(&self, before: Timestamp) -> Result<(), StoreError>;
}
