//! Held credentials: fetched once for all, renewed ahead, served while AWS is away.

use std::collections::HashSet;
use std::time::Duration;

use feedpass::sandbox::{Fault, FaultKind, Service};
use futures_util::future::join_all;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Reply, TestApp, TestAppBuilder};

const HOUR: Duration = Duration::from_hours(1);
const IMAGES: &str = "/v1/spaces/default/feeds/images/credentials";

/// Feeds `default/feed-0` and on, and client `ci` that may pull from them all.
fn with_feeds(count: usize) -> TestAppBuilder {
    let builder = (0..count).fold(TestApp::builder(), |builder, n| builder.feed(&format!("default/feed-{n}")));
    builder.client("ci", &["default/*"], &["pull"])
}

fn hang(feed: &str) -> Fault {
    let role = format!("arn:aws:iam::123456789012:role/feedpass-{}", feed.replace('/', "-"));
    Fault::new(Service::Sts, FaultKind::Hang).for_role(role.parse().unwrap())
}

/// How long credentials are still good for.
fn runway(app: &TestApp, reply: &Reply) -> SignedDuration {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let ends: Timestamp = reply.json()["expires_at"].as_str().unwrap().parse().unwrap();
    ends.duration_since(feedpass::clock::Clock::now(&app.clock))
}

#[tokio::test]
async fn a_thousand_callers_of_a_cold_feed_make_one_exchange() {
    let app = TestApp::start().await;
    let replies = join_all((0..1000).map(|_| app.credentials("ci", "default/images"))).await;
    let passwords: HashSet<String> = replies.iter().map(Reply::password).collect();
    assert_eq!((passwords.len(), app.calls()), (1, (1, 1)));
    let figures = app.figures().await;
    let lookups = |outcome| figures.of(&format!("feedpass_cache_lookups_total{{outcome=\"{outcome}\"}}"));
    assert_eq!((lookups("miss"), lookups("joined") + lookups("hit")), (1, 999));
    assert_eq!(figures.of("feedpass_mints_total{outcome=\"ok\"}"), 1);
}

#[tokio::test]
async fn fifty_feeds_of_twenty_callers_each_make_fifty_exchanges() {
    let app = with_feeds(50).start().await;
    let feeds: Vec<String> = (0..1000).map(|n| format!("default/feed-{}", n % 50)).collect();
    let replies = join_all(feeds.iter().map(|feed| app.credentials("ci", feed))).await;
    let given: HashSet<(String, String)> =
        replies.iter().map(|reply| (reply.json()["feed"].to_string(), reply.password())).collect();
    let passwords: HashSet<&String> = given.iter().map(|(_, password)| password).collect();
    assert_eq!((given.len(), passwords.len()), (50, 50), "one password for each feed, and no feed another's");
    assert_eq!(app.calls(), (50, 50));
}

#[tokio::test]
async fn a_feed_whose_aws_hangs_delays_no_other() {
    let app = with_feeds(21).start().await;
    app.sandbox().faults().add(hang("default/feed-20"));
    let stuck = app.credentials("ci", "default/feed-20");
    let others = async {
        let feeds: Vec<String> = (0..20).map(|n| format!("default/feed-{n}")).collect();
        let replies = join_all(feeds.iter().map(|feed| app.credentials("ci", feed))).await;
        assert!(replies.iter().all(|reply| reply.status == 200));
        assert_eq!(app.figures().await.of("feedpass_flights"), 1, "it still hangs");
        app.sandbox().faults().clear();
    };
    let (stuck, ()) = futures_util::future::join(stuck, others).await;
    assert_eq!(stuck.status, 200, "{}", stuck.text());
    assert_eq!(app.calls(), (21, 21));
}

#[tokio::test]
async fn a_caller_that_hangs_up_costs_no_second_exchange() {
    let app = TestApp::start().await;
    app.sandbox().faults().add(hang("default/images"));
    let mut impatient = TcpStream::connect(app.app.internal_address()).await.unwrap();
    let secret = TestApp::secret_of("ci");
    let request = format!("POST {IMAGES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\n\r\n");
    impatient.write_all(request.as_bytes()).await.unwrap();
    app.until_flights(|flights| flights == 1).await;
    drop(impatient);
    // Seen by the server before it answers this.
    assert_eq!(app.internal(Method::GET, "/healthz").send().await.status, 200);
    app.sandbox().faults().clear();
    assert_eq!(app.credentials("ci", "default/images").await.status, 200);
    assert_eq!(app.calls(), (1, 1));
    let route = "/v1/spaces/{space}/feeds/{feed}/credentials";
    let went_away = format!("feedpass_http_requests_total{{method=\"POST\",route=\"{route}\",status=\"499\"}}");
    assert_eq!(app.figures().await.of(&went_away), 1, "and is written down");
}

