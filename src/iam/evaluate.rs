//! What a policy answers to a request, and why.

use std::fmt;

use super::condition::FailedCondition;
use super::context::Context;
use super::policy::{Effect, Policy, Statement};
use super::principal::Principal;
use super::wildcard;

/// What is asked of a policy.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks, for a resource-based policy. `None` asks an identity-based policy, which speaks of
    /// whoever it is attached to.
    pub principal: Option<Principal>,
    /// What they want to do, `sts:AssumeRoleWithWebIdentity`.
    pub action: String,
    /// With what. `None` for a trust policy, whose role is the resource.
    pub resource: Option<String>,
    /// The condition keys of the request.
    pub context: Context,
}

/// A policy's answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// A statement allows it and none denies it.
    Allowed(StatementName),
    /// A statement denies it, whatever others say.
    Denied(StatementName),
    /// No statement allows it.
    NotAllowed(Reasons),
}

impl Decision {
    /// Whether the answer is yes.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allowed(by) => write!(f, "allowed by {by}"),
            Self::Denied(by) => write!(f, "explicitly denied by {by}"),
            Self::NotAllowed(reasons) => write!(f, "not allowed: {reasons}"),
        }
    }
}

/// Which statement of a policy: its place, counted from 1, and its `Sid` where it has one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatementName {
    /// The place, counted from 1.
    pub place: usize,
    /// The `Sid`.
    pub sid: Option<String>,
}

impl fmt::Display for StatementName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statement {}", self.place)?;
        self.sid.as_ref().map_or(Ok(()), |sid| write!(f, " ({sid})"))
    }
}

/// Why each statement with `Allow` did not apply, in the policy's order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reasons(pub Vec<(StatementName, Miss)>);

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no statement allows anything");
        }
        let each: Vec<String> = self.0.iter().map(|(statement, miss)| format!("{statement}: {miss}")).collect();
        f.write_str(&each.join("; "))
    }
}

/// Why a statement does not apply to a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Miss {
    /// It names other principals, or none where one is asked for.
    Principal {
        /// Whom it names, in words.
        expected: String,
        /// Who asked.
        sent: String,
    },
    /// It names other actions.
    Action {
        /// What it names, in words.
        expected: String,
        /// What was asked for.
        sent: String,
    },
    /// It names other resources.
    Resource {
        /// What it names, in words.
        expected: String,
        /// What was asked for.
        sent: String,
    },
    /// These of its conditions do not hold.
    Conditions(Vec<FailedCondition>),
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, expected, sent) = match self {
            Self::Conditions(failed) => {
                let each: Vec<String> = failed.iter().map(ToString::to_string).collect();
                return write!(f, "condition failed: {}", each.join("; "));
            }
            Self::Principal { expected, sent } => ("principal", expected, sent),
            Self::Action { expected, sent } => ("action", expected, sent),
            Self::Resource { expected, sent } => ("resource", expected, sent),
        };
        write!(f, "{what} expected {expected}, sent {sent}")
    }
}

impl Policy {
    /// Answers `request`: a `Deny` that applies wins, then an `Allow` that applies, else no
    /// (IAM User Guide, "Policy evaluation logic").
    #[must_use]
    pub fn evaluate(&self, request: &Request) -> Decision {
        let mut allowed = None;
        let mut reasons = Reasons::default();
        for (index, statement) in self.statements().iter().enumerate() {
            let name = || StatementName { place: index + 1, sid: statement.sid.clone() };
            match (statement.effect, statement.applies(request)) {
                (Effect::Deny, Ok(())) => return Decision::Denied(name()),
                (Effect::Deny, Err(_)) => {}
                (Effect::Allow, Ok(())) => {
                    allowed.get_or_insert_with(name);
                }
                (Effect::Allow, Err(miss)) => reasons.0.push((name(), miss)),
            }
        }
        allowed.map_or(Decision::NotAllowed(reasons), Decision::Allowed)
    }
}

impl Statement {
    /// Whether the statement speaks of `request`; else the first element that does not fit it.
    fn applies(&self, request: &Request) -> Result<(), Miss> {
        self.check_principal(request.principal.as_ref())?;
        let named =
            self.action.patterns.iter().any(|pattern| wildcard::matches_ignoring_case(pattern, &request.action));
        if named == self.action.inverted {
            return Err(Miss::Action { expected: self.action.to_string(), sent: request.action.clone() });
        }
        self.check_resource(request)?;
        let failed: Vec<_> =
            self.conditions.iter().filter_map(|condition| condition.check(&request.context).err()).collect();
        if failed.is_empty() { Ok(()) } else { Err(Miss::Conditions(failed)) }
    }

    /// A statement without a principal is one of an identity-based policy, and applies only there:
    /// in a trust policy it would otherwise let everyone in.
    fn check_principal(&self, asking: Option<&Principal>) -> Result<(), Miss> {
        let applies = match (&self.principal, asking) {
            (None, None) => true,
            (Some(named), Some(principal)) => named.0.includes(principal) != named.1,
            _ => false,
        };
        if applies {
            return Ok(());
        }
        let expected = match &self.principal {
            None => "none".to_owned(),
            Some((named, false)) => named.to_string(),
            Some((named, true)) => format!("anyone but {named}"),
        };
        Err(Miss::Principal { expected, sent: asking.map_or_else(|| "none".to_owned(), ToString::to_string) })
    }

