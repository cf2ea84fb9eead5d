//! Signature Version 4, the other way round: who signed this request?
//!
//! Follows IAM User Guide, "Create a signed AWS API request". Signatures in the query string are
//! not taken.

use std::sync::Arc;

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ring::digest::{SHA256, digest};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::received::Received;
use super::sessions::Session;
use super::world::World;
use crate::domain::Region;

/// How far the caller's clock may be off.
const SKEW_SECONDS: i64 = 300;

/// Why a request is nobody's; each service has its own codes for it.
#[derive(Debug)]
pub(super) enum SignatureError {
    /// There is no `Authorization`.
    Missing,
    /// It is not of the form that it should be; what would be.
    Incomplete(String),
    /// Nobody has this access key id, or the session token is not its own.
    Unknown(&'static str),
    /// The session is over.
    Expired(Timestamp),
    /// The signature is not right, or for another time, region or service; AWS's words.
    Wrong(String),
}

/// A request's `Authorization`, taken apart.
struct Authorization<'a> {
    access_key_id: &'a str,
    /// `20261123/us-east-1/ecr/aws4_request`
    scope: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

/// The access key id that a request claims, unchecked.
pub(super) fn unverified_access_key_id(received: &Received) -> Option<&str> {
    Authorization::parse(received.header("authorization")?).map(|found| found.access_key_id)
}

/// Whose session signed `received`, and for which region.
pub(super) fn verify(
    received: &Received,
    service: &str,
    world: &World,
    now: Timestamp,
) -> Result<(Arc<Session>, Region), SignatureError> {
    let header = received.header("authorization").ok_or(SignatureError::Missing)?;
    let authorization = Authorization::parse(header).ok_or_else(|| {
        SignatureError::Incomplete(
            "Authorization header requires 'Credential' parameter, 'Signature' parameter and 'SignedHeaders' parameter \
             of AWS4-HMAC-SHA256."
                .to_owned(),
        )
    })?;
    let session =
        world.signer(authorization.access_key_id).ok_or(SignatureError::Unknown("nobody has this access key id"))?;
    let token = received.header("x-amz-security-token").unwrap_or_default();
    if !same(token, session.token.as_ref().map_or("", |token| token.expose_secret())) {
        return Err(SignatureError::Unknown("the session token is not the one of this access key id"));
    }
    if let Some(end) = session.expires.filter(|end| now >= *end) {
        return Err(SignatureError::Expired(end));
    }
    let (date, signed_at) = signing_time(received)?;
    check_skew(signed_at, now)?;
    let region = authorization.region(service, &date[..8])?;
    authorization.check_signed_headers(received)?;
    let canonical = hash(canonical_request(received, authorization.signed_headers).as_bytes());
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{}\n{canonical}", authorization.scope);
    let secret = session.secret.expose_secret();
    let time = signed_at.try_into().map_err(|_| wrong("its date is out of range"))?;
    let key = generate_signing_key(secret, time, region.as_str(), service);
    if !same(&calculate_signature(key, to_sign.as_bytes()), authorization.signature) {
        return Err(wrong(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details.",
        ));
    }
    Ok((session, region))
}

impl<'a> Authorization<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        let fields = header.strip_prefix("AWS4-HMAC-SHA256")?.trim_start();
        let field = |name: &str| {
            let mut found = fields.split(',').filter_map(|field| field.trim().split_once('='));
            found.find_map(|(known, value)| (known == name).then_some(value))
        };
        let (access_key_id, scope) = field("Credential")?.split_once('/')?;
        Some(Self { access_key_id, scope, signed_headers: field("SignedHeaders")?, signature: field("Signature")? })
    }

    /// The scope's region, once the rest of the scope is right.
    fn region(&self, service: &str, day: &str) -> Result<Region, SignatureError> {
        let parts: Vec<&str> = self.scope.split('/').collect();
        let [scope_day, region, scope_service, "aws4_request"] = parts.as_slice() else {
            return Err(wrong(
                "Credential must have exactly 5 slash-delimited elements, the last of them 'aws4_request'",
            ));
        };
        if *scope_day != day {
            return Err(wrong(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{scope_day}' != '{day}'"
            )));
        }
        if *scope_service != service {
            return Err(wrong(format!("Credential should be scoped to correct service: '{service}'.")));
        }
        region.parse().map_err(|_| wrong("Credential should be scoped to a valid region."))
    }

    /// What decides about a request must be signed; which headers else are is the caller's choice.
    fn check_signed_headers(&self, received: &Received) -> Result<(), SignatureError> {
        let needed = ["host", "x-amz-date", "x-amz-security-token", "x-amz-target"];
        let unsigned = needed.iter().find(|name| {
            received.parts.headers.contains_key(**name)
                && !self.signed_headers.split(';').any(|signed| signed == **name)
        });
        unsigned
            .map_or(Ok(()), |name| Err(wrong(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."))))
    }
}

/// The request's time, as written and as read.
fn signing_time(received: &Received) -> Result<(&str, Timestamp), SignatureError> {
    let missing = || {
        SignatureError::Incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".to_owned(),
        )
    };
    let written = received.header("x-amz-date").ok_or_else(missing)?;
    let read = DateTime::strptime("%Y%m%dT%H%M%SZ", written)
        .and_then(|date| TimeZone::UTC.to_timestamp(date))
        .ok()
        .filter(|_| written.len() == 16 && written.is_ascii());
    let invalid = || SignatureError::Incomplete("Date must be in ISO-8601 'basic format'.".to_owned());
    Ok((written, read.ok_or_else(invalid)?))
}

fn check_skew(signed_at: Timestamp, now: Timestamp) -> Result<(), SignatureError> {
    let late = now.as_second() - signed_at.as_second();
    if late > SKEW_SECONDS {
        return Err(wrong(format!("Signature expired: {signed_at} is now earlier than {now} - 5 min.")));
    }
    if late < -SKEW_SECONDS {
        return Err(wrong(format!("Signature not yet current: {signed_at} is still later than {now} + 5 min.")));
    }
    Ok(())
}

fn canonical_request(received: &Received, signed_headers: &str) -> String {
    let parts = &received.parts;
    let mut headers = String::new();
    for name in signed_headers.split(';') {
        let values = parts.headers.get_all(name).iter();
        let values: Vec<String> = values.map(|value| trimmed(&String::from_utf8_lossy(value.as_bytes()))).collect();
        headers.extend([name, ":", &values.join(","), "\n"]);
    }
    let mut query: Vec<(String, String)> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .map(|(name, value)| (encoded(&name), encoded(&value)))
            .collect();
    query.sort();
    let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    // The only path of both services is `/`, which is its own canonical form.
    let (method, path, query, body) = (&parts.method, parts.uri.path(), query.join("&"), hash(&received.body));
    format!("{method}\n{path}\n{query}\n{headers}\n{signed_headers}\n{body}")
}

/// A header's value without spaces around it and with single ones inside.
fn trimmed(value: &str) -> String {
    value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn encoded(text: &str) -> String {
    let byte = |c: u8| {
        if c.is_ascii_alphanumeric() || b"-._~".contains(&c) { char::from(c).to_string() } else { format!("%{c:02X}") }
    };
    text.bytes().map(byte).collect()
}

/// The SHA-256 of `bytes` in lower-case hexadecimal digits.
fn hash(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    digest(&SHA256, bytes).as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn wrong(message: impl Into<String>) -> SignatureError {
    SignatureError::Wrong(message.into())
}
