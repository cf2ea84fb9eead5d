//! Private keys under a passphrase: PKCS#8's `EncryptedPrivateKeyInfo` (RFC 5958 §3) by PBES2 (RFC 8018 §6.2).

use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{AnyRef, Decode as _, SecretDocument};
use pkcs8::pkcs5::pbes2::{Kdf, Parameters};
use pkcs8::pkcs5::{self, EncryptionScheme, scrypt};
use pkcs8::{EncryptedPrivateKeyInfoOwned, EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::{PemError, WriteError};
use crate::entropy::Entropy;

/// scrypt's cost for what is written: 2¹⁴ blocks of 1 KiB, five times. openssl opens nothing that takes more than
/// 32 MiB, and within that the number of times makes a guess as dear as with the 128 MiB that are recommended.
const SCRYPT_LOG_N: u8 = 14;
const SCRYPT_R: u32 = 8;
const SCRYPT_P: u32 = 5;

/// What is spent on opening a file, whatever it asks for: ten times what anyone recommends.
const MOST_ITERATIONS: u32 = 10_000_000;
const MOST_SCRYPT_BYTES: u64 = 256 << 20;
const MOST_SCRYPT_WORK: u64 = 1 << 30;

/// Opens an `EncryptedPrivateKeyInfo`; gives the PKCS#8 in it, DER.
pub(super) fn decrypt(der: &[u8], passphrase: &SecretString) -> Result<Zeroizing<Vec<u8>>, PemError> {
    AnyRef::from_der(der).map_err(|_| PemError::Cut)?;
    let info = EncryptedPrivateKeyInfoRef::from_der(der).map_err(|_| PemError::OtherEncryption)?;
    match &info.encryption_algorithm {
        EncryptionScheme::Pbes2(parameters) if is_bearable(&parameters.kdf) => {}
        _ => return Err(PemError::OtherEncryption),
    }
    let passphrase = passphrase.expose_secret().as_bytes();
    let opened = info.encryption_algorithm.decrypt(passphrase, info.encrypted_data.as_bytes());
    let opened = Zeroizing::new(opened.map_err(|error| match error {
        pkcs5::Error::DecryptFailed => PemError::WrongPassphrase,
        _ => PemError::OtherEncryption,
    })?);
    // CBC takes one in 256 wrong keys for right; what comes of it is no PKCS#8.
    PrivateKeyInfoRef::from_der(&opened).map_err(|_| PemError::WrongPassphrase)?;
    Ok(opened)
}

fn is_bearable(kdf: &Kdf) -> bool {
    match kdf {
        Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= MOST_ITERATIONS,
        Kdf::Scrypt(scrypt) => {
            let bytes = scrypt.cost_parameter.saturating_mul(u64::from(scrypt.block_size)).saturating_mul(128);
            bytes <= MOST_SCRYPT_BYTES && bytes.saturating_mul(scrypt.parallelization.into()) <= MOST_SCRYPT_WORK
        }
        _ => false,
    }
}

/// Writes the PKCS#8 `der` as an `EncryptedPrivateKeyInfo`: scrypt and AES-256-CBC, with salt and vector from `entropy`.
pub(super) fn encrypt(
    der: &[u8],
    passphrase: &SecretString,
    entropy: &dyn Entropy,
) -> Result<SecretDocument, WriteError> {
    let (mut salt, mut vector) = ([0; 16], [0; 16]);
    entropy.fill(&mut salt)?;
    entropy.fill(&mut vector)?;
    let cost = scrypt::Params::new(SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P).map_err(WriteError::of)?;
    let scheme =
        EncryptionScheme::from(Parameters::generate_scrypt_aes256cbc(cost, &salt, vector).map_err(WriteError::of)?);
    let data = scheme.encrypt(passphrase.expose_secret().as_bytes(), der).map_err(WriteError::of)?;
    let data = OctetStringRef::new(&data).map_err(WriteError::of)?.into();
    let info = EncryptedPrivateKeyInfoOwned { encryption_algorithm: scheme, encrypted_data: data };
    SecretDocument::try_from(info).map_err(WriteError::of)
}

#[cfg(test)]
mod tests {
    use pkcs8::pkcs5::pbes2::{Pbkdf2Params, ScryptParams};

    use super::*;

    #[test]
    fn a_file_cannot_ask_for_more_than_is_bearable() {
        let pbkdf2 = |iterations| is_bearable(&Pbkdf2Params::hmac_sha256(iterations, &[0; 8]).unwrap().into());
        assert_eq!([600_000, 10_000_000, 10_000_001].map(pbkdf2), [true, true, false]);
        let scrypt = |(log_n, r, p)| {
            let cost = scrypt::Params::new(log_n, r, p).unwrap();
            is_bearable(&ScryptParams::from_params_and_salt(cost, &[0; 8]).unwrap().into())
        };
        // openssl's, ours, the one that is recommended most, and three that are too much in each way.
        let asked = [(14, 8, 1), (SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P), (17, 8, 1), (19, 8, 1), (17, 8, 9), (50, 8, 1)];
        assert_eq!(asked.map(scrypt), [true, true, true, false, false, false]);
    }
}
