//! A policy document as read, checked as IAM checks it.

use std::fmt;
use std::str::FromStr;

use super::condition::Condition;
use super::json::Json;
use super::operator::Operator;
use super::principal::Named;

/// An IAM policy: identity-based, resource-based or a role's trust policy.
#[derive(Clone, Debug)]
pub struct Policy {
    text: String,
    statements: Vec<Statement>,
}

/// One statement of a policy.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The name that the author gave it.
    pub sid: Option<String>,
    /// What it does where it applies.
    pub effect: Effect,
    /// Of whom it speaks, or with `true` of whom it does not.
    pub(super) principal: Option<(Named, bool)>,
    pub(super) action: Patterns,
    pub(super) resource: Option<Patterns>,
    /// All must hold.
    pub conditions: Vec<Condition>,
}

impl Statement {
    /// The identity providers that it names, by their ARNs.
    #[must_use]
    pub fn federated(&self) -> &[String] {
        self.principal.as_ref().map_or(&[], |(named, _)| &named.federated)
    }

    /// Whether it names everyone.
    #[must_use]
    pub fn names_everyone(&self) -> bool {
        self.principal.as_ref().is_some_and(|(named, inverted)| named.everyone && !inverted)
    }

    /// The actions that it names, patterns among them; none where it names all others.
    #[must_use]
    pub fn actions(&self) -> &[String] {
        if self.action.inverted { &[] } else { &self.action.patterns }
    }
}

/// What a statement does where it applies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// It allows, unless another denies.
    Allow,
    /// It denies.
    Deny,
}

/// Patterns with wildcards: those named, or, `inverted`, all others.
#[derive(Clone, Debug)]
pub(super) struct Patterns {
    pub(super) patterns: Vec<String>,
    pub(super) inverted: bool,
}

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.inverted { "anything but " } else { "" })?;
        f.write_str(&self.patterns.join(" or "))
    }
}

/// What a policy is attached to, and so which elements it must and must not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PolicyKind {
    /// A role's trust policy: a principal, no resource.
    Trust,
    /// A role's permissions or a session policy: a resource, no principal.
    Identity,
}

/// Why a text is no policy: IAM's `MalformedPolicyDocument`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PolicyError {
    /// It is not JSON, or an object has a member twice.
    #[error("the policy is not JSON that IAM takes: {0}")]
    Json(String),
    /// An element is missing, unknown or not of the right form.
    #[error("in the policy, {at}: {expected}")]
    Element {
        /// Where, `Statement[1].Effect`.
        at: String,
        /// What would be right.
        expected: String,
    },
    /// A condition operator that this reading of the language does not know.
    #[error("in the policy, {at}: `{operator}` is not a condition operator that feedpass knows")]
    UnsupportedOperator {
        /// Where.
        at: String,
        /// The operator as written.
        operator: String,
    },
    /// Valid IAM that would be evaluated wrongly here, and so is refused.
    #[error("in the policy, {at}: {what} is not supported here")]
    Unsupported {
        /// Where.
        at: String,
        /// What it is.
        what: &'static str,
    },
}

impl Policy {
    /// The statements, in the document's order.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The document's text as it was read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Checks that the policy has the elements that its place demands.
    ///
    /// # Errors
    /// [`PolicyError::Element`] in the words that IAM uses: "Has prohibited field Resource".
    pub fn check_kind(&self, kind: PolicyKind) -> Result<(), PolicyError> {
        for (index, statement) in self.statements.iter().enumerate() {
            let element = |expected: &str| {
                Err(PolicyError::Element { at: format!("Statement[{}]", index + 1), expected: expected.to_owned() })
            };
            match (kind, &statement.principal, &statement.resource) {
                (PolicyKind::Trust, None, _) => return element("Missing required field Principal"),
                (PolicyKind::Trust, _, Some(_)) => return element("Has prohibited field Resource"),
                (PolicyKind::Identity, Some(_), _) => return element("Has prohibited field Principal"),
                (PolicyKind::Identity, _, None) => return element("Missing required field Resource"),
                _ => {}
            }
        }
        Ok(())
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let json: Json = serde_json::from_str(text).map_err(|error| PolicyError::Json(error.to_string()))?;
        let Json::Object(members) = json else {
            return Err(element("the document", format!("it is an object, not {}", json.kind())));
        };
        let (mut variables, mut statements) = (false, None);
        for (name, value) in members {
            match name.as_str() {
                "Version" => variables = has_variables(&value)?,
                "Id" => drop(text_of(value, "Id")?),
                "Statement" => statements = Some(value),
                _ => return Err(unknown("the document", &name, "Version, Id and Statement")),
            }
        }
        let statements = statements.ok_or_else(|| element("the document", "Statement is missing"))?;
        let statements = match statements {
            Json::List(all) => all,
            one => vec![one],
        };
        if statements.is_empty() {
            return Err(element("Statement", "it has at least one statement"));
        }
        let read = |(index, json)| statement(json, &format!("Statement[{}]", index + 1), variables);
        let statements = statements.into_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        let sids: Vec<_> = statements.iter().filter_map(|statement| statement.sid.as_deref()).collect();
        if let Some(twice) = sids.iter().enumerate().find_map(|(n, sid)| sids[..n].contains(sid).then_some(sid)) {
            return Err(element(
                "Statement",
                format!("Statement IDs (SID) in a single policy must be unique: {twice}"),
            ));
        }
        Ok(Self { text: text.to_owned(), statements })
    }
}

