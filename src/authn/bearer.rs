//! What kind of proof a bearer token is, by its looks alone.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value};

/// What a bearer token looks like; nothing of it is verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unverified {
    /// A JWT that says that it is an access token (RFC 9068 §2.1).
    AccessToken,
    /// A JWT that says that our issuer signed it, and no access token.
    WebIdentityToken,
    /// Any other JWT.
    OtherJwt,
    /// No JWT: a client secret, then.
    Secret,
}

/// The looks of `token`, where our own web identity tokens have `issuer` as their `iss`.
///
/// A secret may have dots in it. It is none if its first part is the base64url of a JSON object, as no one's is by chance.
pub(super) fn unverified_kind(token: &str, issuer: &str) -> Unverified {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, _] = parts.as_slice() else { return Unverified::Secret };
    let Some(header) = object(header) else { return Unverified::Secret };
    let typ = header.get("typ").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    if typ.strip_prefix("application/").unwrap_or(&typ) == super::access_token::TYPE {
        return Unverified::AccessToken;
    }
    let ours = object(payload).is_some_and(|claims| claims.get("iss").and_then(Value::as_str) == Some(issuer));
    if ours { Unverified::WebIdentityToken } else { Unverified::OtherJwt }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_told_from_a_secret_and_from_the_other_tokens() {
        let jwt = |header: &str, payload: &str| {
            format!("{}.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(payload))
        };
        let ours = r#"{"iss":"https://id.example.com"}"#;
        for (token, expected) in [
            (jwt(r#"{"typ":"at+jwt"}"#, ours), Unverified::AccessToken),
            (jwt(r#"{"typ":"application/AT+JWT"}"#, "{}"), Unverified::AccessToken),
            (jwt(r#"{"typ":"JWT"}"#, ours), Unverified::WebIdentityToken),
            (jwt("{}", r#"{"iss":"https://id.example.com/"}"#), Unverified::OtherJwt),
            (jwt("{}", "nonsense"), Unverified::OtherJwt),
            (jwt("[]", ours), Unverified::Secret),
            ("fps_a.b.c".to_owned(), Unverified::Secret),
            ("fps_abc".to_owned(), Unverified::Secret),
        ] {
            assert_eq!(unverified_kind(&token, "https://id.example.com"), expected, "{token}");
        }
    }
}
