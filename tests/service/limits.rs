//! Limits per client and per address, and which address that is.

use std::time::Duration;

use feedpass::sandbox::{Fault, FaultKind, Service};
use futures_util::future::join;
use http::Method;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Reply, Request, TestApp, TestAppBuilder};

const IMAGES: &str = "/v1/spaces/default/feeds/images/credentials";

/// Two clients that may pull, behind a proxy that is believed, held to `limits`.
fn with(limits: &str) -> TestAppBuilder {
    limited(TestApp::builder(), limits).trusted_proxies(&["127.0.0.1"])
}

fn limited(builder: TestAppBuilder, limits: &str) -> TestAppBuilder {
    builder
        .feed("default/images")
        .client("ci", &["default/images"], &["pull"])
        .client("cd", &["default/images"], &["pull"])
        .tables(&format!("[limits]\n{limits}"))
}

fn ask(app: &TestApp, client: &str, address: &str) -> Request {
    app.internal(Method::POST, IMAGES).bearer(&TestApp::secret_of(client)).header("x-forwarded-for", address)
}

fn guess(app: &TestApp, address: &str) -> Request {
    app.internal(Method::POST, IMAGES).bearer("a-guess").header("x-forwarded-for", address)
}

/// The statuses of `count` requests, one after the other.
async fn statuses(count: usize, request: impl Fn() -> Request) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(request().send().await.status.as_u16());
    }
    statuses
}

/// Expects a 429 with `code`, and gives its words.
fn refused(reply: &Reply, code: &str, seconds: u64) -> String {
    assert_eq!(reply.status_and_code(), (429, code.into()), "{}", reply.text());
    let body = reply.json();
    assert_eq!((&body["whose_move"], &body["retry_after"]), (&"caller".into(), &seconds.into()));
    assert_eq!(
        (reply.header("retry-after"), reply.header("cache-control")),
        (seconds.to_string().as_str(), "no-store")
    );
    reply.detail()
}

async fn limited_by(app: &TestApp, limit: &str) -> u64 {
    app.figures().await.of(&format!("feedpass_limited_total{{limit=\"{limit}\"}}"))
}

#[tokio::test]
async fn a_client_has_a_burst_and_then_its_rate() {
    let app = with("client_rate = 2\nclient_burst = 3").start().await;
    assert_eq!(statuses(4, || ask(&app, "ci", "192.0.2.1")).await, [200, 200, 200, 429]);
    let detail = refused(&ask(&app, "ci", "192.0.2.1").send().await, "rate_limited", 1);
    assert_eq!(
        detail,
        "client ci may make 2 requests a second, after a rest 3 at once, and makes more; ask again after 1 s, or have \
         an administrator raise `client_rate` or `client_burst`"
    );
    assert_eq!(limited_by(&app, "client_rate").await, 2);
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(statuses(3, || ask(&app, "ci", "192.0.2.1")).await, [200, 200, 429], "two more in a second");
}

#[tokio::test]
async fn a_client_over_its_rate_is_so_from_everywhere_and_alone() {
    let app = with("client_rate = 1\nclient_burst = 1").start().await;
    assert_eq!(statuses(2, || ask(&app, "ci", "192.0.2.1")).await, [200, 429]);
    assert_eq!(ask(&app, "ci", "192.0.2.2").send().await.status, 429);
    assert_eq!(ask(&app, "cd", "192.0.2.1").send().await.status, 200, "another client of the same address");
}

#[tokio::test]
async fn an_address_over_its_rate_is_so_for_everyone_there_and_alone() {
    let app = with("address_rate = 1\naddress_burst = 2").start().await;
    assert_eq!(ask(&app, "ci", "192.0.2.1").send().await.status, 200);
    let stranger = app.internal(Method::POST, IMAGES).header("x-forwarded-for", "192.0.2.1").send().await;
    assert_eq!(stranger.status, 401, "who says nothing of itself counts too");
    let detail = refused(&ask(&app, "cd", "192.0.2.1").send().await, "rate_limited", 1);
    assert!(detail.starts_with("address 192.0.2.1 may make 1 requests a second, after a rest 2 at once"), "{detail}");
    let nowhere = app.internal(Method::GET, "/nowhere").header("x-forwarded-for", "192.0.2.1").send().await;
    assert_eq!(nowhere.status, 429);
    assert_eq!(ask(&app, "ci", "192.0.2.2").send().await.status, 200);
    assert_eq!(limited_by(&app, "address_rate").await, 2);
}

