//! What a store of many feeds and clients costs: to start with, to change, and to ask.
//!
//! `cargo bench --bench store` prints each figure for 10, 1,000 and 100,000 of both, in one run: what matters is how
//! they compare. `docs/performance.md` says what is measured.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock, Mutex};

use divan::Bencher;
use feedpass::audit::Audit;
use feedpass::authn::jws::VerificationKey;
use feedpass::authn::workload::{HttpsFetch, Workloads};
use feedpass::authn::{AccessTokenKeys, Authn};
use feedpass::authz::{Wish, permit};
use feedpass::clock::SystemClock;
use feedpass::domain::{Client, ClientSecret, Feed, Origin, SecretHash, Space, SpaceFeed};
use feedpass::store::database::{Database, Documents as _, SqlDatabase};
use feedpass::store::{Declared, Plan, Store, StoreError, Write};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const COUNTS: [usize; 3] = [10, 1_000, 100_000];

fn main() {
    divan::main();
}

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

/// A store's file for each count, filled once.
static FILES: LazyLock<Mutex<BTreeMap<usize, (TempDir, String)>>> = LazyLock::new(Mutex::default);

fn file(count: usize) -> String {
    let mut files = FILES.lock().unwrap();
    let (_, url) = files.entry(count).or_insert_with(|| {
        let directory = TempDir::new().unwrap();
        let url = format!("sqlite:{}", directory.path().join("feedpass.db").display());
        RUNTIME.block_on(fill(&url, count));
        (directory, url)
    });
    url.clone()
}

async fn fill(url: &str, count: usize) {
    let database = SqlDatabase::open(url).await.unwrap();
    let mut writes = vec![Write::put(&Space { slug: "default".parse().unwrap(), name: None }).unwrap()];
    for number in 0..count {
        writes.push(Write::put(&feed(number)).unwrap());
        writes.push(Write::put(&client(number)).unwrap());
    }
    database.commit(0, &writes, Vec::new(), Timestamp::UNIX_EPOCH).await.unwrap().unwrap();
}

fn feed(number: usize) -> Feed {
    serde_json::from_value(serde_json::json!({
        "space": "default", "slug": format!("feed-{number}"), "region": "us-east-1", "registry": "123456789012",
        "web_identity": { "role_arn": "arn:aws:iam::123456789012:role/feedpass", "audience": "id.example.com" },
    }))
    .unwrap()
}

fn client(number: usize) -> Client {
    let mut client: Client = serde_json::from_value(serde_json::json!({
        "id": format!("client-{number}"),
        "grants": [{ "feeds": [format!("default/feed-{number}")], "actions": ["pull"] }],
    }))
    .unwrap();
    client.secrets.push(ClientSecret::lasting(SecretHash::of(&secret(number))));
    client
}

fn secret(number: usize) -> String {
    format!("secret-of-{number}")
}

async fn open(url: &str) -> (Arc<dyn Database>, Store) {
    let database: Arc<dyn Database> = Arc::new(SqlDatabase::open(url).await.unwrap());
    let store = Store::open(Arc::clone(&database), Declared::default(), Arc::new(SystemClock)).await.unwrap();
    (database, store)
}

/// No access token is asked about here.
struct NoKeys;

impl AccessTokenKeys for NoKeys {
    fn key(&self, _: &str) -> Option<VerificationKey> {
        None
    }
}

/// Until the first request can be answered: the database is opened and all of it read.
#[divan::bench(args = COUNTS, sample_count = 5, sample_size = 1)]
fn start(bencher: Bencher<'_, '_>, count: usize) {
    let url = file(count);
    bencher.bench(|| RUNTIME.block_on(open(&url)));
}

/// One feed changed: written, safe on the disk, and in the snapshot.
#[divan::bench(args = COUNTS, sample_count = 50, sample_size = 1)]
fn change(bencher: Bencher<'_, '_>, count: usize) {
    let (_, store) = RUNTIME.block_on(open(&file(count)));
    bencher.bench(|| {
        RUNTIME.block_on(store.change(|_| {
            let writes = vec![Write::put(&feed(0))?];
            Ok::<_, StoreError>(Plan { writes, lines: Vec::new(), outcome: () })
        }))
    });
}

/// A caller is told apart by its secret, and permitted its feed.
#[divan::bench(args = COUNTS, sample_count = 100, sample_size = 1_000)]
fn request(bencher: Bencher<'_, '_>, count: usize) {
    let (database, store) = RUNTIME.block_on(open(&file(count)));
    let store = Arc::new(store);
    let inside = RUNTIME.enter();
    let audit = Audit::new(database, Arc::new(SystemClock));
    let workloads = Workloads::new(Arc::new(HttpsFetch::default()), Arc::new(SystemClock));
    let issuer = "https://id.example.com".parse().unwrap();
    let api = "http://127.0.0.1:8081";
    let keys = Arc::new(NoKeys);
    let authn = Authn::new(Arc::clone(&store), audit, workloads, keys, issuer, api, Arc::new(SystemClock));
    drop(inside);
    let origin = Origin { address: Ipv4Addr::LOCALHOST.into(), request_id: "bench".into() };
    let header = format!("Bearer {}", secret(count - 1));
    let target: SpaceFeed = format!("default/feed-{}", count - 1).parse().unwrap();
    bencher.bench(|| {
        let caller = RUNTIME.block_on(authn.authenticate(Some(&header), &origin)).unwrap();
        permit(&caller, &store.current(), &target, Wish::RegistryCredentials).unwrap()
    });
}
