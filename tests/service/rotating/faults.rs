//! What is wrong with the folder of keys while feedpass runs is told, and it goes on signing.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::program::{Api, site};
use super::{get, jwks, post, text, token, until, with_policy};
use crate::process::{Server, Site};
use crate::support::TestApp;
use crate::support::openssl::openssl;

/// What the API says is wrong: with all keys, or with the private half of the first.
async fn wrong(app: &TestApp) -> Option<String> {
    // The folder is looked at four times a second.
    app.clock.advance(Duration::from_millis(250));
    let listed = get(app, "").await.json();
    let words = [&listed["trouble"], &listed["items"][0]["fault"]].into_iter().find_map(Value::as_str);
    words.map(|words| words.replace(app.keys().to_str().unwrap(), "KEYS"))
}

/// Has `spoil` done, and waits until `expected` is said of it; a token is signed all the same. Then mends it.
async fn assert_told(app: &TestApp, spoil: impl FnOnce(), expected: &str, mend: impl FnOnce()) {
    let kid = jwks(app).await[0].clone();
    assert_eq!(wrong(app).await, None, "all is well before: {expected}");
    spoil();
    let words = until(expected, async || wrong(app).await).await.replace(&kid, "KID");
    assert!(words.starts_with(expected), "{words:?} does not begin with {expected:?}");
    assert_eq!(token(app).await.0, kid, "it signs: {expected}");
    mend();
    until(&format!("that is over: {expected}"), async || wrong(app).await.is_none().then_some(())).await;
    assert_eq!(token(app).await.0, kid);
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_private_half_that_is_spoiled_is_told_of_and_goes_on_signing() {
    let app = with_policy("rotate_every = \"never\"").start().await;
    let path = app.keys().join(format!("{}.pem", jwks(&app).await[0]));
    let pem = fs::read(&path).unwrap();
    let public = openssl(&["pkey", "-pubout"], &pem);
    let write = |content: &[u8]| fs::write(&path, content).unwrap();
    let put_back = || write(&pem);
    let unusable = "KEYS/KID.pem is no private key that can be used: ";
    let truncated = format!("{unusable}it is cut off or damaged");
    assert_told(&app, || write(&pem[..pem.len() / 2]), &truncated, put_back).await;
    let public_half = format!("{unusable}it is a public key, which cannot sign");
    assert_told(&app, || write(&public), &public_half, put_back).await;
    let gone = "KEYS/KID.pem is missing: put it back from a backup";
    let put_back_for_its_owner = || {
        put_back();
        mode(&path, 0o600);
    };
    assert_told(&app, || fs::remove_file(&path).unwrap(), gone, put_back_for_its_owner).await;
    let readable = "KEYS/KID.pem can be read by others (mode 0644); run `chmod 600 KEYS/KID.pem`";
    assert_told(&app, || mode(&path, 0o644), readable, || mode(&path, 0o600)).await;
}

#[tokio::test]
async fn what_is_known_of_the_keys_stays_in_use_when_it_cannot_be_read_any_more() {
    let app = with_policy("rotate_every = \"never\"").start().await;
    let (keys, moved) = (app.keys(), app.keys().with_extension("moved"));
    let path = keys.join("keys.json");
    let record = fs::read(&path).unwrap();
    let put_back = || fs::write(&path, &record).unwrap();
    let no_record = "KEYS/keys.json is not the record of the signing keys: EOF while parsing";
    let half = || {
        fs::write(&path, &record[..record.len() / 2]).unwrap();
    };
    assert_told(&app, half, no_record, put_back).await;
    let open = "KEYS can be changed by everybody on the machine (mode 0777); run `chmod 700 KEYS`";
    assert_told(&app, || mode(&keys, 0o777), open, || mode(&keys, 0o700)).await;
    let none = "there is no signing key any more; put `keys.json` and the keys' files back from a backup";
    let back = || fs::rename(&moved, &keys).unwrap();
    assert_told(&app, || fs::rename(&keys, &moved).unwrap(), none, back).await;

    fs::write(&path, &record[..record.len() / 2]).unwrap();
    let refused = post(&app, "/stage", json!({})).await;
    assert_eq!(refused.status_and_code(), (503, "key_store_failed".into()));
    assert!(refused.detail().contains("is not the record of the signing keys"), "{}", refused.detail());
    assert_eq!(fs::read(&path).unwrap(), record[..record.len() / 2], "nothing is built on what is not understood");
    put_back();
    assert_eq!(post(&app, "/stage", json!({})).await.status, 201, "mended, it goes on");
}

#[tokio::test]
async fn a_strangers_file_is_told_of_and_left_alone() {
    let app = with_policy("rotate_every = \"never\"").start().await;
    fs::write(app.keys().join("notes.txt"), "something").unwrap();
    until("it is listed", async || {
        app.clock.advance(Duration::from_millis(250));
        (get(&app, "").await.json()["foreign"] == json!(["notes.txt"])).then_some(())
    })
    .await;
    assert_eq!(post(&app, "/stage", json!({})).await.status, 201);
    assert_eq!(fs::read_to_string(app.keys().join("notes.txt")).unwrap(), "something");
    assert_eq!(app.lines().with("`notes.txt` beside the signing keys is none of feedpass's files").len(), 1);
}

/// The program with its folder of keys on a disk of its own, which nobody else sees.
struct OwnDisk<'a> {
    server: Server<'a>,
    keys: PathBuf,
    site: &'a Site,
}

