//! Every route: where it is, and what strangers and clients without grants are told there.

use bytes::Bytes;
use feedpass::http::{Access, Listener, ROUTES, RouteEntry};
use http::Method;
use http_body_util::BodyExt as _;
use tempfile::TempDir;

use crate::support::{Request, TestApp};

type Answer = (u16, &'static str);

/// What is answered on a route: to a stranger, to a client without grants, and to those with roles.
struct Expectation {
    route: &'static str,
    stranger: Answer,
    client: Answer,
    operators: Option<Operators>,
}

/// What is answered to clients with roles but without grants; those not named here have the wrong one.
struct Operators {
    may: &'static [&'static str],
    answer: Answer,
    /// To the admin of the space that the route is about, if that may.
    of_the_space: Answer,
    /// To the admin of another space.
    of_another: Answer,
}

const fn anyone(route: &'static str) -> Expectation {
    Expectation { route, stranger: (200, ""), client: (200, ""), operators: None }
}

const fn clients(route: &'static str, without_grant: &'static str) -> Expectation {
    let client = (404, without_grant);
    Expectation { route, stranger: (401, "credentials_missing"), client, operators: None }
}

const fn operators(
    route: &'static str,
    may: &'static [&'static str],
    [answer, of_the_space, of_another]: [Answer; 3],
) -> Expectation {
    let operators = Some(Operators { may, answer, of_the_space, of_another });
    Expectation { route, stranger: (401, "credentials_missing"), client: MISSING, operators }
}

/// What those may look at who have a grant for it, or a role that sees feeds.
const fn lookers(route: &'static str, answer: Answer) -> Expectation {
    let client = (404, "feed_not_found");
    let operators = Some(Operators { may: READ_FEEDS, answer, of_the_space: answer, of_another: client });
    Expectation { route, stranger: (401, "credentials_missing"), client, operators }
}

const MISSING: Answer = (403, "role_missing");
const OK: Answer = (200, "");
const NO_BODY: Answer = (415, "unsupported_media_type");
const NOT_FOUND: Answer = (404, "not_found");
const WRONG_BODY: Answer = (400, "invalid_body");
const BEYOND_REACH: Answer = (403, "role_missing");
const NO_PARAMETERS: Answer = (400, "invalid_parameters");
const NO_KEY: Answer = (404, "key_not_found");
const DECLARED: Answer = (409, "declared_in_configuration");

const READ_FEEDS: &[&str] = &["catalog_reader", "auditor", "admin", "space_admin"];
const CHANGE_FEEDS: &[&str] = &["admin", "space_admin"];
const CHANGE_SPACES: &[&str] = &["admin"];
const READ_CLIENTS: &[&str] = &["auditor", "admin", "space_admin"];
const READ_WORKLOADS: &[&str] = &["auditor", "admin"];
const CHANGE_WORKLOADS: &[&str] = &["admin"];
const READ_AUDIT: &[&str] = &["auditor", "admin", "space_admin"];
const CHANGE_CLIENTS: &[&str] = &["admin", "space_admin"];
const READ_KEYS: &[&str] = &["auditor", "key_admin", "admin"];
const CHANGE_KEYS: &[&str] = &["key_admin", "admin"];

/// The roles, one for each client of that name.
const ROLES: &[(&str, &str)] = &[
    ("catalog_reader", "catalog_reader"),
    ("auditor", "auditor"),
    ("key_admin", "key_admin"),
    ("admin", "admin"),
    ("of_the_space", "space_admin:default"),
    ("of_another", "space_admin:other"),
];

impl Expectation {
    /// What is answered to the client of [`ROLES`].
    fn to(&self, client: &str) -> Answer {
        let Some(operators) = &self.operators else { return self.client };
        match client {
            "of_the_space" if operators.may.contains(&"space_admin") => operators.of_the_space,
            "of_another" if operators.may.contains(&"space_admin") => operators.of_another,
            role if operators.may.contains(&role) => operators.answer,
            _ => self.client,
        }
    }
}

