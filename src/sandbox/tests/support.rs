//! An issuer on loopback, a sandbox that knows it, and AWS's clients.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sts::error::ProvideErrorMetadata;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair,
};
use serde_json::{Value, json};

use crate::clock::{Clock, ManualClock, SystemClock};
use crate::domain::{IssuerUrl, RoleArn};
use crate::entropy::SeededEntropy;
use crate::sandbox::{Accounts, OidcProvider, Options, Role, Sandbox};

pub(super) const ACCOUNT: &str = "123456789012";
pub(super) const ROLE: &str = "arn:aws:iam::123456789012:role/ci/feedpass-images";
pub(super) const SUBJECT: &str = "space:default:feed:images";
pub(super) const MAY_LOG_IN: &str =
    r#"{"Statement": {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}}"#;

/// What the issuer serves, for a test to change.
#[derive(Default)]
pub(super) struct Served {
    pub(super) discovery: Mutex<Value>,
    pub(super) jwks: Mutex<Value>,
    pub(super) jwks_fetches: AtomicU64,
    /// Answers never come.
    pub(super) hangs: Mutex<bool>,
}

pub(super) struct World {
    pub(super) sandbox: Sandbox,
    pub(super) clock: ManualClock,
    pub(super) issuer: IssuerUrl,
    pub(super) served: Arc<Served>,
    pub(super) key: Key,
}

/// An ES256 key, or one of another curve.
pub(super) struct Key {
    pub(super) kid: &'static str,
    curve: Curve,
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

/// A curve, and the algorithm whose keys lie on it.
#[derive(Clone, Copy)]
pub(super) struct Curve {
    name: &'static str,
    algorithm: &'static str,
    signing: &'static EcdsaSigningAlgorithm,
}

pub(super) const P256: Curve = Curve { name: "P-256", algorithm: "ES256", signing: &ECDSA_P256_SHA256_FIXED_SIGNING };
pub(super) const P384: Curve = Curve { name: "P-384", algorithm: "ES384", signing: &ECDSA_P384_SHA384_FIXED_SIGNING };

impl Key {
    #[expect(clippy::disallowed_methods, reason = "ring signs with no other generator")]
    pub(super) fn of(curve: Curve, kid: &'static str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(curve.signing, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(curve.signing, document.as_ref(), &random).unwrap();
        Self { kid, curve, pair, random }
    }

    pub(super) fn new(kid: &'static str) -> Self {
        Self::of(P256, kid)
    }

    pub(super) fn jwk(&self) -> Value {
        let point = &self.pair.public_key().as_ref()[1..];
        let [x, y] = [&point[..point.len() / 2], &point[point.len() / 2..]].map(|part| URL_SAFE_NO_PAD.encode(part));
        let Curve { name, algorithm, .. } = self.curve;
        json!({ "kty": "EC", "use": "sig", "alg": algorithm, "kid": self.kid, "crv": name, "x": x, "y": y })
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&json!({ "alg": self.curve.algorithm, "typ": "JWT", "kid": self.kid }), claims)
    }

