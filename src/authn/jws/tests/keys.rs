//! Keys that sign as an outside issuer does.

use std::sync::{Arc, LazyLock};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use rsa::pkcs8::EncodePrivateKey as _;
use serde_json::{Value, json};

use crate::domain::JwsAlgorithm;
use crate::entropy::{EntropyRng, SeededEntropy};

#[derive(Clone)]
pub(in crate::authn) struct TestKey {
    pub(in crate::authn) kid: String,
    pub(in crate::authn) algorithm: JwsAlgorithm,
    pair: Pair,
}

#[derive(Clone)]
enum Pair {
    Rsa(Arc<RsaKeyPair>),
    Ecdsa(Arc<EcdsaKeyPair>),
    Ed25519(Arc<Ed25519KeyPair>),
}

/// Making an RSA key takes longer than most tests: one is made for all.
static RSA: LazyLock<Arc<RsaKeyPair>> = LazyLock::new(|| {
    let entropy = SeededEntropy::new(7);
    let private = rsa::PrivateKey::new(&mut rand_core::UnwrapErr(EntropyRng(&entropy)), 2048).unwrap();
    Arc::new(RsaKeyPair::from_pkcs8(private.to_pkcs8_der().unwrap().as_bytes()).unwrap())
});

impl TestKey {
    pub(in crate::authn) fn new(kid: &str, algorithm: JwsAlgorithm) -> Self {
        let ecdsa = |algorithm: &'static EcdsaSigningAlgorithm| {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random()).unwrap();
            Pair::Ecdsa(Arc::new(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random()).unwrap()))
        };
        let pair = match algorithm {
            JwsAlgorithm::Es256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            JwsAlgorithm::Es384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            JwsAlgorithm::EdDsa => {
                let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random()).unwrap();
                Pair::Ed25519(Arc::new(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap()))
            }
            _ => Pair::Rsa(Arc::clone(&RSA)),
        };
        Self { kid: kid.to_owned(), algorithm, pair }
    }

    /// The public half, with `use` and without `alg`.
    pub(in crate::authn) fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "use": "sig", "kid": self.kid, "n": encode(public.n), "e": encode(public.e) })
            }
            Pair::Ecdsa(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at((pair.public_key().as_ref().len() - 1) / 2);
                let crv = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({ "kty": "EC", "use": "sig", "kid": self.kid, "crv": crv, "x": encode(x), "y": encode(y) })
            }
            Pair::Ed25519(pair) => {
                json!({ "kty": "OKP", "use": "sig", "kid": self.kid, "crv": "Ed25519", "x": encode(pair.public_key()) })
            }
        }
    }

    pub(in crate::authn) fn header(&self) -> Value {
        json!({ "alg": self.algorithm.as_str(), "kid": self.kid, "typ": "JWT" })
    }

    pub(in crate::authn) fn token(&self, claims: &Value) -> String {
        self.sign(&self.header().to_string(), &claims.to_string())
    }

    /// Signs these very texts, right or wrong.
    pub(in crate::authn) fn sign(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", encode(header), encode(payload));
        let message = signed.as_bytes();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let padding: &dyn RsaEncoding = match self.algorithm {
                    JwsAlgorithm::Rs384 => &RSA_PKCS1_SHA384,
                    JwsAlgorithm::Rs512 => &RSA_PKCS1_SHA512,
                    JwsAlgorithm::Ps256 => &RSA_PSS_SHA256,
                    JwsAlgorithm::Ps384 => &RSA_PSS_SHA384,
                    JwsAlgorithm::Ps512 => &RSA_PSS_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random(), message, &mut signature).unwrap();
                signature
            }
            Pair::Ecdsa(pair) => pair.sign(&random(), message).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        };
        format!("{signed}.{}", encode(signature))
    }
}

pub(in crate::authn) fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[expect(clippy::disallowed_methods, reason = "ring signs with no other generator")]
fn random() -> SystemRandom {
    SystemRandom::new()
}
