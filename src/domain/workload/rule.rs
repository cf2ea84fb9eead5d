//! Whose tokens stand for which client.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{ClaimPath, ClaimPattern};
use crate::domain::{ClientId, Invalid, Slug};

/// The claims that every token of an issuer has alike, or that say nothing of whose it is (RFC 7519 §4.1).
const NOT_WHO: [&str; 6] = ["iss", "aud", "exp", "nbf", "iat", "jti"];

/// Whether a rule counts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleMode {
    /// It gives its client.
    #[default]
    Enforce,
    /// It only reports what it would give.
    Observe,
}

impl RuleMode {
    /// The word for it in configuration and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

impl fmt::Display for RuleMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RuleMode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Enforce, Self::Observe].into_iter().find(|mode| mode.as_str() == text).ok_or_else(|| {
            Invalid::new("a rule's mode", text, "it is `enforce`, or `observe` to see what the rule would do")
        })
    }
}

/// A workload whose claims are all of these is this client.
///
/// At least one condition says whose tokens are meant: it is on another claim than `iss`, `aud`, `exp`, `nbf`,
/// `iat` and `jti`, and each of its alternatives names something. One on `sub` must always.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct WorkloadRule {
    name: Slug,
    issuer: Slug,
    client: ClientId,
    claims: BTreeMap<ClaimPath, ClaimPattern>,
    mode: RuleMode,
}

impl WorkloadRule {
    /// A rule for tokens of the trusted issuer that is called `issuer`.
    ///
    /// # Errors
    /// [`Invalid`] where the conditions hold for everyone of the issuer.
    pub fn new(
        name: Slug,
        issuer: Slug,
        client: ClientId,
        claims: BTreeMap<ClaimPath, ClaimPattern>,
        mode: RuleMode,
    ) -> Result<Self, Invalid> {
        let invalid = |expected: &str| Err(Invalid::new("a workload rule", name.as_str(), expected));
        if claims.iter().any(|(path, pattern)| path.is_subject() && pattern.is_open()) {
            return invalid("its condition on `sub` would let everyone in; name the subject, or a part of it");
        }
        if !claims.iter().any(|(path, pattern)| !NOT_WHO.contains(&path.top()) && !pattern.is_open()) {
            return invalid(
                "it would let everyone of the issuer in; give it a condition that says who, as in `sub = \"…\"`",
            );
        }
        Ok(Self { name, issuer, client, claims, mode })
    }

    /// What administrators call it.
    #[must_use]
    pub fn name(&self) -> &Slug {
        &self.name
    }

    /// The name of the trusted issuer whose tokens it is for.
    #[must_use]
    pub fn issuer(&self) -> &Slug {
        &self.issuer
    }

    /// Who a workload that fits it is.
    #[must_use]
    pub fn client(&self) -> &ClientId {
        &self.client
    }

    /// The conditions, all of which must hold.
    #[must_use]
    pub fn claims(&self) -> &BTreeMap<ClaimPath, ClaimPattern> {
        &self.claims
    }

    /// Whether it counts.
    #[must_use]
    pub fn mode(&self) -> RuleMode {
        self.mode
    }
}

/// [`WorkloadRule`] as files and answers have it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Form {
    name: Slug,
    issuer: Slug,
    client: ClientId,
    #[serde(default)]
    mode: RuleMode,
    // Last, so that TOML can write it as a table.
    claims: BTreeMap<ClaimPath, ClaimPattern>,
}

impl TryFrom<Form> for WorkloadRule {
    type Error = Invalid;

    fn try_from(form: Form) -> Result<Self, Invalid> {
        Self::new(form.name, form.issuer, form.client, form.claims, form.mode)
    }
}

impl From<WorkloadRule> for Form {
    fn from(rule: WorkloadRule) -> Self {
        Self { name: rule.name, issuer: rule.issuer, client: rule.client, mode: rule.mode, claims: rule.claims }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(claims: &str) -> Result<WorkloadRule, String> {
        let text = format!("name = \"ci-main\"\nissuer = \"github\"\nclient = \"ci\"\n[claims]\n{claims}");
        toml::from_str(&text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_rule_reads_back_as_it_was_written() {
        let claims = r#"
            sub = "repo:my-org/my-repo:ref:refs/heads/main"
            repository = { pattern = "my-org/*" }
            "/kubernetes.io/namespace" = ["a", "b"]
        "#;
        let rule = rule(claims).unwrap();
        assert_eq!(rule.mode(), RuleMode::Enforce);
        assert_eq!(rule.claims().len(), 3);
        let json = serde_json::to_value(&rule).unwrap();
        assert_eq!(json["claims"]["repository"]["pattern"], "my-org/*");
        assert_eq!(serde_json::from_value::<WorkloadRule>(json).unwrap(), rule);
    }

    #[test]
    fn a_rule_for_everyone_of_an_issuer_is_refused() {
        for everyone in [
            "",
            r#"sub = { pattern = "*" }"#,
            r#""/sub" = { pattern = "*" }"#,
            r#"sub = ["a", { pattern = "*:*" }]"#,
            "sub = { pattern = \"*\" }\nref = \"main\"",
            r#"repository = { pattern = "*/*" }"#,
            r#"repository = ["my-org/a", { pattern = "*/*" }]"#,
            r#"iss = "https://a.example""#,
            "aud = \"x\"\n\"/jti\" = \"y\"",
        ] {
            let refusal = rule(everyone).unwrap_err();
            assert!(refusal.contains("everyone"), "{everyone}: {refusal}");
        }
        assert!(rule("repository = { pattern = \"*/*\" }\nref = \"refs/heads/main\"").is_ok());
        assert!(rule("email_verified = true\nhd = \"example.com\"").is_ok());
    }

    #[test]
    fn a_rule_with_an_unknown_member_is_refused() {
        let text = "name = \"a\"\nissuer = \"b\"\nclient = \"c\"\nclaim = {}\n[claims]\nsub = \"x\"";
        assert!(toml::from_str::<WorkloadRule>(text).unwrap_err().to_string().contains("unknown field `claim`"));
        assert!("audit".parse::<RuleMode>().is_err());
        assert_eq!("observe".parse(), Ok(RuleMode::Observe));
    }
}
