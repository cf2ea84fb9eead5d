//! The body of a token request: `application/x-www-form-urlencoded`, each parameter once (RFC 6749 §3.2).

use std::collections::HashSet;

use axum::http::HeaderValue;
use url::form_urlencoded;

use super::error::OAuthError;

/// The parameters that may come several times: RFC 8693 §2.1 allows it for these.
const SEVERAL: [&str; 2] = ["resource", "audience"];

/// What was sent. Parameters without a value count as left out (RFC 6749 §3.2).
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn read(content_type: Option<&HeaderValue>, body: &[u8]) -> Result<Self, OAuthError> {
        let form = "application/x-www-form-urlencoded";
        let media = content_type.and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
        if !media.is_some_and(|media| media.trim().eq_ignore_ascii_case(form)) {
            return Err(OAuthError::request(format!("the body is to be {form}, and so is its content-type")));
        }
        let pairs: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
        // What is no UTF-8 was replaced; nobody sends the replacement itself.
        if pairs.iter().any(|(name, value)| name.contains('\u{fffd}') || value.contains('\u{fffd}')) {
            return Err(OAuthError::request("the body is not UTF-8"));
        }
        let mut seen = HashSet::new();
        if !pairs.iter().all(|(name, _)| seen.insert(name) || SEVERAL.contains(&name.as_str())) {
            return Err(OAuthError::request("a parameter is given twice"));
        }
        Ok(Self(pairs))
    }

    /// The parameter's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The parameter's values.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(found, value)| found == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The parameter's value; an error where it is left out.
    pub(super) fn need(&self, name: &str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| OAuthError::request(format!("the parameter `{name}` is missing")))
    }
}
