//! Keys in a directory: `keys.json` says what is known of all of them, `<kid>.pem` is a key's private half.
//!
//! `keys.json` is what counts: it is renamed into place as a whole, so a crash leaves the keys before a change or
//! after it. A new private half is there before it, under a name that is not whole yet, and gets its own after it.
//! Every file is 0600. A lock on `.lock` lets one process at a time change the directory. `issuer` says whose keys
//! these are. What is none of these is told of, and left alone.

mod files;
mod first_format;

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use self::files::{FileKind, io, write};
use super::{Committed, KeyStore, KeyStoreError, Stamp, Stored};
use crate::domain::{Invalid, IssuerUrl, Kid};
use crate::entropy::Entropy;
use crate::issuer::keyring::lifecycle::Keys;
use crate::issuer::keyring::public_key::thumbprint_of;
use crate::issuer::keyring::record::KeyRecord;
use crate::issuer::keyring::signer::Signer;
use crate::issuer::keyring::{NewKey, PrivateKey};

/// The directory keeper, `keys.store = "directory:PATH"`.
#[derive(Clone)]
pub struct Directory {
    path: PathBuf,
    /// What private halves are encrypted with; none leaves them as they are.
    passphrase: Option<SecretString>,
    entropy: Arc<dyn Entropy>,
}

/// `keys.json`.
#[derive(Deserialize, Serialize)]
struct KeysFile {
    /// The version of this form.
    format: u32,
    #[serde(flatten)]
    keys: Keys,
}

const FORMAT: u32 = 2;
/// How often a load starts anew because a change came in between.
const ATTEMPTS: u32 = 5;

impl Directory {
    /// Keeps keys below `path`, which is made when it is needed.
    #[must_use]
    pub fn new(path: PathBuf, passphrase: Option<SecretString>, entropy: Arc<dyn Entropy>) -> Self {
        Self { path, passphrase, entropy }
    }

