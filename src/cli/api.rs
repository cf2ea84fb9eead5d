//! The API as its clients reach it.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::domain::is_loopback;
use crate::telemetry::with_causes;

/// Which feedpass, and as whom.
#[derive(Args)]
pub(super) struct Server {
    /// The server's internal listener. The client's secret is taken from `FEEDPASS_TOKEN`, or from
    /// the file that `FEEDPASS_TOKEN_FILE` names
    #[arg(long = "server", value_name = "URL", env = "FEEDPASS_URL", default_value = DEFAULT_URL)]
    url: Url,
}

const DEFAULT_URL: &str = "http://127.0.0.1:8081";
/// Longer than the server gives AWS.
const TIME_LIMIT: Duration = Duration::from_secs(45);
/// The largest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// Why the API gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// It said no.
    #[error("{0}")]
    Refused(Problem),
    /// It did not answer as feedpass does.
    #[error("{url} answered {status}, and not as feedpass does; is it the internal listener of a feedpass?")]
    Stranger { url: Url, status: StatusCode },
    /// It could not be reached.
    #[error("{url} cannot be reached: {reason}; is feedpass running there? FEEDPASS_URL or --server names another")]
    Unreachable { url: Url, reason: String },
}

/// A problem that the server answered (RFC 9457).
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) detail: String,
    pub(super) whose_move: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_request_id: Option<String>,
    /// From the answer's headers: what the server's log calls the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whose_move = match self.whose_move.as_str() {
            "caller" => "yours",
            "operator" => "the operator's",
            _ => "nobody's; try again later",
        };
        write!(f, "{}\n  code: {}; whose move: {whose_move}", self.detail, self.code)?;
        if let Some(code) = &self.aws_code {
            write!(f, "\n  AWS said: {code}")?;
            if let Some(id) = &self.aws_request_id {
                write!(f, ", request {id}")?;
            }
        }
        if let Some(id) = &self.request_id {
            write!(f, "\n  request id: {id}")?;
        }
        Ok(())
    }
}

/// A request to the API.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// Its segments, not encoded.
    pub(super) path: &'a [&'a str],
    /// As it stands after `?`.
    pub(super) query: &'a str,
    /// JSON; empty for none.
    pub(super) body: Bytes,
    pub(super) if_match: Option<&'a str>,
}

/// What the API answered to a request that it granted.
pub(super) struct Answer {
    pub(super) body: Bytes,
    pub(super) etag: Option<String>,
}

impl Answer {
    pub(super) fn json(&self) -> anyhow::Result<Value> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body).context("the answer is not JSON")
    }
}

impl Server {
    /// The server that the environment names, for programs without arguments of their own.
    pub(super) fn from_environment() -> anyhow::Result<Self> {
        let url = variable("FEEDPASS_URL").unwrap_or_else(|| DEFAULT_URL.into());
        Ok(Self { url: url.parse().with_context(|| format!("FEEDPASS_URL is `{url}`, which is not a URL"))? })
    }

    /// Where it is.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Posts to `path` and returns the body of a success.
    pub(super) async fn post(&self, path: &[&str], query: &str) -> anyhow::Result<Bytes> {
        self.request(Method::POST, path, query, Bytes::new()).await
    }

    /// Asks for `path` and returns the body of a success.
    pub(super) async fn get(&self, path: &[&str], query: &str) -> anyhow::Result<Bytes> {
        self.request(Method::GET, path, query, Bytes::new()).await
    }

