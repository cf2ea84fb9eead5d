//! Signing keys and hashes.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use feedpass::clock::ManualClock;
use feedpass::domain::KeySpec;
use feedpass::entropy::SeededEntropy;
use feedpass::issuer::keyring::backends::Directory;
use feedpass::issuer::keyring::lifecycle::Keys;
use feedpass::issuer::keyring::{ChangeError, KeyRing};
use ring::digest::{SHA256, digest};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::test_app::START;

/// Fills a new directory with a signing key. Making a key takes longer than most tests: one is made
/// for all, and each gets a copy of its files.
pub async fn put(keys: &Path) {
    static FILES: OnceCell<Vec<(OsString, Vec<u8>)>> = OnceCell::const_new();
    let files = FILES
        .get_or_init(|| async {
            let directory = TempDir::new().unwrap();
            let clock = Arc::new(ManualClock::at(START.parse().unwrap()));
            let entropy = Arc::new(SeededEntropy::new(1));
            let store = Directory::new(directory.path().to_owned(), None, Arc::clone(&entropy) as Arc<_>);
            let ring = KeyRing::open(Arc::new(store), KeySpec::default(), clock, entropy).await.unwrap();
            // A key from before, which was told of long ago.
            let told = |keys: &Keys, _| Ok::<_, ChangeError>((Keys { untold: Vec::new(), ..keys.clone() }, ()));
            ring.change(None, told).await.unwrap();
            let entries = std::fs::read_dir(directory.path()).unwrap().map(Result::unwrap);
            entries.map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap())).collect()
        })
        .await;
    std::fs::create_dir(keys).unwrap();
    for (name, content) in files {
        let mut file = tempfile::NamedTempFile::new_in(keys).unwrap();
        file.write_all(content).unwrap();
        file.persist(keys.join(name)).unwrap();
    }
}

/// The lines of all private keys in a directory that are long enough to mean something.
pub fn private_lines(keys: &Path) -> Vec<String> {
    let paths = std::fs::read_dir(keys).unwrap().map(|entry| entry.unwrap().path());
    let private = paths.filter(|path| path.extension().is_some_and(|extension| extension == "pem"));
    let texts = private.filter_map(|path| std::fs::read_to_string(path).ok());
    texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).filter(|line| line.len() == 64).collect()
}

/// The SHA-256 of `text`, in hexadecimal digits.
pub fn sha256(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}