    async fn off_the_runtime<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, KeyStoreError> + Send + 'static,
    ) -> Result<T, KeyStoreError> {
        let directory = self.clone();
        tokio::task::spawn_blocking(move || work(&directory)).await.map_err(|_| KeyStoreError::Interrupted)?
    }

    fn load_blocking(&self) -> Result<Stored, KeyStoreError> {
        self.refuse_if_open_to_all()?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let stored = self.load_once()?;
            // A private half may just have been destroyed, or have got its name.
            if stored.faults.is_empty() || attempts == ATTEMPTS || self.keys()?.revision == stored.keys.revision {
                return Ok(stored);
            }
        }
    }

    fn load_once(&self) -> Result<Stored, KeyStoreError> {
        let keys = self.keys()?;
        let (mut signers, mut faults) = (HashMap::new(), HashMap::new());
        for key in keys.keys.iter().filter(|key| key.keeps_private_half()) {
            match self.signer(key) {
                Ok(signer) => drop(signers.insert(key.kid.clone(), signer)),
                Err(fault) => drop(faults.insert(key.kid.clone(), fault)),
            }
        }
        let foreign = self.foreign(&keys)?;
        Ok(Stored { keys, signers, faults, foreign })
    }

    /// What is known of the keys. No keys is no error.
    fn keys(&self) -> Result<Keys, KeyStoreError> {
        let path = self.path.join(files::KEYS);
        let Some(json) = files::read(&path)? else { return first_format::read(&self.path) };
        let file: KeysFile = serde_json::from_slice(&json).map_err(|error| malformed(&path, error.to_string()))?;
        if file.format != FORMAT {
            let problem = format!("its format is {}, and this version reads format {FORMAT}", file.format);
            return Err(malformed(&path, problem));
        }
        for key in &file.keys.keys {
            check(key).map_err(|problem| malformed(&path, problem))?;
        }
        Ok(file.keys)
    }

    fn signer(&self, key: &KeyRecord) -> Result<Arc<dyn Signer>, KeyStoreError> {
        let path = self.path.join(FileKind::private_half(&key.kid));
        // Renamed between the two looks, it is found by the third.
        let places = [path.clone(), self.path.join(FileKind::unfinished(&key.kid)), path.clone()];
        let Some((path, pem)) =
            places.into_iter().find_map(|place| Some((place.clone(), read_private(&place).transpose()?)))
        else {
            return Err(KeyStoreError::Missing { path: path.display().to_string() });
        };
        let pem = pem?;
        let wrong = |source| KeyStoreError::Pem { path: path.display().to_string(), source };
        let private = PrivateKey::from_pem(&pem, self.passphrase.as_ref()).map_err(wrong)?;
        let kid = private.kid();
        if kid != key.kid {
            return Err(KeyStoreError::Malformed {
                path: path.display().to_string(),
                expected: "the private half of the key that its name says",
                problem: format!("it is that of {kid}"),
            });
        }
        let misfit = |source| KeyStoreError::Misfit { path: path.display().to_string(), source };
        private.signer(key.algorithm).map_err(misfit)
    }

    fn commit_blocking(&self, next: &Keys, new: Option<(&Kid, &PrivateKey)>) -> Result<Committed, KeyStoreError> {
        self.make()?;
        self.refuse_if_open_to_all()?;
        let _lock = self.lock()?;
        let now = self.keys()?;
        self.tidy(&now)?;
        if now.revision + 1 != next.revision {
            return Ok(Committed::OtherWasFaster);
        }
        if let Some((kid, private)) = new {
            let pem = private.to_pem(self.passphrase.as_ref(), &*self.entropy)?;
            write(&self.path, &FileKind::unfinished(kid), pem.as_bytes())?;
        }
        let file = KeysFile { format: FORMAT, keys: next.clone() };
        let path = self.path.join(files::KEYS);
        let json = serde_json::to_vec_pretty(&file).map_err(|error| malformed(&path, error.to_string()))?;
        write(&self.path, files::KEYS, &json)?;
        // The change is made. What is left to do, the next change would do as well.
        if let Err(error) = self.tidy(next) {
            tracing::warn!("the key directory is to be tidied yet: {}", crate::telemetry::with_causes(&error));
        }
        Ok(Committed::Yes)
    }

    /// Finishes what a crash may have cut short, and destroys private halves that are not needed any more. The caller
    /// holds the lock, so nobody is writing.
    fn tidy(&self, keys: &Keys) -> Result<(), KeyStoreError> {
        for (name, kind) in files::list(&self.path)? {
            let path = self.path.join(&name);
            let key = |kid: &Kid| keys.get(kid);
            match kind {
                FileKind::Unfinished(Some(kid)) if key(&kid).is_some_and(KeyRecord::keeps_private_half) => {
                    let whole = self.path.join(FileKind::private_half(&kid));
                    fs::rename(&path, &whole).map_err(io("rename", &path))?;
                }
                FileKind::Unfinished(_) => fs::remove_file(&path).map_err(io("remove", &path))?,
                FileKind::PrivateHalf(kid) if key(&kid).is_some_and(|key| !key.keeps_private_half()) => {
                    fs::remove_file(&path).map_err(io("remove", &path))?;
                }
                FileKind::FirstFormat(kid) if key(&kid).is_some() && self.path.join(files::KEYS).exists() => {
                    fs::remove_file(&path).map_err(io("remove", &path))?;
                }
                _ => {}
            }
        }
        files::sync(&self.path)
    }

    /// The names of what no change here left.
    fn foreign(&self, keys: &Keys) -> Result<Vec<String>, KeyStoreError> {
        let foreign = |kind: &FileKind| match kind {
            FileKind::Foreign => true,
            FileKind::PrivateHalf(kid) | FileKind::FirstFormat(kid) => keys.get(kid).is_none(),
            FileKind::Own | FileKind::Unfinished(_) => false,
        };
        let files = files::list(&self.path)?;
        let mut names: Vec<_> = files.into_iter().filter(|(_, kind)| foreign(kind)).map(|(name, _)| name).collect();
        names.sort();
        Ok(names)
    }

    fn make(&self) -> Result<(), KeyStoreError> {
        if self.path.is_dir() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path).map_err(io("make", &self.path))?;
        // A new folder is durable once the one above it is synced.
        files::sync(self.path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    }

    fn refuse_if_open_to_all(&self) -> Result<(), KeyStoreError> {
        match fs::metadata(&self.path) {
            Ok(metadata) if metadata.mode() & 0o002 != 0 => {
                let mode = metadata.mode() & 0o7777;
                Err(KeyStoreError::OpenToAll { path: self.path.display().to_string(), mode })
            }
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(io("read", &self.path)(error)),
        }
    }

    fn lock(&self) -> Result<File, KeyStoreError> {
        let path = self.path.join(files::LOCK);
        let locked = File::options().create(true).append(true).open(&path).and_then(|file| {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            file.lock()?;
            Ok(file)
        });
        locked.map_err(io("lock", &path))
    }

    /// What changes whenever a file does: names, places, sizes, modes and times. And who may change the folder.
    fn stamp_blocking(&self) -> Result<Stamp, KeyStoreError> {
        let mut marks: Vec<_> = fs::metadata(&self.path).iter().map(|folder| format!("{}", folder.mode())).collect();
        for (name, kind) in files::list(&self.path)? {
            if matches!(kind, FileKind::Unfinished(_)) || name == files::LOCK {
                continue;
            }
            // One that goes meanwhile is seen to be gone at the next look.
            if let Ok(metadata) = fs::metadata(self.path.join(&name)) {
                let (mode, times) = (metadata.mode(), (metadata.mtime(), metadata.mtime_nsec(), metadata.ctime_nsec()));
                marks.push(format!("{name} {} {} {mode} {times:?}", metadata.ino(), metadata.len()));
            }
        }
        marks.sort();
        Ok(marks.join("\n").into_bytes())
    }

    fn issuer_blocking(&self) -> Result<Option<IssuerUrl>, KeyStoreError> {
        let path = self.path.join(files::ISSUER);
        let Some(text) = files::read(&path)? else { return Ok(None) };
        let wrong = |problem: String| KeyStoreError::Malformed {
            path: path.display().to_string(),
            expected: "a file with the issuer's URL",
            problem,
        };
        let text = String::from_utf8(text).map_err(|error| wrong(error.to_string()))?;
        text.trim().parse().map(Some).map_err(|error: Invalid| wrong(error.to_string()))
    }
}