#[tokio::test]
async fn an_ipv6_network_of_64_bits_counts_as_one_address() {
    let app = with("address_rate = 1\naddress_burst = 1").start().await;
    assert_eq!(ask(&app, "ci", "2001:db8:0:1::1").send().await.status, 200);
    let detail = refused(&ask(&app, "ci", "2001:db8:0:1:ffff::2").send().await, "rate_limited", 1);
    assert!(detail.starts_with("network 2001:db8:0:1::/64 may"), "{detail}");
    assert_eq!(ask(&app, "ci", "2001:db8:0:2::1").send().await.status, 200);
}

#[tokio::test]
async fn health_and_documents_have_no_limit() {
    for shared in [false, true] {
        let builder = with("address_rate = 1\naddress_burst = 1\naddress_concurrency = 1");
        let app = if shared { builder.shared_listener() } else { builder }.start().await;
        assert_eq!(statuses(2, || app.internal(Method::GET, "/nowhere")).await, [404, 429]);
        for path in ["/healthz", "/readyz"] {
            assert_eq!(statuses(3, || app.internal(Method::GET, path)).await, [200; 3], "{path}");
            assert_eq!(statuses(3, || app.public(Method::GET, path)).await, [200; 3], "{path}");
        }
        for path in ["/.well-known/jwks", "/.well-known/openid-configuration"] {
            assert_eq!(statuses(3, || app.public(Method::GET, path)).await, [200; 3], "{path}");
        }
    }
}

/// One request of `ci` hangs in AWS while `meanwhile` goes on; it is answered when that is done.
async fn while_one_hangs(app: &TestApp, meanwhile: impl AsyncFnOnce()) {
    app.sandbox().faults().add(Fault::new(Service::Sts, FaultKind::Hang));
    let hangs = async { ask(app, "ci", "192.0.2.1").send().await };
    let others = async {
        app.until_flights(|flights| flights == 1).await;
        meanwhile().await;
        app.sandbox().faults().clear();
    };
    assert_eq!(join(hangs, others).await.0.status, 200);
}

#[tokio::test]
async fn a_client_has_so_many_requests_at_once() {
    let app = with("client_concurrency = 1").start().await;
    while_one_hangs(&app, async || {
        let detail = refused(&ask(&app, "ci", "192.0.2.2").send().await, "too_many_at_once", 1);
        assert_eq!(
            detail,
            "client ci may have 1 requests under way at once, and has; ask again when one is answered, or have an \
             administrator raise `client_concurrency`"
        );
        let other = app.internal(Method::POST, &IMAGES.replace("images", "nothing")).bearer(&TestApp::secret_of("cd"));
        assert_eq!(other.send().await.status, 404, "another client has its own");
    })
    .await;
    assert_eq!(statuses(3, || ask(&app, "ci", "192.0.2.1")).await, [200; 3], "its place is free again");
    assert_eq!(limited_by(&app, "client_concurrency").await, 1);
}

#[tokio::test]
async fn an_address_has_so_many_requests_at_once() {
    let app = with("address_concurrency = 1").start().await;
    while_one_hangs(&app, async || {
        let detail = refused(&ask(&app, "cd", "192.0.2.1").send().await, "too_many_at_once", 1);
        assert!(detail.starts_with("address 192.0.2.1 may have 1 requests under way at once"), "{detail}");
        assert_eq!(guess(&app, "192.0.2.2").send().await.status, 401, "another address has its own");
    })
    .await;
    assert_eq!(statuses(3, || ask(&app, "cd", "192.0.2.1")).await, [200; 3]);
    assert_eq!(limited_by(&app, "address_concurrency").await, 1);
}

#[tokio::test]
async fn a_caller_that_hangs_up_gives_its_places_back() {
    let app = with("client_concurrency = 1\naddress_concurrency = 2").start().await;
    app.sandbox().faults().add(Fault::new(Service::Sts, FaultKind::Hang));
    let mut impatient = TcpStream::connect(app.app.internal_address()).await.unwrap();
    let secret = TestApp::secret_of("ci");
    let request = format!("POST {IMAGES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\n\r\n");
    impatient.write_all(request.as_bytes()).await.unwrap();
    app.until_flights(|flights| flights == 1).await;
    assert_eq!(app.credentials("ci", "default/images").await.status, 429);
    drop(impatient);
    // Seen by the server before it answers this.
    assert_eq!(app.internal(Method::GET, "/healthz").send().await.status, 200);
    app.sandbox().faults().clear();
    assert_eq!(app.credentials("ci", "default/images").await.status, 200);
}