const EXPECTATIONS: &[Expectation] = &[
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
    lookers("GET /v1/spaces/{space}/feeds/{feed}/trust-policy", OK),
    Expectation {
        route: "POST /v1/spaces/{space}/feeds/{feed}/trust-policy/check",
        stranger: (401, "credentials_missing"),
        client: NO_BODY,
        operators: None,
    },
    // RFC 6749's form, which has no `code`.
    Expectation { route: "POST /oauth2/token", stranger: (400, ""), client: (400, ""), operators: None },
    Expectation { route: "GET /v1/whoami", stranger: (401, "credentials_missing"), client: OK, operators: None },
    operators("GET /v1/admin/spaces", READ_FEEDS, [OK; 3]),
    operators("POST /v1/admin/spaces", CHANGE_SPACES, [NO_BODY; 3]),
    operators("GET /v1/admin/spaces/{space}", READ_FEEDS, [OK, OK, NOT_FOUND]),
    operators("PUT /v1/admin/spaces/{space}", CHANGE_SPACES, [NO_BODY; 3]),
    operators("DELETE /v1/admin/spaces/{space}", CHANGE_SPACES, [DECLARED; 3]),
    operators("GET /v1/admin/feeds", READ_FEEDS, [OK; 3]),
    operators("POST /v1/admin/spaces/{space}/feeds", CHANGE_FEEDS, [NO_BODY; 3]),
    operators("GET /v1/admin/spaces/{space}/feeds/{feed}", READ_FEEDS, [OK, OK, NOT_FOUND]),
    operators("PUT /v1/admin/spaces/{space}/feeds/{feed}", CHANGE_FEEDS, [NO_BODY; 3]),
    operators("DELETE /v1/admin/spaces/{space}/feeds/{feed}", CHANGE_FEEDS, [DECLARED, DECLARED, NOT_FOUND]),
    operators("GET /v1/admin/clients", READ_CLIENTS, [OK; 3]),
    operators("POST /v1/admin/clients", CHANGE_CLIENTS, [NO_BODY; 3]),
    operators("GET /v1/admin/clients/{client}", READ_CLIENTS, [OK, NOT_FOUND, NOT_FOUND]),
    operators("PUT /v1/admin/clients/{client}", CHANGE_CLIENTS, [NO_BODY; 3]),
    operators("DELETE /v1/admin/clients/{client}", CHANGE_CLIENTS, [DECLARED, NOT_FOUND, NOT_FOUND]),
    operators("POST /v1/admin/clients/{client}/secrets", CHANGE_CLIENTS, [NO_BODY; 3]),
    operators("DELETE /v1/admin/clients/{client}/secrets/{secret}", CHANGE_CLIENTS, [DECLARED, NOT_FOUND, NOT_FOUND]),
    operators("POST /v1/admin/spaces/{space}/rename", CHANGE_SPACES, [NO_BODY; 3]),
    operators("POST /v1/admin/spaces/{space}/feeds/{feed}/rename", CHANGE_FEEDS, [NO_BODY; 3]),
    operators("GET /v1/admin/renames", READ_FEEDS, [OK; 3]),
    operators("DELETE /v1/admin/renames/{rename}", CHANGE_FEEDS, [NOT_FOUND; 3]),
    operators("GET /v1/admin/who-can", READ_CLIENTS, [OK, OK, NOT_FOUND]),
    operators("GET /v1/admin/workload-issuers", READ_WORKLOADS, [OK; 3]),
    operators("POST /v1/admin/workload-issuers", CHANGE_WORKLOADS, [NO_BODY; 3]),
    operators("GET /v1/admin/workload-issuers/{name}", READ_WORKLOADS, [NOT_FOUND; 3]),
    operators("PUT /v1/admin/workload-issuers/{name}", CHANGE_WORKLOADS, [NO_BODY; 3]),
    operators("DELETE /v1/admin/workload-issuers/{name}", CHANGE_WORKLOADS, [NOT_FOUND; 3]),
    operators("GET /v1/admin/workloads", READ_WORKLOADS, [OK; 3]),
    operators("POST /v1/admin/workloads", CHANGE_WORKLOADS, [NO_BODY; 3]),
    operators("GET /v1/admin/workloads/{name}", READ_WORKLOADS, [NOT_FOUND; 3]),
    operators("PUT /v1/admin/workloads/{name}", CHANGE_WORKLOADS, [NO_BODY; 3]),
    operators("DELETE /v1/admin/workloads/{name}", CHANGE_WORKLOADS, [NOT_FOUND; 3]),
    operators("POST /v1/admin/policy/test", READ_WORKLOADS, [NO_BODY; 3]),
    operators("GET /v1/admin/audit", READ_AUDIT, [OK; 3]),
    operators("GET /v1/admin/audit/stream", READ_AUDIT, [OK; 3]),
    operators("GET /v1/admin/audit/verify", READ_AUDIT, [OK, BEYOND_REACH, BEYOND_REACH]),
    operators("GET /v1/admin/lineage", READ_AUDIT, [NO_PARAMETERS; 3]),
    operators("POST /v1/admin/lineage", READ_AUDIT, [WRONG_BODY; 3]),
    operators("POST /v1/admin/apply", CHANGE_SPACES, [NO_BODY; 3]),
    operators("GET /v1/admin/keys", READ_KEYS, [OK; 3]),
    operators("GET /v1/admin/keys/plan", READ_KEYS, [OK; 3]),
    operators("POST /v1/admin/keys/stage", CHANGE_KEYS, [NO_BODY; 3]),
    operators("POST /v1/admin/keys/rotate", CHANGE_KEYS, [NO_BODY; 3]),
    operators("POST /v1/admin/keys/rollback", CHANGE_KEYS, [NO_BODY; 3]),
    operators("POST /v1/admin/keys/import", CHANGE_KEYS, [NO_BODY; 3]),
    operators("GET /v1/admin/keys/{kid}", READ_KEYS, [NO_KEY; 3]),
    operators("GET /v1/admin/keys/{kid}/public", READ_KEYS, [NO_KEY; 3]),
    operators("POST /v1/admin/keys/{kid}/promote", CHANGE_KEYS, [NO_BODY; 3]),
    operators("POST /v1/admin/keys/{kid}/retire", CHANGE_KEYS, [NO_BODY; 3]),
    operators("POST /v1/admin/keys/{kid}/revoke", CHANGE_KEYS, [NO_BODY; 3]),
    operators("GET /v1/admin/keys/{kid}/revocation", READ_KEYS, [NO_KEY; 3]),
];

