//! What secrets in the store are sealed with.

use std::fmt;
use std::str::FromStr;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

use super::Invalid;

/// 256 bits that secrets are sealed with: 64 hexadecimal digits, or 44 characters of base64.
#[derive(Clone)]
pub struct EncryptionKey {
    bytes: Zeroizing<[u8; 32]>,
}

impl EncryptionKey {
    /// What is said of what is no key; what was found is not shown.
    #[must_use]
    pub fn invalid() -> Invalid {
        let expected = "it is 32 random bytes in hexadecimal or base64; make one with `openssl rand -hex 32`";
        Invalid::new("an encryption key", "…", expected)
    }

    /// What a sealed secret names it by, which tells nothing of it.
    #[must_use]
    pub fn id(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&digest(&SHA256, &*self.bytes).as_ref()[..6])
    }

    /// The bits.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl FromStr for EncryptionKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bytes = Zeroizing::new(match text.len() {
            64 => hex(text).ok_or_else(Self::invalid)?,
            _ => BASE64_STANDARD.decode(text).map_err(|_| Self::invalid())?,
        });
        let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| Self::invalid())?;
        if bytes == [0; 32] {
            return Err(Self::invalid());
        }
        Ok(Self { bytes: Zeroizing::new(bytes) })
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.is_ascii().then_some(text.as_bytes())?;
    digits.chunks_exact(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()).collect()
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey(…)")
    }
}

impl PartialEq for EncryptionKey {
    fn eq(&self, other: &Self) -> bool {
        *self.bytes == *other.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_and_is_never_shown() {
        let base64 = BASE64_STANDARD.encode([7; 32]);
        assert!(base64.parse::<EncryptionKey>().is_ok());
        assert_eq!(format!("{:?}", base64.parse::<EncryptionKey>().unwrap()), "EncryptionKey(…)");
        for bad in ["", "hunter2", &"g".repeat(64), &"0".repeat(64), &BASE64_STANDARD.encode([7; 16])] {
            let refusal = bad.parse::<EncryptionKey>().unwrap_err().to_string();
            assert!(refusal.contains("openssl rand"), "{bad}: {refusal}");
        }
    }
}
