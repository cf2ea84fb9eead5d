//! Request in, response out. Decides nothing: a handler takes typed parts, makes one call, answers.

mod access_log;
mod admin;
mod body;
mod caller;
mod credentials;
mod formats;
mod health;
mod limits;
mod no_store;
mod oauth2;
mod openapi;
mod operator;
mod origin;
mod parts;
mod preview;
mod problem;
mod routes;
mod server;
mod session;
mod state;
mod token;
mod trust_policy;
mod well_known;
mod whoami;

pub use limits::Limiter;
pub use openapi::document as openapi_document;
pub use origin::TrustedProxies;
pub use problem::{Problem, WhoseMove};
pub use routes::{Access, Listener, ROUTES, RouteEntry, both_routes, internal_routes, public_routes};
pub use server::{Server, ServerError, bind};
pub use state::{HttpState, Readiness};

/// The largest request body, in bytes, of a route whose line in the table says nothing else. None of these needs more
/// than a token request.
const LARGEST_BODY: usize = 64 * 1024;
