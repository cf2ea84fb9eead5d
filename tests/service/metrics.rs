//! The figures.

use feedpass::sandbox::{Fault, FaultKind, Service};
use http::Method;

use crate::support::TestApp;

const ROUTE: &str = "/v1/spaces/{space}/feeds/{feed}/credentials";

#[tokio::test]
async fn each_request_exchange_and_look_is_counted() {
    let app = TestApp::builder()
        .feed("default/images")
        .feed("default/charts")
        .client("ci", &["default/*"], &["pull", "token"])
        .start()
        .await;
    app.change_accounts(|accounts| accounts.roles.retain(|role| role.arn.name().ends_with("images")));
    app.sandbox().faults().add(Fault::new(Service::Sts, FaultKind::Throttle).times(1));
    for _ in 0..3 {
        assert_eq!(app.credentials("ci", "default/images").await.status, 200);
    }
    for _ in 0..2 {
        assert_eq!(app.credentials("ci", "default/charts").await.status, 502);
    }
    assert_eq!(app.credentials("ci", "default/nothing").await.status, 404);
    assert_eq!(app.post_as("ci", "/v1/spaces/default/feeds/charts/token").await.status, 200);
    assert_eq!(app.internal(Method::GET, "/no/such/path").send().await.status, 404);
    assert_eq!(app.public(Method::GET, "/healthz").send().await.status, 200);

    let figures = app.figures().await;
    let requests = |method, route, status| {
        let labels = format!("{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}");
        figures.of(&format!("feedpass_http_requests_total{labels}"))
    };
    assert_eq!([200, 502, 404].map(|status| requests("POST", ROUTE, status)), [3, 2, 1]);
    assert_eq!(requests("GET", "(no such path)", 404), 1);
    assert_eq!(requests("GET", "/healthz", 200), 1, "both listeners count");
    assert_eq!(figures.of(&format!("feedpass_http_request_seconds_count{{route=\"{ROUTE}\"}}")), 6);
    for (series, expected) in [
        ("mints_total{outcome=\"ok\"}", 3),
        ("exchanges_total{feed=\"default/images\",outcome=\"ok\"}", 1),
        ("exchanges_total{feed=\"default/charts\",outcome=\"role_refused\"}", 1),
        ("cache_lookups_total{outcome=\"miss\"}", 2),
        ("cache_lookups_total{outcome=\"hit\"}", 2),
        ("cache_lookups_total{outcome=\"refusal_remembered\"}", 1),
        ("flights", 0),
        ("upstream_seconds_count{service=\"sts\",outcome=\"ok\"}", 1),
        ("upstream_seconds_count{service=\"sts\",outcome=\"failed\"}", 1),
        ("upstream_seconds_count{service=\"ecr\",outcome=\"ok\"}", 1),
    ] {
        assert_eq!(figures.of(&format!("feedpass_{series}")), expected, "{series}\n{}", figures.text());
    }
}

#[tokio::test]
async fn figures_are_in_the_openmetrics_format() {
    let app = TestApp::start().await;
    app.public(Method::GET, "/healthz").send().await;
    let reply = app.internal(Method::GET, "/metrics").send().await;
    assert_eq!(reply.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(reply.text().ends_with("# EOF\n"));
    assert!(reply.text().contains("# TYPE feedpass_http_requests counter\n"), "{}", reply.text());
}

#[tokio::test]
async fn no_label_holds_what_a_caller_made_up() {
    let app = TestApp::start().await;
    let (path, method) = ("/made-up-path/made-up", "MADEUP");
    let secret = TestApp::secret_of("ci");
    for _ in 0..2 {
        let request = app.internal(method.parse().unwrap(), path).bearer(&secret);
        assert_eq!(request.header("x-request-id", "made-up-id").send().await.status, 404);
        app.post_as("ci", "/v1/spaces/made-up/feeds/made-up/credentials?made-up=1").await;
        app.post_as("ci", "/v1/registries/made-up.example/credentials").await;
    }
    let figures = app.figures().await;
    // The client's short name stands in other words too.
    for word in ["made-up", method, &secret, "\"ci\""] {
        let held: Vec<_> = figures.series().into_iter().filter(|series| series.contains(word)).collect();
        assert!(held.is_empty(), "{word}: {held:?}");
    }
    let other = "feedpass_http_requests_total{method=\"(other)\",route=\"(no such path)\",status=\"404\"}";
    assert_eq!(figures.of(other), 2);
}
