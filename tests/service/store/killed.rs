//! What was acknowledged is there, however feedpass ends.

mod ledger;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::net::SocketAddr;

use feedpass::audit::verify;
use feedpass::entropy::{Entropy as _, SystemEntropy};
use feedpass::store::database::{LineFilter, SqlDatabase, Trail as _};
use futures_util::future::join_all;
use http::Method;
use proptest::arbitrary::any;
use proptest::array::uniform3;
use proptest::collection::vec;
use proptest::sample::Index;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::Value;

use self::ledger::{Api, ISSUER, Ledger};
use crate::process::{Server, Site};
use crate::support::{Reply, Request, postgres};

const ROUNDS: usize = 3;
const WRITES: usize = 300;
/// Who ask for tokens and credentials, and who change things, all at once.
const CALLERS: usize = 3;
const ADMINS: usize = 5;

/// One life of the server, which ends after so many answers as `limit` says.
struct Round<'s> {
    number: usize,
    server: Server<'s>,
    limit: usize,
    sent: Cell<usize>,
    answered: RefCell<BTreeSet<String>>,
}

impl Round<'_> {
    /// Sends a request under an id of its own. None once the server is dead, or has been asked enough.
    async fn send(&self, request: Request) -> Option<Reply> {
        let sent = self.sent.replace(self.sent.get() + 1);
        let id = format!("round-{}.write-{sent}", self.number);
        let request = (sent < WRITES).then(|| request.header("x-request-id", &id))?;
        let reply = request.try_send().await?;
        let count = {
            let mut answered = self.answered.borrow_mut();
            answered.insert(id);
            answered.len()
        };
        if count == self.limit {
            self.server.signal("KILL");
        }
        Some(reply)
    }

    async fn ask(&self, caller: &Api) {
        for wish in ["token", "token", "token", "credentials"].into_iter().cycle() {
            let path = format!("/v1/spaces/default/feeds/images/{wish}");
            let Some(reply) = self.send(caller.request(Method::POST, &path, &Value::Null)).await else { return };
            assert_eq!(reply.status, 200, "{}", reply.text());
        }
    }

    async fn change(&self, site: &Site, admin: &Api, ledger: &mut Ledger, draws: Vec<[Index; 3]>) {
        for draw in draws {
            let write = ledger.next(draw);
            let Some(reply) = self.send(write.request(admin)).await else { return };
            if let Some(secret) = ledger.acknowledged(&reply) {
                site.remember(&secret);
            }
        }
    }
}

/// A site whose store is SQLite or at `postgres`, and an admin and a client of it.
fn site(postgres: Option<&str>) -> (Site, Api, Api) {
    let site = Site::example();
    let store = postgres.map(|url| format!("[store]\nurl = \"{url}\"\n")).unwrap_or_default();
    // Nobody asks for its keys: the rules are there to be changed.
    let issuer = "issuer = \"https://builds.example\"\naudiences = [\"feedpass\"]\n";
    let issuer = format!("[[workload_issuer]]\nname = \"{ISSUER}\"\n{issuer}");
    // Secrets that were removed are tried, each of them.
    site.append(&format!("{store}[limits]\nfailed_attempts = \"off\"\n{issuer}"));
    let made = site.operator(["admin", "bootstrap"]).run();
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let address: SocketAddr = site.url().strip_prefix("http://").unwrap().parse().unwrap();
    let admin = Api { address, secret: made.stdout.trim().to_owned() };
    let caller = Api { address, secret: site.secret.to_owned() };
    (site, admin, caller)
}

/// Has a server killed amid writes, again and again, and holds what is there then against what was acknowledged.
async fn assert_nothing_is_lost(postgres: Option<&str>) {
    let (site, admin, caller) = site(postgres);
    let database = postgres.map_or_else(|| format!("sqlite:{}", site.path("feedpass.db").display()), str::to_owned);
    let mut runner = TestRunner::deterministic();
    let mut ledgers: Vec<_> = (0..ADMINS).map(Ledger::new).collect();
    let mut acknowledged = BTreeSet::new();
    for number in 0..ROUNDS {
        let limit = random_limit();
        let (sent, answered) = (Cell::new(0), RefCell::default());
        let round = Round { number, server: site.serve(), limit, sent, answered };
        let changes = ledgers.iter_mut().map(|ledger| {
            let draws = vec(uniform3(any::<Index>()), WRITES).new_tree(&mut runner).unwrap().current();
            round.change(&site, &admin, ledger, draws)
        });
        tokio::join!(join_all(changes), join_all((0..CALLERS).map(|_| round.ask(&caller))));
        let Round { server, answered, .. } = round;
        drop(server);
        acknowledged.extend(answered.into_inner());
        let seen = assert_written(&database, &acknowledged, limit).await;

        let _server = site.serve();
        let verify = ["audit", "verify", "--expect", &seen];
        site.client(verify).env("FEEDPASS_TOKEN", &admin.secret).works();
        for ledger in &mut ledgers {
            ledger.check(&admin).await;
        }
        ledger::assert_nothing_more(&admin, &ledgers).await;
    }
    let counts = ledger::counts(&ledgers);
    assert!(counts.iter().all(|count| *count > 0), "nothing was shown of some: {counts:?}");
}

/// A quarter of the writes or more.
fn random_limit() -> usize {
    let mut random = [0; 2];
    SystemEntropy::default().fill(&mut random).unwrap();
    WRITES / 4 + usize::from(u16::from_le_bytes(random)) % (WRITES * 3 / 4 - CALLERS - ADMINS)
}

/// Asserts that the chain holds, and that all of `acknowledged` is in it; gives its last line, to be asked for later.
async fn assert_written(database: &str, acknowledged: &BTreeSet<String>, limit: usize) -> String {
    let database = SqlDatabase::open(database).await.unwrap();
    let report = verify(&database, None).await.unwrap();
    assert!(report.intact, "killed after {limit}: {report:?}");
    let lines = database.lines(&LineFilter::default(), 100_000).await.unwrap();
    let written: BTreeSet<String> =
        lines.iter().filter_map(|line| line.members()?.get("request_id")?.as_str().map(str::to_owned)).collect();
    let lost: Vec<_> = acknowledged.difference(&written).collect();
    assert!(lost.is_empty(), "killed after {limit}: {lost:?}");
    format!("{}:{}", report.last, report.hash)
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_and_the_chain_holds() {
    assert_nothing_is_lost(None).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_on_postgresql_too() {
    let Some(url) = postgres::database().await else { return };
    assert_nothing_is_lost(Some(&url)).await;
}
