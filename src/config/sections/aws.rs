//! `[aws]` and `[sandbox]`

use std::net::SocketAddr;
use std::num::NonZeroU8;

use secrecy::SecretString;
use url::Url;

use super::listen::{address, plain_url};
use crate::config::context::{Located, Place};
use crate::config::reader::Reader;
use crate::config::settings::{SandboxRole, SandboxSettings, SandboxUser, UnknownKid};
use crate::domain::{Invalid, Period, RoleArn, SessionDuration};

/// More tell nothing that these do not.
const MOST_CACHES: u8 = 16;

/// Which AWS is asked, before it is known how the sandbox behaves.
pub(in crate::config) enum EndpointDraft {
    Aws,
    Sandbox,
    Custom { sts: Option<Url>, ecr: Option<Url> },
}

impl EndpointDraft {
    /// Whether the real STS is asked, which fetches the issuer's documents.
    pub(in crate::config) fn real_sts(&self) -> bool {
        matches!(self, Self::Aws | Self::Custom { sts: None, .. })
    }
}

pub(super) fn read(aws: &mut Reader<'_>) -> Option<EndpointDraft> {
    let endpoint_given = aws.has("endpoint");
    let endpoint = aws.get_with("endpoint", endpoint);
    let (sts_given, ecr_given) = (aws.has("sts"), aws.has("ecr"));
    let sts = aws.get_with("sts", plain_url).map(|url| url.value);
    let ecr = aws.get_with("ecr", plain_url).map(|url| url.value);
    if endpoint_given && (sts_given || ecr_given) {
        let place = aws.place_of(if sts_given { "sts" } else { "ecr" });
        let found = "a URL for one service beside `endpoint`".to_owned();
        aws.context().mistake(&place, Some(found), "`endpoint` alone, or `sts` and `ecr` without it");
    }
    match endpoint {
        Some(endpoint) => Some(endpoint.value),
        None if endpoint_given => None,
        None if sts.is_some() || ecr.is_some() => Some(EndpointDraft::Custom { sts, ecr }),
        None if sts_given || ecr_given => None,
        None => Some(EndpointDraft::Aws),
    }
}

/// `aws` is there so that the environment can turn a file's sandbox off.
fn endpoint(text: &str) -> Result<EndpointDraft, Invalid> {
    match text {
        "aws" => Ok(EndpointDraft::Aws),
        "sandbox" => Ok(EndpointDraft::Sandbox),
        url if url.contains("://") => {
            plain_url(url).map(|url| EndpointDraft::Custom { sts: Some(url.clone()), ecr: Some(url) })
        }
        _ => Err(Invalid::new("an endpoint", text, "it is `aws`, `sandbox` or an emulator's URL")),
    }
}

/// The sandbox, whether or not it is used.
pub(in crate::config) struct SandboxDraft {
    /// Where the section stands, if there is one.
    pub(in crate::config) place: Option<Place>,
    listen: SocketAddr,
    jwks_cache: Period,
    jwks_unknown_kid: UnknownKid,
    jwks_caches: NonZeroU8,
    pub(in crate::config) roles: Vec<SandboxRoleDraft>,
    /// None for one that is wrong.
    users: Vec<Option<SandboxUser>>,
}

/// What could be read of one role.
pub(in crate::config) struct SandboxRoleDraft {
    pub(in crate::config) arn: Option<Located<RoleArn>>,
    trust_policy: Option<String>,
    permissions: Option<String>,
    max_session_duration: SessionDuration,
}

pub(super) fn sandbox(root: &mut Reader<'_>) -> Option<SandboxDraft> {
    let place = root.has("sandbox").then(|| root.place_of("sandbox"));
    let ten_minutes: Period = "10m".parse().ok()?;
    Some(root.table("sandbox", |sandbox| {
        SandboxDraft {
            place,
            listen: sandbox
                .get_with("listen", loopback)
                .map_or_else(|| ([127, 0, 0, 1], 0).into(), |address: Located<SocketAddr>| address.value),
            jwks_cache: sandbox.or("jwks_cache", ten_minutes),
            jwks_unknown_kid: sandbox.or("jwks_unknown_kid", UnknownKid::Fetch),
            jwks_caches: sandbox
                .number_or_word("jwks_caches", "a whole number, 1 to 16", caches)
                .map_or(NonZeroU8::MIN, |caches| caches.value),
            roles: sandbox.tables("role", &["arn"], role),
            users: sandbox.tables("user", &["arn"], user),
        }
    }))
}

