//! The program itself, whose keys an admin rotates.

use std::net::SocketAddr;

use http::Method;
use serde_json::Value;

use crate::process::Site;
use crate::support::{Reply, Request};

/// An admin of it.
pub(super) struct Api {
    address: SocketAddr,
    secret: String,
}

/// A site where no rate is limited, with keys of a curve, which are made in no time; and its admin.
pub(super) fn site() -> (Site, Api) {
    let site = Site::example();
    site.append("[limits]\nclient_rate = \"off\"\naddress_rate = \"off\"");
    site.edit("store = \"directory:keys\"", "algorithm = \"ES256\"\nstore = \"directory:keys\"");
    let made = site.operator(["admin", "bootstrap"]).run();
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let secret = made.stdout.trim().to_owned();
    site.remember(&secret);
    let address = site.url().strip_prefix("http://").unwrap().parse().unwrap();
    (site, Api { address, secret })
}

impl Api {
    pub(super) async fn send(&self, method: Method, path: &str, body: &Value) -> Option<Reply> {
        let request = Request::new(method, self.address, path).bearer(&self.secret);
        let request = match body {
            Value::Null => request,
            body => request.header("content-type", "application/json").body(body.to_string()),
        };
        request.try_send().await
    }

    /// The answer to a step; none when the program is dead.
    pub(super) async fn step(&self, path: &str, body: &Value) -> Option<Reply> {
        self.send(Method::POST, &format!("/v1/admin/keys/{path}"), body).await
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let reply = self.send(Method::GET, path, &Value::Null).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }
}
