//! Client id and secret by HTTP Basic (RFC 7617).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use zeroize::Zeroizing;

use super::{AuthnError, Outcome, verified};
use crate::domain::ClientId;
use crate::store::Snapshot;

pub(super) fn verify(snapshot: &Snapshot, scheme: &str, proof: &str) -> Outcome {
    if !scheme.eq_ignore_ascii_case("basic") {
        return Outcome::NotPresented;
    }
    let Some(pair) = BASE64_STANDARD.decode(proof).ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return Outcome::Refused(AuthnError::Malformed);
    };
    let pair = Zeroizing::new(pair);
    let Some((id, secret)) = pair.split_once(':') else {
        return Outcome::Refused(AuthnError::Malformed);
    };
    if secret.is_empty() {
        return Outcome::Refused(AuthnError::Malformed);
    }
    let id: Option<ClientId> = id.parse().ok();
    verified(snapshot, |snapshot| snapshot.client(&id?), secret)
}
