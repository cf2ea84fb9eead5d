//! Requests, as this client or that one.

use http::Method;

use super::TestApp;
use crate::support::http::{Reply, Request};

impl TestApp {
    /// A request to the public listener.
    pub fn public(&self, method: Method, path: &str) -> Request {
        Request::new(method, self.app.public_address(), path)
    }

    /// A request to the internal listener.
    pub fn internal(&self, method: Method, path: &str) -> Request {
        Request::new(method, self.app.internal_address(), path)
    }

    /// Posts to the internal listener as a client.
    pub async fn post_as(&self, client: &str, path: &str) -> Reply {
        let reply = self.internal(Method::POST, path).bearer(&Self::secret_of(client)).send().await;
        self.remember_secrets_of(&reply);
        reply
    }

    /// Asks the internal listener for something as a client, with a body of JSON unless it is null.
    pub async fn ask(&self, client: &str, method: Method, path: &str, body: &serde_json::Value) -> Reply {
        self.ask_with(&Self::secret_of(client), method, path, body, None).await
    }

    /// The same with a secret, and the `If-Match` of a change.
    pub async fn ask_with(
        &self,
        secret: &str,
        method: Method,
        path: &str,
        body: &serde_json::Value,
        if_match: Option<&str>,
    ) -> Reply {
        let request = self.internal(method, path).bearer(secret);
        let request = if_match.into_iter().fold(request, |request, tag| request.header("if-match", tag));
        let reply = match body {
            serde_json::Value::Null => request.send().await,
            body => request.header("content-type", "application/json").body(body.to_string()).send().await,
        };
        self.remember_secrets_of(&reply);
        reply
    }

    /// Asks the internal listener as a client.
    pub async fn get_as(&self, client: &str, path: &str) -> Reply {
        self.internal(Method::GET, path).bearer(&Self::secret_of(client)).send().await
    }

    /// Asks for a feed's registry credentials as a client.
    pub async fn credentials(&self, client: &str, feed: &str) -> Reply {
        let (space, feed) = feed.split_once('/').unwrap();
        self.post_as(client, &format!("/v1/spaces/{space}/feeds/{feed}/credentials")).await
    }
}
