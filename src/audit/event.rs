//! What the audit trail says of one thing that happened.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::domain::{ClientId, Kid, Origin, RegistryHost, RoleArn, Slug, SpaceFeed};
use crate::store::database::AuditLine;

/// What happened. The words are part of the contract: programs search by them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Somebody was to prove who they are.
    Authentication,
    /// A client asked for registry credentials.
    Credentials,
    /// A client asked for a web identity token.
    WebIdentityToken,
    /// A client asked for a role session.
    Session,
    /// A client asked for an access token.
    AccessToken,
    /// A web identity token was signed.
    Mint,
    /// STS was asked for a role session.
    AssumeRole,
    /// ECR was asked for a registry password.
    AuthorizationToken,
    /// An admin asked for something that changes nothing.
    AdminRead,
    /// An admin changed something, or was not let.
    Change,
    /// The first admin was made on the machine itself.
    Bootstrap,
    /// A rule for workloads that is only observed would have let a workload in.
    Observed,
    /// A verifier was asked whether it takes a published key.
    Canary,
    /// STS was asked whether it still takes a revoked key.
    RevocationProbe,
    /// Lines were let go for their age.
    Pruned,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    #[default]
    Ok,
    /// It was refused: by feedpass, or by AWS.
    Refused,
    /// It failed, and nobody refused it.
    Failed,
}

/// Whose token a workload presented, and the rule that it fitted.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct WorkloadIdentity {
    /// The trusted issuer's name.
    pub issuer: Slug,
    /// The token's `sub`.
    pub subject: String,
    /// The rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Slug>,
}

impl WorkloadIdentity {
    /// The workload that `issuer` calls `subject`, by no rule.
    #[must_use]
    pub fn of(issuer: &Slug, subject: &str) -> Self {
        Self { issuer: issuer.clone(), subject: subject.to_owned(), rule: None }
    }
}

/// One line of the audit trail, before it is numbered. No field holds a secret.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub event: What,
    /// What came of it.
    pub outcome: Outcome,
    /// Why it was refused or failed: a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// How it proved who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// Of a workload: whose token it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadIdentity>,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The request that it was part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Of which feed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<SpaceFeed>,
    /// The registry that the credentials open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<RegistryHost>,
    /// The role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleArn>,
    /// The key that signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<Kid>,
    /// The token's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// What the access token is good for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The role session's name, as CloudTrail has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// AWS's id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_request_id: Option<String>,
    /// When what was given ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What was changed, and how: the kind, name, action, and the value before and after without secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Value>,
    /// What was looked at, or let go for its age.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

impl Event {
    /// That `event` happened at `at`, and was done.
    #[must_use]
    pub fn new(at: Timestamp, event: What) -> Self {
        Self {
            at,
            event,
            outcome: Outcome::Ok,
            code: None,
            reason: None,
            client: None,
            via: None,
            workload: None,
            address: None,
            request_id: None,
            feed: None,
            registry: None,
            role: None,
            kid: None,
            jti: None,
            scope: None,
            session_name: None,
            aws_request_id: None,
            expires_at: None,
            change: None,
            details: None,
        }
    }

    /// The same, asked for from `origin`.
    #[must_use]
    pub fn from(self, origin: &Origin) -> Self {
        Self { address: Some(origin.address), request_id: Some(origin.request_id.clone()), ..self }
    }

    /// The same, about `feed`.
    #[must_use]
    pub fn of(self, feed: &SpaceFeed) -> Self {
        Self { feed: Some(feed.clone()), ..self }
    }

    /// The same, come to another end than it was to.
    #[must_use]
    pub fn ended(self, outcome: Outcome, code: &str, reason: impl Into<String>) -> Self {
        Self { outcome, code: Some(code.to_owned()), reason: Some(reason.into()), ..self }
    }

    /// The line that is written.
    ///
    /// # Errors
    /// When the event has no JSON form, which none lacks.
    pub fn line(&self) -> Result<AuditLine, serde_json::Error> {
        match serde_json::to_value(self)? {
            Value::Object(line) => Ok(line),
            _ => Ok(AuditLine::new()),
        }
    }

    /// Says it in the log, once it is written. These lines no filter leaves out.
    pub fn log(&self) {
        let line = self.line().unwrap_or_default();
        let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        tracing::info!(
            target: "feedpass::audit",
            event = text("event"),
            outcome = text("outcome"),
            code = self.code.as_deref(),
            client = self.client.as_ref().map(ClientId::as_str),
            via = self.via.as_deref(),
            workload.issuer = self.workload.as_ref().map(|workload| workload.issuer.as_str()),
            workload.subject = self.workload.as_ref().map(|workload| workload.subject.as_str()),
            workload.rule = self.workload.as_ref().and_then(|workload| workload.rule.as_ref()).map(Slug::as_str),
            feed = self.feed.as_ref().map(ToString::to_string),
            registry = self.registry.as_ref().map(RegistryHost::as_str),
            role = self.role.as_ref().map(ToString::to_string),
            key.kid = self.kid.as_ref().map(Kid::as_str),
            jti = self.jti.as_deref(),
            scope = self.scope.as_deref(),
            session_name = self.session_name.as_deref(),
            aws_request_id = self.aws_request_id.as_deref(),
            expires_at = self.expires_at.map(|end| end.to_string()),
            "{} {}{}", text("event"), text("outcome"), self.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default(),
        );
    }
}
