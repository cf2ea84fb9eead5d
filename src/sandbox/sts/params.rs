//! The form of a request, and the checks that STS's service model makes of it.

use std::borrow::Cow;

use secrecy::SecretString;

use crate::domain::RoleArn;
use crate::sandbox::received::Received;
use crate::sandbox::reply::Refusal;

/// The members of a form, from the body and the query. They may hold a token, so nothing prints them.
pub(in crate::sandbox) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the form of a request; what is no form has no members.
    pub(in crate::sandbox) fn of(received: &Received) -> Self {
        let query = received.parts.uri.query().unwrap_or_default().as_bytes();
        let members = [received.body.as_ref(), query].into_iter().flat_map(url::form_urlencoded::parse);
        Self(members.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// A member's text; the first where there are several.
    pub(in crate::sandbox) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn any_below(&self, prefix: &str) -> bool {
        self.0.iter().any(|(name, _)| name.starts_with(prefix))
    }
}

/// How whoever asks proves who it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Proof {
    /// By a token in the form.
    WebIdentity,
    /// By the request's signature.
    Signature,
}

/// The parameters of `AssumeRoleWithWebIdentity` and `AssumeRole`, within their bounds (docs/aws.md §2.1).
pub(super) struct AssumeRole {
    pub(super) role: RoleArn,
    pub(super) session_name: String,
    /// Empty where the proof is another.
    pub(super) token: SecretString,
    pub(super) external_id: Option<String>,
    pub(super) duration_seconds: u32,
    pub(super) policy: Option<String>,
    pub(super) minimum_token_size: usize,
}

impl AssumeRole {
    /// Checks all parameters at once, as STS does, and tells of all that are wrong.
    pub(super) fn read(params: &Params, proof: Proof) -> Result<Self, Refusal> {
        let mut check = Check(Vec::new());
        let role = check.text(params, "RoleArn", 20..=2048, |_| true, ARN_PATTERN);
        let session_name = check.text(params, "RoleSessionName", 2..=64, is_session_name, r"[\w+=,.@-]*");
        let token = match proof {
            Proof::WebIdentity => check.text(params, "WebIdentityToken", 4..=20_000, |_| true, ""),
            Proof::Signature => "",
        };
        let external_id = params.text("ExternalId").filter(|_| proof == Proof::Signature);
        if external_id.is_some() {
            check.text(params, "ExternalId", 2..=1224, is_external_id, r"[\w+=,.@:\/-]*");
        }
        let policy = params.text("Policy");
        if policy.is_some() {
            check.text(params, "Policy", 1..=2048, is_policy, r"[\u0009\u000A\u000D\u0020-\u00FF]+");
        }
        let duration_seconds = check.number(params, "DurationSeconds", 900..=43_200)?.unwrap_or(3600);
        let minimum_token_size = check.number(params, "MinimumSessionTokenSize", 0..=4096)?.unwrap_or(0);
        check.finish()?;
        if params.any_below("PolicyArns.") {
            let why = "the sandbox has no managed policies, and ignoring them would widen the session";
            return Err(Refusal::bad("ValidationError", "PolicyArns are not supported by the sandbox").because(why));
        }
        Ok(Self {
            role: role
                .parse()
                .map_err(|why| Refusal::bad("ValidationError", "Request ARN is invalid").because(format!("{why}")))?,
            session_name: session_name.to_owned(),
            token: SecretString::from(token),
            external_id: external_id.map(str::to_owned),
            duration_seconds,
            policy: policy.map(str::to_owned),
            minimum_token_size: usize::try_from(minimum_token_size).unwrap_or_default(),
        })
    }
}

const ARN_PATTERN: &str = r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+";

fn is_session_name(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_alphanumeric() || b"_+=,.@-".contains(&c))
}

fn is_external_id(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&c))
}

fn is_policy(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FF}'))
}

/// The violations found so far, in the words of AWS's validation.
struct Check(Vec<String>);

