//! Programs as AWS's users write them: boto3's default chain and the AWS CLI.

use serde_json::Value;

use super::ROLE;
use super::parts::{Parts, script};
use crate::process::{Invocation, Site};

/// Assumes the role by boto3 with `token`, and asks `ecr`, where there is one, for registry
/// credentials; gives what it saw, or how it was refused.
pub fn boto(parts: &Parts, site: &Site, token: &str, sts: &str, ecr: Option<&str>) -> Result<Value, Value> {
    let session = with_token(site, site.run(&parts.python("python")), token);
    let session = session.args([script("boto_session.py")]).args(["--sts", sts]);
    let done = session.args(ecr.into_iter().flat_map(|ecr| ["--ecr", ecr])).run();
    let said = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{}{}", done.stdout, done.stderr));
    if done.code == Some(0) { Ok(said) } else { Err(said) }
}

/// The AWS CLI, told by its environment alone where AWS is, and who we are by `token`.
pub fn aws_cli<'a>(parts: &Parts, site: &'a Site, token: &str, url: &str) -> Invocation<'a> {
    with_token(site, site.run(&parts.python("aws")), token).env("AWS_ENDPOINT_URL", url)
}

fn with_token<'a>(site: &Site, program: Invocation<'a>, token: &str) -> Invocation<'a> {
    site.write("token", token);
    program
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", site.path("token"))
        .env("AWS_ROLE_ARN", ROLE)
        .env("AWS_DEFAULT_REGION", "us-east-1")
        // No answer but the one that is asked for.
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_MAX_ATTEMPTS", "1")
}
