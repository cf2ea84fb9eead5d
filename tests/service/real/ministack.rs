//! ministack evaluates the role's policies and signatures.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::json;

use super::aws_programs::boto;
use super::parts::{Part, parts};
use super::standin::Address;
use super::{CHARTS, ROLE};
use crate::process::Site;

const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

#[test]
fn what_ministack_issues_is_handed_on_and_what_it_refuses_is_explained() {
    let Some(parts) = parts(Part::StandIns) else { return };
    let address = Address::new();
    let url = address.url();
    let site = Site::with_aws(&url, &url);
    site.append(CHARTS);
    site.edit("[\"default/images\"]", "[\"default/*\"]");
    let ministack = address.start(&parts, "ministack", &site.issuer());
    let server = site.serve();
    let ask = |feed: &str| site.client(["credentials", feed]);

    let given = ask("default/images").args(["--format", "json"]).gives_json();
    assert_eq!(given["registry"], REGISTRY);
    assert_eq!(given["username"], "AWS");
    assert_eq!(given["password"], "ministack-auth-token");
    let config = ask("default/images").args(["--format", "docker-config"]).gives_json();
    let auth = BASE64_STANDARD.encode("AWS:ministack-auth-token");
    assert_eq!(config["auths"], json!({ REGISTRY: { "auth": auth } }));
    let exchanges = server.log.so_far().matches("assume_role ok").count();
    assert_eq!(exchanges, 1, "the second was not asked for again");

    let token = site.client(["token", "default/images"]).works();
    let session = boto(&parts, &site, &token, &url, Some(&url)).unwrap();
    assert!(
        session["caller_arn"].as_str().unwrap().starts_with("arn:aws:sts::123456789012:assumed-role/feedpass-images/")
    );
    assert_eq!(session["registry"], json!({ "username": "AWS", "endpoint": format!("https://{REGISTRY}") }));

    let refused = ask("default/charts").fails();
    assert!(refused.contains("code: role_refused; whose move: the operator's"), "{refused}");
    assert!(refused.contains("`space:default:feed:charts`") && refused.contains("AWS said: AccessDenied"), "{refused}");

    // The account's administrator takes the role's permissions away. Another session duration is another
    // exchange: what is held would last twelve hours.
    let role = ROLE.rsplit_once('/').unwrap().1;
    site.run(&parts.python("aws"))
        .args(["iam", "delete-role-policy", "--role-name", role, "--policy-name", "pull"])
        .args(["--endpoint-url", ministack.fact("/iam")])
        .env("AWS_ACCESS_KEY_ID", ministack.fact("/admin/access_key_id"))
        .env("AWS_SECRET_ACCESS_KEY", ministack.fact("/admin/secret_access_key"))
        .env("AWS_DEFAULT_REGION", ministack.fact("/region"))
        .works();
    let edit = || site.edit("session_duration = \"1h\"", "session_duration = \"2h\"");
    server.log.after(edit, "configuration reloaded");
    let denied = ask("default/images").fails();
    assert!(denied.contains("code: ecr_denied; whose move: the operator's"), "{denied}");
    assert!(denied.contains("allow it ecr:GetAuthorizationToken on `*`"), "{denied}");
}
