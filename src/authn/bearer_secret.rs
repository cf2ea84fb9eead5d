//! A client secret as a bearer token (RFC 6750 §2.1). The secret alone names its client.

use jiff::Timestamp;

use super::{AuthnError, Verdict, verified};
use crate::domain::SecretHash;
use crate::store::Snapshot;

pub(super) fn verify(snapshot: &Snapshot, scheme: &str, proof: &str, now: Timestamp) -> Verdict {
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Verdict::NotPresented;
    }
    if proof.is_empty() {
        return Verdict::Refused(AuthnError::Malformed);
    }
    verified(snapshot, |snapshot| snapshot.client_by_secret(&SecretHash::of(proof)), proof, now)
}
