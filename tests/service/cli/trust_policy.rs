//! `feedpass trust-policy print|check`, as whoever sets up an account uses it.

use serde_json::Value;

use crate::process::Site;
use crate::real::{Part, parts};

fn site() -> Site {
    let site = Site::example();
    site.edit("actions = [\"pull\", \"token\"]", "actions = [\"pull\", \"token\", \"catalog\"]");
    site
}

fn print(site: &Site, format: &str) -> String {
    site.client(["trust-policy", "print", "default/images", "--format", format]).works()
}

#[test]
fn what_is_printed_is_right_and_checks_as_right() {
    let site = site();
    let _server = site.serve();
    let shown = site.client(["trust-policy", "print", "default/images"]).works();
    assert!(shown.starts_with("Feed default/images\n  subject   space:default:feed:images\n"), "{shown}");
    let all: Value = serde_json::from_str(&print(&site, "json")).unwrap();
    let trust = &all["roles"][0]["trust_policy"];
    assert!(shown.contains(&format!("Trust policy of {}:\n{trust:#}\n", all["roles"][0]["arn"].as_str().unwrap())));
    site.write("trust.json", &trust.to_string());
    let said = site.client(["trust-policy", "check", "default/images", "trust.json"]).works();
    assert!(
        said.starts_with("The policy lets feed default/images assume arn:aws:iam::123456789012:role/feedpass-images")
    );
    assert!(said.contains("sts:AssumeRoleWithWebIdentity: allowed by statement 1"), "{said}");
    assert!(!said.contains("fix:"), "{said}");

    let template: Value = serde_json::from_str(&print(&site, "cloudformation")).unwrap();
    assert_eq!(template["Resources"]["FeedpassRole"]["Properties"]["AssumeRolePolicyDocument"], *trust);
    let pushing =
        site.client(["trust-policy", "print", "default/images", "--for", "push", "--format", "terraform"]).works();
    assert!(pushing.contains("ecr:PutImage") && !print(&site, "terraform").contains("ecr:PutImage"));
}

#[test]
fn the_seeds_own_example_is_refused_for_its_colon() {
    let site = site();
    let _server = site.serve();
    let right = print(&site, "json");
    let all: Value = serde_json::from_str(&right).unwrap();
    let wrong = all["roles"][0]["trust_policy"].to_string().replace("\"id.example.com\"", "\"id.example.com:\"");
    let done = site.client(["trust-policy", "check", "default/images"]).input(&wrong).run();
    assert_eq!((done.code, done.stderr.as_str()), (Some(1), ""));
    assert!(done.stdout.starts_with("The policy does NOT let feed default/images assume"), "{}", done.stdout);
    assert!(done.stdout.contains("1. error stray_character in statement 1\n"), "{}", done.stdout);
    assert!(done.stdout.contains("expected \"id.example.com:\", sent \"id.example.com\""), "{}", done.stdout);
    assert!(done.stdout.contains("\nAs it should be:\n{"), "{}", done.stdout);

    let mended = done.stdout.split_once("As it should be:\n").unwrap().1;
    site.client(["trust-policy", "check", "default/images", "-"]).input(mended).works();
    let json = site.client(["trust-policy", "check", "default/images", "--json"]).input(&wrong).run();
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["allowed"], &json["findings"][0]["code"]), (&false.into(), &"stray_character".into()));
    let nothing = site.client(["trust-policy", "check", "default/images", "nowhere.json"]).fails();
    assert!(nothing.contains("nowhere.json cannot be read"), "{nothing}");
}

/// The account of a stand-in is set up by what is printed, by the AWS CLI and by `CloudFormation`, and what it then has
/// checks as right; and a parser of others reads the Terraform.
#[test]
fn an_account_is_set_up_by_what_is_printed() {
    let Some(parts) = parts(Part::StandIns) else { return };
    let site = site();
    let _server = site.serve();
    let venv = parts.python("aws");
    let bin = venv.parent().unwrap().display().to_string();
    for (how, language) in [("aws-cli", "sh"), ("cloudformation", "json"), ("terraform", "tf")] {
        let file = format!("setup.{language}");
        site.write(&file, &print(&site, how));
        let script = match how {
            "aws-cli" => "sh -eu setup.sh >&2; aws iam get-role --role-name feedpass-images",
            "cloudformation" => {
                "aws cloudformation create-stack --stack-name feedpass --template-body file://setup.json \
                 --capabilities CAPABILITY_NAMED_IAM >&2; aws iam get-role --role-name feedpass-images"
            }
            _ => {
                "python -c 'import hcl2, json; print(json.dumps(hcl2.load(open(\"setup.tf\"))))' > setup.tf.json; \
                 python -c 'import json; all = json.load(open(\"setup.tf.json\")); \
                 roles = [one for one in all[\"resource\"] if any(\"aws_iam_role\" == key.strip(chr(34)) for key in one)]; \
                 assert len(all[\"resource\"]) == 3 and len(roles) == 1, all; \
                 role = list(list(roles[0].values())[0].values())[0]; \
                 text = role[\"assume_role_policy\"].strip(chr(34)); \
                 lines = text.replace(chr(92) + \"n\", chr(10)).splitlines(); \
                 print(chr(10).join(line for line in lines if not line.strip().startswith(\"<<-\") and line.strip() != \"JSON\"))'"
            }
        };
        let address = crate::real::Address::new();
        let url = address.url();
        let _moto = address.start(&parts, "moto", "https://unrelated.example.com");
        let path = format!("{bin}:{}", std::env::var("PATH").unwrap());
        let done = site
            .shell(script)
            .env("PATH", &path)
            .env("AWS_ENDPOINT_URL", &url)
            .env("AWS_ACCESS_KEY_ID", "testing")
            .env("AWS_SECRET_ACCESS_KEY", "testing")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .run();
        assert_eq!(done.code, Some(0), "{how}: {}{}", done.stdout, done.stderr);
        let said = site.client(["trust-policy", "check", "default/images"]).input(&done.stdout).run();
        assert_eq!(said.code, Some(0), "{how}: {}{}\n{}", said.stdout, said.stderr, done.stdout);
        assert!(!said.stdout.contains("fix:"), "{how}: {}", said.stdout);
    }
}
