//! Key ids as people type them.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, bail};
use http::Method;

use super::KEYS;
use crate::cli::Server;
use crate::cli::api::ApiError;
use crate::cli::output::each;
use crate::domain::Kid;

/// A key id, or its beginning.
#[derive(Clone, Debug)]
pub(super) struct KidPrefix(String);

const SHORTEST: usize = 4;
const WHOLE: usize = 43;

impl FromStr for KidPrefix {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
        if plain && (SHORTEST..=WHOLE).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("it is a key id, or the first 4 characters of it or more, as `feedpass key list` shows them")
        }
    }
}

impl fmt::Display for KidPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KidPrefix {
    /// The one key whose id begins so. A whole id is not looked up: it has to do while the store is silent, and nothing
    /// can be looked at.
    pub(super) async fn resolve(&self, server: &Server) -> anyhow::Result<Kid> {
        let Self(beginning) = self;
        if let Ok(kid) = beginning.parse() {
            return Ok(kid);
        }
        let listed = server.json(Method::GET, &KEYS, &[], None).await.map_err(|error| match error.downcast_ref() {
            Some(ApiError::Refused(problem)) if problem.status >= 500 => {
                error.context("keys cannot be listed now; give the whole id, as the public JWKS has it")
            }
            _ => error,
        })?;
        let kids = each(&listed["items"]).filter_map(|key| key["kid"].as_str());
        let fitting: Vec<&str> = kids.filter(|kid| kid.starts_with(beginning)).collect();
        match *fitting.as_slice() {
            [] => bail!("no key's id begins with `{beginning}`; `feedpass key list` shows those there are"),
            [kid] => kid.parse().context("the answer is not what feedpass gives"),
            _ => {
                bail!("`{beginning}` begins the ids of {} keys; give more of it: {}", fitting.len(), fitting.join(", "))
            }
        }
    }
}
