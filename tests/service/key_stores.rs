//! What every keeper of signing keys promises.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use feedpass::domain::{Algorithm, KeySpec, Kid};
use feedpass::entropy::{Entropy, SystemEntropy};
use feedpass::issuer::keyring::backends::{Committed, Directory, KeyStore};
use feedpass::issuer::keyring::lifecycle::Keys;
use feedpass::issuer::keyring::{KeyRecord, KeyState, NewKey, PublicKey};
use jiff::Timestamp;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use secrecy::SecretString;
use serde_json::json;
use tempfile::TempDir;

use crate::support::START;
use crate::support::openssl::openssl;

/// How a process comes to its keeper of what is kept at a place.
type Open = fn(&Path) -> Arc<dyn KeyStore>;

/// Every kind of keeper.
const KEEPERS: [(&str, Open); 2] = [
    ("a directory", |path| directory(path, None)),
    ("a directory whose private halves are encrypted", |path| directory(path, Some("a passphrase of several words"))),
];

fn directory(path: &Path, passphrase: Option<&str>) -> Arc<dyn KeyStore> {
    Arc::new(Directory::new(path.join("keys"), passphrase.map(SecretString::from), entropy()))
}

fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SystemEntropy::default())
}

fn start() -> Timestamp {
    START.parse().unwrap()
}

/// A key of a curve, which is made in no time. It signs by its record.
async fn new_key() -> NewKey {
    NewKey::generate(KeySpec::from(Algorithm::Es256), start(), entropy()).await.unwrap()
}

fn kid(new: &NewKey) -> Kid {
    new.record().kid.clone()
}

/// The public half of a key of a curve, uncompressed (SEC 1 §2.3.3).
fn point(key: &KeyRecord) -> Vec<u8> {
    let jwk = serde_json::to_value(&key.jwk).unwrap();
    let coordinate = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    [vec![4], coordinate("x"), coordinate("y")].concat()
}

/// `keys` with `new`, as the next revision.
fn with(keys: &Keys, new: &NewKey) -> Keys {
    let mut next = keys.clone().with(new.record().clone()).unwrap();
    next.revision = keys.revision + 1;
    next
}

/// Asserts that one key after another is taken in, and gives what is then known of them.
async fn commit(store: &dyn KeyStore, news: &[&NewKey]) -> Keys {
    let mut keys = Keys::default();
    for new in news {
        keys = with(&keys, new);
        assert_eq!(store.commit(&keys, Some(new)).await.unwrap(), Committed::Yes);
    }
    keys
}

#[tokio::test]
async fn where_there_never_was_a_key_there_is_none_and_no_issuer() {
    for (keeper, open) in KEEPERS {
        let place = TempDir::new().unwrap();
        let store = open(place.path());
        let stored = store.load().await.unwrap();
        assert_eq!(stored.keys, Keys::default(), "{keeper}");
        assert!(stored.signers.is_empty() && stored.faults.is_empty() && stored.foreign.is_empty(), "{keeper}");
        assert!(store.issuer().await.unwrap().is_none(), "{keeper}");
        assert_eq!(store.stamp().await.unwrap(), store.stamp().await.unwrap(), "{keeper}");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "{keeper}: to look changes nothing");
    }
}

#[tokio::test]
async fn what_one_process_puts_there_another_finds_as_it_was_and_signs_with() {
    for (keeper, open) in KEEPERS {
        let place = TempDir::new().unwrap();
        let (one, other) = (new_key().await, new_key().await);
        let mut keys = commit(&*open(place.path()), &[&one, &other]).await;
        keys.revision += 1;
        keys.untold = serde_json::from_value(json!([{ "event": "change", "at": START }])).unwrap();
        assert_eq!(open(place.path()).commit(&keys, None).await.unwrap(), Committed::Yes);
        let stored = open(place.path()).load().await.unwrap();
        assert_eq!(stored.keys, keys, "{keeper}");
        assert!(stored.faults.is_empty() && stored.foreign.is_empty(), "{keeper}");
        for new in [&one, &other] {
            let signature = stored.signers[&kid(new)].sign(b"a message").await.unwrap();
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point(new.record()));
            assert!(key.verify(b"a message", &signature).is_ok(), "{keeper}");
        }
    }
}

#[tokio::test]
async fn a_change_of_what_is_there_no_more_is_not_made_and_leaves_nothing() {
    for (keeper, open) in KEEPERS {
        let place = TempDir::new().unwrap();
        let store = open(place.path());
        let (one, other, late) = (new_key().await, new_key().await, new_key().await);
        let keys = commit(&*store, &[&one, &other]).await;
        for revision in [0, 1, 2, 4] {
            let mut stale = with(&keys, &late);
            stale.revision = revision;
            let committed = store.commit(&stale, Some(&late)).await.unwrap();
            assert_eq!(committed, Committed::OtherWasFaster, "{keeper}: revision {revision}");
        }
        let stored = store.load().await.unwrap();
        assert_eq!(stored.keys, keys, "{keeper}");
        assert!(!stored.signers.contains_key(&kid(&late)) && stored.foreign.is_empty(), "{keeper}");
    }
}