fn expectation(route: &RouteEntry) -> &'static Expectation {
    let name = format!("{} {}", route.method, route.path);
    let found = EXPECTATIONS.iter().find(|expectation| expectation.route == name);
    found.unwrap_or_else(|| panic!("nobody has said what strangers are told at `{name}`"))
}

/// The path of `route` for a feed that there is.
fn path(route: &RouteEntry) -> String {
    let host = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let path = route
        .path
        .replace("{space}", "default")
        .replace("{feed}", "images")
        .replace("{host}", host)
        .replace("{name}", "main")
        .replace("{kid}", &"k".repeat(43));
    let path = path.replace("{client}", "nobody").replace("{secret}", "00000000").replace("{rename}", "space:default");
    if path.ends_with("/who-can") { path + "?feed=default/images" } else { path }
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
    // A stream has no end to wait for.
    if request.path().ends_with("/stream") {
        let opened = request.open().await.unwrap();
        let problem = opened.headers()["content-type"] == "application/problem+json";
        let status = opened.status().as_u16();
        let body = if problem { opened.into_body().collect().await.unwrap().to_bytes() } else { Bytes::new() };
        let code =
            serde_json::from_slice::<serde_json::Value>(&body).ok().map(|body| body["code"].as_str().unwrap().into());
        return (status, code.unwrap_or_default());
    }
    let reply = request.send().await;
    let problem = reply.header("content-type") == "application/problem+json";
    (reply.status.as_u16(), if problem { reply.code() } else { String::new() })
}

async fn with_a_client_of_each_role() -> (TestApp, TempDir) {
    // In a file: a stream that is cut off in the middle of a read gives up its connection, and a store in memory
    // has but one.
    let directory = TempDir::new().unwrap();
    let store = format!("sqlite:{}", directory.path().join("store.db").display());
    let app = TestApp::builder().store(&store).feed("default/images").feed("other/images").client("nobody", &[], &[]);
    let app = ROLES.iter().fold(app, |app, (id, role)| app.operator(id, &[role])).start().await;
    (app, directory)
}

fn owned((status, code): (u16, &str)) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn every_route_answers_strangers_clients_and_each_role_as_expected_and_on_its_listener_alone() {
    let (app, _directory) = with_a_client_of_each_role().await;
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
            for (id, role) in ROLES {
                let request = ask(&app, method.clone(), &path(route)).bearer(&TestApp::secret_of(id));
                let answered = answer(request).await;
                assert_eq!(answered, owned(expected.to(id)), "{role} at {}", expected.route);
            }
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
