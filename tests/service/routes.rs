//! Every route: where it is, and what strangers and clients without grants are told there.

use feedpass::http::{Access, Listener, ROUTES, RouteEntry};
use http::Method;

use crate::support::{Request, TestApp};

/// What is answered on a route: to a stranger, and to a client without grants.
struct Expectation {
    route: &'static str,
    stranger: (u16, &'static str),
    client: (u16, &'static str),
}

const fn anyone(route: &'static str) -> Expectation {
    Expectation { route, stranger: (200, ""), client: (200, "") }
}

const fn clients(route: &'static str, without_grant: &'static str) -> Expectation {
    Expectation { route, stranger: (401, "credentials_missing"), client: (404, without_grant) }
}

const fn operators(route: &'static str) -> Expectation {
    Expectation { route, stranger: (401, "credentials_missing"), client: (403, "role_missing") }
}

const EXPECTATIONS: &[Expectation] = &[
    operators("GET /v1/admin/audit"),
    operators("GET /v1/admin/audit/stream"),
    operators("GET /v1/admin/audit/verify"),
    operators("GET /v1/admin/lineage"),
    operators("POST /v1/admin/lineage"),
    anyone("GET /.well-known/openid-configuration"),
    anyone("GET /.well-known/jwks"),
    anyone("GET /.well-known/jwks.json"),
    anyone("GET /healthz"),
    anyone("GET /readyz"),
    anyone("GET /metrics"),
    anyone("GET /openapi.json"),
    clients("POST /v1/spaces/{space}/feeds/{feed}/credentials", "feed_not_found"),
    clients("POST /v1/registries/{host}/credentials", "registry_not_found"),
    clients("POST /v1/spaces/{space}/feeds/{feed}/token", "feed_not_found"),
    clients("GET /v1/spaces/{space}/feeds/{feed}/session", "feed_not_found"),
    clients("POST /v1/spaces/{space}/feeds/{feed}/session", "feed_not_found"),
    // RFC 6749's form, which has no `code`.
    Expectation { route: "POST /oauth2/token", stranger: (400, ""), client: (400, "") },
];

fn expectation(route: &RouteEntry) -> &'static Expectation {
    let name = format!("{} {}", route.method, route.path);
    let found = EXPECTATIONS.iter().find(|expectation| expectation.route == name);
    found.unwrap_or_else(|| panic!("nobody has said what strangers are told at `{name}`"))
}

/// The path of `route` for a feed that there is.
fn path(route: &RouteEntry) -> String {
    let host = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    route.path.replace("{space}", "default").replace("{feed}", "images").replace("{host}", host)
}

/// The listeners of `app` that have `route`, and those that have not.
fn listeners(route: &RouteEntry) -> (Vec<Ask>, Vec<Ask>) {
    match route.listener {
        Listener::Public => (vec![TestApp::public], vec![TestApp::internal]),
        Listener::Internal => (vec![TestApp::internal], vec![TestApp::public]),
        Listener::Either => (vec![TestApp::public, TestApp::internal], vec![]),
    }
}

type Ask = fn(&TestApp, Method, &str) -> Request;

async fn answer(request: Request) -> (u16, String) {
    let reply = request.send().await;
    let problem = reply.header("content-type") == "application/problem+json";
    (reply.status.as_u16(), if problem { reply.code() } else { String::new() })
}

async fn with_a_stranger_and_a_client() -> TestApp {
    TestApp::builder().feed("default/images").client("nobody", &[], &[]).start().await
}

fn owned((status, code): (u16, &str)) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn every_route_answers_strangers_and_clients_as_expected_and_on_its_listener_alone() {
    let app = with_a_stranger_and_a_client().await;
    let secret = TestApp::secret_of("nobody");
    for route in ROUTES {
        let expected = expectation(route);
        let method: Method = route.method.parse().unwrap();
        let (has, has_not) = listeners(route);
        for ask in has {
            let stranger = answer(ask(&app, method.clone(), &path(route))).await;
            assert_eq!(stranger, owned(expected.stranger), "a stranger at {}", expected.route);
            let client = answer(ask(&app, method.clone(), &path(route)).bearer(&secret)).await;
            assert_eq!(client, owned(expected.client), "a client without grants at {}", expected.route);
        }
        for ask in has_not {
            let elsewhere = answer(ask(&app, method.clone(), &path(route)).bearer(&secret)).await;
            assert_eq!(elsewhere, owned((404, "no_such_path")), "{} on the other listener", expected.route);
        }
    }
    assert_eq!(EXPECTATIONS.len(), ROUTES.len(), "an expectation of a route that is no more");
    assert_eq!(app.calls(), (0, 0));
}

#[test]
fn what_is_open_to_anyone_gives_no_secret() {
    for route in ROUTES.iter().filter(|route| route.access == Access::Anyone) {
        let harmless = ["/.well-known/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/oauth2/token"];
        assert!(harmless.iter().any(|prefix| route.path.starts_with(prefix)), "{} is open to anyone", route.path);
        assert!(route.listener != Listener::Public || route.path.starts_with("/.well-known/"), "{}", route.path);
    }
}

#[tokio::test]
async fn one_listener_can_have_all_routes() {
    let app = TestApp::builder()
        .feed("default/images")
        .client("nobody", &[], &[])
        .client("ci", &["default/images"], &["pull"])
        .shared_listener()
        .start()
        .await;
    assert_eq!(app.app.public_address(), app.app.internal_address());
    for route in ROUTES {
        let method: Method = route.method.parse().unwrap();
        let stranger = answer(app.public(method, &path(route))).await;
        assert_eq!(stranger, owned(expectation(route).stranger), "{}", route.path);
    }
    assert_eq!(app.credentials("ci", "default/images").await.status, 200, "AWS fetches the keys there");
}

#[tokio::test]
async fn the_documents_of_an_issuer_with_a_path_stand_below_it() {
    for shared in [false, true] {
        let builder = TestApp::builder().feed("default/images").client("ci", &["default/images"], &["pull"]);
        let builder = builder.issuer_path("/team-a");
        let app = if shared { builder.shared_listener() } else { builder }.start().await;
        let issuer = app.issuer();
        assert!(issuer.ends_with("/team-a"), "{issuer}");
        let discovery = app.public(Method::GET, "/team-a/.well-known/openid-configuration").send().await.json();
        assert_eq!(discovery["issuer"], *issuer);
        assert_eq!(discovery["jwks_uri"], format!("{issuer}/.well-known/jwks"));
        for route in ROUTES.iter().filter(|route| route.listener == Listener::Public) {
            let below = answer(app.public(Method::GET, &format!("/team-a{}", route.path))).await;
            assert_eq!(below, owned((200, "")), "{}", route.path);
            for elsewhere in
                [route.path.to_owned(), format!("/team-ab{}", route.path), format!("/team-a/{}", route.path)]
            {
                let answered = answer(app.public(Method::GET, &elsewhere)).await;
                assert_eq!(answered, owned((404, "no_such_path")), "{elsewhere}");
            }
        }
        assert_eq!(app.public(Method::GET, "/healthz").send().await.status, 200, "below no path");
        let credentials = app.credentials("ci", "default/images").await;
        assert_eq!(credentials.status, 200, "AWS finds them: {}", credentials.text());
    }
}
