//! The forms in which registry credentials are given.

use std::collections::BTreeMap;

use axum::Json;
use axum::response::{IntoResponse, Response};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use crate::broker::FeedCredentials;
use crate::domain::{RegistryHost, Slug, SpaceFeed};

/// A form.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Format {
    /// feedpass's own, with expiry.
    #[default]
    Json,
    /// A docker `config.json`.
    DockerConfig,
    /// A Kubernetes Secret of type `kubernetes.io/dockerconfigjson`.
    PullSecret,
    /// The password alone, for `docker login --password-stdin`.
    Password,
}

/// Credentials in the form that was asked for.
pub(super) struct CredentialsAnswer {
    pub(super) format: Format,
    pub(super) registry: RegistryHost,
    pub(super) given: FeedCredentials,
}

#[derive(Serialize)]
struct CredentialsBody<'a> {
    space: &'a Slug,
    feed: &'a Slug,
    registry: &'a str,
    username: &'a str,
    password: &'a str,
    expires_at: Timestamp,
    refresh_after: Timestamp,
}

/// docker's `config.json`, as far as credentials go.
#[derive(Serialize)]
struct DockerConfig<'a> {
    auths: BTreeMap<&'a str, DockerAuth>,
}

#[derive(Serialize)]
struct DockerAuth {
    auth: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PullSecret {
    api_version: &'static str,
    kind: &'static str,
    metadata: SecretMetadata,
    r#type: &'static str,
    data: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct SecretMetadata {
    name: String,
    annotations: BTreeMap<&'static str, String>,
}

impl CredentialsAnswer {
    fn body(&self) -> CredentialsBody<'_> {
        let credentials = &self.given.credentials;
        CredentialsBody {
            space: &self.given.feed.name.space,
            feed: &self.given.feed.name.feed,
            registry: self.registry.as_str(),
            username: &credentials.username,
            password: credentials.password.expose_secret(),
            expires_at: credentials.expires_at,
            refresh_after: credentials.refresh_after(),
        }
    }

    /// A slug has no dot, so no two feeds share a name. Beyond its own region, the region tells a feed's apart.
    fn secret_name(&self) -> String {
        let (feed, region) = (&self.given.feed, &self.given.region);
        let SpaceFeed { space, feed: slug } = &feed.name;
        if *region == feed.region {
            format!("feedpass-{space}.{slug}")
        } else {
            format!("feedpass-{space}.{slug}.{region}")
        }
    }

    fn docker_config(&self) -> DockerConfig<'_> {
        let body = self.body();
        let auth = BASE64_STANDARD.encode(format!("{}:{}", body.username, body.password));
        DockerConfig { auths: BTreeMap::from([(body.registry, DockerAuth { auth })]) }
    }

    fn pull_secret(&self) -> Result<PullSecret, serde_json::Error> {
        let config = BASE64_STANDARD.encode(serde_json::to_vec(&self.docker_config())?);
        let body = self.body();
        Ok(PullSecret {
            api_version: "v1",
            kind: "Secret",
            metadata: SecretMetadata {
                name: self.secret_name(),
                annotations: BTreeMap::from([
                    ("feedpass/expires-at", body.expires_at.to_string()),
                    ("feedpass/refresh-after", body.refresh_after.to_string()),
                ]),
            },
            r#type: "kubernetes.io/dockerconfigjson",
            data: BTreeMap::from([(".dockerconfigjson", config)]),
        })
    }
}

impl IntoResponse for CredentialsAnswer {
    fn into_response(self) -> Response {
        match self.format {
            Format::Json => Json(self.body()).into_response(),
            Format::DockerConfig => Json(self.docker_config()).into_response(),
            Format::PullSecret => match self.pull_secret() {
                Ok(secret) => Json(secret).into_response(),
                Err(error) => super::problem::Problem::internal(&error).into_response(),
            },
            Format::Password => self.body().password.to_owned().into_response(),
        }
    }
}
