//! One line of a `Condition` block, and what is said when it fails.

use std::fmt;

use super::context::Context;
use super::operator::Operator;

/// One operator on one key: `"StringEquals": {"id.example.com:aud": ["a", "b"]}`.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The operator as the policy spells it.
    pub name: String,
    pub(super) operator: Operator,
    /// The condition key as the policy spells it; its case does not matter.
    pub key: String,
    /// The values that the policy names; alternatives.
    pub expected: Vec<String>,
}

impl Condition {
    /// Whether it holds of what it names not, as `StringNotEquals` does.
    #[must_use]
    pub fn is_negated(&self) -> bool {
        self.operator.is_negated()
    }

    /// Whether `*` and `?` in its values stand for other text.
    #[must_use]
    pub fn has_wildcards(&self) -> bool {
        self.operator.has_wildcards()
    }

    /// Whether it holds of a request that has no such key: negated, `…IfExists`, `ForAllValues:`, or `Null`.
    #[must_use]
    pub fn holds_without_its_key(&self) -> bool {
        self.operator.holds(&self.expected, None)
    }

    /// Checks the condition against what a request sent.
    ///
    /// # Errors
    /// [`FailedCondition`] with both sides, when it does not hold.
    pub(super) fn check(&self, context: &Context) -> Result<(), FailedCondition> {
        let sent = context.values(&self.key);
        if self.operator.holds(&self.expected, sent) {
            return Ok(());
        }
        Err(FailedCondition {
            operator: self.name.clone(),
            key: self.key.clone(),
            expected: self.expected.clone(),
            sent: sent.map(<[String]>::to_vec),
        })
    }
}

/// A condition that did not hold: what was expected and what was sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FailedCondition {
    /// The operator as the policy spells it.
    pub operator: String,
    /// The condition key as the policy spells it.
    pub key: String,
    /// The values that the policy names.
    pub expected: Vec<String>,
    /// The values that the request had for the key; `None` where it had no such key.
    pub sent: Option<Vec<String>>,
}

impl fmt::Display for FailedCondition {
    /// `StringEquals on id.example.com:sub expected "a" or "b", sent "c"`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operator, key, expected, sent } = self;
        write!(f, "{operator} on {key} expected {}, ", quoted(expected, " or "))?;
        match sent {
            None => f.write_str("but the request has no such key"),
            Some(sent) => write!(f, "sent {}", quoted(sent, ", ")),
        }
    }
}

fn quoted(values: &[String], between: &str) -> String {
    values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(between)
}
