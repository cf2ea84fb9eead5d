//! Two processes that have one folder of keys.

use std::sync::Arc;

use async_trait::async_trait;
use feedpass::clock::ManualClock;
use feedpass::domain::{Algorithm, IssuerUrl, KeySpec};
use feedpass::entropy::{Entropy, SystemEntropy};
use feedpass::issuer::keyring::backends::{Committed, Directory, KeyStore, KeyStoreError, Stamp, Stored};
use feedpass::issuer::keyring::lifecycle::Keys;
use feedpass::issuer::keyring::{ChangeError, KeyRecord, KeyRing, KeyState, NewKey};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Barrier;

use super::program::{Api, site};
use super::text;
use crate::support::START;

const ROUNDS: usize = 20;

/// A keeper whose users have all made up their minds before one of them changes anything.
struct Meeting(Directory, Arc<Barrier>);

#[async_trait]
impl KeyStore for Meeting {
    async fn load(&self) -> Result<Stored, KeyStoreError> {
        self.0.load().await
    }

    async fn stamp(&self) -> Result<Stamp, KeyStoreError> {
        self.0.stamp().await
    }

    async fn commit(&self, next: &Keys, new: Option<&NewKey>) -> Result<Committed, KeyStoreError> {
        self.1.wait().await;
        self.0.commit(next, new).await
    }

    async fn issuer(&self) -> Result<Option<IssuerUrl>, KeyStoreError> {
        self.0.issuer().await
    }

    async fn set_issuer(&self, issuer: &IssuerUrl) -> Result<(), KeyStoreError> {
        self.0.set_issuer(issuer).await
    }
}

#[tokio::test]
async fn of_two_that_rotate_at_the_same_moment_one_wins_and_the_other_says_so() {
    let parent = TempDir::new().unwrap();
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
    let clock = Arc::new(ManualClock::at(START.parse().unwrap()));
    let directory = Directory::new(parent.path().join("keys"), None, Arc::clone(&entropy));
    let spec = KeySpec::from(Algorithm::Es256);
    let open = async |store: Arc<dyn KeyStore>| {
        KeyRing::open(store, spec, Arc::clone(&clock) as Arc<_>, Arc::clone(&entropy)).await.unwrap()
    };
    let first = open(Arc::new(directory.clone())).await.current().active_kid().clone();
    let barrier = Arc::new(Barrier::new(2));
    let meeting = || Arc::new(Meeting(directory.clone(), Arc::clone(&barrier)));
    let rings = [open(meeting()).await, open(meeting()).await];
    let publish = async |ring: &KeyRing| {
        let new = ring.new_key(spec).await.unwrap();
        let kid = new.record().kid.clone();
        let published = ring.change(Some(&new), |keys, now| {
            let state = KeyState::Published { published_at: now, promote_when_due: false };
            let keys = keys.clone().with(KeyRecord { state, ..new.record().clone() })?;
            Ok::<_, ChangeError>((keys, ()))
        });
        published.await.map(|()| kid)
    };
    let (one, other) = tokio::join!(publish(&rings[0]), publish(&rings[1]));
    let (winner, loser) = if one.is_ok() { (one, other) } else { (other, one) };
    assert_eq!(
        loser.unwrap_err().to_string(),
        "another process changed the keys at the same moment, so nothing was done; `key list` shows what they are now"
    );
    for ring in &rings {
        let kids: Vec<_> = ring.current().keys().keys.iter().map(|key| key.kid.clone()).collect();
        assert_eq!(kids, [first.clone(), winner.as_ref().unwrap().clone()], "both have what the winner made of them");
    }
}

/// The ids of all keys that the process of `api` knows.
async fn kids(api: &Api) -> Vec<String> {
    let listed = api.get("/v1/admin/keys").await;
    assert_eq!(listed["trouble"], json!(null));
    let mut kids: Vec<_> = listed["items"].as_array().unwrap().iter().map(|key| text(&key["kid"])).collect();
    kids.sort();
    kids
}

#[tokio::test]
async fn two_programs_on_one_folder_lose_no_key_and_agree() {
    let ((site, api), (other_site, other_api)) = (site(), site());
    let _server = site.serve();
    let folder = format!("directory:{}", site.path("keys").display());
    let other_server = other_site.serving().env("FEEDPASS_KEYS__STORE", folder).serves();
    let mut expected = kids(&api).await;
    assert_eq!(kids(&other_api).await, expected, "the second goes on with the keys of the first");
    let forced = json!({ "force": true, "reason": "a fire drill" });
    for _ in 0..ROUNDS {
        let nothing = json!({});
        let (one, other) = tokio::join!(api.step("stage", &nothing), other_api.step("stage", &nothing));
        let mut staged = Vec::new();
        for reply in [one.unwrap(), other.unwrap()] {
            if reply.status == 201 {
                staged.push(text(&reply.json()["kid"]));
            } else {
                assert_eq!(reply.status_and_code(), (409, "keys_changed_meanwhile".into()), "{}", reply.text());
            }
        }
        assert!(!staged.is_empty(), "one of the two wins");
        let promote = format!("{}/promote", staged[0]);
        let promoted = other_api.step(&promote, &forced).await.unwrap();
        assert_eq!(promoted.status, 200, "{}", promoted.text());
        expected.append(&mut staged);
        expected.sort();
    }
    let active = |listed: &Value| -> Vec<String> {
        let keys = listed["items"].as_array().unwrap().iter().filter(|key| key["state"] == "active");
        keys.map(|key| text(&key["kid"])).collect()
    };
    // Every change takes in what the other did.
    api.step("stage", &json!({})).await.unwrap();
    let known = super::until("both know the same keys", async || {
        let known = kids(&api).await;
        (known == kids(&other_api).await).then_some(known)
    });
    let known = known.await;
    assert!(expected.iter().all(|kid| known.contains(kid)), "every key that was acknowledged is there");
    let (one, other) = (api.get("/v1/admin/keys").await, other_api.get("/v1/admin/keys").await);
    assert_eq!((active(&one).len(), active(&one)), (1, active(&other)));
    drop(other_server);
}
