//! What is found in a policy.

use serde::Serialize;

use crate::domain::SpaceFeed;
use crate::iam::{PolicyError, StatementName};

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It keeps the feed out.
    Error,
    /// The feed is let in, and so may be others; or it does nothing.
    Warning,
}

/// Something that is wrong with a policy, and what would be right.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// The stable code.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// In which statement, `statement 1 (Feed)`; none where it is the whole.
    pub statement: Option<String>,
    /// What was found, with what was expected and what the token has.
    pub detail: String,
    /// What would mend it.
    pub fix: String,
}

impl Finding {
    /// What keeps the feed out.
    pub(super) fn error(
        code: &'static str,
        statement: Option<&StatementName>,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let statement = statement.map(ToString::to_string);
        Self { code, severity: Severity::Error, statement, detail: detail.into(), fix: fix.into() }
    }

    /// That other feeds are let in: `seen`, and `unseen` more that are not to be named.
    #[must_use]
    pub fn admits_others(seen: &[SpaceFeed], unseen: usize) -> Self {
        const SHOWN: usize = 10;
        let names: Vec<String> = seen.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
        let more = match (names.is_empty(), seen.len().saturating_sub(SHOWN) + unseen) {
            (_, 0) => String::new(),
            (true, more) => format!("{more} that you may not see"),
            (false, more) => format!(" and {more} more"),
        };
        let detail = format!("the policy lets in feeds whose role is another: {}{more}", names.join(", "));
        Self::error("admits_other_feeds", None, detail, "ask for this feed's subject with StringEquals").into_warning()
    }

    /// The same, of what does not.
    pub(super) fn into_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }
}

/// A policy that is none.
pub(super) fn unreadable(error: &PolicyError) -> Finding {
    let fix = match error {
        PolicyError::Json(_) => "IAM takes JSON alone; the patch is a policy that does what the feed needs",
        PolicyError::Unsupported { .. } => {
            "feedpass does not evaluate this, and so cannot say what IAM would; the patch does without it"
        }
        PolicyError::Element { .. } | PolicyError::UnsupportedOperator { .. } => {
            "IAM refuses such a policy; the patch is one that does what the feed needs"
        }
    };
    let code = match error {
        PolicyError::Json(_) => "policy_not_json",
        PolicyError::Unsupported { .. } => "policy_not_evaluated",
        PolicyError::UnsupportedOperator { .. } => "operator_unknown",
        PolicyError::Element { .. } => "policy_malformed",
    };
    Finding::error(code, None, error.to_string(), fix)
}
