//! What was acknowledged is there, however feedpass ends.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use feedpass::audit::verify;
use feedpass::entropy::{Entropy as _, SystemEntropy};
use feedpass::store::database::{LineFilter, SqlDatabase, Trail as _};
use http::Method;

use crate::process::Site;
use crate::support::Request;

const WRITES: usize = 300;
const WRITERS: usize = 8;

/// Asks for up to [`WRITES`] tokens from several sides, kills the server when so many are there as `limit`, and
/// gives the ids of those requests that were answered.
async fn write_until_killed(site: &Site, round: usize, limit: usize) -> BTreeSet<String> {
    let server = site.serve();
    let address: SocketAddr = site.url().strip_prefix("http://").unwrap().parse().unwrap();
    let (answered, next) = (Arc::new(Mutex::new(BTreeSet::new())), Arc::new(AtomicUsize::new(0)));
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let (answered, next, secret) = (answered.clone(), next.clone(), site.secret);
        writers.push(tokio::spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let id = format!("round-{round}.write-{n}");
                let path = if n % 5 == 0 { "credentials" } else { "token" };
                let request = Request::new(Method::POST, address, &format!("/v1/spaces/default/feeds/images/{path}"));
                let reply = request.bearer(secret).header("x-request-id", &id).try_send().await;
                let Some(reply) = reply.filter(|_| n < WRITES) else { return };
                assert_eq!(reply.status, 200, "{}", reply.text());
                let count = {
                    let mut answered = answered.lock().unwrap();
                    answered.insert(id);
                    answered.len()
                };
                if count == limit {
                    return;
                }
            }
        }));
    }
    // Whoever has the last answer that is waited for comes to its end first; the others are under way.
    let (_, _, rest) = futures_util::future::select_all(writers).await;
    server.signal("KILL");
    for writer in rest {
        writer.await.unwrap();
    }
    drop(server);
    let answered = answered.lock().unwrap().clone();
    assert!(answered.len() >= limit, "{} of {limit}", answered.len());
    answered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill_and_the_chain_holds() {
    let site = Site::example();
    let mut acknowledged = BTreeSet::new();
    for round in 0..3 {
        let mut random = [0; 2];
        SystemEntropy::default().fill(&mut random).unwrap();
        let limit = usize::from(u16::from_le_bytes(random)) % (WRITES - WRITERS) + 1;
        acknowledged.extend(write_until_killed(&site, round, limit).await);

        let database = SqlDatabase::open(&format!("sqlite:{}", site.path("feedpass.db").display())).await.unwrap();
        let report = verify(&database, None).await.unwrap();
        assert!(report.intact, "killed after {limit}: {report:?}");
        let lines = database.lines(&LineFilter::default(), 100_000).await.unwrap();
        let written: BTreeSet<String> =
            lines.iter().filter_map(|line| line.members()?.get("request_id")?.as_str().map(str::to_owned)).collect();
        let lost: Vec<_> = acknowledged.difference(&written).collect();
        assert!(lost.is_empty(), "killed after {limit}: {lost:?}");
    }
}
