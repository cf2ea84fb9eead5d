//! Public keys: as a JWK, by their thumbprint, and as PEM files.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters, EllipticCurveKeyType, Jwk,
    KeyAlgorithm, PublicKeyUse, RSAKeyParameters, RSAKeyType,
};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use pkcs8::der::asn1::{BitStringRef, UintRef};
use pkcs8::der::{self, AnyRef, Decode as _, Encode as _, pem};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{LineEnding, ObjectIdentifier, SubjectPublicKeyInfoRef};
use rsa::pkcs1::RsaPublicKeyRef;

use super::private_key::{Label, PemError, check_rsa, public_block};
use crate::domain::{Algorithm, Invalid, KeySpec, KeyType, Kid, Misfit};

/// `rsaEncryption` (RFC 8017 §C).
pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// `id-ecPublicKey` (RFC 5480 §2.1.1), and the names of its curves (§2.1.1.1).
pub(super) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(super) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub(super) const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// The public half of a signing key, or what is left of one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicKey(Numbers);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Numbers {
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point: 4 and its coordinates in full width (SEC 1 §2.3.3).
    P256(Vec<u8>),
    P384(Vec<u8>),
}

impl PublicKey {
    pub(super) fn rsa(n: Vec<u8>, e: Vec<u8>) -> Self {
        Self(Numbers::Rsa { n, e })
    }

    pub(super) fn p256(point: &[u8]) -> Self {
        Self(Numbers::P256(point.to_vec()))
    }

    pub(super) fn p384(point: &[u8]) -> Self {
        Self(Numbers::P384(point.to_vec()))
    }

    /// Reads the one public key in `text`: SPKI (`PUBLIC KEY`) or PKCS#1 (`RSA PUBLIC KEY`), of the kinds that private
    /// keys may be of.
    ///
    /// # Errors
    /// [`PemError`], which says what would be right.
    pub fn from_pem(text: &str) -> Result<Self, PemError> {
        let (label, der) = public_block(text)?;
        if label == Label::Pkcs1Public {
            return Self::from_pkcs1(&der);
        }
        let info = SubjectPublicKeyInfoRef::from_der(&der).map_err(|_| PemError::Malformed("public"))?;
        let key = info.subject_public_key.as_bytes().ok_or(PemError::Malformed("public"))?;
        match info.algorithm.oid {
            RSA => Self::from_pkcs1(key),
            EC => {
                let curve = info.algorithm.parameters.ok_or(PemError::Malformed("EC"))?;
                let curve = curve.decode_as::<ObjectIdentifier>().map_err(|_| PemError::UnnamedCurve)?;
                Self::from_point(curve, key)
            }
            other => Err(unsupported(other)),
        }
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, PemError> {
        let key = RsaPublicKeyRef::from_der(der).map_err(|_| PemError::Malformed("RSA"))?;
        Self::from_rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes())
    }

    fn from_rsa(n: &[u8], e: &[u8]) -> Result<Self, PemError> {
        check_rsa(n, e)?;
        if n.last().is_some_and(|last| last % 2 == 0) {
            return Err(PemError::Malformed("RSA"));
        }
        Ok(Self::rsa(n.to_vec(), e.to_vec()))
    }

    /// A point of a curve, compressed or not.
    fn from_point(curve: ObjectIdentifier, point: &[u8]) -> Result<Self, PemError> {
        let malformed = PemError::Malformed("EC");
        match curve {
            P256 => {
                let key = p256::PublicKey::from_sec1_bytes(point).map_err(|_| malformed)?;
                Ok(Self::p256(key.to_sec1_point(false).as_bytes()))
            }
            P384 => {
                let key = p384::PublicKey::from_sec1_bytes(point).map_err(|_| malformed)?;
                Ok(Self::p384(key.to_sec1_point(false).as_bytes()))
            }
            other => Err(unsupported(other)),
        }
    }

