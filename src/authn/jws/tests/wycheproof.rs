//! Project Wycheproof's cases for JWS and JWK (C2SP/wycheproof, `testvectors_v1`), which are kept elsewhere:
//! `FEEDPASS_WYCHEPROOF` names their folder.

use std::io::Write as _;
use std::path::Path;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Value, json};

use crate::authn::jws::{KeySet, TokenType, UnverifiedJws};
use crate::domain::JwsAlgorithm;

#[derive(Default)]
struct Count {
    accepted: usize,
    refused: usize,
    /// Of the refused: right, but of what feedpass never takes.
    valid: usize,
}

#[test]
fn of_wycheproofs_cases_those_are_accepted_that_are_valid_and_of_an_allowed_algorithm() {
    let folder = std::env::var_os("FEEDPASS_WYCHEPROOF").unwrap_or_default();
    let folder = Path::new(&folder);
    if !folder.is_dir() {
        // Not by a macro, whose words the harness keeps back where a test passes.
        let left_out = "LEFT OUT: FEEDPASS_WYCHEPROOF names no folder with Wycheproof's JWS and JWK vectors";
        return writeln!(std::io::stderr(), "{left_out}").unwrap();
    }
    let mut wrong = Vec::new();
    for name in ["json_web_signature_test.json", "json_web_key_test.json", "json_web_crypto_test.json"] {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        let mut count = Count::default();
        for group in file["testGroups"].as_array().unwrap() {
            for case in group["tests"].as_array().unwrap() {
                wrong.extend(judge(group, case, &mut count).map(|wrong| format!("{name}: {wrong}")));
            }
        }
        let Count { accepted, refused, valid } = count;
        println!("{name}: {accepted} accepted, {refused} refused, {valid} of them valid but never taken");
        assert_eq!(Some((accepted + refused) as u64), file["numberOfTests"].as_u64());
        assert!(accepted > 0);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Says what is wrong with how a case is judged.
fn judge(group: &Value, case: &Value, count: &mut Count) -> Option<String> {
    // Symmetric keys have no public half.
    let key = group.get("public").unwrap_or(&group["private"]);
    let set = if key.get("keys").is_some() { key.clone() } else { json!({ "keys": [key] }) };
    // An encrypted token is one that must be refused; some cases are in JSON serialization, which is not read.
    let token = case.get("jws").or(case.get("jwe")).unwrap();
    let token = token.as_str().map_or_else(|| token.to_string(), str::to_owned);
    let accepted = accepts(&set, &token);
    let valid = case["result"] == "valid";
    let expected = valid && is_taken(&set, &token);
    match accepted {
        Ok(()) => count.accepted += 1,
        Err(_) => count.refused += 1,
    }
    count.valid += usize::from(valid && !expected);
    (accepted.is_ok() != expected)
        .then(|| format!("case {} ({}), {}: {accepted:?}", case["tcId"], case["comment"], case["result"]))
}

fn accepts(set: &Value, token: &str) -> Result<(), String> {
    let set = KeySet::parse(set.to_string().as_bytes()).map_err(|error| error.to_string())?;
    let token = UnverifiedJws::parse(token, TokenType::Jwt).map_err(|error| error.to_string())?;
    let key = set.choose(token.unverified_kid(), token.algorithm()).map_err(|error| error.to_string())?;
    token.verify(key, &JwsAlgorithm::ALL).map(|_| ()).map_err(|error| error.to_string())
}

/// Whether a valid token is of a kind that feedpass takes. Not taken are other algorithms, and tokens of RFC 7520
/// whose key says in its `alg` that it is for another than the token's (PS384 with a key for PS256).
fn is_taken(set: &Value, token: &str) -> bool {
    let Some((header, _)) = token.split_once('.') else { return false };
    let Ok(header) = BASE64_URL_SAFE_NO_PAD.decode(header) else { return false };
    let Ok(header) = serde_json::from_slice::<Value>(&header) else { return false };
    let algorithm = header["alg"].as_str().unwrap_or_default();
    let allowed = JwsAlgorithm::ALL.iter().any(|allowed| allowed.as_str() == algorithm);
    allowed && set["keys"].as_array().unwrap().iter().all(|key| key.get("alg").is_none_or(|alg| alg == algorithm))
}