    fn check_resource(&self, request: &Request) -> Result<(), Miss> {
        let applies = match (&self.resource, &request.resource) {
            // What a resource-based policy is attached to is its resource.
            (None, _) => request.resource.is_none() || request.principal.is_some(),
            (Some(named), Some(sent)) => {
                named.patterns.iter().any(|pattern| wildcard::matches(pattern, sent)) != named.inverted
            }
            (Some(_), None) => false,
        };
        if applies {
            return Ok(());
        }
        let in_words = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
        Err(Miss::Resource {
            expected: in_words(self.resource.as_ref().map(ToString::to_string)),
            sent: in_words(request.resource.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/id.example.com";

    fn trust(condition: &str) -> Policy {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Sid": "Feed", "Effect": "Allow",
                "Principal": {{"Federated": "{PROVIDER}"}}, "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {condition}}}]}}"#
        )
        .parse()
        .unwrap()
    }

    fn request(provider: &str, sub: &str) -> Request {
        let mut context = Context::default();
        context.set("ID.example.com:sub", [sub]);
        Request {
            principal: Some(Principal::Federated(provider.to_owned())),
            action: "STS:assumeRoleWithWebIdentity".to_owned(),
            resource: None,
            context,
        }
    }

    #[test]
    fn a_failed_condition_says_what_was_expected_and_what_was_sent() {
        let policy = trust(r#"{"StringEquals": {"id.example.com:sub": ["a", "b"], "id.example.com:aud": "sts"}}"#);
        assert_eq!(
            policy.evaluate(&request(PROVIDER, "c")).to_string(),
            "not allowed: statement 1 (Feed): condition failed: StringEquals on id.example.com:sub expected \
             \"a\" or \"b\", sent \"c\"; StringEquals on id.example.com:aud expected \"sts\", but the request has \
             no such key"
        );
    }

    #[test]
    fn names_of_actions_and_keys_ignore_case_and_principals_do_not() {
        let policy = trust(r#"{"StringEquals": {"id.Example.com:SUB": "a"}}"#);
        assert!(policy.evaluate(&request(PROVIDER, "a")).is_allowed());
        let other = policy.evaluate(&request(&PROVIDER.to_uppercase(), "a"));
        assert!(matches!(&other, Decision::NotAllowed(Reasons(each)) if matches!(each[0].1, Miss::Principal { .. })));
    }

    #[test]
    fn an_explicit_deny_wins_wherever_it_stands() {
        for order in [["Allow", "Deny"], ["Deny", "Allow"]] {
            let statement = |effect| format!(r#"{{"Effect": "{effect}", "Action": "ecr:*", "Resource": "*"}}"#);
            let policy: Policy =
                format!(r#"{{"Statement": [{}, {}]}}"#, statement(order[0]), statement(order[1])).parse().unwrap();
            let asked = Request {
                principal: None,
                action: "ecr:GetAuthorizationToken".to_owned(),
                resource: Some("*".to_owned()),
                context: Context::default(),
            };
            assert!(matches!(policy.evaluate(&asked), Decision::Denied(_)), "{order:?}");
        }
    }

    #[test]
    fn a_statement_without_a_principal_trusts_nobody() {
        let policy: Policy = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#.parse().unwrap();
        assert!(!policy.evaluate(&request(PROVIDER, "a")).is_allowed());
    }

    #[test]
    fn not_action_and_not_resource_are_everything_else() {
        let policy: Policy = r#"{"Statement": {"Effect": "Allow", "NotAction": "iam:*",
            "NotResource": "arn:aws:ecr:*:*:repository/secret*"}}"#
            .parse()
            .unwrap();
        for (action, resource, expected) in [
            ("ecr:BatchGetImage", "arn:aws:ecr:us-east-1:123456789012:repository/open", true),
            ("ecr:BatchGetImage", "arn:aws:ecr:us-east-1:123456789012:repository/secret/a", false),
            ("iam:CreateRole", "*", false),
        ] {
            let asked = Request {
                principal: None,
                action: action.to_owned(),
                resource: Some(resource.to_owned()),
                context: Context::default(),
            };
            assert_eq!(policy.evaluate(&asked).is_allowed(), expected, "{action} {resource}");
        }
    }

    #[test]
    fn an_account_names_its_roles_and_sessions() {
        for (named, expected) in [
            (r#""*""#, true),
            (r#"{"AWS": "*"}"#, true),
            (r#"{"AWS": "123456789012"}"#, true),
            (r#"{"AWS": ["arn:aws:iam::123456789012:root"]}"#, true),
            (r#"{"AWS": "arn:aws:iam::123456789012:role/a"}"#, true),
            (r#"{"AWS": "arn:aws:iam::123456789012:role/b"}"#, false),
            (r#"{"AWS": "210987654321", "Service": "ec2.amazonaws.com"}"#, false),
        ] {
            let policy: Policy =
                format!(r#"{{"Statement": {{"Effect": "Allow", "Principal": {named}, "Action": "sts:AssumeRole"}}}}"#)
                    .parse()
                    .unwrap();
            let asked = Request {
                principal: Some(Principal::Aws(vec![
                    "arn:aws:sts::123456789012:assumed-role/a/s".to_owned(),
                    "arn:aws:iam::123456789012:role/a".to_owned(),
                ])),
                action: "sts:AssumeRole".to_owned(),
                resource: None,
                context: Context::default(),
            };
            assert_eq!(policy.evaluate(&asked).is_allowed(), expected, "{named}");
        }
    }
}
