//! The directory of signing keys.

use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use feedpass::clock::ManualClock;
use feedpass::domain::KeySpec;
use feedpass::entropy::SeededEntropy;
use feedpass::issuer::keyring::backends::Directory;
use feedpass::issuer::keyring::{ChangeError, IssuerChange, KeyRing, KeyRingError};
use http::Method;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use tempfile::TempDir;

use crate::support::openssl::openssl;
use crate::support::{START, TestApp, keys};

/// A directory with a key in it; its path in words is `KEYS`, the key's id `KID`.
struct Keys {
    parent: TempDir,
    kid: String,
}

impl Keys {
    async fn new() -> Self {
        let parent = TempDir::new().unwrap();
        keys::put(&parent.path().join("keys")).await;
        let kid = open(&parent.path().join("keys"), 0).await.unwrap().current().active_kid().to_string();
        Self { parent, kid }
    }

    fn path(&self) -> PathBuf {
        self.parent.path().join("keys")
    }

    fn pem(&self) -> PathBuf {
        self.path().join(format!("{}.pem", self.kid))
    }

    fn record(&self) -> PathBuf {
        self.path().join("keys.json")
    }

    /// What is said when these keys cannot be used: the error and its causes.
    async fn words(&self) -> String {
        let error = open(&self.path(), 0).await.err().expect("such keys are not used");
        feedpass::telemetry::with_causes(&error)
            .replace(self.path().to_str().unwrap(), "KEYS")
            .replace(&self.kid, "KID")
    }
}

async fn open(path: &Path, seed: u64) -> Result<KeyRing, KeyRingError> {
    let clock = Arc::new(ManualClock::at(START.parse().unwrap()));
    KeyRing::open(Arc::new(directory(path, seed)), KeySpec::default(), clock, Arc::new(SeededEntropy::new(seed))).await
}

fn directory(path: &Path, seed: u64) -> Directory {
    Directory::new(path.to_owned(), None, Arc::new(SeededEntropy::new(seed)))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn a_first_start_makes_one_key_that_nobody_else_can_read() {
    let parent = TempDir::new().unwrap();
    let path = parent.path().join("deep/keys");
    let kid = open(&path, 1).await.unwrap().current().active_kid().to_string();
    assert_eq!(mode(&path), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&path).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, [".lock".to_owned(), format!("{kid}.pem"), "keys.json".to_owned()]);
    let again = open(&path, 2).await.unwrap();
    assert_eq!(again.current().active_kid().as_str(), kid, "the second start goes on with it");
}

#[tokio::test]
async fn the_trail_tells_of_the_first_key() {
    let app = TestApp::usual().without_keys().start().await;
    let jwks = app.public(Method::GET, "/.well-known/jwks").send().await.json();
    let lines = app.trail("change").await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    let (line, kid) = (&lines[0], &jwks["keys"][0]["kid"]);
    assert_eq!(
        (&line["change"]["action"], &line["change"]["name"], &line["change"]["after"]),
        (&"stage".into(), kid, &"active".into())
    );
    assert_eq!((&line["kid"], &line["details"]["reason"]), (kid, &"the first start".into()));
}

#[tokio::test]
async fn of_first_starts_at_the_same_time_one_wins() {
    let parent = TempDir::new().unwrap();
    let path = parent.path().join("keys");
    let opened = futures_util::future::join_all((0..4).map(|seed| open(&path, seed))).await;
    let kids: HashSet<String> = opened.into_iter().map(|r| r.unwrap().current().active_kid().to_string()).collect();
    assert_eq!(kids.len(), 1, "all sign with the same key");
    let records = fs::read_dir(&path).unwrap().filter(|entry| entry.as_ref().unwrap().path().extension().is_some());
    assert_eq!(records.count(), 2, "and the losers' keys are nowhere");
}

#[tokio::test]
async fn a_private_key_that_others_can_read_is_not_used() {
    for wide in [0o640, 0o604, 0o644, 0o660] {
        let keys = Keys::new().await;
        fs::set_permissions(keys.pem(), Permissions::from_mode(wide)).unwrap();
        let expected = format!(
            "the signing keys are not usable: KEYS/KID.pem can be read by others (mode {wide:04o}); run `chmod 600 \
             KEYS/KID.pem`, and replace the key if others are about"
        );
        assert_eq!(keys.words().await, expected);
    }
}

