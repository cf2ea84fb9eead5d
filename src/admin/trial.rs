//! Asking STS what it says of a token, and throwing away what it gives.

use std::sync::Arc;

use serde_json::json;

use crate::audit::{Audit, Event, Outcome, Unwritten, What};
use crate::authz::Permit;
use crate::aws::sts::Sts;
use crate::domain::Kid;
use crate::issuer::mint::Mint;
use crate::telemetry::with_causes;

/// What a line says in its details of what nobody was given.
pub(super) const DISCARDED: &str = "discarded";

/// Asks STS. Cloning shares it.
#[derive(Clone)]
pub struct Trial {
    /// Signs what is shown.
    pub mint: Arc<Mint>,
    /// Who is asked.
    pub sts: Sts,
    /// What is written down of it.
    pub audit: Audit,
}

/// Why STS gave no session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotGiven {
    /// The stable code.
    pub code: String,
    /// The same in words.
    pub words: String,
    /// Whether AWS said no, and did not merely fail.
    pub refused: bool,
}

impl Trial {
    /// Says why STS gave no session for a token of the permit's feed, if it did not. The token is signed with `kid`, or
    /// else with the active key. The session is dropped unseen.
    ///
    /// # Errors
    /// [`Unwritten`].
    pub async fn ask(&self, permit: &Permit, kid: Option<&Kid>) -> Result<Option<NotGiven>, Unwritten> {
        let feed = permit.feed();
        // To AWS, a feed without tokens is no other under another name.
        let Some(permit) = permit.for_token() else { return Ok(None) };
        let details = Some(json!({ DISCARDED: true }));
        let event = |what| {
            let event = self.audit.event(what).of(&feed.name);
            Event { client: permit.permit().client().cloned(), details: details.clone(), ..event }
        };
        let token = match kid {
            Some(kid) => self.mint.canary_token(permit, kid).await,
            None => self.mint.web_identity_token(permit).await,
        };
        let token = match token {
            Ok(token) => token,
            Err(error) => {
                let (code, words) = ("signing_failed".to_owned(), with_causes(&error));
                self.audit.record(event(What::Mint).ended(Outcome::Failed, &code, words.clone())).await?;
                return Ok(Some(NotGiven { code, words, refused: false }));
            }
        };
        let signed = Event { kid: Some(token.kid.clone()), jti: Some(token.jti.clone()), ..event(What::Mint) };
        self.audit.record(Event { expires_at: Some(token.expires_at), ..signed }).await?;
        let assumed = Event {
            kid: Some(token.kid.clone()),
            jti: Some(token.jti.clone()),
            role: Some(permit.identity().role.clone()),
            ..event(What::AssumeRole)
        };
        match self.sts.assume_role_with_web_identity(permit, &token).await {
            Ok(session) => {
                let given = Event {
                    session_name: Some(session.session_name.clone()),
                    aws_request_id: session.request_id.clone(),
                    expires_at: Some(session.expires_at),
                    ..assumed
                };
                self.audit.record(given).await?;
                Ok(None)
            }
            Err(error) => {
                let refused = error.is_refusal();
                let outcome = if refused { Outcome::Refused } else { Outcome::Failed };
                let words = with_causes(&error);
                self.audit.record(assumed.ended(outcome, error.code(), words.clone())).await?;
                Ok(Some(NotGiven { code: error.code().to_owned(), words, refused }))
            }
        }
    }
}
