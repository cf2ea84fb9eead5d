//! Keys in a directory: for each key a record, `<kid>.json`, and its private half, `<kid>.pem`.
//!
//! The record is what makes a key: it is written last and renamed into place, so a crash leaves a
//! key whole or no key. Every file is 0600. A lock on `.lock` lets one process at a time change the
//! directory. `issuer` says whose keys these are. What is none of these is left alone.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Added, KeyStore, KeyStoreError};
use crate::domain::{Invalid, IssuerUrl};
use crate::issuer::keyring::lifecycle::KeyRecord;
use crate::issuer::keyring::public_key::thumbprint_of;
use crate::issuer::keyring::{NewKey, PrivateKey, Signer, StoredKey};

/// The directory keeper, `keys.store = "directory:PATH"`.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
    passphrase: Option<SecretString>,
}

/// A record as its file holds it.
#[derive(Deserialize, Serialize)]
struct RecordFile {
    /// The version of this form.
    format: u32,
    #[serde(flatten)]
    record: KeyRecord,
}

const FORMAT: u32 = 1;

/// The file that says whose keys these are.
const ISSUER_FILE: &str = "issuer";

/// How the names of files begin that are not whole yet.
const UNFINISHED: &str = ".new-";

impl Directory {
    /// Keeps keys below `path`, which is made when it is needed. With a passphrase, private keys are written encrypted,
    /// and read whether they are or not.
    #[must_use]
    pub fn new(path: PathBuf, passphrase: Option<SecretString>) -> Self {
        Self { path, passphrase }
    }

    async fn off_the_runtime<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, KeyStoreError> + Send + 'static,
    ) -> Result<T, KeyStoreError> {
        let directory = self.clone();
        tokio::task::spawn_blocking(move || work(&directory)).await.map_err(|_| KeyStoreError::Interrupted)?
    }

    fn load_blocking(&self) -> Result<Vec<StoredKey>, KeyStoreError> {
        self.record_paths()?.iter().map(|path| load_key(path, self.passphrase.as_ref())).collect()
    }

    fn add_first_blocking(&self, key: &NewKey) -> Result<Added, KeyStoreError> {
        self.make()?;
        let _lock = self.lock()?;
        self.remove_leftovers()?;
        if !self.record_paths()?.is_empty() {
            return Ok(Added::OtherWasFaster);
        }
        let record = key.record();
        let private_pem = key.private_pem(self.passphrase.as_ref())?;
        let file = RecordFile { format: FORMAT, record: record.clone() };
        let json = serde_json::to_vec_pretty(&file).map_err(|error| KeyStoreError::Malformed {
            path: self.path.display().to_string(),
            expected: "a key record",
            problem: error.to_string(),
        })?;
        self.write(&format!("{}.pem", record.kid), private_pem.as_bytes())?;
        self.write(&format!("{}.json", record.kid), &json)?;
        Ok(Added::Yes)
    }

    fn make(&self) -> Result<(), KeyStoreError> {
        if self.path.is_dir() {
            return Ok(());
        }
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&self.path).map_err(io("make", &self.path))?;
        // A new folder is durable once the one above it is synced.
        let above = self.path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(above).and_then(|above| above.sync_all()).map_err(io("sync", above))
    }

    fn issuer_blocking(&self) -> Result<Option<IssuerUrl>, KeyStoreError> {
        let path = self.path.join(ISSUER_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("read", &path)(error)),
        };
        text.trim().parse().map(Some).map_err(|error: Invalid| KeyStoreError::Malformed {
            path: path.display().to_string(),
            expected: "a file with the issuer's URL",
            problem: error.to_string(),
        })
    }

    /// Writes a file whole or not at all, for its owner alone.
    fn write(&self, name: &str, content: &[u8]) -> Result<(), KeyStoreError> {
        let path = self.path.join(name);
        let failed = io("write", &path);
        let written = (|| {
            // A NamedTempFile is 0600 from its first moment, and gone again if anything fails.
            let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.path)?;
            file.write_all(content)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            // The rename itself is durable once the directory is synced.
            File::open(&self.path)?.sync_all()
        })();
        written.map_err(failed)
    }

    /// Removes what a crash left half written. The caller holds the lock, so nobody is writing it.
    fn remove_leftovers(&self) -> Result<(), KeyStoreError> {
        for path in self.paths()? {
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| name.starts_with(UNFINISHED)) {
                fs::remove_file(&path).map_err(io("remove", &path))?;
            }
        }
        Ok(())
    }

    fn lock(&self) -> Result<File, KeyStoreError> {
        let path = self.path.join(".lock");
        let locked = File::options().create(true).append(true).open(&path).and_then(|file| {
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.lock()?;
            Ok(file)
        });
        locked.map_err(io("lock", &path))
    }

    fn record_paths(&self) -> Result<Vec<PathBuf>, KeyStoreError> {
        let mut paths = self.paths()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        Ok(paths)
    }

    fn paths(&self) -> Result<Vec<PathBuf>, KeyStoreError> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io("read", &self.path)(error)),
        };
        entries.map(|entry| Ok(entry.map_err(io("read", &self.path))?.path())).collect()
    }
}

