//! Requests as a client makes them.

use std::net::SocketAddr;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// A request to one of the two listeners.
pub struct Request {
    builder: http::request::Builder,
    body: Bytes,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    pub fn new(method: Method, address: SocketAddr, path: &str) -> Self {
        let builder = http::Request::builder().method(method).uri(format!("http://{address}{path}"));
        Self { builder, body: Bytes::new() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    pub fn bearer(self, secret: &str) -> Self {
        self.header("authorization", &format!("Bearer {secret}"))
    }

    pub fn basic(self, client: &str, secret: &str) -> Self {
        self.header("authorization", &format!("Basic {}", BASE64_STANDARD.encode(format!("{client}:{secret}"))))
    }

    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub async fn send(self) -> Reply {
        self.try_send().await.expect("an answer")
    }

    /// None when the server went away before all of the answer was there.
    pub async fn try_send(self) -> Option<Reply> {
        let (head, body) = self.open().await?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Reply { status: head.status, headers: head.headers, body })
    }

    /// What it asks for.
    pub fn path(&self) -> &str {
        self.builder.uri_ref().unwrap().path()
    }

    /// The answer's head, and its body as it comes.
    pub async fn open(self) -> Option<http::Response<hyper::body::Incoming>> {
        let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        client.request(self.builder.body(Full::new(self.body)).unwrap()).await.ok()
    }
}

impl Reply {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The status as a number, with the problem's `code`.
    pub fn status_and_code(&self) -> (u16, String) {
        (self.status.as_u16(), if self.status.is_success() { String::new() } else { self.code() })
    }

    /// The header's value; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// A problem's `code`.
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A problem's words.
    pub fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap_or_default().to_owned()
    }

    /// The password of credentials in the json format.
    pub fn password(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()["password"].as_str().unwrap().to_owned()
    }
}
