//! Every route, in one table; the routers are made of it and of nothing else.

use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{MethodRouter, delete, get, post, put};
use axum::{Extension, Router};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;

use super::LARGEST_BODY;
use super::admin::{
    LARGEST_APPLICATION, apply, audit, clients, feeds, keys, lineage, one, policy, renames, spaces, who_can, workloads,
};
use super::state::HttpState;
use super::{
    access_log, credentials, health, limits, oauth2, openapi, problem, session, token, trust_policy, well_known, whoami,
};
use crate::authz::Duty;
use crate::domain::{self, Feed, IssuerUrl, Space, TrustedIssuer, WorkloadRule};

/// Which listener has a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Listener {
    /// What AWS needs.
    Public,
    /// Everything else.
    Internal,
    /// Both.
    Either,
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Anyone who reaches the listener.
    Anyone,
    /// A client that proves who it is; what it may have is decided per feed.
    Client,
    /// A client with a role that has this duty.
    Operator(Duty),
}

/// A line of the table.
#[derive(Debug)]
pub struct RouteEntry {
    /// Where it is.
    pub listener: Listener,
    /// Its path; below the issuer's path for those of [`Listener::Public`].
    pub path: &'static str,
    /// Its method; `GET` answers `HEAD` too.
    pub method: &'static str,
    /// Who may use it.
    pub access: Access,
    /// The largest body that it takes, in bytes.
    pub largest_body: usize,
    handler: fn() -> MethodRouter<HttpState>,
}

const fn entry(
    listener: Listener,
    method: &'static str,
    path: &'static str,
    access: Access,
    handler: fn() -> MethodRouter<HttpState>,
) -> RouteEntry {
    RouteEntry { listener, path, method, access, largest_body: LARGEST_BODY, handler }
}

impl RouteEntry {
    /// The same with another limit.
    const fn with_body(self, largest_body: usize) -> Self {
        Self { largest_body, ..self }
    }
}

const fn admin(
    method: &'static str,
    path: &'static str,
    duty: Duty,
    handler: fn() -> MethodRouter<HttpState>,
) -> RouteEntry {
    entry(Listener::Internal, method, path, Access::Operator(duty), handler)
}

