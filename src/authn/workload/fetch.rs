//! Documents of outside issuers, fetched over HTTPS.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, HeaderMap};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::domain::JwksUrl;
use crate::telemetry::with_causes;

/// The longest document that is read, in bytes: 100 RSA keys of 4096 bits with their certificates fit.
pub const LONGEST_DOCUMENT: usize = 512 * 1024;

/// Fetches a document by its URL.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// The document, with what its server says of how long it may be kept. Redirects are not followed: they would
    /// lead where no administrator pointed.
    ///
    /// # Errors
    /// [`FetchError`], whose words are for the log.
    async fn get(&self, url: &str) -> Result<Fetched, FetchError>;
}

/// A document.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// At most [`LONGEST_DOCUMENT`].
    pub body: Bytes,
    /// `max-age` (RFC 9111 §5.2.2.1); zero where it must not be kept; none where nothing is said.
    pub max_age: Option<Duration>,
}

/// Why a document could not be fetched.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FetchError {
    /// The URL would be asked in clear, or is none.
    #[error("{0:?} is neither `https://…` nor `http://…` on this machine")]
    Url(String),
    /// This machine trusts nobody: its root certificates cannot be read.
    #[error("this machine's trusted certificates cannot be read: {0}")]
    Certificates(String),
    /// Nobody answered, or not in HTTP.
    #[error("GET {url} failed: {reason}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// With all causes.
        reason: String,
    },
    /// The answer was not 200.
    #[error("GET {url} answered {status}, not 200 OK; redirects are not followed")]
    Status {
        /// What was asked.
        url: String,
        /// What was answered.
        status: StatusCode,
    },
    /// The answer was too long.
    #[error("GET {url} answered more than {LONGEST_DOCUMENT} bytes")]
    TooLong {
        /// What was asked.
        url: String,
    },
}

type Https = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// [`Fetch`] over HTTPS, trusting whom the machine trusts, by way of no proxy.
///
/// Who may be asked is an administrator's choice, so addresses of private networks are asked like any other.
#[derive(Default)]
pub struct HttpsFetch {
    /// Made when first needed: it reads the machine's root certificates, which a machine may lack.
    client: Mutex<Option<Https>>,
}

impl HttpsFetch {
    fn client(&self) -> Result<Https, FetchError> {
        let mut kept = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*kept {
            return Ok(client.clone());
        }
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| FetchError::Certificates(with_causes(&error)))?
            .https_or_http()
            .enable_http1()
            .build();
        let client: Https = Client::builder(TokioExecutor::new()).build(connector);
        Ok(kept.insert(client).clone())
    }
}

#[async_trait]
impl Fetch for HttpsFetch {
    async fn get(&self, url: &str) -> Result<Fetched, FetchError> {
        // The same rule for every document: a discovery document's URL is as good as a JWKS's.
        let url: JwksUrl = url.parse().map_err(|_| FetchError::Url(url.to_owned()))?;
        let request = Request::get(url.as_str()).header(ACCEPT, "application/json").body(Empty::new());
        let request = request.map_err(|_| FetchError::Url(url.to_string()))?;
        let unreachable = |reason| FetchError::Unreachable { url: url.to_string(), reason };
        let answer = self.client()?.request(request).await.map_err(|error| unreachable(with_causes(&error)))?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status { url: url.to_string(), status: answer.status() });
        }
        let max_age = max_age(answer.headers());
        let body = Limited::new(answer.into_body(), LONGEST_DOCUMENT).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => FetchError::TooLong { url: url.to_string() },
            None => unreachable(with_causes(&*error)),
        })?;
        Ok(Fetched { body: body.to_bytes(), max_age })
    }
}

/// How long an answer may be kept, by its `Cache-Control`.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    let directives: Vec<String> =
        lines.flat_map(|line| line.split(',')).map(|directive| directive.trim().to_ascii_lowercase()).collect();
    if directives.iter().any(|directive| directive == "no-store" || directive == "no-cache") {
        return Some(Duration::ZERO);
    }
    let seconds = directives.iter().find_map(|directive| directive.strip_prefix("max-age="))?;
    seconds.trim_matches('"').parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_of_keeping_is_heard() {
        for (lines, seconds) in [
            (&["public, max-age=300"][..], Some(300)),
            (&["Public", "MAX-AGE=\"7\""], Some(7)),
            (&["s-maxage=5, max-age=9"], Some(9)),
            (&["max-age=300, no-store"], Some(0)),
            (&["no-cache"], Some(0)),
            (&["max-age=-1"], None),
            (&["public"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(CACHE_CONTROL, line.parse().unwrap());
            }
            assert_eq!(max_age(&headers), seconds.map(Duration::from_secs), "{lines:?}");
        }
    }
}
