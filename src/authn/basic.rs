//! Client id and secret by HTTP Basic (RFC 7617).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{AuthnError, Verdict, verified};
use crate::domain::ClientId;
use crate::store::Snapshot;

pub(super) fn verify(snapshot: &Snapshot, scheme: &str, proof: &str, now: Timestamp) -> Verdict {
    if !scheme.eq_ignore_ascii_case("basic") {
        return Verdict::NotPresented;
    }
    let Some(pair) = BASE64_STANDARD.decode(proof).ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return Verdict::Refused(AuthnError::Malformed);
    };
    let pair = Zeroizing::new(pair);
    let Some((id, secret)) = pair.split_once(':') else {
        return Verdict::Refused(AuthnError::Malformed);
    };
    if secret.is_empty() {
        return Verdict::Refused(AuthnError::Malformed);
    }
    let id: Option<ClientId> = id.parse().ok();
    verified(snapshot, |snapshot| snapshot.client(&id?), secret, now)
}
