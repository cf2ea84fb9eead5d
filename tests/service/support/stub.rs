//! A server that says what a test tells it to: an issuer with wrong documents, an AWS that errs as
//! the sandbox never does.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// An answer: status, content type, body.
pub type Answer = (u16, &'static str, String);

/// The server; it goes when it is dropped.
pub struct Stub {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Stub {
    /// Answers each request with what `answer` says, which is given the server's own URL, and the
    /// request's `x-amz-target` or else its path.
    pub async fn start(answer: impl Fn(&str, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let answer = Arc::new(answer);
        let routes = Router::new().fallback(move |request: Request| async move { respond(&*answer, &url, &request) });
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn respond(answer: &(dyn Fn(&str, &str) -> Answer + Send + Sync), url: &str, request: &Request) -> Response {
    let target = request.headers().get("x-amz-target").map(|target| target.to_str().unwrap());
    let (status, content_type, body) = answer(url, target.unwrap_or(request.uri().path()));
    (
        StatusCode::from_u16(status).unwrap(),
        [(CONTENT_TYPE.as_str(), content_type), ("x-amzn-requestid", "00000000-0000-4000-8000-000000000007")],
        body,
    )
        .into_response()
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An address of this machine where nobody listens.
pub async fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}
