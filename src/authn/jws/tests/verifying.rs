//! What a signature must be, and what a key.

use serde_json::{Value, json};

use super::keys::{TestKey, encode};
use crate::authn::jws::{
    JwsError, KeyFault, KeySet, KeySetError, NoKey, Part, TokenType, UnverifiedJws, UnverifiedJwt,
};
use crate::authn::jws::{LONGEST_TOKEN, VerificationKey};
use crate::domain::{JwsAlgorithm, PRIVATE_MEMBERS};

fn key(jwk: &Value) -> Result<VerificationKey, KeyFault> {
    VerificationKey::from_jwk(jwk.as_object().unwrap())
}

fn set(jwks: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": jwks }).to_string().as_bytes()).unwrap()
}

#[test]
fn each_algorithm_verifies_its_own_signatures_and_no_other() {
    let keys = JwsAlgorithm::ALL.map(|algorithm| TestKey::new("k", algorithm));
    for signer in &keys {
        let token = signer.token(&json!({ "sub": "x" }));
        for other in &keys {
            let verifier = key(&other.jwk()).unwrap();
            let parsed = UnverifiedJwt::parse(&token, TokenType::Jwt).unwrap();
            let accepted = parsed.verify(&verifier, &[other.algorithm]).is_ok();
            assert_eq!(accepted, other.algorithm == signer.algorithm, "{} {}", signer.algorithm, other.algorithm);
        }
        // A bit of the signature, of the payload, of the header.
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        let cut = &signature[..64];
        for changed in [
            format!("{signed}.AAAA{}", &signature[4..]),
            format!("{signed}.{cut}"),
            format!("{signed}."),
            format!("{header}.{}.{signature}", encode(r#"{"sub":"y"}"#)),
        ] {
            let parsed = UnverifiedJwt::parse(&changed, TokenType::Jwt).unwrap();
            let refused = parsed.verify(&key(&signer.jwk()).unwrap(), &JwsAlgorithm::ALL).unwrap_err();
            assert_eq!(refused, JwsError::Signature(signer.algorithm), "{changed} {payload}");
        }
    }
}

#[test]
fn a_token_of_one_kind_never_passes_for_another() {
    let signer = TestKey::new("k", JwsAlgorithm::Es256);
    let parse = |typ: Value, expected: TokenType| {
        let mut header = signer.header();
        header["typ"] = typ;
        let token = signer.sign(&header.to_string(), "{}");
        UnverifiedJws::parse(&token, expected).is_ok()
    };
    let (jwt, access) = (TokenType::Jwt, TokenType::Named("at+jwt"));
    for (typ, as_jwt, as_access) in [
        ("JWT", true, false),
        ("jwt", true, false),
        ("JOSE", true, false),
        ("at+jwt", false, true),
        ("application/at+JWT", false, true),
        ("dpop+jwt", false, false),
        ("", false, false),
    ] {
        assert_eq!(parse(typ.into(), jwt), as_jwt, "{typ}");
        assert_eq!(parse(typ.into(), access), as_access, "{typ}");
    }
    let without = signer.sign(r#"{"alg":"ES256"}"#, "{}");
    assert!(UnverifiedJws::parse(&without, jwt).is_ok());
    assert!(UnverifiedJws::parse(&without, access).is_err());
    assert!(!parse(json!(["JWT"]), jwt));
}

#[test]
fn only_the_one_way_to_write_a_token_is_read() {
    let header = encode(r#"{"alg":"ES256"}"#);
    let parse = |token: &str| UnverifiedJwt::parse(token, TokenType::Jwt).map(|_| ()).unwrap_err();
    for (token, parts) in [("", 1), ("a", 1), ("a.b", 2), ("a.b.c.d", 4), ("a.b.c.d.e", 5)] {
        assert_eq!(parse(token), JwsError::NotThreeParts { parts }, "{token}");
    }
    for (token, part) in [
        (format!("{header}=.e30.AA"), Part::Header),
        (format!("{header}\n.e30.AA"), Part::Header),
        (format!("{header}.e30=.AA"), Part::Payload),
        (format!("{header}.e+/0.AA"), Part::Payload),
        (format!("{header}. e30.AA"), Part::Payload),
        // The last character has bits that stand for nothing.
        (format!("{header}.e30.AB"), Part::Signature),
        (format!("{header}.e30.é"), Part::Signature),
    ] {
        assert_eq!(parse(&token), JwsError::NotBase64Url(part), "{token}");
    }
    let at_most = "a".repeat(LONGEST_TOKEN);
    assert_eq!(parse(&at_most), JwsError::NotThreeParts { parts: 1 });
    assert_eq!(parse(&format!("{at_most}a")), JwsError::TooLong { length: LONGEST_TOKEN + 1 });
}

#[test]
fn a_key_that_cannot_be_safe_is_left_out_with_the_reason() {
    let ec = TestKey::new("k", JwsAlgorithm::Es256).jwk();
    let rsa = TestKey::new("k", JwsAlgorithm::Rs256).jwk();
    let with = |jwk: &Value, name: &str, value: Value| {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        jwk
    };
    let even = encode([&[0xff; 255][..], &[0xfe]].concat());
    for (jwk, said) in [
        (json!({}), "`kty` is not"),
        (with(&ec, "kty", json!("oct")), "symmetric"),
        (with(&ec, "kty", json!("XYZ")), "RSA, EC and OKP"),
        (with(&ec, "kty", json!("RSA")), "`n` is not"),
        (with(&rsa, "d", json!("AQ")), "private member `d`"),
        (with(&ec, "use", json!("enc")), "`use`"),
        (with(&ec, "use", json!(null)), "`use`"),
        (with(&ec, "key_ops", json!(["sign"])), "`key_ops`"),
        (with(&ec, "key_ops", json!("verify")), "`key_ops`"),
        (with(&ec, "alg", json!("ES384")), "another kind of key"),
        (with(&ec, "alg", json!("RS256")), "another kind of key"),
        (with(&ec, "alg", json!("HS256")), "`alg` is `HS256`"),
        (with(&ec, "kid", json!(7)), "`kid`"),
        (with(&ec, "crv", json!("P-384")), "`x` is not"),
        (with(&ec, "crv", json!("P-521")), "P-256 and P-384"),
        (with(&ec, "x", json!("AQ")), "`x` is not"),
        (with(&ec, "y", json!("A===")), "`y` is not"),
        (with(&rsa, "n", json!("")), "`n` is not"),
        (with(&rsa, "n", json!(encode([0xff; 128]))), "1024 bits"),
        (with(&rsa, "n", json!(encode([&[0x7f][..], &[0xff; 255]].concat()))), "2047 bits"),
        (with(&rsa, "n", json!(encode([0xff; 1025]))), "8200 bits"),
        (with(&rsa, "n", json!(encode([&[0][..], &[0xff; 256]].concat()))), "leading zeros"),
        (with(&rsa, "n", json!(even)), "an odd number"),
        (with(&rsa, "e", json!("AQ")), "`e` is not"),
        (with(&rsa, "e", json!("AQAA")), "`e` is not"),
        (with(&rsa, "e", json!(encode([2, 0, 0, 0, 1]))), "`e` is not"),
        (with(&rsa, "e", json!(encode([1; 300]))), "`e` is not"),
    ] {
        let fault = key(&jwk).unwrap_err().to_string();
        assert!(fault.contains(said), "{jwk}: {fault}");
    }
    for jwk in [with(&ec, "key_ops", json!(["verify"])), with(&ec, "alg", json!("ES256")), with(&rsa, "e", json!("Aw"))]
    {
        assert!(key(&jwk).is_ok(), "{jwk}");
    }
    let set = set(&[with(&ec, "use", json!("enc")), json!(7), rsa]);
    assert_eq!(set.keys().len(), 1);
    assert_eq!(set.left_out().iter().map(|key| key.index).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_point_beside_its_curve_verifies_nothing() {
    let signer = TestKey::new("k", JwsAlgorithm::Es256);
    let mut jwk = signer.jwk();
    jwk["y"] = jwk["x"].clone();
    let token = signer.token(&json!({}));
    let parsed = UnverifiedJwt::parse(&token, TokenType::Jwt).unwrap();
    assert!(parsed.verify(&key(&jwk).unwrap(), &JwsAlgorithm::ALL).is_err());
}

#[test]
fn a_set_with_a_private_key_is_not_believed_at_all() {
    let good = TestKey::new("k", JwsAlgorithm::Es256).jwk();
    for member in PRIVATE_MEMBERS {
        let text = json!({ "keys": [good, { "kty": "RSA", member: "AQ" }] }).to_string();
        let refused = KeySet::parse(text.as_bytes()).unwrap_err();
        assert_eq!(refused, KeySetError::Private { index: 1, member });
    }
    let many = json!({ "keys": vec![good; 101] }).to_string();
    assert_eq!(KeySet::parse(many.as_bytes()).unwrap_err(), KeySetError::TooMany(101));
    for bad in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, r#"{"keys":[{"kty":"EC","kty":"RSA"}]}"#]
    {
        assert!(KeySet::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn the_key_that_is_meant_is_never_guessed() {
    use JwsAlgorithm::{EdDsa, Es256, Rs256};
    let (a, b) = (TestKey::new("a", Es256).jwk(), TestKey::new("b", Es256).jwk());
    let rsa = TestKey::new("r", Rs256).jwk();
    let keys = set(&[a.clone(), b, rsa, json!({ "kty": "EC", "kid": "p521", "crv": "P-521" })]);
    let choose = |kid: Option<&str>, algorithm| keys.choose(kid, algorithm).map(|key| key.kid().unwrap().to_owned());
    assert_eq!(choose(Some("a"), Es256), Ok("a".into()));
    assert_eq!(choose(None, Rs256), Ok("r".into()));
    assert_eq!(choose(None, Es256), Err(NoKey::KidNeeded { algorithm: Es256, count: 2 }));
    assert_eq!(choose(None, EdDsa), Err(NoKey::NoneFor { algorithm: EdDsa }));
    assert_eq!(choose(Some("c"), Es256), Err(NoKey::UnknownKid { kid: "c".into() }));
    assert_eq!(choose(Some("a"), Rs256), Err(NoKey::OtherAlgorithm { kid: "a".into(), algorithm: Rs256 }));
    assert!(choose(Some("p521"), Es256).unwrap_err().to_string().contains("P-256 and P-384"));
    let twice = set(&[a.clone(), a]);
    let ambiguous = NoKey::Ambiguous { kid: "a".into(), algorithm: Es256 };
    assert_eq!(twice.choose(Some("a"), Es256).unwrap_err(), ambiguous);
}