#[async_trait]
impl KeyStore for Directory {
    async fn load(&self) -> Result<Stored, KeyStoreError> {
        self.off_the_runtime(Self::load_blocking).await
    }

    async fn stamp(&self) -> Result<Stamp, KeyStoreError> {
        self.off_the_runtime(Self::stamp_blocking).await
    }

    async fn commit(&self, next: &Keys, new: Option<&NewKey>) -> Result<Committed, KeyStoreError> {
        let next = next.clone();
        let new = new.and_then(|new| Some((new.record().kid.clone(), Arc::clone(new.private()?))));
        self.off_the_runtime(move |directory| {
            directory.commit_blocking(&next, new.as_ref().map(|(kid, private)| (kid, &**private)))
        })
        .await
    }

    async fn issuer(&self) -> Result<Option<IssuerUrl>, KeyStoreError> {
        self.off_the_runtime(Self::issuer_blocking).await
    }

    async fn set_issuer(&self, issuer: &IssuerUrl) -> Result<(), KeyStoreError> {
        let line = format!("{issuer}\n");
        self.off_the_runtime(move |directory| {
            directory.make()?;
            let _lock = directory.lock()?;
            write(&directory.path, files::ISSUER, line.as_bytes())
        })
        .await
    }
}

fn malformed(path: &Path, problem: String) -> KeyStoreError {
    KeyStoreError::Malformed { path: path.display().to_string(), expected: "the record of the signing keys", problem }
}

/// What is published must be what signs: a damaged record would have every exchange refused.
fn check(key: &KeyRecord) -> Result<(), String> {
    match thumbprint_of(&key.jwk) {
        Ok(kid) if kid == key.kid => Ok(()),
        Ok(kid) => Err(format!("the public half of key {} is another key's, {kid}", key.kid)),
        Err(error) => Err(format!("the public half of key {}: {error}", key.kid)),
    }
}

/// The text of a private half, which its owner alone can read; none when there is no such file.
fn read_private(path: &Path) -> Result<Option<Zeroizing<String>>, KeyStoreError> {
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.mode() & 0o7777,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("read", path)(error)),
    };
    if mode & 0o077 != 0 {
        return Err(KeyStoreError::Permissions { path: path.display().to_string(), mode });
    }
    // What is no text at all is no PEM either, which is then said.
    let bytes = files::read(path)?.map(Zeroizing::new);
    Ok(bytes.map(|bytes| Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())))
}
