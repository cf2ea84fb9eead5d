//! `feedpass audit` and `feedpass lineage`, as an auditor uses them.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::process::Site;
use crate::support::keys::sha256;

const SECRET: &str = "the-auditor-s-own-secret";

fn site() -> Site {
    let site = Site::example();
    site.append(&format!(
        "[[client]]\nid = \"auditor\"\nsecret_hash = \"sha256:{}\"\nroles = [\"auditor\"]\n",
        sha256(SECRET)
    ));
    site
}

#[test]
fn the_trail_is_shown_verified_and_joined() {
    let site = site();
    let _server = site.serve();
    let auditor = |arguments: &[&str]| site.client(arguments).env("FEEDPASS_TOKEN", SECRET);
    site.client(["credentials", "default/images"]).works();
    site.client(["credentials", "default/nothing"]).fails();

    let table = auditor(&["audit"]).works();
    let events: Vec<&str> = table.lines().map(|line| line.split_whitespace().nth(2).unwrap()).collect();
    let expected = ["change", "mint", "assume_role", "authorization_token", "credentials", "credentials"];
    assert_eq!(events, expected, "the first key, and the newest last");
    assert!(table.lines().next().unwrap().contains("  stage key "), "{table}");
    assert!(table.lines().last().unwrap().contains("feed_not_found: "), "{table}");
    let lines = auditor(&["audit", "--json", "--client", "ci", "--outcome", "ok", "--limit", "2"]).works();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| &line["seq"]).collect::<Vec<_>>(), [4, 5]);

    let verified = auditor(&["audit", "verify"]).works();
    let seen = verified.trim().rsplit(' ').next().unwrap();
    let again = auditor(&["audit", "verify", "--expect", seen]).works();
    assert!(verified.starts_with("intact: ") && again.contains("the line that was seen is there"), "{again}");
    let forged = format!("3:{}", seen.split_once(':').unwrap().1);
    assert!(auditor(&["audit", "verify", "--expect", &forged]).fails().starts_with("BROKEN at line 3: "));

    let session = lines[1]["session_name"].as_str().unwrap();
    let tree = auditor(&["lineage", "--session", session]).works();
    for part in ["key ", "  token ", "    session ", "      credentials for ", "      given to ci, 1 times"] {
        assert!(tree.lines().any(|line| line.starts_with(part)), "{part:?} in {tree}");
    }
    let event = json!({ "eventName": "GetAuthorizationToken", "requestID": lines[0]["aws_request_id"] }).to_string();
    let joined = auditor(&["lineage", "--cloudtrail", "-", "--json"]).input(&event).gives_json();
    assert_eq!(joined["records"][0]["matched"]["by"], "requestID");
    assert_eq!(joined["keys"][0]["tokens"][0]["sessions"][0]["session_name"], session);
    let unknown = auditor(&["lineage", "--kid", "nobody-s"]).run();
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(1), "nothing is known of it\n"));
    assert!(site.client(["audit"]).fails().contains("role_missing"));
}

#[test]
fn who_follows_sees_each_line_as_it_comes() {
    let site = site();
    let _server = site.serve();
    site.client(["credentials", "default/images"]).works();
    let mut command = Command::new(site.bin().join("feedpass"));
    command.args(["audit", "--follow", "--json", "--event", "credentials"]);
    command.env("FEEDPASS_URL", site.url()).env("FEEDPASS_TOKEN", SECRET).stdout(Stdio::piped());
    let mut following = command.spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&next()["seq"], site.client(["credentials", "default/images"]).works().is_empty()), (&json!(5), false));
    let came = next();
    assert_eq!((&came["event"], &came["client"]), (&json!("credentials"), &json!("ci")));
    following.kill().unwrap();
    following.wait().unwrap();
}
