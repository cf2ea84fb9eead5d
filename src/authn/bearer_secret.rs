//! A client secret as a bearer token (RFC 6750 §2.1). The secret alone names its client.

use super::{AuthnError, Outcome, verified};
use crate::domain::SecretHash;
use crate::store::Snapshot;

pub(super) fn verify(snapshot: &Snapshot, scheme: &str, proof: &str) -> Outcome {
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Outcome::NotPresented;
    }
    if proof.is_empty() {
        return Outcome::Refused(AuthnError::Malformed);
    }
    verified(snapshot, |snapshot| snapshot.client_by_secret(&SecretHash::of(proof)), proof)
}