#[tokio::test]
async fn who_fails_too_often_is_told_to_stop_until_the_window_has_passed() {
    let app = with("failed_attempts = 3\nfailed_window = \"1m\"").start().await;
    assert_eq!(statuses(3, || guess(&app, "192.0.2.1")).await, [401; 3]);
    app.clock.advance(Duration::from_secs(20));
    let detail = refused(&guess(&app, "192.0.2.1").send().await, "too_many_failed_attempts", 40);
    assert_eq!(
        detail,
        "more than 3 credentials of address 192.0.2.1 were refused within 60 s, these too; ask an administrator for \
         valid ones, which are taken at once, or try again after 40 s"
    );
    let malformed = app.internal(Method::POST, IMAGES).header("authorization", "Nonsense");
    assert_eq!(malformed.header("x-forwarded-for", "192.0.2.1").send().await.status, 429);
    assert_eq!(guess(&app, "192.0.2.2").send().await.status, 401, "another address is not meant");
    assert_eq!(limited_by(&app, "failed_attempts").await, 2);
    app.clock.advance(Duration::from_secs(40));
    assert_eq!(statuses(4, || guess(&app, "192.0.2.1")).await, [401, 401, 401, 429]);
}

#[tokio::test]
async fn a_job_that_fails_locks_no_other_out_behind_the_same_address() {
    let app = with("failed_attempts = 1").start().await;
    assert_eq!(statuses(3, || guess(&app, "192.0.2.1")).await, [401, 429, 429]);
    assert_eq!(ask(&app, "ci", "192.0.2.1").send().await.status, 200);
    assert_eq!(guess(&app, "192.0.2.1").send().await.status, 429, "and its success does not help who guesses");
    let stranger = app.internal(Method::POST, IMAGES).header("x-forwarded-for", "192.0.2.1").send().await;
    assert_eq!(stranger.status_and_code(), (401, "credentials_missing".into()), "nothing was tried");
}

#[tokio::test]
async fn only_a_trusted_proxy_says_where_a_request_comes_from() {
    let app = limited(TestApp::builder(), "address_rate = 1\naddress_burst = 1").start().await;
    let log_of = |address: &str| app.lines().with(&format!("address={address}")).len();
    assert_eq!(ask(&app, "ci", "192.0.2.1").send().await.status, 200);
    assert_eq!(ask(&app, "ci", "192.0.2.2").send().await.status, 429, "whatever it says of itself");
    assert_eq!((log_of("192.0.2.1"), log_of("192.0.2.2")), (0, 0));
    assert!(log_of("127.0.0.1") > 0);
    let more = |b: TestAppBuilder| limited(b, "address_rate = 1\naddress_burst = 1").trusted_proxies(&["127.0.0.0/8"]);
    assert_eq!(app.reload(more).unwrap(), [""; 0]);
    assert_eq!(ask(&app, "ci", "198.51.100.7, 192.0.2.1").send().await.status, 200, "from the next request on");
    assert_eq!(ask(&app, "ci", "203.0.113.9, 192.0.2.1").send().await.status, 429, "what is left of it is invented");
    assert_eq!(ask(&app, "ci", "192.0.2.2").send().await.status, 200);
    assert!(log_of("192.0.2.1") > 0 && log_of("192.0.2.2") > 0);
    assert_eq!((log_of("198.51.100.7"), log_of("203.0.113.9")), (0, 0));
}

#[tokio::test]
async fn changed_limits_count_on_the_next_request() {
    let app = with("client_rate = 1\nclient_burst = 1\naddress_rate = 1\naddress_burst = 4").start().await;
    let change = |limits: &'static str| {
        let changed = app.reload(|b| limited(b, limits).trusted_proxies(&["127.0.0.1"]));
        assert_eq!(changed.unwrap(), [""; 0]);
    };
    let client = || ask(&app, "ci", "192.0.2.1");
    assert_eq!(statuses(2, client).await, [200, 429]);
    change("client_rate = 1\nclient_burst = 2\naddress_rate = 1\naddress_burst = 4");
    assert_eq!(statuses(2, client).await, [200, 200]);
    assert_eq!(refused(&client().send().await, "rate_limited", 1).split(' ').next(), Some("address"), "it counted on");
    change("client_rate = \"off\"\naddress_rate = \"off\"\nfailed_attempts = \"off\"");
    assert_eq!(statuses(50, client).await, [200; 50]);
    assert_eq!(statuses(50, || guess(&app, "192.0.2.1")).await, [401; 50]);
}
