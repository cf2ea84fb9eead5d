//! Clients that ask without a pause notice nothing of rotations.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::future::{join4, select};
use http::Method;
use tokio::sync::Semaphore;

use super::{jwks, text};
use crate::support::aws::assume_role;
use crate::support::{Reply, Request, TestApp};

const ROTATIONS: usize = 60;
const FEEDS: usize = 20;
/// How far the clock moves on at a time, and how many requests each client at least makes in between.
const TICK: Duration = Duration::from_millis(500);
const REQUESTS: u32 = 2;
/// More than a rotation takes, in ticks: a second until every process shows the key, one as the policy says, and as
/// many until STS is asked again that did not know it yet.
const TICKS: usize = 40;

/// Makes requests without a pause, and counts them.
async fn ask(app: &TestApp, made: &Semaphore, request: impl AsyncFn(&TestApp, usize)) -> Infallible {
    for number in 0.. {
        request(app, number).await;
        made.add_permits(1);
    }
    unreachable!("there is no end to it")
}

async fn send(app: &TestApp, number: usize, request: Request) -> Reply {
    let reply = request.send().await;
    assert_eq!(reply.status, 200, "request {number} failed: {}", reply.text());
    // The log is searched for each that is remembered, and is long.
    if number < 5 {
        app.remember_secrets_of(&reply);
    }
    reply
}

fn post(app: &TestApp, path: &str) -> Request {
    app.internal(Method::POST, path).bearer(&TestApp::secret_of("ci"))
}

/// A web identity token, shown to STS by the client itself.
async fn token_at_sts(app: &TestApp, number: usize) {
    let token = send(app, number, post(app, "/v1/spaces/default/feeds/feed-0/token")).await.json();
    let session = assume_role(app, "feed-0", token["token"].as_str().unwrap()).await;
    assert_eq!(session.status, 200, "STS refused token {number}: {}", session.text());
}

/// Registry credentials, of a feed that has some or of one that has none yet.
async fn credentials(app: &TestApp, number: usize) {
    let feed = number / 50 % FEEDS;
    send(app, number, post(app, &format!("/v1/spaces/default/feeds/feed-{feed}/credentials"))).await;
}

/// A session of the role.
async fn session(app: &TestApp, number: usize) {
    send(app, number, post(app, "/v1/spaces/default/feeds/feed-0/session")).await;
}

/// An access token, and a look at whose it is.
async fn access_token(app: &TestApp, number: usize) {
    let request = app.internal(Method::POST, "/oauth2/token").basic("ci", &TestApp::secret_of("ci"));
    let form = request.header("content-type", "application/x-www-form-urlencoded");
    let given = send(app, number, form.body("grant_type=client_credentials")).await.json();
    let whoami = app.internal(Method::GET, "/v1/whoami").bearer(given["access_token"].as_str().unwrap());
    send(app, number, whoami).await;
}

/// Moves the clock on, a tick for every few requests of each client, until the keys were rotated often enough.
async fn rotate(app: &TestApp, made: &[Semaphore; 4]) {
    let mut signing = jwks(app).await[0].clone();
    for rotation in 0..ROTATIONS {
        let mut ticks = 0;
        while jwks(app).await[0] == signing {
            ticks += 1;
            assert!(ticks < TICKS, "rotation {rotation} came to no end");
            app.clock.advance(TICK);
            for made in made {
                made.forget_permits(usize::MAX >> 3);
                made.acquire_many(REQUESTS).await.unwrap().forget();
            }
        }
        signing.clone_from(&jwks(app).await[0]);
    }
}

/// The sandbox's STS keeps three copies of the JWKS, each for as long as a key is published before it signs, and fetches
/// none for a key that it does not know.
#[tokio::test]
async fn sixty_rotations_fail_no_request_of_four_clients_at_full_speed() {
    let policy = "algorithm = \"ES256\"\nrotate_every = \"2s\"\npublish_before = \"1s\"";
    let caches = "[sandbox]\njwks_cache = \"1s\"\njwks_unknown_kid = \"wait\"\njwks_caches = 3\n\
                  [limits]\nclient_rate = \"off\"\naddress_rate = \"off\"";
    let app = (0..FEEDS).fold(TestApp::builder(), |app, number| app.feed(&format!("default/feed-{number}")));
    let app = app.client("ci", &["default/*"], &["pull", "token", "session"]).keys(policy).tables(caches);
    let app = app.start().await;
    let made = [const { Semaphore::const_new(0) }; 4];
    let clients = join4(
        ask(&app, &made[0], token_at_sts),
        ask(&app, &made[1], credentials),
        ask(&app, &made[2], session),
        ask(&app, &made[3], access_token),
    );
    // The first to end is the one that ends at all.
    drop(select(Box::pin(clients), Box::pin(rotate(&app, &made))).await);
    let changes = app.trail("change").await;
    let promoted = changes.iter().filter(|line| text(&line["change"]["action"]) == "promote").count();
    assert!(promoted >= ROTATIONS, "{promoted} promotions are in the trail");
}
