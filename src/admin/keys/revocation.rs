//! After a key was burnt: what whoever has it could still do, what ends that, and how far it has come.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::admin::trial::DISCARDED;
use crate::audit::Audit;
use crate::clock::later;
use crate::domain::Kid;
use crate::issuer::keyring::evidence::{Evidence, Question, Seen};
use crate::issuer::keyring::schedule::RotationPolicy;
use crate::issuer::keyring::{KeyState, Place, Places};
use crate::store::StoreError;
use crate::store::database::{AuditLine, LineFilter};
use crate::telemetry::with_causes;

/// The longest life of a role session and of a registry password.
const LONGEST_SESSION: Duration = Duration::from_hours(12);
/// How many of each are listed at most.
const LISTED: i64 = 10_000;
/// How long STS is asked at least before it is given up, when it does not answer.
const ASKED_FOR: Duration = Duration::from_hours(24);

/// How a revocation stands.
#[derive(Clone, Debug, Serialize)]
pub struct Revocation {
    /// The burnt key.
    pub kid: Kid,
    /// When it was revoked.
    pub revoked_at: Timestamp,
    /// Why.
    pub reason: String,
    /// From when on no verifier takes a token of it that keeps the JWKS no longer than `publish_before`.
    pub refused_by: Timestamp,
    /// What verifiers were seen to do with it since.
    pub places: Vec<ProbedPlace>,
    /// When its private half was destroyed; none while verifiers are asked with it.
    pub destroyed_at: Option<Timestamp>,
    /// What was obtained with it and has not ended; none when the store does not answer.
    pub exposed: Option<Exposed>,
    /// For each role, the policy that ends the sessions obtained with the key.
    pub deny: Vec<Deny>,
}

/// What a place was seen to do with a burnt key.
#[derive(Clone, Debug, Serialize)]
pub struct ProbedPlace {
    /// Where.
    #[serde(flatten)]
    pub place: Value,
    /// `refused`, `accepted`, or `unknown`.
    pub state: &'static str,
    /// How long after the revocation it was refused, in seconds.
    pub refused_after: Option<i64>,
    /// What was said last.
    pub detail: Option<String>,
}

/// What whoever has the key may hold.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Exposed {
    /// Role sessions.
    pub sessions: Vec<ExposedSession>,
    /// Registry passwords.
    pub passwords: Vec<ExposedPassword>,
    /// Whether there are more than are listed.
    pub truncated: bool,
}

