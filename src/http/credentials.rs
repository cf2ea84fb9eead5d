//! `POST /v1/spaces/{space}/feeds/{feed}/credentials` and `POST /v1/registries/{host}/credentials`

use axum::extract::State;
use serde::Deserialize;
use tracing::field::display;

use super::formats::{CredentialsAnswer, Format};
use super::no_store::NoStore;
use super::parts::{FeedPath, HostPath, Parameters};
use super::problem::Problem;
use crate::authn::Caller;
use crate::broker::{Broker, FeedCredentials};
use crate::domain::{Region, RegistryHost};

/// What may stand after `?`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialsParameters {
    #[serde(default)]
    format: Format,
    /// One of the feed's regions; left out, its own.
    region: Option<Region>,
}

/// The same where a host says in which region.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistryParameters {
    #[serde(default)]
    format: Format,
}

/// Registry credentials of a feed.
pub(super) async fn of_feed(
    State(broker): State<Broker>,
    caller: Caller,
    FeedPath(feed): FeedPath,
    Parameters(parameters): Parameters<CredentialsParameters>,
) -> Result<NoStore<CredentialsAnswer>, Problem> {
    let given = broker.credentials(&caller, &feed, parameters.region.as_ref()).await?;
    let registry = given.credentials.registry.clone();
    Ok(answer(parameters.format, registry, given))
}

/// The same, the feed found by the registry's host; the answer is for the host that was asked for,
/// since docker goes by that, and AWS's password serves all forms of it.
pub(super) async fn of_registry(
    State(broker): State<Broker>,
    caller: Caller,
    HostPath(registry): HostPath,
    Parameters(parameters): Parameters<RegistryParameters>,
) -> Result<NoStore<CredentialsAnswer>, Problem> {
    let given = broker.registry_credentials(&caller, &registry).await?;
    Ok(answer(parameters.format, registry, given))
}

fn answer(format: Format, registry: RegistryHost, given: FeedCredentials) -> NoStore<CredentialsAnswer> {
    // The request's line then says whose hands hold which session's password.
    tracing::Span::current().record("feed", display(&given.feed.name));
    if let Some(name) = &given.credentials.session_name {
        tracing::Span::current().record("session_name", name.as_str());
    }
    NoStore(CredentialsAnswer { format, registry, given })
}
