//! Spaces, feeds and clients from the command line, as docs/admin.md goes through them.

use serde_json::Value;

use crate::process::{Invocation, Site};

/// A command of the admin.
pub(super) fn admin<'s>(site: &'s Site, secret: &str, arguments: &[&str]) -> Invocation<'s> {
    site.client(arguments).env("FEEDPASS_TOKEN", secret)
}

/// What a command that works gives to a pipe; to people it may say more.
pub(super) fn printed(command: Invocation<'_>) -> String {
    let done = command.run();
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    done.stdout
}

pub(super) fn bootstrap(site: &Site) -> String {
    let secret = printed(site.operator(["admin", "bootstrap"]));
    assert!(secret.starts_with("fps_"), "{secret}");
    secret.trim().to_owned()
}

#[test]
fn the_first_admin_is_made_once_and_can_be_made_while_the_server_runs() {
    let site = Site::example();
    let _server = site.serve();
    let secret = bootstrap(&site);
    let told = site.operator(["admin", "bootstrap", "--id", "another"]).fails();
    assert!(told.contains("made already") && told.contains("roles = [\"admin\"]"), "{told}");
    let me = seen(|| admin(&site, &secret, &["whoami", "--json"]));
    assert_eq!((&me["id"], &me["roles"][0]), (&"admin".into(), &"admin".into()));
}

/// What a command gives once the server has seen what another process wrote: within a second, so at the third try.
fn seen<'s>(command: impl Fn() -> Invocation<'s>) -> Value {
    let tries = (0..1000).map(|_| command().run());
    let done = tries.into_iter().find(|done| done.code == Some(0)).expect("the server sees the store's change");
    serde_json::from_str(&done.stdout).unwrap()
}

#[test]
fn a_team_is_set_up_by_commands_alone() {
    let site = Site::example();
    let secret = bootstrap(&site);
    let _server = site.serve();
    let run = |arguments: &[&str]| admin(&site, &secret, arguments);

    assert!(run(&["space", "add", "--name", "Team A"]).works().contains("team-a"));
    let role = "arn:aws:iam::123456789012:role/team-a-images";
    let feed = ["feed", "add", "team-a/images", "--region", "eu-west-1", "--role-arn", role];
    assert!(run(&feed).works().contains("space:team-a:feed:images"));
    let client = printed(run(&["client", "add", "team-a-ci", "--space", "team-a", "--grant", "team-a/images=pull"]));
    let client = client.trim();
    assert!(client.starts_with("fps_"), "the secret alone, for a pipe: {client}");
    let given = admin(&site, client, &["credentials", "team-a/images", "--json"]).gives_json();
    assert_eq!(given["registry"], "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "from the next request on");

    for kind in ["space", "feed", "client"] {
        let table = run(&[kind, "list"]).works();
        assert!(table.starts_with(&kind.to_uppercase()) && table.contains("team-a"), "{table}");
        assert!(table.contains("configuration") && table.contains("store"), "{table}");
    }
    assert!(run(&["who-can", "team-a/images"]).works().contains("team-a-ci"));

    let changed = run(&["client", "set", "team-a-ci", "--grant", "team-a/*=pull,token", "--json"]).gives_json();
    assert_eq!(changed["grants"][0]["actions"], serde_json::json!(["pull", "token"]));
    let told = run(&["client", "set", "team-a-ci", "--no-grants", "--grant", "team-a/*=pull"]).run();
    assert_eq!(told.code, Some(2), "one or the other: {}", told.stderr);
    let second = printed(run(&["client", "secret", "add", "team-a-ci", "--ends-others-in", "24h"]));
    for secret in [client, second.trim()] {
        admin(&site, secret, &["token", "team-a/images"]).works();
    }

    let emptied = run(&["client", "set", "team-a-ci", "--no-grants", "--json"]).gives_json();
    assert_eq!(emptied["grants"], serde_json::json!([]));
    assert!(admin(&site, client, &["token", "team-a/images"]).fails().contains("not_found"));

    let told = run(&["feed", "remove", "team-a/images"]).fails();
    assert!(told.contains("--yes"), "nobody can be asked here: {told}");
    printed(run(&["feed", "remove", "team-a/images", "--yes"]));
    let told = run(&feed).fails();
    assert!(told.contains("name_tombstoned"), "{told}");
    let told = admin(&site, client, &["space", "list"]).fails();
    assert!(told.contains("role_missing"), "{told}");
}

#[test]
fn a_file_is_applied_after_its_difference_was_shown() {
    let site = Site::example();
    let secret = bootstrap(&site);
    let _server = site.serve();
    let apply = |more: &[&str]| admin(&site, &secret, &["apply", "-f", "teams.toml"]).args(more);
    let teams = |region: &str| {
        format!(
            "[[space]]\nslug = \"team-b\"\n[[feed]]\nspace = \"team-b\"\nslug = \"images\"\nregion = \"{region}\"\n[feed.web_identity]\n\
             role_arn = \"arn:aws:iam::123456789012:role/team-b\"\n[[client]]\nid = \"team-b-ci\"\n[[client.grant]]\n\
             feeds = [\"team-b/*\"]\nactions = [\"pull\"]\n"
        )
    };
    site.write("teams.toml", &teams("eu-west-1"));
    let shown = apply(&["--dry-run"]).works();
    assert_eq!(shown, "+ space team-b\n+ feed team-b/images\n+ client team-b-ci\n");
    let unasked = apply(&[]).run();
    assert_eq!((unasked.code, unasked.stdout), (Some(1), shown.clone()));
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);
    assert_eq!(printed(apply(&["--yes"])), shown);
    assert_eq!(printed(apply(&["--yes"])), "nothing to change\n");

    site.write("teams.toml", &teams("eu-central-1"));
    let shown = printed(apply(&["--yes"]));
    assert!(shown.contains("~ feed team-b/images") && shown.contains("\"eu-west-1\" → \"eu-central-1\""), "{shown}");

    site.write("teams.toml", "[[space]]\nslug = \"team-b\"\n");
    assert_eq!(apply(&["--dry-run"]).works(), "nothing to change\n", "what the file leaves out stays");
    let refused = apply(&["--prune", "--yes"]).run();
    assert!(refused.stderr.contains("last_admin"), "nobody would be left: {}", refused.stderr);
    site.write("teams.toml", "[[space]]\nslug = \"team-b\"\n[[client]]\nid = \"admin\"\nroles = [\"admin\"]\n");
    let shown = printed(apply(&["--prune", "--yes"]));
    assert!(shown.contains("- feed team-b/images") && shown.contains("- client team-b-ci"), "{shown}");
    site.write("teams.toml", "[[space]]\nslug = \"Team B\"\n");
    assert!(apply(&["--yes"]).fails().contains("is not a slug"));
}
