//! An outside issuer: keys, the documents that tell of them, and tokens.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use feedpass::entropy::{EntropyRng, SeededEntropy};
use http::Method;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rsa::pkcs8::EncodePrivateKey as _;
use serde_json::{Value, json};

use crate::support::stub::Stub;
use crate::support::{Reply, START, TestApp};

/// What every token of these tests is for.
pub const AUDIENCE: &str = "https://feedpass.internal";

/// An issuer that serves discovery and keys on this machine.
pub struct Issuer {
    pub key: Key,
    stub: Stub,
    published: Arc<Mutex<Vec<Value>>>,
    fetches: Arc<AtomicUsize>,
}

impl Issuer {
    /// One whose first key signs with `algorithm`.
    pub async fn start(algorithm: &'static str) -> Self {
        let key = Key::new("k1", algorithm);
        let published = Arc::new(Mutex::new(vec![key.jwk()]));
        let fetches = Arc::new(AtomicUsize::new(0));
        let (keys, count) = (Arc::clone(&published), Arc::clone(&fetches));
        let stub = Stub::start(move |url, path| {
            let document = match path {
                "/.well-known/openid-configuration" => json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }),
                "/keys" => {
                    count.fetch_add(1, Ordering::Relaxed);
                    json!({ "keys": *keys.lock().unwrap() })
                }
                _ => return (404, "text/plain", String::new()),
            };
            (200, "application/json", document.to_string())
        });
        Self { key, stub: stub.await, published, fetches }
    }

    pub fn url(&self) -> String {
        self.stub.url()
    }

    /// How often its keys were fetched.
    pub fn fetches(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }

    /// Publishes one more key.
    pub fn publish(&self, key: &Key) {
        self.published.lock().unwrap().push(key.jwk());
    }

    /// Its section of the configuration.
    pub fn section(&self, name: &str) -> String {
        let url = self.url();
        let algorithm = self.key.algorithm;
        format!(
            "[[workload_issuer]]\nname = \"{name}\"\nissuer = \"{url}\"\naudiences = [\"{AUDIENCE}\"]\n\
             algorithms = [\"{algorithm}\"]\n"
        )
    }

    /// A token with these claims, and those that every token has.
    pub fn token(&self, claims: &Value) -> String {
        self.key.token(&self.claims(claims))
    }

    /// `claims` with those that every token has.
    pub fn claims(&self, claims: &Value) -> Value {
        let now = START.parse::<Timestamp>().unwrap().as_second();
        let mut all = json!({ "iss": self.url(), "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 600 });
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        all
    }
}

/// A rule for tokens of the issuer `issuer`.
pub fn rule(name: &str, issuer: &str, client: &str, claims: &str) -> String {
    format!(
        "[[workload]]\nname = \"{name}\"\nissuer = \"{issuer}\"\nclient = \"{client}\"\n[workload.claims]\n{claims}\n"
    )
}

/// A client without a secret, which may pull `default/images`.
pub fn client(id: &str) -> String {
    format!(
        "[[client]]\nid = \"{id}\"\nsecret_hash = []\n[[client.grant]]\nfeeds = [\"default/images\"]\nactions = [\"pull\"]\n"
    )
}

/// Asks for the registry credentials of `default/images` with a token, which no log may have.
pub async fn ask(app: &TestApp, token: &str) -> Reply {
    app.keep_out_of_logs(token);
    app.internal(Method::POST, "/v1/spaces/default/feeds/images/credentials").bearer(token).send().await
}

/// A key that signs.
#[derive(Clone)]
pub struct Key {
    pub kid: String,
    pub algorithm: &'static str,
    pair: Pair,
}

#[derive(Clone)]
enum Pair {
    Rsa(Arc<RsaKeyPair>),
    Ecdsa(Arc<EcdsaKeyPair>),
}

/// Making an RSA key takes longer than most tests: one is made for all.
static RSA: LazyLock<Arc<RsaKeyPair>> = LazyLock::new(|| {
    let entropy = SeededEntropy::new(8);
    let private = rsa::PrivateKey::new(&mut rand_core::UnwrapErr(EntropyRng(&entropy)), 2048).unwrap();
    Arc::new(RsaKeyPair::from_pkcs8(private.to_pkcs8_der().unwrap().as_bytes()).unwrap())
});

impl Key {
    pub fn new(kid: &str, algorithm: &'static str) -> Self {
        let ecdsa = |algorithm: &'static EcdsaSigningAlgorithm| {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random()).unwrap();
            Pair::Ecdsa(Arc::new(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random()).unwrap()))
        };
        let pair = match algorithm {
            "ES256" => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            _ => Pair::Rsa(Arc::clone(&RSA)),
        };
        Self { kid: kid.to_owned(), algorithm, pair }
    }

    pub fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "use": "sig", "kid": self.kid, "n": encode(public.n), "e": encode(public.e) })
            }
            Pair::Ecdsa(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let crv = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({ "kty": "EC", "use": "sig", "kid": self.kid, "crv": crv, "x": encode(x), "y": encode(y) })
            }
        }
    }

    pub fn header(&self) -> Value {
        json!({ "alg": self.algorithm, "kid": self.kid, "typ": "JWT" })
    }

    pub fn token(&self, claims: &Value) -> String {
        self.sign(&self.header().to_string(), &claims.to_string())
    }

    /// Signs these very texts, right or wrong.
    pub fn sign(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", encode(header), encode(payload));
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random(), signed.as_bytes(), &mut signature).unwrap();
                signature
            }
            Pair::Ecdsa(pair) => pair.sign(&random(), signed.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{signed}.{}", encode(signature))
    }
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[expect(clippy::disallowed_methods, reason = "ring signs with no other generator")]
fn random() -> SystemRandom {
    SystemRandom::new()
}