fn role(role: &mut Reader<'_>) -> SandboxRoleDraft {
    let arn = role.required("arn", "the role's ARN, as in `arn:aws:iam::123456789012:role/feedpass-images`");
    if !role.has("trust_policy") && !role.has("trust_policy_file") {
        role.missing("trust_policy", "the policy that says who may assume the role, as JSON, or `trust_policy_file`");
    }
    SandboxRoleDraft {
        arn,
        trust_policy: role.get_or_file("trust_policy", "trust_policy_file", json).map(|policy| policy.value),
        permissions: role.get_or_file("permissions", "permissions_file", json).map(|policy| policy.value),
        max_session_duration: role
            .get_with("max_session_duration", longest_session)
            .map_or_else(SessionDuration::default, |duration| duration.value),
    }
}

/// A user whose secret is worth nothing anywhere else, so it may stand in the file.
fn user(user: &mut Reader<'_>) -> Option<SandboxUser> {
    let arn = user.required("arn", "the user's ARN, as in `arn:aws:iam::123456789012:user/feedpass`");
    let id = user.required("access_key_id", "the id of its key, as in `AKIAIOSFODNN7EXAMPLE`");
    let secret: Option<Located<SecretString>> =
        user.get_with("secret_access_key", |text| Ok::<_, Invalid>(SecretString::from(text)));
    if !user.has("secret_access_key") {
        user.missing("secret_access_key", "the key's secret half, any text: only the sandbox knows it");
    }
    let permissions = user.get_or_file("permissions", "permissions_file", json).map(|policy| policy.value);
    Some(SandboxUser { arn: arn?.value, access_key_id: id?.value, secret: secret?.value, permissions })
}

fn caches(text: &str) -> Result<NonZeroU8, Invalid> {
    let caches = text.parse().ok().filter(|caches: &NonZeroU8| caches.get() <= MOST_CACHES);
    caches.ok_or_else(|| Invalid::new("a number of caches", text, "it is 1 to 16"))
}

fn loopback(text: &str) -> Result<SocketAddr, Invalid> {
    let address = address(text)?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    let expected = "it is on this machine, as in `127.0.0.1:0`: the sandbox answers whoever reaches it";
    Err(Invalid::new("a loopback address", text, expected))
}

/// IAM `CreateRole`, `MaxSessionDuration`: an hour is its least.
fn longest_session(text: &str) -> Result<SessionDuration, Invalid> {
    let expected = "it is 1 to 12 hours, as in `1h`";
    let duration = text.parse::<SessionDuration>().ok().filter(|duration| duration.as_secs() >= 3600);
    duration.ok_or_else(|| Invalid::new("a role's maximum session duration", text, expected))
}

fn json(text: &str) -> Result<String, Invalid> {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(Invalid::new("a policy", text, format!("it is JSON, which this is not: {error}"))),
    }
}

impl SandboxDraft {
    pub(super) fn settle(self) -> Option<SandboxSettings> {
        let role = |role: SandboxRoleDraft| {
            Some(SandboxRole {
                arn: role.arn?.value,
                trust_policy: role.trust_policy?,
                permissions: role.permissions,
                max_session_duration: role.max_session_duration,
            })
        };
        Some(SandboxSettings {
            listen: self.listen,
            jwks_cache: self.jwks_cache,
            jwks_unknown_kid: self.jwks_unknown_kid,
            jwks_caches: self.jwks_caches,
            roles: self.roles.into_iter().map(role).collect::<Option<_>>()?,
            users: self.users.into_iter().collect::<Option<_>>()?,
        })
    }
}
