//! One line and one count for each request, and its id.

use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jiff::Timestamp;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use super::problem::Said;
use super::state::HttpState;
use crate::domain::Origin;

const REQUEST_ID: &str = "x-request-id";

/// What is counted for a caller who went away before there was an answer; no answer has this status.
const WENT_AWAY: u16 = 499;

/// Gives the request an id (the caller's own where it is a plain word), answers with it, notes
/// where it came from, and writes down what came of it.
pub(super) async fn log(State(state): State<HttpState>, mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers(), &state);
    let address = state.proxies.client_address(request.headers(), request.extensions());
    request.extensions_mut().insert(Origin { address, request_id: id.clone() });
    let span = info_span!("request", request.id = id, %address, client = Empty, feed = Empty, session_name = Empty);
    let under_way = UnderWay {
        started: state.clock.now(),
        method: known(request.method()),
        // The path as sent may hold anything; the pattern it matched may not.
        route: request.extensions().get::<MatchedPath>().map_or("(no such path)", MatchedPath::as_str).to_owned(),
        span: span.clone(),
        state,
        answered: false,
    };
    let mut response = next.run(request).instrument(span).await;
    under_way.answered(&response);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// A request on its way to an answer. hyper drops it when its caller hangs up: that is written down too,
/// or an AWS that hangs would look like a quiet day.
struct UnderWay {
    started: Timestamp,
    method: &'static str,
    route: String,
    span: Span,
    state: HttpState,
    answered: bool,
}

impl UnderWay {
    fn answered(mut self, response: &Response) {
        self.answered = true;
        let status = response.status().as_u16();
        let micros = self.counted(status);
        let Self { method, route, .. } = &self;
        self.span.in_scope(|| match response.extensions().get::<Said>() {
            Some(said) if status >= 500 => {
                tracing::warn!(status, code = said.code, micros, "{method} {route} failed: {}", said.words);
            }
            Some(said) => tracing::info!(status, code = said.code, micros, "{method} {route} refused: {}", said.words),
            None => tracing::info!(status, micros, "{method} {route} answered {status}"),
        });
    }

    /// Counts the request, and gives the microseconds that it took.
    fn counted(&self, status: u16) -> u64 {
        let took = Duration::try_from(self.state.clock.now().duration_since(self.started)).unwrap_or_default();
        self.state.metrics.request(self.method, &self.route, status, took);
        u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        let micros = self.counted(WENT_AWAY);
        let Self { method, route, .. } = self;
        self.span.in_scope(|| tracing::info!(status = WENT_AWAY, micros, "{method} {route}: the caller went away"));
    }
}

/// A method may be any word of a caller's, and every word would be a series of its own.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("(other)")
}

fn request_id(headers: &HeaderMap, state: &HttpState) -> String {
    let plain = |id: &&str| {
        !id.is_empty() && id.len() <= 64 && id.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c))
    };
    if let Some(id) = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(plain) {
        return id.to_owned();
    }
    let mut bytes = [0; 12];
    // Without randomness ids repeat, and requests are still answered.
    let _ = state.entropy.fill(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
