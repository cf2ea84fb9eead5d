//! On whose behalf a token is asked for (RFC 8693 §2.1, `subject_token`).

use super::bearer::{Unverified, unverified_kind};
use super::{Authn, AuthnError, Caller};
use crate::domain::Origin;

/// What kind of token a subject token is said to be (RFC 8693 §3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SubjectKind {
    /// A workload's JWT.
    Jwt,
    /// An access token of feedpass.
    AccessToken,
}

impl Authn {
    /// Finds out which client a subject token stands for. A token of one kind never passes as another.
    ///
    /// # Errors
    /// [`AuthnError`].
    pub async fn subject(&self, kind: SubjectKind, token: &str, origin: &Origin) -> Result<Caller, AuthnError> {
        let unverified = unverified_kind(token, self.issuer.as_str());
        let expected = match (kind, unverified) {
            (_, Unverified::WebIdentityToken)
            | (SubjectKind::Jwt, Unverified::OtherJwt)
            | (SubjectKind::AccessToken, Unverified::AccessToken) => {
                return self.proven("Bearer", token, origin).await.map(|proven| proven.caller(origin));
            }
            (SubjectKind::Jwt, _) => "a JWT of a workload's issuer, as its `subject_token_type` says",
            (SubjectKind::AccessToken, _) => "an access token of feedpass, as its `subject_token_type` says",
        };
        Err(AuthnError::OtherKind { expected })
    }
}
