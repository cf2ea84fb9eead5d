//! Trouble on request: what AWS does on a bad day, for rehearsals.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::Service;
use super::reply::{Refusal, Reply};
use crate::domain::RoleArn;

/// A rule: which requests get into trouble, and into which.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The service that is in trouble.
    pub service: Service,
    /// What goes wrong.
    pub kind: FaultKind,
    /// Only for requests with this role; left out: for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleArn>,
    /// Only for so many requests from now; left out: until cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

impl Fault {
    /// Trouble for every request to `service`.
    #[must_use]
    pub fn new(service: Service, kind: FaultKind) -> Self {
        Self { service, kind, role: None, times: None }
    }

    /// The same for one role alone.
    #[must_use]
    pub fn for_role(self, role: RoleArn) -> Self {
        Self { role: Some(role), ..self }
    }

    /// The same for the next `times` requests alone.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }
}

/// What can go wrong (docs/aws.md §2.5).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// 400 `Throttling` of STS, `ThrottlingException` of ECR: "Rate exceeded".
    Throttle,
    /// 500 `InternalFailure` of STS, `ServerException` of ECR.
    InternalFailure,
    /// 503 `ServiceUnavailable`.
    Unavailable,
    /// No answer until the faults are cleared or the caller goes away; then the true answer.
    Hang,
    /// The connection closes without an answer.
    Reset,
    /// 200 with a body that breaks off.
    Malformed,
    /// 400 `IDPCommunicationError`; of STS alone, ECR never says it and answers as ever.
    IdpCommunicationError,
}

/// The rules in force. The first that fits a request applies.
#[derive(Debug)]
pub struct Faults {
    rules: Mutex<Vec<Fault>>,
    /// Wakes those that hang.
    released: watch::Sender<()>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { rules: Mutex::default(), released: watch::Sender::new(()) }
    }
}

/// The trouble of one request.
pub(super) struct Trouble {
    pub(super) kind: FaultKind,
    pub(super) released: watch::Receiver<()>,
}

impl Faults {
    /// Adds a rule after those in force.
    pub fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    /// Removes all rules and releases every request that hangs.
    pub fn clear(&self) {
        let mut rules = self.lock();
        rules.clear();
        self.released.send_replace(());
    }

    /// The rules in force, with the counts that are left.
    #[must_use]
    pub fn rules(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    /// The trouble of a request to `service` with `role`, counted off its rule.
    pub(super) fn strike(&self, service: Service, role: Option<&str>) -> Option<Trouble> {
        let mut rules = self.lock();
        rules.retain(|rule| rule.times != Some(0));
        let struck = rules.iter_mut().find(|rule| {
            rule.service == service && rule.role.as_ref().is_none_or(|only| Some(only.as_str()) == role)
        })?;
        struck.times = struck.times.map(|left| left - 1);
        // Subscribed under the lock, so that no `clear` falls between rule and subscription.
        Some(Trouble { kind: struck.kind, released: self.released.subscribe() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer that a fault gives: `None` for those that give none, or that the service never gives.
pub(super) fn answer(service: Service, kind: FaultKind) -> Option<Result<Reply, Refusal>> {
    let refusal = |status: StatusCode, sts, ecr, message: &str| {
        let code = if service == Service::Sts { sts } else { ecr };
        Some(Err(Refusal::new(status, code, message).because("a rehearsed fault")))
    };
    match kind {
        FaultKind::Throttle => refusal(StatusCode::BAD_REQUEST, "Throttling", "ThrottlingException", "Rate exceeded"),
        FaultKind::InternalFailure => refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalFailure",
            "ServerException",
            "The request processing has failed because of an unknown error, exception or failure.",
        ),
        FaultKind::Unavailable => refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "The request has failed due to a temporary failure of the server.",
        ),
        FaultKind::IdpCommunicationError if service == Service::Sts => refusal(
            StatusCode::BAD_REQUEST,
            "IDPCommunicationError",
            "",
            "Error communicating with the identity provider",
        ),
        FaultKind::Malformed => Some(Ok(broken(service))),
        FaultKind::Hang | FaultKind::Reset | FaultKind::IdpCommunicationError => None,
    }
}

fn broken(service: Service) -> Reply {
    let (content_type, body) = match service {
        Service::Sts => ("text/xml", "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWeb"),
        Service::Ecr => ("application/x-amz-json-1.1", "{\"authorizationData\": [{\"authoriz"),
    };
    Reply {
        status: StatusCode::OK,
        content_type,
        body: Bytes::from_static(body.as_bytes()),
        outcome: "a broken body",
        why: "a rehearsed fault".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_strikes_its_service_and_role_as_often_as_it_says() {
        let role: RoleArn = "arn:aws:iam::123456789012:role/a".parse().unwrap();
        let faults = Faults::default();
        faults.add(Fault::new(Service::Sts, FaultKind::Throttle).for_role(role.clone()).times(2));
        assert!(faults.strike(Service::Ecr, Some(role.as_str())).is_none());
        assert!(faults.strike(Service::Sts, None).is_none());
        assert!(faults.strike(Service::Sts, Some("arn:aws:iam::123456789012:role/b")).is_none());
        for struck in [true, true, false] {
            assert_eq!(faults.strike(Service::Sts, Some(role.as_str())).is_some(), struck);
        }
    }

    #[test]
    fn a_rule_reads_from_json() {
        let rule: Fault = serde_json::from_str(r#"{"service": "sts", "kind": "idp_communication_error"}"#).unwrap();
        assert_eq!(rule, Fault::new(Service::Sts, FaultKind::IdpCommunicationError));
        assert!(serde_json::from_str::<Fault>(r#"{"service": "sts", "kind": "throttle", "time": 1}"#).is_err());
    }
}
