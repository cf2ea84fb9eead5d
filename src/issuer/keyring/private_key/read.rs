//! From each form that a private key is written in to the one that `ring` and everyone else reads: PKCS#8 as we write it.

use pkcs8::der::{Decode as _, SecretDocument};
use pkcs8::{EncodePrivateKey, ObjectIdentifier, PrivateKeyInfoRef};
use rsa::BoxedUint;
use rsa::pkcs1::{RsaPrivateKeyRef, UintRef};
use sec1::{EcParameters, EcPrivateKey};

use super::super::public_key::{EC, P256, P384, RSA, unsupported};
use super::PemError;
use crate::authn::jws::is_roca;
use crate::domain::{KeyType, RsaBits};

/// A private key in PKCS#8, its numbers checked against each other.
pub(super) type Canonical = (KeyType, SecretDocument);

/// RFC 5958 §2.
pub(super) fn pkcs8(der: &[u8]) -> Result<Canonical, PemError> {
    let info = PrivateKeyInfoRef::from_der(der).map_err(|_| PemError::Malformed("PKCS#8"))?;
    match info.algorithm.oid {
        RSA => rsa(info.private_key.as_bytes()),
        EC => {
            // RFC 5480 §2.1.1: a name, where numbers are forbidden but written by some.
            let parameters = info.algorithm.parameters.ok_or(PemError::Malformed("EC"))?;
            let curve = parameters.decode_as::<ObjectIdentifier>().map_err(|_| PemError::UnnamedCurve)?;
            ec(curve, info.private_key.as_bytes())
        }
        other => Err(unsupported(other)),
    }
}

/// RFC 8017 §A.1.2.
pub(super) fn rsa(der: &[u8]) -> Result<Canonical, PemError> {
    let malformed = PemError::Malformed("RSA");
    let parts = RsaPrivateKeyRef::from_der(der).map_err(|_| malformed.clone())?;
    check_rsa(parts.modulus.as_bytes(), parts.public_exponent.as_bytes())?;
    if parts.other_prime_infos.is_some() {
        return Err(PemError::RsaForm);
    }
    let number = |number: UintRef<'_>| BoxedUint::from_be_slice_vartime(number.as_bytes());
    let mut primes = vec![number(parts.prime1), number(parts.prime2)];
    // ring wants the larger one first, which not everyone keeps to.
    primes.sort_by(|a, b| b.cmp(a));
    let [n, e, d] = [parts.modulus, parts.public_exponent, parts.private_exponent].map(number);
    let key = rsa::PrivateKey::from_components(n, e, d, primes).map_err(|_| malformed.clone())?;
    Ok((KeyType::Rsa, key.to_pkcs8_der().map_err(|_| malformed)?))
}

/// Whether `ring` signs with such a key, and everyone verifies what it signs.
pub(in crate::issuer::keyring) fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<RsaBits, PemError> {
    let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
    let size = RsaBits::new(bits).ok_or(PemError::RsaSize { bits })?;
    if is_roca(modulus) {
        return Err(PemError::Roca);
    }
    // Up to four bytes: every verifier has room for those.
    let value = exponent.iter().fold(0_u64, |value, byte| value.saturating_mul(256).saturating_add((*byte).into()));
    if (65_537..=u64::from(u32::MAX)).contains(&value) && value % 2 == 1 { Ok(size) } else { Err(PemError::RsaForm) }
}

/// RFC 5915 §3, where the curve is in it.
pub(super) fn sec1(der: &[u8]) -> Result<Canonical, PemError> {
    /// `prime-field` (RFC 3279 §2.3.5), with which a curve's numbers begin.
    const PRIME_FIELD: [u8; 9] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x01, 0x01];
    let key = EcPrivateKey::from_der(der).map_err(|_| {
        let numbers = der.windows(PRIME_FIELD.len()).any(|window| window == PRIME_FIELD);
        if numbers { PemError::UnnamedCurve } else { PemError::Malformed("EC") }
    })?;
    let curve = key.parameters.and_then(EcParameters::named_curve).ok_or(PemError::Malformed("EC"))?;
    ec(curve, der)
}

fn ec(curve: ObjectIdentifier, sec1: &[u8]) -> Result<Canonical, PemError> {
    fn canonical<K: EncodePrivateKey, E>(key_type: KeyType, key: Result<K, E>) -> Result<Canonical, PemError> {
        let der = key.ok().and_then(|key| key.to_pkcs8_der().ok());
        Ok((key_type, der.ok_or(PemError::Malformed("EC"))?))
    }
    match curve {
        P256 => canonical(KeyType::P256, p256::SecretKey::from_sec1_der(sec1)),
        P384 => canonical(KeyType::P384, p384::SecretKey::from_sec1_der(sec1)),
        other => Err(unsupported(other)),
    }
}