    /// Sends `body`, JSON unless it is empty, to `path` and returns the body of a success.
    pub(super) async fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &str,
        body: Bytes,
    ) -> anyhow::Result<Bytes> {
        Ok(self.ask(Ask { method, path, query, body, if_match: None }).await?.body)
    }

    /// Asks, and returns the JSON of a success.
    pub(super) async fn json(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let query = parameters(query.iter().map(|(name, value)| (*name, Some(*value))));
        let body = body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
        self.ask(Ask { method, path, query: &query, body: body.into(), if_match: None }).await?.json()
    }

    /// Asks, and returns a success.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> anyhow::Result<Answer> {
        let request = self.prepared(ask)?;
        let answer = tokio::time::timeout(TIME_LIMIT, async { self.whole(self.open(request).await?).await });
        answer.await.map_err(|_| self.silent())?
    }

    /// Asks for `path`, and hands each line of the answer on as it comes, until it ends.
    pub(super) async fn follow(
        &self,
        path: &[&str],
        query: &str,
        mut on_line: impl FnMut(&str) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let ask = Ask { method: Method::GET, path, query, body: Bytes::new(), if_match: None };
        let opened = tokio::time::timeout(TIME_LIMIT, self.open(self.prepared(ask)?));
        let opened = opened.await.map_err(|_| self.silent())??;
        if !opened.status().is_success() {
            return self.whole(opened).await.map(drop);
        }
        let (mut body, mut text) = (opened.into_body(), Vec::new());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.unreachable(with_causes(&error)))?;
            text.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            while let Some(end) = text.iter().position(|c| *c == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                // An empty line only says that the connection is alive.
                if end > 0 {
                    on_line(std::str::from_utf8(&line[..end])?)?;
                }
            }
        }
        Ok(())
    }

    fn prepared(&self, ask: Ask<'_>) -> anyhow::Result<Request<Full<Bytes>>> {
        anyhow::ensure!(
            self.url.scheme() == "https" || is_loopback(&self.url),
            "{} is neither `https://…` nor `http://` to this machine, as in `http://127.0.0.1:8081`: the client's secret would \
             cross the network in clear",
            self.url
        );
        let secret = secret()?;
        let mut url = self.url.clone();
        url.path_segments_mut()
            .map_err(|()| anyhow::anyhow!("{} is not the URL of a server", self.url))?
            .pop_if_empty()
            .extend(ask.path);
        url.set_query(Some(ask.query).filter(|query| !query.is_empty()));
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", secret.expose_secret()))
            .context("the client's secret holds characters that no header can carry")?;
        authorization.set_sensitive(true);
        let mut request = Request::builder().method(ask.method).uri(url.as_str()).header(AUTHORIZATION, authorization);
        if let Some(version) = ask.if_match {
            request = request.header(IF_MATCH, version);
        }
        if !ask.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        Ok(request.body(Full::new(ask.body))?)
    }

    fn unreachable(&self, reason: String) -> ApiError {
        ApiError::Unreachable { url: self.url.clone(), reason }
    }

    fn silent(&self) -> ApiError {
        self.unreachable(format!("no answer in {} s", TIME_LIMIT.as_secs()))
    }

    async fn open(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Incoming>> {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .context("this machine's trusted certificates cannot be read")?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(client.request(request).await.map_err(|error| self.unreachable(with_causes(&error)))?)
    }

    async fn whole(&self, response: Response<Incoming>) -> anyhow::Result<Answer> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER).collect().await;
        let body = body.map_err(|error| self.unreachable(error.to_string()))?.to_bytes();
        if head.status.is_success() {
            let etag = head.headers.get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
            return Ok(Answer { body, etag });
        }
        let mut problem: Problem = serde_json::from_slice(&body)
            .map_err(|_| ApiError::Stranger { url: self.url.clone(), status: head.status })?;
        let id = head.headers.get("x-request-id").and_then(|id| id.to_str().ok());
        problem.request_id = id.map(str::to_owned);
        Err(ApiError::Refused(problem).into())
    }
}

/// Those of the parameters that are given, as they stand after `?`.
pub(super) fn parameters<'a>(given: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish()
}

/// The client's secret. Never an argument: others on the machine see those.
fn secret() -> anyhow::Result<SecretString> {
    anyhow::ensure!(
        variable("FEEDPASS_TOKEN").is_none() || variable("FEEDPASS_TOKEN_FILE").is_none(),
        "FEEDPASS_TOKEN and FEEDPASS_TOKEN_FILE are both set; unset the one that is not meant"
    );
    if let Some(secret) = variable("FEEDPASS_TOKEN") {
        return Ok(SecretString::from(secret.trim()));
    }
    let path = variable("FEEDPASS_TOKEN_FILE").context(
        "no client secret: set FEEDPASS_TOKEN to it, or FEEDPASS_TOKEN_FILE to a file that holds it (the secret \
         whose hash the server's configuration has for the client)",
    )?;
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("the client's secret cannot be read from {path}"))?;
    anyhow::ensure!(!text.trim().is_empty(), "{path} is empty, and should hold the client's secret");
    Ok(SecretString::from(text.trim()))
}

/// An environment variable, where it is there and not empty.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