#[tokio::test]
async fn a_feed_in_use_always_has_six_hours_of_runway() {
    let app = TestApp::start().await;
    for hour in 0..48 {
        let left = runway(&app, &app.credentials("ci", "default/images").await);
        assert!(left >= SignedDuration::from_hours(6), "after {hour} h only {left:#} are left");
        app.pass(HOUR).await;
    }
    let (sts, ecr) = app.calls();
    assert!((8..=10).contains(&sts) && sts == ecr, "48 h took {sts} and {ecr} calls");
    let figures = app.figures().await;
    assert_eq!(figures.of("feedpass_cache_lookups_total{outcome=\"hit\"}"), 47, "no caller waited for a renewal");
}

#[tokio::test]
async fn an_aws_that_is_away_is_not_noticed_until_what_is_held_ends() {
    let app = TestApp::start().await;
    let held = app.credentials("ci", "default/images").await.password();
    app.sandbox().faults().add(Fault::new(Service::Sts, FaultKind::Unavailable));
    for _ in 0..11 {
        app.clock.advance(HOUR);
        app.settle().await;
        assert_eq!(app.credentials("ci", "default/images").await.password(), held);
    }
    assert!(app.calls().0 > 3, "renewing is tried again: {:?}", app.calls());
    app.clock.advance(HOUR);
    app.settle().await;
    assert_eq!(app.credentials("ci", "default/images").await.status_and_code(), (503, "sts_unavailable".into()));
    app.sandbox().faults().clear();
    app.clock.advance(Duration::from_secs(2));
    assert_ne!(app.credentials("ci", "default/images").await.password(), held);
}

#[tokio::test]
async fn an_aws_that_comes_back_renews_what_is_held() {
    let app = TestApp::start().await;
    let held = app.credentials("ci", "default/images").await.password();
    app.sandbox().faults().add(Fault::new(Service::Sts, FaultKind::Unavailable));
    app.clock.advance(8 * HOUR);
    app.settle().await;
    assert_eq!(app.credentials("ci", "default/images").await.password(), held);
    app.sandbox().faults().clear();
    app.clock.advance(Duration::from_mins(5));
    app.settle().await;
    let left = runway(&app, &app.credentials("ci", "default/images").await);
    assert_eq!(left, SignedDuration::from_hours(12), "renewed while nobody waited");
}

#[tokio::test]
async fn the_credentials_of_a_removed_feed_are_refused_at_once_and_renewed_no_more() {
    let app = TestApp::start().await;
    assert_eq!(app.credentials("ci", "default/images").await.status, 200);
    app.change_feeds(|feeds| feeds.feed("default/charts"));
    assert_eq!(app.credentials("ci", "default/images").await.status_and_code(), (404, "feed_not_found".into()));
    app.pass(13 * HOUR).await;
    assert_eq!(app.calls(), (1, 1), "AWS hears of the feed no more");
}

#[tokio::test]
async fn the_credentials_of_a_changed_feed_are_those_of_its_new_role() {
    let app = TestApp::start().await;
    let held = app.credentials("ci", "default/images").await.password();
    app.change_feeds(|feeds| feeds.feed_with("default/images", "role_arn = \"arn:aws:iam::123456789012:role/new\""));
    assert_ne!(app.credentials("ci", "default/images").await.password(), held, "on the next request");
    assert_eq!(app.calls(), (2, 2));
    assert_eq!(app.lines().with("assumed-role/new/default.images@").len(), 2, "STS and ECR saw the new role");
    app.pass(7 * HOUR).await;
    assert_eq!(app.calls(), (3, 3), "the new one's credentials alone are renewed");
}

#[tokio::test]
async fn what_nobody_asks_for_is_renewed_once_and_then_let_go() {
    let app = TestApp::start().await;
    assert_eq!(app.credentials("ci", "default/images").await.status, 200);
    app.pass(48 * HOUR).await;
    let (sts, _) = app.calls();
    assert!((2..=3).contains(&sts), "48 h of silence took {sts} exchanges");
}

#[tokio::test]
async fn tokens_are_signed_while_aws_is_away() {
    let app = TestApp::start().await;
    app.sandbox().faults().add(Fault::new(Service::Sts, FaultKind::Hang));
    let token = app.post_as("ci", &IMAGES.replace("/credentials", "/token")).await;
    assert_eq!(token.status, 200, "{}", token.text());
    assert_eq!(app.calls(), (0, 0));
}