    pub(super) fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&self.random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(super) async fn with(options: Options) -> Self {
        super::log::collect();
        let key = Key::new("first");
        let served = Arc::new(Served::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer: IssuerUrl = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        *served.discovery.lock().unwrap() =
            json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/.well-known/jwks") });
        *served.jwks.lock().unwrap() = json!({ "keys": [key.jwk()] });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/.well-known/jwks", get(jwks))
            .with_state(Arc::clone(&served));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        // The SDK signs by the machine's clock, so the sandbox starts there.
        let clock = ManualClock::at(SystemClock.now());
        let accounts = Accounts {
            providers: vec![provider(&issuer)],
            roles: vec![role(&issuer, ROLE, SUBJECT)],
            users: Vec::new(),
        };
        let entropy = Arc::new(SeededEntropy::new(7));
        let sandbox = Sandbox::start(options, accounts, Arc::new(clock.clone()), entropy).await.unwrap();
        Self { sandbox, clock, issuer, served, key }
    }

    /// The claims of a good token.
    pub(super) fn claims(&self) -> Value {
        let now = self.clock.now().as_second();
        json!({ "iss": self.issuer, "sub": SUBJECT, "aud": "images", "iat": now, "exp": now + 300 })
    }

    /// A good token but for one claim.
    pub(super) fn token_with(&self, claim: &str, value: impl Into<Value>) -> String {
        let mut claims = self.claims();
        claims[claim] = value.into();
        self.key.sign(&claims)
    }

    pub(super) fn sts(&self) -> aws_sdk_sts::Client {
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(self.sandbox.url())
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        aws_sdk_sts::Client::from_conf(config)
    }

    pub(super) fn ecr(&self, credentials: Credentials) -> aws_sdk_ecr::Client {
        let config = aws_sdk_ecr::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(self.sandbox.url())
            .retry_config(RetryConfig::disabled())
            .credentials_provider(credentials)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        aws_sdk_ecr::Client::from_conf(config)
    }

    /// Exchanges a token for a session of `role`.
    pub(super) async fn assume(&self, role: &str, token: &str) -> Result<Credentials, Refused> {
        let call = self.sts().assume_role_with_web_identity().role_arn(role);
        let assumed = call.role_session_name("images").web_identity_token(token).send().await;
        let assumed = assumed.map_err(|error| Refused::of(&error))?;
        let given = assumed.credentials.unwrap();
        let (id, secret) = (given.access_key_id, given.secret_access_key);
        Ok(Credentials::new(id, secret, Some(given.session_token), None, "test"))
    }

    /// What the sandbox says of itself.
    pub(super) async fn state(&self) -> Value {
        let (status, state) = send(self, "GET", "/_sandbox", "").await;
        assert_eq!(status, 200);
        serde_json::from_str(&state).unwrap()
    }

    /// Has the issuer publish these keys from now on.
    pub(super) fn publish(&self, keys: &[&Key]) {
        *self.served.jwks.lock().unwrap() = json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() });
    }

    pub(super) async fn session(&self) -> Credentials {
        self.assume(ROLE, &self.key.sign(&self.claims())).await.unwrap()
    }

    /// Gives the one role another trust policy and other permissions.
    pub(super) fn set_policies(&self, trust: &str, permissions: &str) {
        let mut role = role(&self.issuer, ROLE, SUBJECT);
        role.trust_policy = trust.replace("ISSUER", self.issuer.without_scheme()).parse().unwrap();
        role.permissions = permissions.parse().unwrap();
        self.sandbox.set_accounts(Accounts {
            providers: vec![provider(&self.issuer)],
            roles: vec![role],
            users: Vec::new(),
        });
    }
}

/// Sends what no SDK would; status and body.
pub(super) async fn send(world: &World, method: &str, path: &str, body: impl Into<Bytes>) -> (u16, String) {
    let request = http::Request::builder().method(method).uri(format!("{}{path}", world.sandbox.url()));
    let request = request.body(Full::new(body.into())).unwrap();
    let answer = Client::builder(TokioExecutor::new()).build_http().request(request).await.unwrap();
    let status = answer.status().as_u16();
    (status, String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

/// What a caller is told: code and message.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Refused(pub(super) String, pub(super) String);

impl Refused {
    pub(super) fn of(error: &impl ProvideErrorMetadata) -> Self {
        Self(error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
    }
}

pub(super) fn provider(issuer: &IssuerUrl) -> OidcProvider {
    OidcProvider {
        account: ACCOUNT.parse().unwrap(),
        url: issuer.clone(),
        audiences: vec!["images".parse().unwrap(), "other".parse().unwrap()],
    }
}

/// A role that trusts one subject with the audience `images`.
pub(super) fn role(issuer: &IssuerUrl, arn: &str, subject: &str) -> Role {
    let arn: RoleArn = arn.parse().unwrap();
    let host = issuer.without_scheme();
    let trust_policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Sid": "Feed", "Effect": "Allow",
            "Principal": {{"Federated": "arn:{}:iam::{}:oidc-provider/{host}"}},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {{"StringEquals": {{"{host}:sub": "{subject}", "{host}:aud": "images"}}}}}}]}}"#,
        arn.partition(),
        arn.account(),
    );
    Role {
        arn,
        trust_policy: trust_policy.parse().unwrap(),
        permissions: MAY_LOG_IN.parse().unwrap(),
        max_session_duration: "1h".parse().unwrap(),
    }
}

async fn discovery(State(served): State<Arc<Served>>) -> Json<Value> {
    let hangs = *served.hangs.lock().unwrap();
    if hangs {
        std::future::pending::<()>().await;
    }
    Json(served.discovery.lock().unwrap().clone())
}

async fn jwks(State(served): State<Arc<Served>>) -> Result<Json<Value>, StatusCode> {
    served.jwks_fetches.fetch_add(1, Ordering::Relaxed);
    let jwks = served.jwks.lock().unwrap().clone();
    if jwks.is_null() { Err(StatusCode::SERVICE_UNAVAILABLE) } else { Ok(Json(jwks)) }
}
