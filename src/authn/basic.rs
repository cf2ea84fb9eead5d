//! Client id and secret by HTTP Basic (RFC 7617).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use zeroize::Zeroizing;

use super::{Authn, AuthnError, Presented, Verdict, verified};
use crate::domain::ClientId;

pub(super) fn verify(_: &Authn, presented: &Presented<'_>) -> Verdict {
    let Presented { proof, snapshot, now, .. } = *presented;
    if !presented.scheme.eq_ignore_ascii_case("basic") {
        return Verdict::NotPresented;
    }
    let Some(pair) = pair(proof) else { return Verdict::Refused(AuthnError::Malformed) };
    let Some((id, secret)) = split(&pair) else { return Verdict::Refused(AuthnError::Malformed) };
    let id: Option<ClientId> = id.parse().ok();
    verified(id.and_then(|id| snapshot.client(&id)), secret, now)
}

/// What base64 hides.
pub(super) fn pair(proof: &str) -> Option<Zeroizing<String>> {
    BASE64_STANDARD.decode(proof).ok().and_then(|bytes| String::from_utf8(bytes).ok()).map(Zeroizing::new)
}

/// The id and the secret, which is not empty.
pub(super) fn split(pair: &str) -> Option<(&str, &str)> {
    pair.split_once(':').filter(|(_, secret)| !secret.is_empty())
}