/// A role session obtained with the key.
#[derive(Clone, Debug, Serialize)]
pub struct ExposedSession {
    /// Of which feed.
    pub feed: Option<String>,
    /// The role.
    pub role: Option<String>,
    /// Its name.
    pub session_name: Option<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A registry password obtained with such a session.
#[derive(Clone, Debug, Serialize)]
pub struct ExposedPassword {
    /// Of which feed.
    pub feed: Option<String>,
    /// The registry that it opens.
    pub registry: Option<String>,
    /// The session that it was obtained with.
    pub session_name: Option<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// An inline policy for a role.
#[derive(Clone, Debug, Serialize)]
pub struct Deny {
    /// The role.
    pub role: String,
    /// The policy: `Deny` to every session that is older than the time in it.
    pub policy: Value,
}

impl Revocation {
    /// How the revocation of `kid`, which is in `state`, stands, as far as the store tells; `roles` are those that
    /// feeds use. None when the key is not revoked.
    pub(super) async fn of(
        audit: &Audit,
        kid: &Kid,
        state: &KeyState,
        in_use: &Places,
        mut roles: BTreeSet<String>,
        policy: &RotationPolicy,
    ) -> Option<Self> {
        let KeyState::Revoked { revoked_at, reason, destroyed_at, .. } = state else { return None };
        let (revoked_at, destroyed_at, now) = (*revoked_at, *destroyed_at, audit.now());
        let question = Question::RevocationProbe;
        let read = async {
            Ok::<_, StoreError>((
                Exposed::of(audit, kid, now).await?,
                Evidence::of(audit.trail(), question, kid).await?,
            ))
        };
        let (exposed, evidence) = match read.await {
            Ok((exposed, evidence)) => (Some(exposed), evidence),
            Err(error) => {
                tracing::warn!("what was obtained with key {kid} is not known: {}", with_causes(&error));
                (None, Evidence::none(question))
            }
        };
        let sessions = exposed.iter().flat_map(|exposed| &exposed.sessions);
        roles.extend(sessions.filter_map(|session| session.role.clone()));
        let asked = std::iter::once(&Place::PublicUrl).chain(in_use.keys());
        let places = asked.map(|place| probed(place, evidence.at(place), revoked_at)).collect();
        // Whoever has the key can get sessions until STS refuses it everywhere.
        let until = destroyed_at.unwrap_or(now);
        let deny = roles.into_iter().map(|role| Deny { role, policy: deny(until) }).collect();
        Some(Self {
            kid: kid.clone(),
            revoked_at,
            reason: reason.clone(),
            refused_by: later(revoked_at, policy.publish_before),
            places,
            destroyed_at,
            exposed,
            deny,
        })
    }
}

fn probed(place: &Place, seen: Option<&Seen>, revoked_at: Timestamp) -> ProbedPlace {
    let refused_since = seen.filter(|seen| seen.is_refused()).and_then(|seen| seen.refused_since);
    let state = match seen {
        Some(_) if refused_since.is_some() => "refused",
        Some(seen) if seen.accepted_in_a_row > 0 => "accepted",
        _ => "unknown",
    };
    let detail = seen.and_then(|seen| seen.unclear.clone().or_else(|| seen.against.clone()));
    let refused_after = refused_since.map(|at| at.duration_since(revoked_at).as_secs());
    ProbedPlace { place: place.to_json(), state, refused_after, detail }
}

/// What to write down when nobody has to be asked with the burnt key any more; none while somebody has.
pub(super) fn end<'p>(
    evidence: &Evidence,
    places: impl Iterator<Item = &'p Place>,
    revoked_at: Timestamp,
    policy: &RotationPolicy,
    now: Timestamp,
) -> Option<Value> {
    let (refused, others): (Vec<_>, Vec<_>) =
        places.partition(|place| evidence.at(place).is_some_and(Seen::is_refused));
    let over = later(revoked_at, policy.publish_before.max(ASKED_FOR));
    // Who takes it still is asked on; who does not answer is asked for as long as a cache may last.
    let silent = |place: &&Place| evidence.at(place).is_none_or(|seen| seen.accepted_in_a_row == 0);
    if !(others.is_empty() || now >= over && others.iter().all(silent)) {
        return None;
    }
    let took = |place: &Place| {
        let seen = probed(place, evidence.at(place), revoked_at);
        let mut told = seen.place;
        told["refused_after"] = seen.refused_after.into();
        told
    };
    let refused: Vec<_> = refused.into_iter().map(took).collect();
    let unproven: Vec<_> = others.into_iter().map(Place::to_json).collect();
    Some(json!({ "refused": refused, "unproven": unproven }))
}

/// Ends every session of the role that is older than `until`.
fn deny(until: Timestamp) -> Value {
    // IAM compares whole seconds; one that has begun counts.
    let until = Timestamp::from_second(until.as_second() + 1).unwrap_or(until);
    json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "EndSessionsOfBurntKey",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": { "DateLessThan": { "aws:TokenIssueTime": until.to_string() } },
    }] })
}

impl Exposed {
    async fn of(audit: &Audit, kid: &Kid, now: Timestamp) -> Result<Self, StoreError> {
        let since = now.checked_sub(LONGEST_SESSION).ok();
        let lines = async |event: &str| {
            let filter = LineFilter {
                event: Some(event.to_owned()),
                outcome: Some("ok".to_owned()),
                kid: Some(kid.to_string()),
                since,
                newest_first: true,
                ..LineFilter::default()
            };
            audit.trail().lines(&filter, LISTED).await
        };
        let (sessions, passwords) = (lines("assume_role").await?, lines("authorization_token").await?);
        let full = |lines: usize| i64::try_from(lines).is_ok_and(|lines| lines >= LISTED);
        let truncated = full(sessions.len()) || full(passwords.len());
        let live = |line: &AuditLine| {
            let end = text(line, "expires_at")?.parse().ok().filter(|end: &Timestamp| *end > now);
            // Sessions by which STS was only asked are nobody's.
            end.filter(|_| line.get("details").is_none_or(|details| details[DISCARDED] != true))
        };
        let session = |line: AuditLine| {
            Some(ExposedSession {
                feed: text(&line, "feed"),
                role: text(&line, "role"),
                session_name: text(&line, "session_name"),
                expires_at: live(&line)?,
            })
        };
        let password = |line: AuditLine| {
            Some(ExposedPassword {
                feed: text(&line, "feed"),
                registry: text(&line, "registry"),
                session_name: text(&line, "session_name"),
                expires_at: live(&line)?,
            })
        };
        Ok(Self {
            sessions: sessions.iter().filter_map(|line| session(line.members()?)).collect(),
            passwords: passwords.iter().filter_map(|line| password(line.members()?)).collect(),
            truncated,
        })
    }
}

fn text(line: &AuditLine, name: &str) -> Option<String> {
    line.get(name).and_then(Value::as_str).map(str::to_owned)
}