#[tokio::test]
async fn what_is_no_private_key_is_not_used() {
    let keys = Keys::new().await;
    let pem = fs::read(keys.pem()).unwrap();
    let public = openssl(&["pkey", "-pubout"], &pem);
    let other = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-quiet"], b"");
    let elliptic = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], b"");
    let is_not = "KEYS/KID.pem is no private key that can be used:";
    let another = "KEYS/KID.pem is not the private half of the key that its name says: it is that of ";
    let cut = "it is cut off or damaged between its BEGIN and END lines; copy the whole file again";
    let no_pem = "it is no PEM file, which begins with a line like `-----BEGIN PRIVATE KEY-----`; `openssl pkey -inform DER \
                  -in OLD -out NEW` makes one of a DER file";
    let public_half = "it is a public key, which cannot sign; give the private key that it belongs to";
    let wrong: [(&[u8], String); 6] = [
        (&pem[..pem.len() / 2], format!("{is_not} {cut}")),
        (b"", format!("{is_not} {no_pem}")),
        (&public, format!("{is_not} {public_half}")),
        (&elliptic, another.to_owned()),
        (&other, another.to_owned()),
        (b"\xff\xfe\x00", format!("{is_not} {no_pem}")),
    ];
    for (content, problem) in wrong {
        fs::write(keys.pem(), content).unwrap();
        let words = keys.words().await;
        // The other key's id is drawn anew each time.
        let words = words.split_once(another).map_or(words.clone(), |(before, _)| format!("{before}{another}"));
        assert_eq!(words, format!("the signing keys are not usable: {problem}"));
    }
    fs::write(keys.pem(), &pem).unwrap();
    assert!(open(&keys.path(), 0).await.is_ok(), "put back, it is used");
}

#[tokio::test]
async fn a_record_that_is_not_understood_stops_the_start() {
    let keys = Keys::new().await;
    let record = fs::read_to_string(keys.record()).unwrap();
    for (what, content, problem) in [
        (
            "another format",
            record.replace("\"format\": 2", "\"format\": 3"),
            "its format is 3, and this version reads format 2",
        ),
        ("half a file", record[..record.len() / 2].to_owned(), "EOF while parsing a string at line 17 column 541"),
        (
            "another state",
            record.replace("\"active\"", "\"dormant\""),
            "unknown variant `dormant`, expected one of `published`, `active`, `retiring`, `retired`, `revoked` at line 25 \
             column 1",
        ),
        ("nothing", String::new(), "EOF while parsing a value at line 1 column 0"),
    ] {
        fs::write(keys.record(), content).unwrap();
        let words =
            format!("the signing keys are not usable: KEYS/keys.json is not the record of the signing keys: {problem}");
        assert_eq!(keys.words().await, words, "{what}");
    }
}

#[tokio::test]
async fn an_active_key_without_its_private_half_stops_the_start() {
    let keys = Keys::new().await;
    fs::remove_file(keys.pem()).unwrap();
    assert_eq!(
        keys.words().await,
        "the signing keys are not usable: KEYS/KID.pem is missing: put it back from a backup"
    );
}

#[tokio::test]
async fn a_record_whose_public_half_is_another_keys_is_refused() {
    let keys = Keys::new().await;
    let mut record: serde_json::Value = serde_json::from_slice(&fs::read(keys.record()).unwrap()).unwrap();
    let modulus = record["keys"][0]["jwk"]["n"].as_str().unwrap().to_owned();
    record["keys"][0]["jwk"]["n"] = format!("{}A", &modulus[..modulus.len() - 1]).into();
    fs::write(keys.record(), record.to_string()).unwrap();
    let words = keys.words().await;
    let expected = "the signing keys are not usable: KEYS/keys.json is not the record of the signing keys: the public half of \
                    key KID is another key's, ";
    assert!(words.starts_with(expected), "{words}");
}

#[tokio::test]
async fn keys_that_are_gone_are_not_silently_replaced() {
    let keys = Keys::new().await;
    let store = directory(&keys.path(), 0);
    let change = feedpass::issuer::keyring::IssuerChange::Refused;
    KeyRing::claim_issuer(&store, &"https://id.example.com".parse().unwrap(), change).await.unwrap();
    fs::remove_file(keys.record()).unwrap();
    assert_eq!(
        keys.words().await,
        "there were keys of the issuer https://id.example.com, and none is there any more: put them back from a backup, \
         or remove the note `issuer` beside them to begin with a new key"
    );
}

#[tokio::test]
async fn what_a_crash_left_half_written_is_gone_once_a_key_is_made() {
    let parent = TempDir::new().unwrap();
    let keys = parent.path().join("keys");
    fs::create_dir(&keys).unwrap();
    fs::write(keys.join(".new-Xa81Bc"), "-----BEGIN PRIVATE KEY-----\nhalf of").unwrap();
    open(&keys, 0).await.unwrap();
    assert!(!keys.join(".new-Xa81Bc").exists());
}