/// Reads `Version` and says whether `${…}` is a variable: it is text in the version of 2008.
fn has_variables(version: &Json) -> Result<bool, PolicyError> {
    match version {
        Json::Text(text) if text == "2012-10-17" => Ok(true),
        Json::Text(text) if text == "2008-10-17" => Ok(false),
        _ => Err(element("Version", "it is \"2012-10-17\" or \"2008-10-17\"")),
    }
}

fn statement(json: Json, at: &str, variables: bool) -> Result<Statement, PolicyError> {
    let Json::Object(members) = json else {
        return Err(element(at, format!("it is an object, not {}", json.kind())));
    };
    let (mut sid, mut effect, mut principal, mut action, mut resource) = (None, None, None, None, None);
    let mut conditions = Vec::new();
    for (name, value) in members {
        let here = format!("{at}.{name}");
        let clash = |both: &str| element(at, format!("it has one of {both}, not both"));
        let inverted = name.starts_with("Not");
        match name.as_str() {
            "Sid" => sid = Some(text_of(value, &here)?),
            "Effect" => effect = Some(effect_of(value, &here)?),
            "Principal" | "NotPrincipal" => {
                if principal.replace((named(value, &here)?, inverted)).is_some() {
                    return Err(clash("Principal and NotPrincipal"));
                }
            }
            "Action" | "NotAction" => {
                if action.replace(actions(value, &here, inverted)?).is_some() {
                    return Err(clash("Action and NotAction"));
                }
            }
            "Resource" | "NotResource" => {
                if resource.replace(resources(value, &here, inverted, variables)?).is_some() {
                    return Err(clash("Resource and NotResource"));
                }
            }
            "Condition" => conditions = conditions_of(value, &here, variables)?,
            _ => return Err(unknown(at, &name, "Sid, Effect, Principal, Action, Resource and Condition")),
        }
    }
    let effect = effect.ok_or_else(|| element(at, "Missing required field Effect"))?;
    if effect == Effect::Allow && principal.as_ref().is_some_and(|(_, inverted)| *inverted) {
        // IAM takes it in some policies; what it then allows depends on the caller's chain of
        // identities, which a request here does not have.
        return Err(PolicyError::Unsupported { at: at.to_owned(), what: "NotPrincipal with Allow" });
    }
    let action = action.ok_or_else(|| element(at, "Missing required field Action"))?;
    Ok(Statement { sid, effect, principal, action, resource, conditions })
}

fn effect_of(json: Json, at: &str) -> Result<Effect, PolicyError> {
    match text_of(json, at)?.as_str() {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        _ => Err(element(at, "it is \"Allow\" or \"Deny\"")),
    }
}

