//! The files of a key directory: what each name means, and how one is written.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use crate::domain::Kid;
use crate::issuer::keyring::backends::KeyStoreError;

/// What is known of all keys.
pub(super) const KEYS: &str = "keys.json";
/// Says whose keys these are.
pub(super) const ISSUER: &str = "issuer";
/// Whoever changes anything holds a lock on it.
pub(super) const LOCK: &str = ".lock";
/// How the names of files begin that are not whole yet.
pub(super) const UNFINISHED: &str = ".new-";

/// What a file is, by its name.
pub(super) enum FileKind {
    /// One of those above, or what version control has of an empty folder.
    Own,
    /// The private half of a key.
    PrivateHalf(Kid),
    /// The record of one key, as the first format had it.
    FirstFormat(Kid),
    /// A file that is not whole yet: the private half of a key where one is named.
    Unfinished(Option<Kid>),
    /// Somebody else's.
    Foreign,
}

impl FileKind {
    /// The name of a private half.
    pub(super) fn private_half(kid: &Kid) -> String {
        format!("{kid}.pem")
    }

    /// Its name until its key is in the record.
    pub(super) fn unfinished(kid: &Kid) -> String {
        format!("{UNFINISHED}{kid}.pem")
    }

    fn of(name: &str) -> Self {
        let kid = |name: &str, extension: &str| name.strip_suffix(extension)?.parse().ok();
        if [KEYS, ISSUER, LOCK, ".gitignore"].contains(&name) {
            Self::Own
        } else if let Some(rest) = name.strip_prefix(UNFINISHED) {
            Self::Unfinished(kid(rest, ".pem"))
        } else if let Some(kid) = kid(name, ".pem") {
            Self::PrivateHalf(kid)
        } else if let Some(kid) = kid(name, ".json") {
            Self::FirstFormat(kid)
        } else {
            Self::Foreign
        }
    }
}

/// The files of `directory`, none where there is no such directory.
pub(super) fn list(directory: &Path) -> Result<Vec<(String, FileKind)>, KeyStoreError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io("read", directory)(error)),
    };
    let named = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry.map_err(io("read", directory))?.file_name().to_string_lossy().into_owned();
        let kind = FileKind::of(&name);
        Ok((name, kind))
    };
    entries.map(named).collect()
}

/// What `path` holds; none when there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, KeyStoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io("read", path)(error)),
    }
}

/// Writes a file whole or not at all, for its owner alone.
pub(super) fn write(directory: &Path, name: &str, content: &[u8]) -> Result<(), KeyStoreError> {
    let path = directory.join(name);
    let failed = io("write", &path);
    let written = (|| {
        // A NamedTempFile is 0600 from its first moment, and gone again if anything fails.
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(directory)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        // The rename itself is durable once the directory is synced.
        File::open(directory)?.sync_all()
    })();
    written.map_err(failed)
}

/// Makes what was renamed and removed in `directory` durable.
pub(super) fn sync(directory: &Path) -> Result<(), KeyStoreError> {
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(io("sync", directory))
}

pub(super) fn io(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> KeyStoreError + use<> {
    let path = path.display().to_string();
    move |source| KeyStoreError::Io { action, path: path.clone(), source }
}
