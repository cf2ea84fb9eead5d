//! A token and what came of it.

use jiff::Timestamp;
use serde::Serialize;

use super::{Scope, text, time};
use crate::clock::later;
use crate::domain::TOKEN_LEEWAY;
use crate::store::StoreError;
use crate::store::database::{AuditLine, LineFilter, Receiver, Trail, WrittenLine};

/// How many lines of one token, and of one session, are looked at.
const LINES: i64 = 1000;

/// A token and what came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Token {
    pub(super) jti: String,
    feed: Option<String>,
    minted_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    /// When nobody takes it any more: its end and 5 minutes.
    live_until: Option<Timestamp>,
    live: bool,
    /// For whose request it was made; none for a renewal, which is nobody's.
    asked_by: Option<String>,
    /// Who was given the token itself.
    given_to: Vec<Given>,
    sessions: Vec<Session>,
    /// What STS refused.
    refusals: Vec<Refusal>,
    #[serde(skip)]
    pub(super) truncated: bool,
}

/// A client that was given something.
#[derive(Clone, Debug, Serialize)]
struct Given {
    client: String,
    first_at: Timestamp,
    last_at: Timestamp,
    times: i64,
}

/// A role session.
#[derive(Clone, Debug, Serialize)]
struct Session {
    #[serde(rename = "session_name")]
    name: String,
    role: Option<String>,
    aws_request_id: Option<String>,
    assumed_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    live: bool,
    credentials: Vec<Credentials>,
    /// Who was given its credentials.
    given_to: Vec<Given>,
}

/// A registry password that ECR gave.
#[derive(Clone, Debug, Serialize)]
struct Credentials {
    registry: Option<String>,
    aws_request_id: Option<String>,
    obtained_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    live: bool,
}

#[derive(Clone, Debug, Serialize)]
struct Refusal {
    at: Option<Timestamp>,
    code: Option<String>,
    reason: Option<String>,
}

impl Token {
    /// The key's id and the token; none when no line within the scope tells of it.
    pub(super) async fn find(
        trail: &dyn Trail,
        jti: &str,
        scope: &Scope,
    ) -> Result<Option<(Option<String>, Self)>, StoreError> {
        let wanted = LineFilter { jti: Some(jti.to_owned()), spaces: scope.spaces.clone(), ..LineFilter::default() };
        let lines = read(trail, &wanted).await?;
        let mut token = Self { jti: jti.to_owned(), truncated: full(&lines), ..Self::default() };
        let mut kid = None;
        for line in &lines {
            kid = kid.or_else(|| text(line, "kid"));
            token.feed = token.feed.or_else(|| text(line, "feed"));
            let done = line.get("outcome").and_then(|outcome| outcome.as_str()) == Some("ok");
            match (line.get("event").and_then(|event| event.as_str()).unwrap_or_default(), done) {
                ("mint", true) => {
                    token.minted_at = time(line, "at");
                    token.expires_at = time(line, "expires_at");
                    token.asked_by = text(line, "client");
                }
                ("web_identity_token", true) => token.give(line),
                ("assume_role", true) => token.sessions.extend(Session::of(line, scope.now)),
                ("assume_role", false) => token.refusals.push(Refusal::of(line)),
                _ => {}
            }
        }
        let nothing = lines.is_empty();
        token.live_until = token.expires_at.map(|end| later(end, TOKEN_LEEWAY));
        token.live = token.live_until.is_some_and(|end| scope.now < end);
        for session in &mut token.sessions {
            token.truncated |= session.fill(trail, scope).await?;
        }
        Ok((!nothing).then_some((kid, token)))
    }

    fn give(&mut self, line: &AuditLine) {
        if let (Some(client), Some(at)) = (text(line, "client"), time(line, "at")) {
            self.given_to.push(Given { client, first_at: at, last_at: at, times: 1 });
        }
    }
}

impl Session {
    fn of(line: &AuditLine, now: Timestamp) -> Option<Self> {
        let expires_at = time(line, "expires_at");
        Some(Self {
            name: text(line, "session_name")?,
            role: text(line, "role"),
            aws_request_id: text(line, "aws_request_id"),
            assumed_at: time(line, "at"),
            expires_at,
            live: expires_at.is_some_and(|end| now < end),
            credentials: Vec::new(),
            given_to: Vec::new(),
        })
    }

    /// Looks for what came of it; says whether there is more than was looked at.
    async fn fill(&mut self, trail: &dyn Trail, scope: &Scope) -> Result<bool, StoreError> {
        let wanted = LineFilter {
            session_name: Some(self.name.clone()),
            event: Some("authorization_token".into()),
            outcome: Some("ok".into()),
            spaces: scope.spaces.clone(),
            ..LineFilter::default()
        };
        let lines = read(trail, &wanted).await?;
        self.credentials = lines.iter().map(|line| Credentials::of(line, scope.now)).collect();
        self.given_to = trail.receivers(&self.name).await?.into_iter().map(Given::from).collect();
        Ok(full(&lines))
    }
}

impl Credentials {
    fn of(line: &AuditLine, now: Timestamp) -> Self {
        let expires_at = time(line, "expires_at");
        Self {
            registry: text(line, "registry"),
            aws_request_id: text(line, "aws_request_id"),
            obtained_at: time(line, "at"),
            expires_at,
            live: expires_at.is_some_and(|end| now < end),
        }
    }
}

impl Refusal {
    fn of(line: &AuditLine) -> Self {
        Self { at: time(line, "at"), code: text(line, "code"), reason: text(line, "reason") }
    }
}

impl From<Receiver> for Given {
    fn from(receiver: Receiver) -> Self {
        let Receiver { client, first_at, last_at, times } = receiver;
        Self { client, first_at, last_at, times }
    }
}

async fn read(trail: &dyn Trail, filter: &LineFilter) -> Result<Vec<AuditLine>, StoreError> {
    Ok(trail.lines(filter, LINES).await?.iter().filter_map(WrittenLine::members).collect())
}

fn full(lines: &[AuditLine]) -> bool {
    i64::try_from(lines.len()).is_ok_and(|count| count >= LINES)
}