#[tokio::test]
async fn of_many_that_change_the_same_keys_at_once_one_wins() {
    for (keeper, open) in KEEPERS {
        let place = TempDir::new().unwrap();
        let first = new_key().await;
        let keys = commit(&*open(place.path()), &[&first]).await;
        let news = futures_util::future::join_all((0..8).map(|_| new_key())).await;
        let committed = news.iter().map(async |new| {
            let store = open(place.path());
            (kid(new), store.commit(&with(&keys, new), Some(new)).await.unwrap())
        });
        let committed = futures_util::future::join_all(committed).await;
        let winners: Vec<_> = committed.into_iter().filter(|(_, done)| *done == Committed::Yes).collect();
        assert_eq!(winners.len(), 1, "{keeper}");
        let stored = open(place.path()).load().await.unwrap();
        let expected = HashSet::from([kid(&first), winners[0].0.clone()]);
        assert_eq!(stored.signers.into_keys().collect::<HashSet<_>>(), expected, "{keeper}");
        assert!(stored.foreign.is_empty(), "{keeper}: of those that lost nothing is left");
    }
}

#[tokio::test]
async fn a_mark_is_another_after_every_change_and_the_same_without_one() {
    for (keeper, open) in KEEPERS {
        let place = TempDir::new().unwrap();
        let store = open(place.path());
        let mut marks = vec![store.stamp().await.unwrap()];
        let mut keys = Keys::default();
        for _ in 0..3 {
            let new = new_key().await;
            keys = with(&keys, &new);
            store.commit(&keys, Some(&new)).await.unwrap();
            let mark = store.stamp().await.unwrap();
            assert!(!marks.contains(&mark), "{keeper}");
            store.load().await.unwrap();
            let refused = store.commit(&keys, None).await.unwrap();
            assert_eq!(refused, Committed::OtherWasFaster, "{keeper}");
            assert_eq!(open(place.path()).stamp().await.unwrap(), mark, "{keeper}: nothing changed");
            marks.push(mark);
        }
    }
}

#[tokio::test]
async fn a_private_half_that_nothing_needs_any_more_is_destroyed() {
    for (keeper, open) in KEEPERS {
        let place = TempDir::new().unwrap();
        let store = open(place.path());
        let (one, other) = (new_key().await, new_key().await);
        let keys = commit(&*store, &[&one, &other]).await;
        let mut next = keys.clone();
        next.revision += 1;
        let (published_at, activated_at) = (start(), Some(start()));
        next.keys[0].state = KeyState::Retired { published_at, activated_at, retired_at: start() };
        store.commit(&next, None).await.unwrap();
        let stored = store.load().await.unwrap();
        assert_eq!(stored.signers.into_keys().collect::<Vec<_>>(), [kid(&other)], "{keeper}");
        assert!(stored.faults.is_empty(), "{keeper}: it is not missed");
        // Even who brings its record back does not bring it back.
        let again = Keys { revision: next.revision + 1, ..keys };
        store.commit(&again, None).await.unwrap();
        assert_eq!(store.load().await.unwrap().faults.into_keys().collect::<Vec<_>>(), [kid(&one)], "{keeper}");
    }
}

#[tokio::test]
async fn a_key_that_came_without_its_private_half_is_kept_and_signs_nothing() {
    for (keeper, open) in KEEPERS {
        let place = TempDir::new().unwrap();
        let store = open(place.path());
        let private = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], b"");
        let public = String::from_utf8(openssl(&["pkey", "-pubout"], &private)).unwrap();
        let public = NewKey::import_public(&public, None, start()).unwrap();
        let (first, kid) = (new_key().await, kid(&public));
        commit(&*store, &[&first, &public]).await;
        let stored = store.load().await.unwrap();
        let key: &KeyRecord = stored.keys.get(&kid).unwrap();
        assert_eq!(PublicKey::from_jwk(&key.jwk).unwrap().kid(), kid, "{keeper}");
        assert!(!stored.signers.contains_key(&kid) && stored.faults.is_empty(), "{keeper}");
    }
}

#[tokio::test]
async fn whose_keys_these_are_is_kept_beside_them() {
    for (keeper, open) in KEEPERS {
        let place = TempDir::new().unwrap();
        for issuer in ["https://id.example.com", "https://id.example.com/a"] {
            open(place.path()).set_issuer(&issuer.parse().unwrap()).await.unwrap();
            let kept = open(place.path()).issuer().await.unwrap();
            assert_eq!(kept.unwrap().as_str(), issuer, "{keeper}");
        }
        let stored = open(place.path()).load().await.unwrap();
        assert!(stored.keys.keys.is_empty() && stored.foreign.is_empty(), "{keeper}: it is no key");
    }
}
