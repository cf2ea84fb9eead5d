//! Directories of before keys were rotated: a record per key, `<kid>.json`. The first change turns them into `keys.json`.

use std::path::Path;

use serde::Deserialize;

use super::check;
use super::files::{self, FileKind};
use crate::issuer::keyring::backends::KeyStoreError;
use crate::issuer::keyring::lifecycle::Keys;
use crate::issuer::keyring::record::KeyRecord;

#[derive(Deserialize)]
struct RecordFile {
    format: u32,
    #[serde(flatten)]
    record: KeyRecord,
}

/// The keys that such records tell of; none where there are none.
pub(super) fn read(directory: &Path) -> Result<Keys, KeyStoreError> {
    let mut keys = Keys::default();
    for (name, kind) in files::list(directory)? {
        let FileKind::FirstFormat(kid) = kind else { continue };
        let path = directory.join(name);
        let malformed = |problem: String| KeyStoreError::Malformed {
            path: path.display().to_string(),
            expected: "the record of a signing key",
            problem,
        };
        // Gone meanwhile: another process has made `keys.json` of it.
        let Some(json) = files::read(&path)? else { continue };
        let file: RecordFile = serde_json::from_slice(&json).map_err(|error| malformed(error.to_string()))?;
        if file.format != 1 {
            return Err(malformed(format!("its format is {}, and this version reads format 1", file.format)));
        }
        if file.record.kid != kid {
            return Err(malformed(format!("it holds the key {}, and its name says another", file.record.kid)));
        }
        check(&file.record).map_err(malformed)?;
        keys.keys.push(file.record);
    }
    keys.keys.sort_by(|a, b| (a.created_at, &a.kid).cmp(&(b.created_at, &b.kid)));
    Ok(keys)
}
