//! What lists share: how many, from where on, and the form of the answer.

use std::str::FromStr;

use axum::Json;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};

use crate::admin::{Page, Wanted};
use crate::http::problem::Problem;
use crate::store::{Entry, Record};

const DEFAULT_LIMIT: usize = 100;
const LARGEST_LIMIT: usize = 1000;

/// The parameters of a list that nothing but a part of the name narrows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ListParameters {
    pub(super) query: Option<String>,
    pub(super) limit: Option<usize>,
    pub(super) cursor: Option<String>,
}

/// A page of a list.
#[derive(Serialize)]
pub(in crate::http) struct ListBody<T> {
    items: Vec<T>,
    /// What to give as `cursor` for the next page; none on the last one.
    next: Option<String>,
}

/// A parameter of a list is wrong: what would be right.
pub(super) struct WrongParameter(String);

impl From<WrongParameter> for Problem {
    fn from(WrongParameter(expected): WrongParameter) -> Self {
        Self::bad_request("invalid_parameters", format!("the parameters after `?` are wrong: {expected}"))
    }
}

/// How many are wanted, and which.
pub(super) fn wanted(limit: Option<usize>, query: Option<String>) -> Result<Wanted, WrongParameter> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if (1..=LARGEST_LIMIT).contains(&limit) {
        Ok(Wanted { query, limit })
    } else {
        Err(WrongParameter(format!("`limit` is 1 to {LARGEST_LIMIT}")))
    }
}

/// The name after which the page begins.
pub(super) fn after<K: FromStr>(cursor: Option<&str>) -> Result<Option<K>, WrongParameter> {
    let Some(cursor) = cursor else { return Ok(None) };
    let name = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|name| String::from_utf8(name).ok());
    let key = name.and_then(|name| name.parse().ok());
    let wrong = || WrongParameter("`cursor` is what the page before has as `next`".to_owned());
    key.map(Some).ok_or_else(wrong)
}

/// The answer for `page`.
pub(super) fn answer<T: Record, B>(page: &Page<T>, body: impl Fn(&Entry<T>) -> B) -> Json<ListBody<B>> {
    let last = page.items.last().filter(|_| page.more);
    Json(ListBody {
        next: last.map(|last| BASE64_URL_SAFE_NO_PAD.encode(last.value.name())),
        items: page.items.iter().map(body).collect(),
    })
}
