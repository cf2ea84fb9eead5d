//! `GET /healthz`, `GET /readyz`, `GET /metrics`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

use super::state::Readiness;
use crate::telemetry::Metrics;

/// Alive: this was answered.
pub(super) async fn healthz() -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-store")], "ok\n")
}

/// Ready: keys and configuration are there, and shutdown has not begun.
pub(super) async fn readyz(State(readiness): State<Readiness>) -> impl IntoResponse {
    let (status, word) = if readiness.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    };
    (status, [(CACHE_CONTROL, "no-store")], word)
}

/// All figures.
pub(super) async fn metrics(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.encode())
}
