//! `GET /.well-known/openid-configuration`, `GET /.well-known/jwks`: prepared bytes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH,
};
use axum::http::{StatusCode, response};
use axum::response::{IntoResponse, Response};

use crate::clock::Clock;
use crate::issuer::metadata::{Document, Metadata};

/// The discovery document.
pub(super) async fn discovery(
    State(metadata): State<Arc<Metadata>>,
    State(clock): State<Arc<dyn Clock>>,
    headers: HeaderMap,
) -> Response {
    answer(&metadata.current().discovery, metadata.cache_control(clock.now()), &headers)
}

/// The JWKS.
pub(super) async fn jwks(
    State(metadata): State<Arc<Metadata>>,
    State(clock): State<Arc<dyn Clock>>,
    headers: HeaderMap,
) -> Response {
    answer(&metadata.current().jwks, metadata.cache_control(clock.now()), &headers)
}

fn answer(document: &Document, cache_control: HeaderValue, request: &HeaderMap) -> Response {
    let fresh = request.get(IF_NONE_MATCH).is_some_and(|value| names(value, document.etag.as_bytes()));
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = response::Response::new(document.body.clone().into());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, document.etag.clone());
    headers.insert(CACHE_CONTROL, cache_control);
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// Whether an `If-None-Match` value names `etag`; the comparison is weak (RFC 9110 §13.1.2).
fn names(value: &HeaderValue, etag: &[u8]) -> bool {
    value
        .as_bytes()
        .split(|c| *c == b',')
        .map(<[u8]>::trim_ascii)
        .any(|candidate| candidate == b"*" || candidate.strip_prefix(b"W/").unwrap_or(candidate) == etag)
}
