//! How spaces, feeds and clients are shown.

use axum::Json;
use axum::http::header::{ETAG, HeaderValue, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{
    Client, ClientId, ClientSecret, DisplayName, Feed, Grant, IssuerUrl, PublicJwk, RegistryHost, Role, Slug,
};
use crate::http::preview::TokenPreview;
use crate::store::{Entry, Source};

/// A thing, and where it comes from.
#[derive(Serialize)]
pub(in crate::http) struct Item<T> {
    #[serde(flatten)]
    value: T,
    #[serde(flatten)]
    origin: OriginBody,
}

#[derive(Serialize)]
struct OriginBody {
    /// `configuration`, which is changed in its file alone, or `store`.
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_at: Option<Timestamp>,
}

impl From<Source> for OriginBody {
    fn from(source: Source) -> Self {
        match source {
            Source::Declared => Self { source: "configuration", version: None, created_at: None, changed_at: None },
            Source::Stored { version, created_at, changed_at } => Self {
                source: "store",
                version: Some(version),
                created_at: Some(created_at),
                changed_at: Some(changed_at),
            },
        }
    }
}

/// The answer of one thing, with its version as `ETag`.
impl<T: Serialize> IntoResponse for Item<T> {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        let tag = self.origin.version.map(|version| HeaderValue::try_from(format!("\"{version}\"")));
        if let Some(Ok(tag)) = tag {
            headers.insert(ETAG, tag);
        }
        (headers, Json(self)).into_response()
    }
}

/// The answer of one thing that was made just now, and stands at a path.
pub(in crate::http) struct Created<T>(pub(in crate::http) String, pub(in crate::http) T);

impl<T: IntoResponse> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::CREATED, self.1).into_response();
        if let Ok(path) = HeaderValue::try_from(self.0) {
            response.headers_mut().insert(LOCATION, path);
        }
        response
    }
}

/// Anything that is shown as it is kept.
pub(super) fn as_it_is<T: Clone>(entry: &Entry<T>) -> Item<T> {
    Item { value: T::clone(&entry.value), origin: entry.source.into() }
}

/// A feed, and what AWS sees of it.
#[derive(Serialize)]
pub(in crate::http) struct FeedBody {
    #[serde(flatten)]
    feed: Feed,
    #[serde(flatten)]
    token: Option<TokenPreview>,
    registry_host: RegistryHost,
}

pub(super) fn feed(issuer: &IssuerUrl, entry: &Entry<Feed>) -> Item<FeedBody> {
    let feed = entry.value.without_secret();
    let value =
        FeedBody { token: TokenPreview::of(issuer, &feed), registry_host: feed.registry_host(&feed.region), feed };
    Item { value, origin: entry.source.into() }
}

/// A client, its secrets by their ids alone.
#[derive(Serialize)]
pub(in crate::http) struct ClientBody {
    id: ClientId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<DisplayName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    space: Option<Slug>,
    grants: Vec<Grant>,
    roles: Vec<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    secrets: Vec<SecretBody>,
    public_keys: Vec<PublicJwk>,
}

#[derive(Serialize)]
struct SecretBody {
    id: String,
    created_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
}

impl From<&ClientSecret> for SecretBody {
    fn from(secret: &ClientSecret) -> Self {
        Self { id: secret.id(), created_at: secret.created_at, expires_at: secret.expires_at }
    }
}

pub(super) fn client(entry: &Entry<Client>) -> Item<ClientBody> {
    let Client { id, name, space, grants, roles, expires_at, secrets, public_keys } = Client::clone(&entry.value);
    let value = ClientBody {
        id,
        name,
        space,
        grants,
        roles: roles.into_iter().collect(),
        expires_at,
        secrets: secrets.iter().map(SecretBody::from).collect(),
        public_keys,
    };
    Item { value, origin: entry.source.into() }
}