/// As the first version of feedpass kept it: the record of each key in a file of its own.
#[tokio::test]
async fn a_directory_of_the_first_format_is_used_as_it_is_and_turned_over_by_the_first_change() {
    let keys = Keys::new().await;
    let mut record: serde_json::Value = serde_json::from_slice(&fs::read(keys.record()).unwrap()).unwrap();
    let mut first = record["keys"][0].take();
    first["format"] = 1.into();
    first["state"] = "active".into();
    let old = keys.path().join(format!("{}.json", keys.kid));
    fs::write(&old, first.to_string()).unwrap();
    fs::remove_file(keys.record()).unwrap();
    let ring = open(&keys.path(), 0).await.unwrap();
    assert_eq!(ring.current().active_kid().as_str(), keys.kid);
    assert!(ring.current().foreign().is_empty());
    assert!(old.exists() && !keys.record().exists(), "to use it changes nothing");
    ring.change(None, |keys, _| Ok::<_, ChangeError>((keys.clone(), ()))).await.unwrap();
    assert!(!old.exists() && keys.record().exists());
    assert_eq!(open(&keys.path(), 0).await.unwrap().current().active_kid().as_str(), keys.kid);

    fs::remove_file(keys.record()).unwrap();
    first["format"] = 3.into();
    fs::write(&old, first.to_string()).unwrap();
    let words = "the signing keys are not usable: KEYS/KID.json is not the record of a signing key: its format is 3, and \
                 this version reads format 1";
    assert_eq!(keys.words().await, words);
}

#[tokio::test]
async fn files_that_are_no_keys_are_left_alone() {
    let keys = Keys::new().await;
    for name in ["README.md", "notes.txt", ".gitkeep", "old.pem"] {
        fs::write(keys.path().join(name), "something").unwrap();
        fs::set_permissions(keys.path().join(name), Permissions::from_mode(0o644)).unwrap();
    }
    assert_eq!(open(&keys.path(), 0).await.unwrap().current().active_kid().as_str(), keys.kid);
    assert_eq!(fs::read_to_string(keys.path().join("README.md")).unwrap(), "something");
}

#[tokio::test]
async fn the_keys_of_one_issuer_are_not_used_for_another_unless_that_is_meant() {
    let keys = Keys::new().await;
    let store = directory(&keys.path(), 0);
    let claim = async |issuer: &str, change| KeyRing::claim_issuer(&store, &issuer.parse().unwrap(), change).await;
    claim("https://id.example.com", IssuerChange::Refused).await.unwrap();
    claim("https://id.example.com", IssuerChange::Refused).await.unwrap();
    assert_eq!(mode(&keys.path().join("issuer")), 0o600);
    let error = claim("https://id.example.com/a", IssuerChange::Refused).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "these keys are those of the issuer https://id.example.com, and the configuration says https://id.example.com/a: \
         every role that trusts the old one would refuse. Put it back, or start once with --change-issuer if that is meant"
    );
    claim("https://id.example.com/a", IssuerChange::Accepted).await.unwrap();
    assert!(claim("https://id.example.com", IssuerChange::Refused).await.is_err(), "from then on the new one counts");
}

#[tokio::test]
async fn openssl_reads_the_private_key() {
    let keys = Keys::new().await;
    openssl(&["pkey", "-noout", "-check"], &fs::read(keys.pem()).unwrap());
}

#[tokio::test]
async fn the_jwks_holds_the_public_half_and_nothing_of_the_private_one() {
    let app = TestApp::start().await;
    let jwks = app.public(Method::GET, "/.well-known/jwks").send().await.json();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 1);
    let key = &jwks["keys"][0];
    let members: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
    let mut sorted = members.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["alg", "e", "kid", "kty", "n", "use", "x5c"]);
    assert_eq!(
        (key["kty"].as_str(), key["use"].as_str(), key["alg"].as_str()),
        (Some("RSA"), Some("sig"), Some("RS256"))
    );
    let pem = fs::read(app.keys().join(format!("{}.pem", key["kid"].as_str().unwrap()))).unwrap();
    let public = String::from_utf8(openssl(&["pkey", "-pubout"], &pem)).unwrap();
    let certificate = BASE64_STANDARD.decode(key["x5c"][0].as_str().unwrap()).unwrap();
    let of_certificate = openssl(&["x509", "-inform", "DER", "-pubkey", "-noout"], &certificate);
    assert_eq!(String::from_utf8(of_certificate).unwrap(), public, "x5c certifies this very key");
    let parsed = rsa::PublicKey::from_public_key_pem(&public).unwrap();
    assert_eq!(key["n"], BASE64_URL_SAFE_NO_PAD.encode(parsed.n_bytes()));
    assert_eq!(key["e"], BASE64_URL_SAFE_NO_PAD.encode(parsed.e_bytes()));
}
