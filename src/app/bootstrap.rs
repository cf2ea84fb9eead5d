//! What is done to a store without a server.

use std::sync::Arc;

use secrecy::SecretString;

use super::from_settings::declared;
use crate::admin::{self, BootstrapError};
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::ClientId;
use crate::entropy::Entropy;
use crate::store::Store;
use crate::store::database::SqlDatabase;

/// Makes the first admin in the store that `settings` name, whether or not a server runs on it, and gives its secret.
///
/// # Errors
/// [`BootstrapError`]; nothing is changed then.
pub async fn bootstrap(
    settings: &Settings,
    id: &ClientId,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<SecretString, BootstrapError> {
    let database = Arc::new(SqlDatabase::open(settings.store.as_str()).await?);
    let store = Store::open(database, declared(settings), Arc::clone(&clock)).await?;
    admin::bootstrap(&store, id, &*clock, &*entropy).await
}