/// The table.
pub const ROUTES: &[RouteEntry] = {
    use Access::{Anyone, Client};
    use Duty::{
        ChangeClients, ChangeFeeds, ChangeKeys, ChangeSpaces, ChangeWorkloads, ReadAudit, ReadClients, ReadFeeds,
        ReadKeys, ReadWorkloads,
    };
    use Listener::{Either, Internal, Public};
    &[
        entry(Public, "GET", "/.well-known/openid-configuration", Anyone, || get(well_known::discovery)),
        entry(Public, "GET", "/.well-known/jwks", Anyone, || get(well_known::jwks)),
        entry(Public, "GET", "/.well-known/jwks.json", Anyone, || get(well_known::jwks)),
        entry(Either, "GET", "/healthz", Anyone, || get(health::healthz)),
        entry(Either, "GET", "/readyz", Anyone, || get(health::readyz)),
        entry(Internal, "GET", "/metrics", Anyone, || get(health::metrics)),
        entry(Internal, "GET", "/openapi.json", Anyone, || get(openapi::openapi)),
        entry(Internal, "POST", "/v1/spaces/{space}/feeds/{feed}/credentials", Client, || post(credentials::of_feed)),
        entry(Internal, "POST", "/v1/registries/{host}/credentials", Client, || post(credentials::of_registry)),
        entry(Internal, "POST", "/v1/spaces/{space}/feeds/{feed}/token", Client, || post(token::web_identity)),
        entry(Internal, "GET", "/v1/spaces/{space}/feeds/{feed}/session", Client, || get(session::session)),
        entry(Internal, "POST", "/v1/spaces/{space}/feeds/{feed}/session", Client, || post(session::session)),
        entry(Internal, "GET", "/v1/spaces/{space}/feeds/{feed}/trust-policy", Client, || get(trust_policy::needed)),
        entry(Internal, "POST", "/v1/spaces/{space}/feeds/{feed}/trust-policy/check", Client, || {
            post(trust_policy::check)
        }),
        entry(Internal, "POST", "/oauth2/token", Anyone, || post(oauth2::token)),
        entry(Internal, "GET", "/v1/whoami", Client, || get(whoami::whoami)),
        admin("GET", "/v1/admin/spaces", ReadFeeds, || get(spaces::list)),
        admin("POST", "/v1/admin/spaces", ChangeSpaces, || post(spaces::add)),
        admin("GET", "/v1/admin/spaces/{space}", ReadFeeds, || get(one::show::<Space>)),
        admin("PUT", "/v1/admin/spaces/{space}", ChangeSpaces, || put(one::change::<Space>)),
        admin("DELETE", "/v1/admin/spaces/{space}", ChangeSpaces, || delete(one::remove::<Space>)),
        admin("GET", "/v1/admin/feeds", ReadFeeds, || get(feeds::list)),
        admin("POST", "/v1/admin/spaces/{space}/feeds", ChangeFeeds, || post(feeds::add)),
        admin("GET", "/v1/admin/spaces/{space}/feeds/{feed}", ReadFeeds, || get(one::show::<Feed>)),
        admin("PUT", "/v1/admin/spaces/{space}/feeds/{feed}", ChangeFeeds, || put(one::change::<Feed>)),
        admin("DELETE", "/v1/admin/spaces/{space}/feeds/{feed}", ChangeFeeds, || delete(one::remove::<Feed>)),
        admin("GET", "/v1/admin/clients", ReadClients, || get(clients::list)),
        admin("POST", "/v1/admin/clients", ChangeClients, || post(clients::add)),
        admin("GET", "/v1/admin/clients/{client}", ReadClients, || get(one::show::<domain::Client>)),
        admin("PUT", "/v1/admin/clients/{client}", ChangeClients, || put(one::change::<domain::Client>)),
        admin("DELETE", "/v1/admin/clients/{client}", ChangeClients, || delete(one::remove::<domain::Client>)),
        admin("POST", "/v1/admin/clients/{client}/secrets", ChangeClients, || post(clients::add_secret)),
        admin("DELETE", "/v1/admin/clients/{client}/secrets/{secret}", ChangeClients, || {
            delete(clients::remove_secret)
        }),
        admin("POST", "/v1/admin/spaces/{space}/rename", ChangeSpaces, || post(renames::plan_space)),
        admin("POST", "/v1/admin/spaces/{space}/feeds/{feed}/rename", ChangeFeeds, || post(renames::plan_feed)),
        admin("GET", "/v1/admin/renames", ReadFeeds, || get(renames::list)),
        admin("DELETE", "/v1/admin/renames/{rename}", ChangeFeeds, || delete(renames::cancel)),
        admin("GET", "/v1/admin/who-can", ReadClients, || get(who_can::who_can)),
        admin("GET", "/v1/admin/workload-issuers", ReadWorkloads, || get(workloads::list::<TrustedIssuer>)),
        admin("POST", "/v1/admin/workload-issuers", ChangeWorkloads, || post(workloads::add::<TrustedIssuer>)),
        admin("GET", "/v1/admin/workload-issuers/{name}", ReadWorkloads, || get(one::show::<TrustedIssuer>)),
        admin("PUT", "/v1/admin/workload-issuers/{name}", ChangeWorkloads, || put(one::change::<TrustedIssuer>)),
        admin("DELETE", "/v1/admin/workload-issuers/{name}", ChangeWorkloads, || delete(one::remove::<TrustedIssuer>)),
        admin("GET", "/v1/admin/workloads", ReadWorkloads, || get(workloads::list::<WorkloadRule>)),
        admin("POST", "/v1/admin/workloads", ChangeWorkloads, || post(workloads::add::<WorkloadRule>)),
        admin("GET", "/v1/admin/workloads/{name}", ReadWorkloads, || get(one::show::<WorkloadRule>)),
        admin("PUT", "/v1/admin/workloads/{name}", ChangeWorkloads, || put(one::change::<WorkloadRule>)),
        admin("DELETE", "/v1/admin/workloads/{name}", ChangeWorkloads, || delete(one::remove::<WorkloadRule>)),
        admin("POST", "/v1/admin/policy/test", ReadWorkloads, || post(policy::test)),
        // Spaces are changed by who may change everything, and by nobody else.
        admin("POST", "/v1/admin/apply", ChangeSpaces, || post(apply::apply)).with_body(LARGEST_APPLICATION),
        admin("GET", "/v1/admin/keys", ReadKeys, || get(keys::list)),
        admin("GET", "/v1/admin/keys/plan", ReadKeys, || get(keys::plan)),
        admin("POST", "/v1/admin/keys/stage", ChangeKeys, || post(keys::stage)),
        admin("POST", "/v1/admin/keys/rotate", ChangeKeys, || post(keys::rotate)),
        admin("POST", "/v1/admin/keys/rollback", ChangeKeys, || post(keys::roll_back)),
        admin("POST", "/v1/admin/keys/import", ChangeKeys, || post(keys::import)),
        admin("GET", "/v1/admin/keys/{kid}", ReadKeys, || get(keys::show)),
        admin("GET", "/v1/admin/keys/{kid}/public", ReadKeys, || get(keys::public)),
        admin("POST", "/v1/admin/keys/{kid}/promote", ChangeKeys, || post(keys::promote)),
        admin("POST", "/v1/admin/keys/{kid}/retire", ChangeKeys, || post(keys::retire)),
        admin("POST", "/v1/admin/keys/{kid}/revoke", ChangeKeys, || post(keys::revoke)),
        admin("GET", "/v1/admin/keys/{kid}/revocation", ReadKeys, || get(keys::revocation)),
        admin("GET", "/v1/admin/audit", ReadAudit, || get(audit::list)),
        admin("GET", "/v1/admin/audit/stream", ReadAudit, || get(audit::stream)),
        admin("GET", "/v1/admin/audit/verify", ReadAudit, || get(audit::verify)),
        admin("GET", "/v1/admin/lineage", ReadAudit, || get(lineage::of)),
        admin("POST", "/v1/admin/lineage", ReadAudit, || post(lineage::of_records)),
    ]
};