impl<'a> OwnDisk<'a> {
    fn serve(site: &'a Site) -> Self {
        let script = "mkdir -m 700 keys && mount -t tmpfs -o size=256k,mode=700 tmpfs keys && exec bin/feedpass serve";
        let own = site.run(Path::new("unshare")).args(["--mount", "--map-root-user", "sh", "-ec", script]);
        let own = site.variables().into_iter().fold(own, |own, (name, value)| own.env(name, value));
        let server = own.env("FEEDPASS_LOG", "trace").serves();
        let inside = site.path("keys");
        let keys = PathBuf::from(format!("/proc/{}/root", server.id())).join(inside.strip_prefix("/").unwrap());
        Self { server, keys, site }
    }

    fn remount(&self, how: &str) {
        let (id, keys) = (self.server.id().to_string(), self.site.path("keys"));
        let within = ["--target", &id, "--user", "--mount", "--preserve-credentials", "mount", "-o"];
        let remount = self.site.run(Path::new("nsenter")).args(within);
        remount.args([&format!("remount,{how}")]).args([keys]).works();
    }

    /// All that is in the folder.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(&self.keys).unwrap().map(Result::unwrap);
        let mut files: Vec<_> =
            entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect();
        files.sort();
        files
    }

    /// That a step is refused in words that hold `because`, that nothing is half written, and that tokens are signed.
    async fn assert_refused(&self, api: &Api, because: &str) {
        let before = self.files();
        let refused = api.step("stage", &json!({})).await.unwrap();
        assert_eq!(refused.status_and_code(), (503, "key_store_failed".into()), "{}", refused.text());
        assert!(refused.detail().contains(because), "{}", refused.detail());
        assert!(self.files() == before, "nothing changed, and nothing is half written");
        let token = self.site.client(["token", "default/images"]).run();
        assert_eq!(token.code, Some(0), "it signs: {}", token.stderr);
    }
}

#[tokio::test]
async fn a_full_disk_and_a_read_only_one_hinder_a_rotation_and_no_client() {
    let (site, api) = site();
    let disk = OwnDisk::serve(&site);
    let first = api.get("/v1/admin/keys").await["items"][0]["kid"].clone();
    let filler = disk.keys.join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    disk.assert_refused(&api, "No space left on device").await;
    drop(file);
    fs::remove_file(&filler).unwrap();
    let staged = api.step("stage", &json!({})).await.unwrap();
    assert_eq!(staged.status, 201, "with room again it goes on: {}", staged.text());

    disk.remount("ro");
    disk.assert_refused(&api, "Read-only file system").await;
    disk.remount("rw");
    let promote = format!("{}/promote", text(&staged.json()["kid"]));
    let promoted = api.step(&promote, &json!({ "force": true, "reason": "a test" })).await.unwrap();
    assert_eq!(promoted.status, 200, "{}", promoted.text());
    let listed = api.send(Method::GET, "/v1/admin/keys", &Value::Null).await.unwrap().json();
    let states = |kid: &Value| {
        let items = listed["items"].as_array().unwrap();
        items.iter().find(|key| key["kid"] == *kid).map(|key| key["state"].clone())
    };
    assert_eq!((states(&staged.json()["kid"]), states(&first)), (Some(json!("active")), Some(json!("retiring"))));
    assert_eq!(listed["trouble"], json!(null));
}
