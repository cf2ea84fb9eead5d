//! AWS's own programs against feedpass's sandbox.

use serde_json::json;

use super::aws_programs::{aws_cli, boto};
use super::parts::{Part, parts};
use crate::process::Site;

const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/feedpass-images/";
const REGISTRY: &str = "https://123456789012.dkr.ecr.us-east-1.amazonaws.com";

#[test]
fn boto3_and_the_aws_cli_work_with_a_token_file() {
    let Some(parts) = parts(Part::StandIns) else { return };
    let site = Site::example();
    let server = site.serve();
    let sandbox = server.sandbox();
    let token = site.client(["token", "default/images"]).works();

    let session = boto(&parts, &site, &token, &sandbox, Some(&sandbox)).unwrap();
    assert!(session["caller_arn"].as_str().unwrap().starts_with(SESSION), "{session}");
    assert_eq!(session["registry"], json!({ "username": "AWS", "endpoint": REGISTRY }));

    let aws = || aws_cli(&parts, &site, &token, &sandbox);
    let caller = aws().args(["sts", "get-caller-identity"]).gives_json();
    assert_eq!(caller["Account"], "123456789012");
    assert!(caller["Arn"].as_str().unwrap().starts_with(SESSION), "{caller}");
    let password = aws().args(["ecr", "get-login-password"]).works();
    assert!(password.trim().len() > 100);

    let refusal = boto(&parts, &site, "not.a.token", &sandbox, None).unwrap_err();
    assert_eq!(refusal["code"], "InvalidIdentityToken");
}