impl Check {
    /// A required text; empty where it is missing, and noted so.
    fn text<'a>(
        &mut self,
        params: &'a Params,
        name: &str,
        length: std::ops::RangeInclusive<usize>,
        fits: fn(&str) -> bool,
        pattern: &str,
    ) -> &'a str {
        let Some(text) = params.text(name) else {
            self.violated("null", name, "Member must not be null");
            return "";
        };
        let shown = match name {
            // A token that is too long is a token still, and an answer may be logged.
            "WebIdentityToken" => Cow::Borrowed("'***'"),
            _ => Cow::Owned(format!("'{text}'")),
        };
        let characters = text.chars().count();
        if characters < *length.start() {
            self.violated(
                &shown,
                name,
                &format!("Member must have length greater than or equal to {}", length.start()),
            );
        }
        if characters > *length.end() {
            self.violated(&shown, name, &format!("Member must have length less than or equal to {}", length.end()));
        }
        if !fits(text) {
            self.violated(&shown, name, &format!("Member must satisfy regular expression pattern: {pattern}"));
        }
        text
    }

    fn number(
        &mut self,
        params: &Params,
        name: &str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<Option<u32>, Refusal> {
        let Some(text) = params.text(name) else { return Ok(None) };
        let number: i64 = text
            .parse()
            .map_err(|_| Refusal::bad("MalformedInput", "").because(format!("{name} is not a whole number")))?;
        if number < i64::from(*range.start()) {
            self.violated(
                &format!("'{number}'"),
                name,
                &format!("Member must have value greater than or equal to {}", range.start()),
            );
        }
        if number > i64::from(*range.end()) {
            self.violated(
                &format!("'{number}'"),
                name,
                &format!("Member must have value less than or equal to {}", range.end()),
            );
        }
        Ok(u32::try_from(number).ok())
    }

    fn violated(&mut self, shown: &str, name: &str, constraint: &str) {
        // The query protocol's `RoleArn` is the model's `roleArn`.
        let (first, rest) = name.split_at(1);
        let member = first.to_lowercase() + rest;
        self.0.push(format!("Value {shown} at '{member}' failed to satisfy constraint: {constraint}"));
    }

    fn finish(self) -> Result<(), Refusal> {
        let count = self.0.len();
        match count {
            0 => Ok(()),
            1 => Err(Refusal::bad("ValidationError", format!("1 validation error detected: {}", self.0[0]))),
            _ => {
                let all = self.0.join("; ");
                Err(Refusal::bad("ValidationError", format!("{count} validation errors detected: {all}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(members: &[(&str, &str)]) -> String {
        let params = Params(members.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
        AssumeRole::read(&params, Proof::WebIdentity).err().map(|refusal| refusal.message).unwrap_or_default()
    }

    #[test]
    fn violations_are_told_in_the_words_of_aws() {
        let (role, token) = (("RoleArn", "arn:aws:iam::123456789012:role/x"), ("WebIdentityToken", "a.b.c"));
        let name = ("RoleSessionName", "images");
        for (members, expected) in [
            (vec![role, token, name], ""),
            (
                vec![role, token, ("RoleSessionName", "space:default")],
                "1 validation error detected: Value 'space:default' at 'roleSessionName' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: [\\w+=,.@-]*",
            ),
            (
                vec![token, ("RoleSessionName", "a")],
                "2 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: \
                 Member must not be null; Value 'a' at 'roleSessionName' failed to satisfy constraint: \
                 Member must have length greater than or equal to 2",
            ),
            (
                vec![role, token, name, ("DurationSeconds", "899")],
                "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: \
                 Member must have value greater than or equal to 900",
            ),
            (vec![("RoleArn", "not an ARN at all, but long"), token, name], "Request ARN is invalid"),
        ] {
            assert_eq!(refusal(&members), expected);
        }
    }

    #[test]
    fn a_token_is_never_shown() {
        let token = "secret".repeat(5000);
        let told = refusal(&[("WebIdentityToken", &token)]);
        assert!(told.contains("'***' at 'webIdentityToken'") && !told.contains("secret"), "{told}");
    }
}
