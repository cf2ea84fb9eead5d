//! `[store]`

use secrecy::SecretString;

use crate::config::reader::Reader;
use crate::config::settings::StoreUrl;
use crate::domain::{EncryptionKey, Invalid};

/// What could be read of the store's section.
pub(in crate::config) struct StoreDraft {
    /// None when it is wrong.
    pub(in crate::config) url: Option<StoreUrl>,
    /// The first seals, all open; empty when none is given.
    pub(in crate::config) encryption_keys: Vec<EncryptionKey>,
}

pub(super) fn read(store: &mut Reader<'_>) -> StoreDraft {
    StoreDraft { url: url(store), encryption_keys: encryption_keys(store).unwrap_or_default() }
}

fn url(store: &mut Reader<'_>) -> Option<StoreUrl> {
    let context = store.context();
    if !store.has("url") && !store.has("url_file") {
        return Some(StoreUrl::beside(&context.resolve("")));
    }
    let url = store.get_or_file("url", "url_file", |text| text.trim().parse::<StoreUrl>())?;
    Some(url.value.below(&context.resolve("")))
}

/// A key for each line that has one.
fn encryption_keys(store: &mut Reader<'_>) -> Option<Vec<EncryptionKey>> {
    let hint = "`encryption_key_file`, the path of a file that holds it, or the variable FEEDPASS_STORE__ENCRYPTION_KEY: in \
                clear beside the database it protects nothing";
    let mut keys = Vec::new();
    let read = |text: &str| -> Result<SecretString, Invalid> {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            keys.push(line.parse::<EncryptionKey>()?);
        }
        if keys.is_empty() {
            return Err(EncryptionKey::invalid());
        }
        Ok(SecretString::default())
    };
    store.secret("encryption_key", "encryption_key_file", hint, read)?;
    Some(keys)
}