fn named(json: Json, at: &str) -> Result<Named, PolicyError> {
    let kinds = match json {
        Json::Text(text) if text == "*" => return Ok(Named { everyone: true, ..Named::default() }),
        Json::Object(kinds) if !kinds.is_empty() => kinds,
        _ => return Err(element(at, "it is \"*\" or an object with AWS, Federated or Service")),
    };
    let mut whom = Named::default();
    for (kind, value) in kinds {
        let here = format!("{at}.{kind}");
        let mut names = texts_of(value, &here)?;
        match kind.as_str() {
            "AWS" => {
                whom.everyone = names.iter().any(|name| name == "*");
                names.retain(|name| name != "*");
            }
            "Federated" | "Service" => {}
            _ => return Err(unknown(at, &kind, "AWS, Federated and Service")),
        }
        // IAM: "You cannot use a wildcard to match part of a principal name or ARN."
        if names.iter().any(|name| name.contains(['*', '?'])) {
            return Err(element(
                &here,
                "a principal has no wildcard; name each, and use StringLike on a condition key",
            ));
        }
        match kind.as_str() {
            "AWS" => whom.aws = names,
            "Federated" => whom.federated = names,
            _ => whom.service = names,
        }
    }
    Ok(whom)
}

fn actions(json: Json, at: &str, inverted: bool) -> Result<Patterns, PolicyError> {
    let patterns = texts_of(json, at)?;
    let prefaced = |action: &String| {
        action == "*" || action.split_once(':').is_some_and(|(vendor, name)| !vendor.is_empty() && !name.is_empty())
    };
    match patterns.iter().find(|action| !prefaced(action)) {
        Some(action) => Err(element(at, format!("`{action}` lacks its service; write it as in `ecr:BatchGetImage`"))),
        None => Ok(Patterns { patterns, inverted }),
    }
}

fn resources(json: Json, at: &str, inverted: bool, variables: bool) -> Result<Patterns, PolicyError> {
    let patterns = texts_of(json, at)?;
    if let Some(resource) = patterns.iter().find(|resource| *resource != "*" && !resource.starts_with("arn:")) {
        return Err(element(at, format!("`{resource}` is neither an ARN nor \"*\"")));
    }
    no_variables(&patterns, at, variables)?;
    Ok(Patterns { patterns, inverted })
}

fn conditions_of(json: Json, at: &str, variables: bool) -> Result<Vec<Condition>, PolicyError> {
    let Json::Object(operators) = json else {
        return Err(element(at, format!("it is an object, not {}", json.kind())));
    };
    let mut conditions = Vec::new();
    for (name, keys) in operators {
        let here = format!("{at}.{name}");
        let operator = Operator::parse(&name)
            .ok_or_else(|| PolicyError::UnsupportedOperator { at: at.to_owned(), operator: name.clone() })?;
        let Json::Object(keys) = keys else {
            return Err(element(&here, format!("it is an object of condition keys, not {}", keys.kind())));
        };
        for (key, values) in keys {
            let here = format!("{here}.{key}");
            if !key.contains(':') {
                return Err(element(&here, "a condition key has a prefix, as in `id.example.com:sub`"));
            }
            let expected = scalars_of(values, &here)?;
            no_variables(&expected, &here, variables)?;
            if let Some(objection) = expected.iter().find_map(|value| operator.objection(value)) {
                return Err(element(&here, objection));
            }
            conditions.push(Condition { name: name.clone(), operator, key, expected });
        }
    }
    Ok(conditions)
}

/// Policy variables are refused: compared as text, `${aws:username}` would silently match nothing,
/// and in a `Deny` that means letting everyone through.
fn no_variables(values: &[String], at: &str, variables: bool) -> Result<(), PolicyError> {
    if variables && values.iter().any(|value| value.contains("${")) {
        return Err(PolicyError::Unsupported { at: at.to_owned(), what: "a policy variable" });
    }
    Ok(())
}

fn text_of(json: Json, at: &str) -> Result<String, PolicyError> {
    match json {
        Json::Text(text) => Ok(text),
        other => Err(element(at, format!("it is a string, not {}", other.kind()))),
    }
}

/// A string, or a list with at least one.
fn texts_of(json: Json, at: &str) -> Result<Vec<String>, PolicyError> {
    match json {
        Json::List(list) if list.is_empty() => Err(element(at, "it has at least one value")),
        Json::List(list) => list.into_iter().map(|value| text_of(value, at)).collect(),
        one => Ok(vec![text_of(one, at)?]),
    }
}

/// The values of a condition: strings, numbers or booleans, one or a list.
fn scalars_of(json: Json, at: &str) -> Result<Vec<String>, PolicyError> {
    let scalar = |json| match json {
        Json::Text(text) | Json::Number(text) => Ok(text),
        Json::Bool(value) => Ok(value.to_string()),
        other => Err(element(at, format!("a value is a string, not {}", other.kind()))),
    };
    match json {
        Json::List(list) if list.is_empty() => Err(element(at, "it has at least one value")),
        Json::List(list) => list.into_iter().map(scalar).collect(),
        one => Ok(vec![scalar(one)?]),
    }
}