/// What the public listener serves.
pub fn public_routes(state: &HttpState, issuer: &IssuerUrl) -> Router {
    let elsewhere = Router::new().fallback(problem::no_such_path);
    documents(issuer).merge(around(state, of(Listener::Either).merge(elsewhere))).with_state(state.clone())
}

/// What the internal listener serves.
pub fn internal_routes(state: &HttpState) -> Router {
    internal(state).with_state(state.clone())
}

/// What one listener serves that is both.
pub fn both_routes(state: &HttpState, issuer: &IssuerUrl) -> Router {
    documents(issuer).merge(internal(state)).with_state(state.clone())
}

/// The documents that AWS reads, below the issuer's path, with nothing around them: every layer
/// costs them a third of their speed, and a request that feedpass makes of STS waits for them.
fn documents(issuer: &IssuerUrl) -> Router<HttpState> {
    let public = ROUTES.iter().filter(|route| route.listener == Listener::Public);
    let documents = public.fold(Router::new(), |router, route| {
        router.route(&format!("{}{}", issuer.path(), route.path), (route.handler)())
    });
    documents.method_not_allowed_fallback(problem::method_not_allowed)
}

/// All but the documents. Whoever asks whether feedpass lives is always told, over the limits too.
fn internal(state: &HttpState) -> Router<HttpState> {
    let limited = of(Listener::Internal).fallback(problem::no_such_path);
    let limited = limited.layer(from_fn_with_state(state.clone(), limits::by_address));
    around(state, limited.merge(of(Listener::Either)))
}

/// The routes of one line of [`Listener`], at their paths.
fn of(listener: Listener) -> Router<HttpState> {
    ROUTES
        .iter()
        .filter(|route| route.listener == listener)
        .fold(Router::new(), |router, route| router.route(route.path, handler(route)))
        .method_not_allowed_fallback(problem::method_not_allowed)
}

/// The route's handler, with the limit of its body; that of an operator's route is told the duty.
fn handler(route: &RouteEntry) -> MethodRouter<HttpState> {
    let handler = match route.access {
        Access::Operator(duty) => (route.handler)().layer(Extension(duty)),
        Access::Anyone | Access::Client => (route.handler)(),
    };
    let most = route.largest_body;
    let too_large = move |response| std::future::ready(problem::body_too_large(response, most));
    handler.layer(RequestBodyLimitLayer::new(most)).layer(map_response(too_large))
}

/// What stands around every route but the documents.
fn around(state: &HttpState, routes: Router<HttpState>) -> Router<HttpState> {
    routes.layer(CatchPanicLayer::custom(problem::panicked)).layer(from_fn_with_state(state.clone(), access_log::log))
}
