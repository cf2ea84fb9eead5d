//! Client secrets: how a new one is written, and the hash that is kept of it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, serde_by_text};

/// What every secret that feedpass makes begins with, so that scanners of leaked text find it.
pub const SECRET_PREFIX: &str = "fps_";

/// The secret of the client in the configuration that comes with feedpass. Everyone knows it, so it
/// opens nothing but the sandbox.
pub const EXAMPLE_SECRET: &str = "feedpass-sandbox-secret";

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Base-62 digits that hold 256 bits, and those that hold a CRC-32.
const RANDOM_DIGITS: usize = 43;
const CHECK_DIGITS: usize = 6;

/// Writes 256 random bits as a client secret: `fps_`, 43 digits of base 62, and 6 check digits, the CRC-32
/// of all before them, by which a scanner tells a secret from text that looks like one.
#[must_use]
pub fn client_secret(random: &[u8; 32]) -> SecretString {
    let mut text = SECRET_PREFIX.to_owned();
    text.push_str(&base62(random, RANDOM_DIGITS));
    let check = crc32fast::hash(text.as_bytes()).to_be_bytes();
    text.push_str(&base62(&check, CHECK_DIGITS));
    SecretString::from(text)
}

/// Whether `text` has the form and the check digits of a secret that feedpass made.
#[must_use]
pub fn is_client_secret(text: &str) -> bool {
    let length = SECRET_PREFIX.len() + RANDOM_DIGITS + CHECK_DIGITS;
    if !text.starts_with(SECRET_PREFIX) || text.len() != length || !text.is_ascii() {
        return false;
    }
    let (checked, check) = text.split_at(length - CHECK_DIGITS);
    base62(&crc32fast::hash(checked.as_bytes()).to_be_bytes(), CHECK_DIGITS) == check
}

/// A big-endian number in base 62, with leading zeros to `length` digits.
fn base62(number: &[u8], length: usize) -> String {
    let mut number = number.to_vec();
    let mut digits = vec![b'0'; length];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0_u16;
        for byte in &mut number {
            let value = rest << 8 | u16::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or_default();
            rest = value % 62;
        }
        *digit = DIGITS[usize::from(rest)];
    }
    String::from_utf8(digits).unwrap_or_default()
}

/// A live secret of a client, as far as feedpass keeps it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSecret {
    /// All that is kept of the secret itself.
    pub hash: SecretHash,
    /// When it was made; unknown for those of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// From when on it is no longer taken; none when it ends with its client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl ClientSecret {
    /// A secret without an end, known by its hash alone.
    #[must_use]
    pub fn lasting(hash: SecretHash) -> Self {
        Self { hash, created_at: None, expires_at: None }
    }

    /// Whether it is still taken at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// What it is named by: the first 8 hexadecimal digits of its hash, which tell nothing of it.
    #[must_use]
    pub fn id(&self) -> String {
        self.hash.to_string()["sha256:".len()..][..8].to_owned()
    }
}

/// The SHA-256 of a client secret.
///
/// Secrets are random and long, so a plain hash suffices; a slow one would only slow feedpass.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of `secret`.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
        Self(bytes)
    }

    /// The digest's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

serde_by_text!(SecretHash);

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for SecretHash {
    type Err = Invalid;

    /// Reads `sha256:` and 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        // The text is not shown: a secret pasted here by mistake must not reach a log.
        let invalid = || {
            Invalid::new(
                "a secret's hash",
                "…",
                "it is `sha256:` and 64 hexadecimal digits; make one with `printf %s \"$SECRET\" | sha256sum`",
            )
        };
        let hex = text.strip_prefix("sha256:").ok_or_else(invalid)?;
        if hex.len() != 64 || !hex.is_ascii() {
            return Err(invalid());
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| invalid())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| invalid())?;
        }
        let hash = Self(bytes);
        if hash == Self::of("") {
            // What the command above gives when the variable is not set.
            return Err(Invalid::new("a secret's hash", "…", "it is the hash of nothing; the secret was empty"));
        }
        Ok(hash)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_new_secret_can_be_told_from_other_text_by_its_check_digits() {
        let secret = client_secret(&[0xa7; 32]);
        let secret = secret.expose_secret();
        assert_eq!(secret.len(), 53);
        assert!(is_client_secret(secret), "{secret}");
        let mut wrong = secret.to_owned().into_bytes();
        for at in SECRET_PREFIX.len()..wrong.len() {
            let was = wrong[at];
            wrong[at] = if was == b'x' { b'y' } else { b'x' };
            assert!(!is_client_secret(std::str::from_utf8(&wrong).unwrap()), "digit {at} changed");
            wrong[at] = was;
        }
        assert!(!is_client_secret(EXAMPLE_SECRET));
        assert!(!is_client_secret(""));
    }

    #[test]
    fn base_62_keeps_all_bits() {
        assert_eq!(base62(&[0; 4], 6), "000000");
        assert_eq!(base62(&[0, 0, 0, 61], 6), "00000z");
        assert_eq!(base62(&[0, 0, 0, 62], 6), "000010");
        assert_eq!(base62(&[0xff; 4], 6), "4gfFC3", "4,294,967,295");
        assert_ne!(base62(&[0xff; 32], 43), base62(&[0xfe; 32], 43));
    }

    #[test]
    fn a_secret_pasted_in_place_of_its_hash_is_not_repeated() {
        let refusal = "hunter2-hunter2".parse::<SecretHash>().unwrap_err().to_string();
        assert!(!refusal.contains("hunter2"), "{refusal}");
        let hash: SecretHash = format!("sha256:{}", "aB".repeat(32)).parse().unwrap();
        assert_eq!(hash.as_bytes(), &[0xab; 32]);
        assert_eq!(hash.to_string(), format!("sha256:{}", "ab".repeat(32)));
        assert_eq!(format!("{hash:?}"), "SecretHash(…)");
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(empty.parse::<SecretHash>().unwrap_err().to_string().contains("hash of nothing"));
    }

    #[test]
    fn a_secret_ends_at_its_date() {
        let hash = SecretHash::of("x");
        let end: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let secret = ClientSecret { expires_at: Some(end), ..ClientSecret::lasting(hash) };
        assert!(secret.is_live("2026-11-23T11:59:59Z".parse().unwrap()));
        assert!(!secret.is_live(end));
        assert_eq!(secret.id(), "2d711642", "of sha256(x)");
    }
}
