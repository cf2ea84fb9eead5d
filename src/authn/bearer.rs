//! What kind of proof a bearer token is, by its looks alone.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value};

/// What a bearer token looks like; nothing of it is verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unverified {
    /// A JWT that says that it is an access token (RFC 9068 §2.1).
    AccessToken,
    /// Any other JWT.
    OtherJwt,
    /// No JWT: a client secret, then.
    Secret,
}

/// The looks of `token`.
///
/// A secret may have dots in it. It is none if its first part is the base64url of a JSON object, as no one's is by chance.
pub(super) fn unverified_kind(token: &str) -> Unverified {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, _, _] = parts.as_slice() else { return Unverified::Secret };
    let Some(header) = object(header) else { return Unverified::Secret };
    let typ = header.get("typ").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    if typ.strip_prefix("application/").unwrap_or(&typ) == "at+jwt" {
        return Unverified::AccessToken;
    }
    Unverified::OtherJwt
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_never_taken_for_a_token() {
        let jwt = |header: &str| format!("{}.e30.c2ln", BASE64_URL_SAFE_NO_PAD.encode(header));
        for (token, kind) in [
            (jwt(r#"{"alg":"RS256"}"#), Unverified::OtherJwt),
            (jwt(r#"{"alg":"none","typ":"JWT"}"#), Unverified::OtherJwt),
            (jwt(r#"{"typ":"at+jwt"}"#), Unverified::AccessToken),
            (jwt(r#"{"typ":"application/AT+JWT"}"#), Unverified::AccessToken),
            (jwt("[]"), Unverified::Secret),
            ("fps_abc".to_owned(), Unverified::Secret),
            ("a.b.c".to_owned(), Unverified::Secret),
            (format!("{}.x", jwt("{}")), Unverified::Secret),
        ] {
            assert_eq!(unverified_kind(&token), kind, "{token}");
        }
    }
}
