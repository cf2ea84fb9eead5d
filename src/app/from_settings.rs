//! What rooms are given of the settings, at the start and at each change of them.

use std::time::Duration;

use crate::admin::Audiences;
use crate::aws::Endpoints;
use crate::config::{AwsEndpoint, SandboxSettings, Settings, UnknownKid};
use crate::domain::Period;
use crate::issuer::keyring::schedule::RotationPolicy;
use crate::issuer::mint::Lifetimes;
use crate::sandbox::{self, Sandbox};
use crate::store::Declared;

pub(super) fn declared(settings: &Settings) -> Declared {
    Declared {
        spaces: settings.spaces.clone(),
        feeds: settings.feeds.clone(),
        clients: settings.clients.clone(),
        issuers: settings.workload_issuers.clone(),
        workloads: settings.workloads.clone(),
    }
}

pub(super) fn lifetimes(settings: &Settings) -> Lifetimes {
    Lifetimes { web_identity: settings.tokens.lifetime, access: settings.tokens.access_lifetime }
}

pub(super) fn rotation_policy(settings: &Settings) -> RotationPolicy {
    let keys = &settings.keys;
    let tokens = &settings.tokens;
    let longest = tokens.lifetime.as_secs().max(tokens.access_lifetime.as_secs());
    RotationPolicy {
        spec: keys.spec,
        rotate_every: keys.rotate_every.map(Period::as_duration),
        publish_before: keys.publish_before.as_duration(),
        promote_on: keys.promote_on,
        keep_after: keys.keep_after.as_duration(),
        longest_token: Duration::from_secs(u64::from(longest)),
    }
}

pub(super) fn audiences(settings: &Settings) -> Audiences {
    // The audience of the access tokens that the internal listener takes.
    Audiences { default: settings.audience.clone(), reserved: settings.listen.at("").parse().ok() }
}

pub(super) fn sandbox_options(settings: &SandboxSettings) -> sandbox::Options {
    sandbox::Options {
        listen: settings.listen,
        jwks_cache: settings.jwks_cache.as_duration(),
        jwks_unknown_kid: match settings.jwks_unknown_kid {
            UnknownKid::Fetch => sandbox::UnknownKid::Fetch,
            UnknownKid::Wait => sandbox::UnknownKid::Wait,
        },
        jwks_caches: settings.jwks_caches,
    }
}

pub(super) fn endpoints(aws: &AwsEndpoint, sandbox: Option<&Sandbox>) -> Endpoints {
    match aws {
        AwsEndpoint::Aws => Endpoints::default(),
        AwsEndpoint::Sandbox(_) => Endpoints { sts: sandbox.map(Sandbox::url), ecr: sandbox.map(Sandbox::url) },
        AwsEndpoint::Custom { sts, ecr } => {
            Endpoints { sts: sts.as_ref().map(ToString::to_string), ecr: ecr.as_ref().map(ToString::to_string) }
        }
    }
}
