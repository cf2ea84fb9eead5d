//! A workload's token, presented as a bearer token: a JWT that is none of ours.

use super::bearer::{Unverified, unverified_kind};
use super::{Authn, AuthnError, Presented, Verdict};

#[expect(clippy::unused_async, reason = "an issuer's keys may have to be fetched")]
pub(super) async fn verify(authn: &Authn, presented: &Presented<'_>) -> Verdict {
    if !presented.is_bearer() {
        return Verdict::NotPresented;
    }
    match unverified_kind(presented.proof, authn.issuer.as_str()) {
        Unverified::OtherJwt => Verdict::Refused(AuthnError::Untrusted),
        Unverified::WebIdentityToken => Verdict::Refused(AuthnError::WebIdentityToken),
        Unverified::AccessToken | Unverified::Secret => Verdict::NotPresented,
    }
}
