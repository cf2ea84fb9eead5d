//! Keys whose numbers are known. What others write, and read, is tested with them: `tests/service/key_files`.

use pkcs8::{EncodePrivateKey as _, LineEnding};

use super::*;
use crate::authn::jws::VerificationKey;
use crate::entropy::SeededEntropy;

/// The key of a curve whose private number is `number`.
fn known(curve: KeyType, number: u16) -> PrivateKey {
    let bytes = |width: usize| [&vec![0; width - 2], &number.to_be_bytes()[..]].concat();
    let pem = match curve {
        KeyType::P256 => p256::SecretKey::from_slice(&bytes(32)).unwrap().to_pkcs8_pem(LineEnding::LF),
        _ => p384::SecretKey::from_slice(&bytes(48)).unwrap().to_pkcs8_pem(LineEnding::LF),
    };
    PrivateKey::from_pem(&pem.unwrap(), None).unwrap()
}

/// The numbers were multiplied, and the thumbprints taken, by other programs.
#[test]
fn coordinates_keep_their_width_and_thumbprints_are_of_that() {
    for (curve, number, member, coordinate, kid) in [
        (
            KeyType::P256,
            379,
            "x",
            "AFVDiUrz0A7X10Cr29dclrBod7eH219w7qeLkKjXwAo",
            "7Yxe6c_3bAa6kiaK1G-BZmi9EeNsUmlcbdnrtLeuK4E",
        ),
        (
            KeyType::P256,
            43,
            "y",
            "ADzMwKZGDgrjKKTZfTx7YdhvxiicGJ8lJREMRBuwfpc",
            "WZsjbh58q8kl1WsGShqtiycImZtCgGbukDn4RAacMig",
        ),
        (
            KeyType::P384,
            197,
            "x",
            "AE0QSybuVnH3LBDJhoQdPmXSheJRYWG3uqNBsSYxueMrbw1YlthDHFHV2To3y8kO",
            "3zGgfCTYC-l6UH4_4PwByXaVX5czHdwQ2j1LDWQQiD0",
        ),
        (
            KeyType::P384,
            176,
            "y",
            "AAoIxgLcXgAx2tCIwZMF9rJSorw_JF96W4C0hMe5n2mBwyN0xxSnaDJV9TMfZrsG",
            "eHlvCJwnS4D8Ed9sbbTuEHD0Ln22xw8bQ-OvMdNm-JI",
        ),
    ] {
        let key = known(curve, number);
        assert_eq!((key.public().key_type(), key.kid().as_str()), (curve, kid));
        let jwk = serde_json::to_value(key.jwk(curve.default_algorithm()).unwrap()).unwrap();
        assert_eq!(jwk[member], coordinate, "a number that begins with a zero byte");
        assert_eq!(jwk["kid"], kid);
    }
}

#[test]
fn a_jwk_says_all_that_verifiers_ask_for() {
    for algorithm in Algorithm::ALL {
        let key = PrivateKey::generate(algorithm.into(), &SeededEntropy::new(1)).unwrap();
        let jwk = serde_json::to_value(key.jwk(algorithm).unwrap()).unwrap();
        let mut members: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        let expected = match algorithm.key_type() {
            KeyType::Rsa => &["alg", "e", "kid", "kty", "n", "use", "x5c"][..],
            _ => &["alg", "crv", "kid", "kty", "use", "x", "x5c", "y"],
        };
        assert_eq!(members, expected);
        assert_eq!((&jwk["alg"], &jwk["use"]), (&algorithm.as_str().into(), &"sig".into()));
        assert_eq!(VerificationKey::from_jwk(jwk.as_object().unwrap()).unwrap().kid(), Some(key.kid().as_str()));
    }
}

#[test]
fn a_key_is_not_used_with_anothers_algorithm() {
    let key = known(KeyType::P256, 7);
    for other in [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512, Algorithm::Es384] {
        let misfit = Misfit { key: KeyType::P256, algorithm: other };
        assert_eq!(key.signer(other).err(), Some(misfit));
        assert!(matches!(key.jwk(other), Err(JwkError::Misfit(found)) if found == misfit));
        assert_eq!(key.public().spec(other), Err(misfit));
    }
    assert_eq!(key.public().spec(Algorithm::Es256).unwrap().to_string(), "ES256");
}

#[test]
fn the_public_number_in_a_file_must_be_the_private_ones() {
    let pem = |number| known(KeyType::P256, number).pkcs8;
    let (mut one, other) = (pem(7).as_bytes().to_vec(), pem(8));
    // The point is what the file ends with.
    let start = one.len() - 65;
    one[start..].copy_from_slice(&other.as_bytes()[start..]);
    assert_eq!(read::pkcs8(&one).err(), Some(PemError::Malformed("EC")));
}

#[test]
fn it_makes_no_difference_which_prime_comes_first() {
    use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
    let made = rsa::PrivateKey::new(&mut EntropyRng(&SeededEntropy::new(1)), 2048).unwrap();
    let written = |order: [usize; 2]| {
        let primes = order.map(|index| made.primes()[index].as_ref().clone()).to_vec();
        let (n, e, d) = (made.n().as_ref().clone(), made.e().clone(), made.d().clone());
        let pem = rsa::PrivateKey::from_components(n, e, d, primes).unwrap().to_pkcs8_pem(LineEnding::LF).unwrap();
        (pem.to_string(), PrivateKey::from_pem(&pem, None).unwrap().pkcs8)
    };
    let [(one, kept), (other, kept_too)] = [written([0, 1]), written([1, 0])];
    assert_ne!(one, other, "two files of one key");
    assert_eq!(kept.as_bytes(), kept_too.as_bytes(), "and one form in which it is kept");
}

/// A machine without randomness.
struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError)
    }
}

#[test]
fn without_randomness_nothing_is_made_or_encrypted() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384] {
        assert!(PrivateKey::generate(algorithm.into(), &NoEntropy).is_err(), "{algorithm}");
    }
    let key = known(KeyType::P384, 7);
    assert!(matches!(key.to_pem(Some(&"secret".into()), &NoEntropy), Err(WriteError::Entropy(_))));
    assert!(key.to_pem(None, &NoEntropy).is_ok(), "in clear there is nothing to draw");
}