    /// Reads the key of a JWK; its other members are not looked at.
    ///
    /// # Errors
    /// [`Invalid`] when it is of no kind that signs here.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, Invalid> {
        let invalid = |expected: &dyn std::fmt::Display| Invalid::new("a signing key", "the JWK", expected.to_string());
        let bytes = |text: &str| {
            BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid(&"its numbers are written in base64url"))
        };
        let read = match &jwk.algorithm {
            AlgorithmParameters::RSA(rsa) => Self::from_rsa(&bytes(&rsa.n)?, &bytes(&rsa.e)?),
            AlgorithmParameters::EllipticCurve(ec) => {
                let (x, y) = (bytes(&ec.x)?, bytes(&ec.y)?);
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                match ec.curve {
                    // Of unlike width they could be a point of another key together.
                    _ if x.len() != y.len() => Err(PemError::Malformed("EC")),
                    EllipticCurve::P256 => Self::from_point(P256, &point),
                    EllipticCurve::P384 => Self::from_point(P384, &point),
                    _ => Err(PemError::KeyType("a key of another curve".into())),
                }
            }
            _ => Err(PemError::KeyType("a key of another kind".into())),
        };
        read.map_err(|error| invalid(&error))
    }

    /// Its kind.
    #[must_use]
    pub fn key_type(&self) -> KeyType {
        match self.0 {
            Numbers::Rsa { .. } => KeyType::Rsa,
            Numbers::P256(_) => KeyType::P256,
            Numbers::P384(_) => KeyType::P384,
        }
    }

    /// What such a key is made by, when it signs with `algorithm`.
    ///
    /// # Errors
    /// [`Misfit`] when it does not.
    pub fn spec(&self, algorithm: Algorithm) -> Result<KeySpec, Misfit> {
        let algorithm = self.key_type().signs(algorithm)?;
        let bits = match &self.0 {
            Numbers::Rsa { n, e } => check_rsa(n, e).ok(),
            Numbers::P256(_) | Numbers::P384(_) => None,
        };
        Ok(KeySpec::new(algorithm, bits).unwrap_or(KeySpec::from(algorithm)))
    }

    /// Its id.
    #[must_use]
    pub fn kid(&self) -> Kid {
        kid(&self.parameters())
    }

    /// Its JWK (RFC 7517 §4), without a certificate.
    ///
    /// # Errors
    /// [`Misfit`] when it does not sign with `algorithm`.
    pub fn jwk(&self, algorithm: Algorithm) -> Result<Jwk, Misfit> {
        let key_algorithm = match self.key_type().signs(algorithm)? {
            Algorithm::Rs256 => KeyAlgorithm::RS256,
            Algorithm::Rs384 => KeyAlgorithm::RS384,
            Algorithm::Rs512 => KeyAlgorithm::RS512,
            Algorithm::Es256 => KeyAlgorithm::ES256,
            Algorithm::Es384 => KeyAlgorithm::ES384,
        };
        let parameters = self.parameters();
        let common = CommonParameters {
            public_key_use: Some(PublicKeyUse::Signature),
            key_algorithm: Some(key_algorithm),
            key_id: Some(kid(&parameters).to_string()),
            ..CommonParameters::default()
        };
        let algorithm = match parameters {
            Parameters::Rsa(rsa) => AlgorithmParameters::RSA(rsa),
            Parameters::Ec(ec) => AlgorithmParameters::EllipticCurve(ec),
        };
        Ok(Jwk { common, algorithm })
    }

    fn parameters(&self) -> Parameters {
        let (curve, point) = match &self.0 {
            Numbers::Rsa { n, e } => {
                let [n, e] = [n, e].map(|number| BASE64_URL_SAFE_NO_PAD.encode(number));
                return Parameters::Rsa(RSAKeyParameters { key_type: RSAKeyType::RSA, n, e });
            }
            Numbers::P256(point) => (EllipticCurve::P256, point),
            Numbers::P384(point) => (EllipticCurve::P384, point),
        };
        // RFC 7518 §6.2.1.2: in full width, so that two halves of the point are its coordinates.
        let coordinates = &point[1..];
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        let [x, y] = [x, y].map(|number| BASE64_URL_SAFE_NO_PAD.encode(number));
        Parameters::Ec(EllipticCurveKeyParameters { key_type: EllipticCurveKeyType::EC, curve, x, y })
    }

    /// The content of a certificate's or an SPKI's `subjectPublicKey`.
    pub(super) fn subject_public_key(&self) -> der::Result<Vec<u8>> {
        match &self.0 {
            Numbers::Rsa { n, e } => {
                RsaPublicKeyRef { modulus: UintRef::new(n)?, public_exponent: UintRef::new(e)? }.to_der()
            }
            Numbers::P256(point) | Numbers::P384(point) => Ok(point.clone()),
        }
    }

    /// The key as a PEM file: SPKI (RFC 7468 §13).
    ///
    /// # Errors
    /// None that a key of these kinds gives.
    pub fn to_pem(&self) -> Result<String, Invalid> {
        self.spki()
            .and_then(|spki| Ok(pem::encode_string("PUBLIC KEY", LineEnding::LF, &spki)?))
            .map_err(|error| Invalid::new("a public key", &self.kid().to_string(), error.to_string()))
    }

    fn spki(&self) -> der::Result<Vec<u8>> {
        let (oid, parameters) = match self.key_type() {
            KeyType::Rsa => (RSA, AnyRef::NULL),
            KeyType::P256 => (EC, AnyRef::from(&P256)),
            KeyType::P384 => (EC, AnyRef::from(&P384)),
        };
        let subject = self.subject_public_key()?;
        let subject_public_key = BitStringRef::from_bytes(&subject)?;
        let algorithm = AlgorithmIdentifierRef { oid, parameters: Some(parameters) };
        SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der()
    }
}

