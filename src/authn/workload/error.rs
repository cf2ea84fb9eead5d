//! Why a workload's token stands for nobody.

use std::fmt;

use super::jwks_cache::KeyError;
use super::rules::{RuleAndClient, RuleReport};
use crate::authn::jws::{ClaimsError, JwsError};
use crate::domain::{WorkloadIssuerUrl, shown};
use crate::telemetry::with_causes;

/// Why a workload's token stands for nobody. The words are for the caller and say nothing of rules or clients.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WorkloadError {
    /// The token cannot be believed: it is malformed, of a wrong kind, or not signed by its issuer.
    #[error(transparent)]
    Token(JwsError),
    /// The token does not say whose it is.
    #[error("the token has no `iss`")]
    NoIssuer,
    /// Nobody trusts its issuer.
    #[error("the token's `iss`, `{unverified_issuer}`, is none that is trusted here, to the letter")]
    UnknownIssuer {
        /// What it says, shortened.
        unverified_issuer: String,
    },
    /// There is no key to verify it with. Where the issuer's keys are not to be had, it is worth trying again.
    #[error(transparent)]
    Key(KeyError),
    /// It is expired, or for someone else, or not about anyone.
    #[error(transparent)]
    Claims(ClaimsError),
    /// It is right, and no rule is for it: an administrator's to mend, if it is meant to get in.
    #[error("the token is right, and no rule is for its {0}; ask an administrator for one")]
    NoRule(Box<Unfitting>),
    /// It is right, and rules give different clients for it: an administrator's to mend.
    #[error("the token is right, and rules disagree on which client its `sub`, `{}`, is", shown(.subject))]
    Ambiguous {
        /// The token's `sub`.
        subject: String,
        /// The rules that fit, by name.
        fitting: Vec<RuleAndClient>,
    },
}

/// A token that is right and fits no rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unfitting {
    /// Its `iss`.
    pub issuer: WorkloadIssuerUrl,
    /// Its `sub`.
    pub subject: String,
    /// Its one `aud`.
    pub audience: String,
    /// How many rules the issuer has.
    pub rules: usize,
    /// Of these the ten that are nearest to fitting, the nearest first.
    pub nearest: Vec<RuleReport>,
    /// What rules would give that are only observed.
    pub would_have: Vec<RuleAndClient>,
}

impl fmt::Display for Unfitting {
    /// What the caller may know of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`iss` `{}`, `sub` `{}`, `aud` `{}`", self.issuer, shown(&self.subject), self.audience)
    }
}

impl WorkloadError {
    pub(super) fn unknown(unverified_issuer: &str) -> Self {
        Self::UnknownIssuer { unverified_issuer: shown(unverified_issuer) }
    }

    /// The words for the log and the audit trail: with the rules that were tried, and all causes.
    #[must_use]
    pub fn explain(&self) -> String {
        match self {
            Self::NoRule(unfitting) => {
                let nearest: Vec<String> = unfitting.nearest.iter().map(ToString::to_string).collect();
                format!("{self}; of {} rules the nearest: {}", unfitting.rules, nearest.join("; "))
            }
            Self::Ambiguous { fitting, .. } => {
                let fitting = fitting.iter().map(|fits| format!("rule `{}` gives `{}`", fits.rule, fits.client));
                format!("{self}: {}", fitting.collect::<Vec<_>>().join(", "))
            }
            other => with_causes(other),
        }
    }
}
