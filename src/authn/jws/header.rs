//! What a token's header may say.

use serde_json::{Map, Value};

use super::JwsError;
use crate::domain::{JwsAlgorithm, shown};

/// What kind of token is expected, so that one kind never passes for another (RFC 8725 §3.11).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenType {
    /// A plain JWT: `typ` is absent, `JWT`, or `JOSE` as SPIFFE allows (JWT-SVID §3).
    Jwt,
    /// A kind with a name of its own, `at+jwt` for one: `typ` is that name.
    Named(&'static str),
}

impl TokenType {
    fn admits(self, typ: Option<&str>) -> bool {
        // A media type, so in any case, and often without its `application/` (RFC 7515 §4.1.9).
        let typ = typ.map(str::to_ascii_lowercase);
        let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        match self {
            Self::Jwt => matches!(typ, None | Some("jwt" | "jose")),
            Self::Named(name) => typ.is_some_and(|typ| typ.eq_ignore_ascii_case(name)),
        }
    }

    fn expected(self) -> String {
        match self {
            Self::Jwt => "`JWT`, or nothing".to_owned(),
            Self::Named(name) => format!("`{name}`"),
        }
    }
}

/// Why a `kid` is refused before anyone looks for it.
///
/// A key's name is looked up in memory alone. Readers that made a path or an address of it were led to keys of
/// the sender's choice, so what looks like either is not passed on to any log or error that may.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KidFault {
    /// It is no text.
    #[error("is not a text")]
    NotText,
    /// It has no or more than 256 characters.
    #[error("is not 1 to 256 characters long")]
    Length,
    /// It has a control character, a space, or one beyond ASCII.
    #[error("has characters that are not printable ASCII")]
    Unprintable,
    /// It looks like a URL.
    #[error("looks like a URL")]
    Url,
    /// It looks like a path.
    #[error("looks like a path")]
    Path,
}

/// Members that would have the reader take keys or meaning from the token itself (RFC 7515 §4.1), and those that
/// change what is signed (RFC 7797).
const REFUSED: [&str; 6] = ["crit", "jku", "jwk", "x5u", "x5c", "b64"];

/// What is gone by of a header; nobody has verified it yet.
pub(super) struct Header {
    pub(super) algorithm: JwsAlgorithm,
    pub(super) kid: Option<String>,
}

impl Header {
    pub(super) fn read(members: &Map<String, Value>, expected: TokenType) -> Result<Self, JwsError> {
        if let Some(member) = REFUSED.into_iter().find(|member| members.contains_key(*member)) {
            return Err(JwsError::RefusedMember(member));
        }
        let algorithm = algorithm(members)?;
        let typ = match members.get("typ") {
            None => None,
            Some(Value::String(typ)) => Some(typ.as_str()),
            Some(_) => return Err(JwsError::Type { found: "no text".to_owned(), expected: expected.expected() }),
        };
        if !expected.admits(typ) {
            let found = typ.map_or("absent".to_owned(), |typ| format!("`{}`", shown(typ)));
            return Err(JwsError::Type { found, expected: expected.expected() });
        }
        let kid = members.get("kid").map(kid).transpose().map_err(JwsError::Kid)?;
        Ok(Self { algorithm, kid })
    }
}

fn algorithm(members: &Map<String, Value>) -> Result<JwsAlgorithm, JwsError> {
    let Some(Value::String(found)) = members.get("alg") else { return Err(JwsError::NoAlgorithm) };
    if found.eq_ignore_ascii_case("none") {
        return Err(JwsError::Unsigned);
    }
    if found.to_ascii_uppercase().starts_with("HS") {
        return Err(JwsError::Symmetric(shown(found)));
    }
    found.parse().map_err(|_| JwsError::UnknownAlgorithm(shown(found)))
}

fn kid(value: &Value) -> Result<String, KidFault> {
    let Value::String(kid) = value else { return Err(KidFault::NotText) };
    if kid.is_empty() || kid.chars().count() > 256 {
        return Err(KidFault::Length);
    }
    if !kid.bytes().all(|c| c.is_ascii_graphic()) {
        return Err(KidFault::Unprintable);
    }
    if kid.contains("://") {
        return Err(KidFault::Url);
    }
    if kid.contains(['/', '\\']) || kid.contains("..") {
        return Err(KidFault::Path);
    }
    Ok(kid.clone())
}
