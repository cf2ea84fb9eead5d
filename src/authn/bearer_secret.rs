//! A client secret as a bearer token (RFC 6750 §2.1). The secret alone names its client.

use super::{Authn, AuthnError, Presented, Verdict, verified};
use crate::domain::SecretHash;

pub(super) fn verify(_: &Authn, presented: &Presented<'_>) -> Verdict {
    if !presented.is_bearer() {
        return Verdict::NotPresented;
    }
    let Presented { proof, snapshot, now, .. } = *presented;
    if proof.is_empty() {
        return Verdict::Refused(AuthnError::Malformed);
    }
    verified(snapshot.client_by_secret(&SecretHash::of(proof)), proof, now)
}
