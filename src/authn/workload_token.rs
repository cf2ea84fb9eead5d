//! A workload's token, presented as a bearer token: a JWT that is none of ours.

use super::bearer::{Unverified, unverified_kind};
use super::workload::{RuleAndClient, Verified, WorkloadError};
use super::{Authn, AuthnError, Caller, Presented, Proven, Verdict, Via};
use crate::audit::{Event, What, WorkloadIdentity};
use crate::domain::Origin;

pub(super) async fn verify(authn: &Authn, presented: &Presented<'_>) -> Verdict {
    if !presented.is_bearer() || unverified_kind(presented.proof) != Unverified::OtherJwt {
        return Verdict::NotPresented;
    }
    match authn.workload_client(presented).await {
        Ok(proven) => Verdict::Verified(proven),
        Err(error) => Verdict::Refused(error),
    }
}

impl Authn {
    /// Finds out which client a workload's token stands for, wherever in a request it came.
    ///
    /// # Errors
    /// [`AuthnError`].
    pub async fn workload(&self, token: &str, origin: &Origin) -> Result<Caller, AuthnError> {
        let snapshot = self.store.current();
        let now = self.clock.now();
        let presented = Presented { scheme: "Bearer", proof: token, snapshot: &snapshot, origin, now };
        self.workload_client(&presented).await.map(|proven| proven.caller(origin))
    }

    async fn workload_client(&self, presented: &Presented<'_>) -> Result<Proven, AuthnError> {
        let verified = match self.workloads.verify(presented.snapshot, presented.proof).await {
            Ok(verified) => verified,
            Err(error) => {
                if let WorkloadError::NoRule(unfitting) = &error {
                    let of = presented.snapshot.workload_issuer_of(unfitting.issuer.as_str());
                    if let Some(issuer) = of.map(|entry| entry.value.name()) {
                        let seen = WorkloadIdentity::of(issuer, &unfitting.subject);
                        self.note_observed(&seen, &unfitting.would_have, presented.origin).await;
                    }
                }
                return Err(AuthnError::Workload(Box::new(error)));
            }
        };
        let Verified { issuer, subject, client, rule, would_have, .. } = verified;
        self.note_observed(&WorkloadIdentity::of(&issuer, &subject), &would_have, presented.origin).await;
        // As of now: its issuer may have taken its time to give its keys.
        let (snapshot, now) = (self.store.current(), self.clock.now());
        match snapshot.client(&client).filter(|client| client.is_live(now)) {
            Some(client) => Ok(Proven { client: client.clone(), via: Via::Workload { issuer, subject, rule } }),
            None => Err(AuthnError::WorkloadClientGone { rule, client }),
        }
    }

    /// Writes down what rules would have given that are only observed.
    async fn note_observed(&self, seen: &WorkloadIdentity, would_have: &[RuleAndClient], origin: &Origin) {
        for RuleAndClient { rule, client } in would_have {
            let event = Event {
                workload: Some(WorkloadIdentity { rule: Some(rule.clone()), ..seen.clone() }),
                reason: Some(format!("rule `{rule}` is only observed; enforced, it would give client `{client}`")),
                ..self.audit.event_from(What::Observed, origin)
            };
            if let Err(unwritten) = self.audit.record(event).await {
                tracing::warn!("what rule `{rule}` would have given was not written down: {unwritten}");
            }
        }
    }
}
