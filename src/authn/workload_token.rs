//! A workload's token, presented as a bearer token: a JWT that is none of ours.

use super::bearer::{Unverified, unverified_kind};
use super::workload::{RuleAndClient, Verified, WorkloadError};
use super::{Authn, AuthnError, Presented, Proven, Verdict, Via};
use crate::audit::{Event, What, WorkloadIdentity};
use crate::domain::{Origin, Scope};

pub(super) async fn verify(authn: &Authn, presented: &Presented<'_>) -> Verdict {
    if !presented.is_bearer() {
        return Verdict::NotPresented;
    }
    match unverified_kind(presented.proof, authn.issuer.as_str()) {
        Unverified::OtherJwt => match authn.workload_client(presented).await {
            Ok(proven) => Verdict::Verified(proven),
            Err(error) => Verdict::Refused(error),
        },
        Unverified::WebIdentityToken => Verdict::Refused(AuthnError::WebIdentityToken),
        Unverified::AccessToken | Unverified::Secret => Verdict::NotPresented,
    }
}

impl Authn {
    /// Finds out which client a workload's token stands for.
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
        let Verified { issuer, subject, expires_at, client, rule, would_have, .. } = verified;
        self.note_observed(&WorkloadIdentity::of(&issuer, &subject), &would_have, presented.origin).await;
        // As of now: its issuer may have taken its time to give its keys.
        let (snapshot, now) = (self.store.current(), self.clock.now());
        match snapshot.client(&client).filter(|client| client.is_live(now)) {
            Some(client) => Ok(Proven {
                client: client.clone(),
                via: Via::Workload { issuer, subject, rule },
                scope: Scope::all(),
                ends_at: Some(expires_at),
            }),
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