#[async_trait]
impl KeyStore for Directory {
    async fn load(&self) -> Result<Vec<StoredKey>, KeyStoreError> {
        self.off_the_runtime(Self::load_blocking).await
    }

    async fn add_first(&self, key: &NewKey) -> Result<Added, KeyStoreError> {
        let key = key.clone();
        self.off_the_runtime(move |directory| directory.add_first_blocking(&key)).await
    }

    async fn issuer(&self) -> Result<Option<IssuerUrl>, KeyStoreError> {
        self.off_the_runtime(Self::issuer_blocking).await
    }

    async fn set_issuer(&self, issuer: &IssuerUrl) -> Result<(), KeyStoreError> {
        let line = format!("{issuer}\n");
        self.off_the_runtime(move |directory| {
            directory.make()?;
            let _lock = directory.lock()?;
            directory.write(ISSUER_FILE, line.as_bytes())
        })
        .await
    }
}

fn io(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> KeyStoreError + use<> {
    let path = path.display().to_string();
    move |source| KeyStoreError::Io { action, path: path.clone(), source }
}

fn load_key(record_path: &Path, passphrase: Option<&SecretString>) -> Result<StoredKey, KeyStoreError> {
    let malformed = |problem: String| KeyStoreError::Malformed {
        path: record_path.display().to_string(),
        expected: "the record of a signing key",
        problem,
    };
    let json = fs::read(record_path).map_err(io("read", record_path))?;
    let file: RecordFile = serde_json::from_slice(&json).map_err(|error| malformed(error.to_string()))?;
    if file.format != FORMAT {
        return Err(malformed(format!("its format is {}, and this version reads format {FORMAT}", file.format)));
    }
    let record = file.record;
    if record_path.file_stem().is_none_or(|stem| stem != record.kid.as_str()) {
        return Err(malformed(format!("it holds the key {}, and its name says another", record.kid)));
    }
    // What is published must be what signs: a damaged record would have every exchange refused.
    if thumbprint_of(&record.jwk).map_err(|error| malformed(error.to_string()))? != record.kid {
        return Err(malformed("its public half is another key's".into()));
    }
    let signer = load_signer(&record_path.with_extension("pem"), &record, passphrase)?;
    Ok(StoredKey { record, signer })
}

/// Reads a private half; none when there is no such file.
fn load_signer(
    path: &Path,
    record: &KeyRecord,
    passphrase: Option<&SecretString>,
) -> Result<Option<Arc<dyn Signer>>, KeyStoreError> {
    let unusable = |problem: String| KeyStoreError::Malformed {
        path: path.display().to_string(),
        expected: "a private key that can be used",
        problem,
    };
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o7777,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("read", path)(error)),
    };
    if mode & 0o077 != 0 {
        return Err(KeyStoreError::Permissions { path: path.display().to_string(), mode });
    }
    let pem = Zeroizing::new(fs::read_to_string(path).map_err(io("read", path))?);
    let private = PrivateKey::from_pem(&pem, passphrase).map_err(|error| unusable(error.to_string()))?;
    let kid = private.kid();
    if kid != record.kid {
        return Err(unusable(format!("it is the private half of another key, {kid}")));
    }
    private.signer(record.algorithm).map(Some).map_err(|error| unusable(error.to_string()))
}