/// The public key of `jwk` as a PEM file.
///
/// # Errors
/// [`Invalid`] when it is of no kind that signs here.
pub fn public_pem(jwk: &Jwk) -> Result<String, Invalid> {
    PublicKey::from_jwk(jwk)?.to_pem()
}

/// The RFC 7638 thumbprint of a JWK, to the letter in which it is published.
pub(super) fn thumbprint_of(jwk: &Jwk) -> Result<Kid, Invalid> {
    match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => Ok(kid(&Parameters::Rsa(rsa.clone()))),
        AlgorithmParameters::EllipticCurve(ec) => Ok(kid(&Parameters::Ec(ec.clone()))),
        _ => Err(Invalid::new("a signing key", "a JWK of another type", "it is of RSA, P-256 or P-384")),
    }
}

/// What a JWK has that only such keys have.
enum Parameters {
    Rsa(RSAKeyParameters),
    Ec(EllipticCurveKeyParameters),
}

/// RFC 7638 §3.2 and §3.3: the required members in lexical order, without white space.
fn kid(parameters: &Parameters) -> Kid {
    Kid::of_members(&match parameters {
        Parameters::Rsa(RSAKeyParameters { n, e, .. }) => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        Parameters::Ec(EllipticCurveKeyParameters { curve, x, y, .. }) => {
            let curve = match curve {
                EllipticCurve::P384 => KeyType::P384,
                _ => KeyType::P256,
            };
            format!(r#"{{"crv":"{curve}","kty":"EC","x":"{x}","y":"{y}"}}"#)
        }
    })
}

/// What is said of a key of a kind that STS does not accept, by the kind's or its curve's identifier.
pub(super) fn unsupported(oid: ObjectIdentifier) -> PemError {
    let text = oid.to_string();
    PemError::KeyType(match text.as_str() {
        "1.2.840.113549.1.1.10" => "an RSA key for PSS signatures alone".into(),
        "1.2.840.10040.4.1" => "a DSA key".into(),
        "1.3.101.110" => "an X25519 key, which cannot sign".into(),
        "1.3.101.111" => "an X448 key, which cannot sign".into(),
        "1.3.101.112" => "an Ed25519 key".into(),
        "1.3.101.113" => "an Ed448 key".into(),
        "1.2.840.10045.3.1.1" => "a key of the curve P-192".into(),
        "1.3.132.0.33" => "a key of the curve P-224".into(),
        "1.3.132.0.35" => "a key of the curve P-521".into(),
        "1.3.132.0.10" => "a key of the curve secp256k1".into(),
        _ => format!("a key of another kind ({text})"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7638 §3.1.
    #[test]
    fn a_thumbprint_is_as_the_rfc_has_it() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = PublicKey::from_rsa(&BASE64_URL_SAFE_NO_PAD.decode(n).unwrap(), &[1, 0, 1]).unwrap();
        assert_eq!(key.kid().as_str(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!(thumbprint_of(&key.jwk(Algorithm::Rs256).unwrap()).unwrap(), key.kid());
    }
    /// RFC 7517 §A.1's key of P-256; its thumbprint was taken by another program.
    #[test]
    fn a_curves_thumbprint_is_of_its_name_and_point() {
        let jwk = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}"#;
        let jwk: Jwk = serde_json::from_str(jwk).unwrap();
        let key = PublicKey::from_jwk(&jwk).unwrap();
        assert_eq!(key.kid().as_str(), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
        assert_eq!(thumbprint_of(&jwk).unwrap(), key.kid());
    }

    #[test]
    fn a_jwk_that_is_no_signing_key_is_refused() {
        let refused = |jwk: serde_json::Value| {
            let jwk = serde_json::from_value::<Jwk>(jwk).unwrap();
            (PublicKey::from_jwk(&jwk).unwrap_err().expected, public_pem(&jwk).is_err())
        };
        let (zero, short) = ("A".repeat(43), "A".repeat(42));
        for (jwk, words) in [
            (serde_json::json!({ "kty": "oct", "k": "AAAA" }), "it is a key of another kind; AWS STS"),
            (serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "x": zero }), "it is a key of another kind; AWS STS"),
            (
                serde_json::json!({ "kty": "EC", "crv": "P-521", "x": zero, "y": zero }),
                "it is a key of another curve; AWS",
            ),
            (
                serde_json::json!({ "kty": "EC", "crv": "P-256", "x": zero, "y": zero }),
                "its numbers make no valid EC key",
            ),
            (
                serde_json::json!({ "kty": "EC", "crv": "P-256", "x": zero, "y": short }),
                "its numbers make no valid EC key",
            ),
            (
                serde_json::json!({ "kty": "EC", "crv": "P-256", "x": "+/==", "y": zero }),
                "its numbers are written in base64url",
            ),
            (serde_json::json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }), "it is an RSA key of 17 bits"),
            (
                serde_json::json!({ "kty": "RSA", "n": format!("gA{}", "A".repeat(340)), "e": "AQAB" }),
                "its numbers make no valid RSA",
            ),
            (
                serde_json::json!({ "kty": "RSA", "n": format!("gA{}", "A".repeat(340)), "e": "Aw" }),
                "its public exponent",
            ),
        ] {
            let (found, has_no_pem) = refused(jwk);
            assert!(found.starts_with(words) && has_no_pem, "{found}");
        }
    }
    /// The modulus is a power of 65537 to every prime up to 167.
    #[test]
    fn a_key_that_can_be_broken_is_refused() {
        let n = "________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________-MFw0hn5J2N8byiRUsMKTwJ37Zp0KbDE3RUERQ";
        let n = BASE64_URL_SAFE_NO_PAD.decode(n).unwrap();
        assert_eq!(PublicKey::from_rsa(&n, &[1, 0, 1]), Err(PemError::Roca));
    }
}
