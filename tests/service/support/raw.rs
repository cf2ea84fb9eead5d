//! Bytes on a connection, for what no HTTP client would send.

use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer as it stood on the wire.
#[derive(Debug)]
pub struct RawReply {
    pub status: StatusCode,
    pub head: String,
    pub body: String,
}

impl RawReply {
    /// The header's value; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value.trim())).unwrap_or_default()
    }

    /// A problem's `code`; empty when the answer is none.
    pub fn code(&self) -> String {
        if self.header("content-type") != "application/problem+json" {
            return String::new();
        }
        serde_json::from_str::<serde_json::Value>(&self.body).unwrap()["code"].as_str().unwrap().to_owned()
    }
}

/// Sends `bytes` on a connection of its own and reads until the other side closes it. Gives every
/// answer that came, none when it closed without one.
///
/// Whatever is sent, the other side has 5 s: who hangs fails the test.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<RawReply> {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(120)]).into_owned();
    let talk = async {
        let (mut from, mut to) = TcpStream::connect(address).await.unwrap().into_split();
        // The other side may have heard enough before all is sent, or close in a way that loses what
        // came last: both are its right.
        let write = async {
            let _ = to.write_all(bytes).await;
        };
        let read = async {
            let mut received = Vec::new();
            let mut part = [0; 8192];
            while let Ok(length @ 1..) = from.read(&mut part).await {
                received.extend_from_slice(&part[..length]);
            }
            received
        };
        futures_util::future::join(write, read).await.1
    };
    let received = tokio::time::timeout(Duration::from_secs(5), talk).await;
    answers(&received.unwrap_or_else(|_| panic!("no end of the connection within 5 s after {shown:?}")))
}

/// Takes apart what came back. An answer is as long as its `content-length` says; feedpass sends no other.
fn answers(mut received: &[u8]) -> Vec<RawReply> {
    let mut found = Vec::new();
    while let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
        let head = String::from_utf8(received[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = RawReply { status, head, body: String::new() };
        let length = reply.header("content-length").parse().unwrap_or(0);
        let body = &received[end + 4..];
        assert!(body.len() >= length, "an answer breaks off: {reply:?}");
        reply.body = String::from_utf8(body[..length].to_vec()).unwrap();
        received = &body[length..];
        found.push(reply);
    }
    assert!(received.is_empty(), "no HTTP: {}", String::from_utf8_lossy(received));
    found
}
