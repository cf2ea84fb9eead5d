//! Giving a session, whoever asked and however it proved that.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::params::AssumeRole;
use crate::clock::later;
use crate::iam::{Context, Policy, PolicyKind};
use crate::sandbox::reply::Refusal;
use crate::sandbox::sessions::{Session, Who};
use crate::sandbox::world::World;
use crate::sandbox::{Role, made_up};

/// A plaintext policy's bound; what STS packs it into has no published size.
const PACKED_BUDGET: usize = 2048;
/// Bytes of a session token. AWS says to assume no size; this is about what its own have.
const TOKEN_BYTES: usize = 600;

/// A session as it was given.
pub(super) struct Given {
    pub(super) session: Arc<Session>,
    /// Per cent of what policies and tags may take.
    pub(super) packed: Option<usize>,
}

/// Gives a session of `role`, whose caller may have it; `tags` is how long all its tags are, `context` what stays with
/// it.
pub(super) fn session(
    world: &World,
    role: &Role,
    asked: &AssumeRole,
    tags: usize,
    mut context: Context,
) -> Result<Given, Refusal> {
    if asked.duration_seconds > role.max_session_duration.as_secs() {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        let (asked, most) = (asked.duration_seconds, role.max_session_duration.as_secs());
        return Err(Refusal::bad("ValidationError", message).because(format!("{asked} s asked for, {most} s allowed")));
    }
    let policy = asked.policy.as_deref().map(session_policy).transpose()?;
    let packed = packed(asked, tags)?;
    context.set("aws:PrincipalArn", [asked.role.as_str()]);
    context.set("aws:PrincipalAccount", [asked.role.account().as_str()]);
    let entropy = world.entropy.as_ref();
    let now = world.clock.now();
    let token_bytes = TOKEN_BYTES.max(asked.minimum_token_size.div_ceil(4) * 3);
    let (secret, token) = (made_up::base64(entropy, 30)?, made_up::base64(entropy, token_bytes)?);
    let (secret, token) = (SecretString::from(secret), SecretString::from(token));
    world.note_issued(&secret);
    world.note_issued(&token);
    let session = Arc::new(Session {
        access_key_id: made_up::access_key_id(entropy)?,
        secret,
        token: Some(token),
        expires: Some(later(now, Duration::from_secs(asked.duration_seconds.into()))),
        who: Who::Role(asked.role.clone(), asked.session_name.clone()),
        policy,
        context,
    });
    world.sessions.add(Arc::clone(&session), now);
    Ok(Given { session, packed })
}

fn session_policy(text: &str) -> Result<Policy, Refusal> {
    let malformed = |error: crate::iam::PolicyError| Refusal::bad("MalformedPolicyDocument", error.to_string());
    let policy: Policy = text.parse().map_err(malformed)?;
    policy.check_kind(PolicyKind::Identity).map_err(malformed)?;
    Ok(policy)
}

/// How full policy and tags make a session, in per cent. AWS's packing is not published; this takes
/// the plain text for it.
fn packed(asked: &AssumeRole, tags: usize) -> Result<Option<usize>, Refusal> {
    let size = asked.policy.as_ref().map_or(0, String::len) + tags;
    let percent = (size * 100).div_ceil(PACKED_BUDGET);
    if percent > 100 {
        let message = format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.");
        return Err(Refusal::bad("PackedPolicyTooLarge", message));
    }
    Ok((size > 0).then_some(percent))
}