fn element(at: &str, expected: impl Into<String>) -> PolicyError {
    PolicyError::Element { at: at.to_owned(), expected: expected.into() }
}

fn unknown(at: &str, name: &str, known: &str) -> PolicyError {
    element(at, format!("`{name}` is unknown; there are {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recommended_trust_policy_is_read() {
        // docs/aws.md §3.3.
        let policy: Policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
            "Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/id.example.com"},
            "Action":"sts:AssumeRoleWithWebIdentity",
            "Condition":{"StringEquals":{"id.example.com:aud":"sts.amazonaws.com",
                                         "id.example.com:sub":"space:acme:feed:prod"}}}]}"#
            .parse()
            .unwrap();
        policy.check_kind(PolicyKind::Trust).unwrap();
        assert!(policy.check_kind(PolicyKind::Identity).is_err());
        assert_eq!(policy.statements()[0].conditions.len(), 2);
    }

    #[test]
    fn what_iam_would_refuse_is_refused_with_the_place() {
        let allow = |rest: &str| format!(r#"{{"Statement": {{"Effect": "Allow", {rest}}}}}"#);
        for (text, part) in [
            (String::new(), "not JSON"),
            ("[]".to_owned(), "the document: it is an object"),
            ("{}".to_owned(), "Statement is missing"),
            (r#"{"Statement": []}"#.to_owned(), "at least one statement"),
            (r#"{"Version": "2026-01-01", "Statement": []}"#.to_owned(), "Version: it is \"2012-10-17\""),
            (r#"{"Statement": {"Action": "*"}}"#.to_owned(), "Statement[1]: Missing required field Effect"),
            (allow(r#""Resource": "*""#), "Missing required field Action"),
            (allow(r#""Action": "*", "Action": "*""#), "`Action` stands twice"),
            (allow(r#""Action": "*", "NotAction": "iam:*""#), "not both"),
            (allow(r#""Action": "*", "Actions": "*""#), "`Actions` is unknown"),
            (allow(r#""Action": "GetAuthorizationToken""#), "lacks its service"),
            (allow(r#""Action": "*", "Resource": "repository/x""#), "neither an ARN"),
            (allow(r#""Action": [], "Resource": "*""#), "Statement[1].Action: it has at least one value"),
            (allow(r#""Action": "*", "Principal": "arn:aws:iam::1:role/x""#), "Principal: it is \"*\""),
            (allow(r#""Action": "*", "Principal": {"Federated": "*"}"#), "a principal has no wildcard"),
            (allow(r#""Action": "*", "NotPrincipal": "*""#), "not supported here"),
            (allow(r#""Action": "*", "Condition": {"StringEqual": {"a:b": "c"}}"#), "`StringEqual` is not a condition"),
            (allow(r#""Action": "*", "Condition": {"StringEquals": {"sub": "c"}}"#), "a condition key has a prefix"),
            (allow(r#""Action": "*", "Condition": {"Bool": {"a:b": "yes"}}"#), "it is \"true\" or \"false\""),
            (allow(r#""Action": "*", "Condition": {"IpAddress": {"a:b": "10.0.0.0/33"}}"#), "block of addresses"),
        ] {
            let refusal = text.parse::<Policy>().unwrap_err().to_string();
            assert!(refusal.contains(part), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_variable_is_text_in_2008_and_refused_in_2012() {
        let policy = |version: &str| {
            format!(
                r#"{{"Version": "{version}", "Statement": {{"Effect": "Allow", "Action": "*",
                    "Resource": "arn:aws:s3:::${{aws:username}}"}}}}"#
            )
        };
        assert!(policy("2008-10-17").parse::<Policy>().is_ok());
        assert!(matches!(policy("2012-10-17").parse::<Policy>(), Err(PolicyError::Unsupported { .. })));
    }

    #[test]
    fn two_statements_never_share_a_sid() {
        let one = r#"{"Sid": "A", "Effect": "Allow", "Action": "*", "Resource": "*"}"#;
        assert!(format!(r#"{{"Statement": [{one}, {one}]}}"#).parse::<Policy>().is_err());
    }
}
