//! The commands, run as users run them, against a running feedpass.

mod audit;
mod docker_helper;
mod endpoints;
mod keys;
mod manage;
mod serve;
mod trust_policy;
mod workloads;

use serde_json::json;

use crate::process::{Site, free_port};

/// The registry of the feed that comes with feedpass.
const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

#[test]
fn every_command_of_the_start_up_summary_works_when_pasted() {
    let site = Site::example();
    let server = site.serve();
    let summary = server.summary();
    let mut pasted =
        summary.lines().filter_map(|line| line.strip_prefix("  ")).skip_while(|line| !line.starts_with("export "));
    let export = pasted.next().unwrap();
    let commands: Vec<&str> = pasted.collect();
    assert_eq!(commands.len(), 5, "{summary}");
    for (command, expected) in
        commands.into_iter().zip([REGISTRY, "\"auths\": {", "\"token\": \"ey", "\"jwks_uri\":", "# TYPE "])
    {
        let printed = site.shell(&format!("{export}\n{command}")).works();
        assert!(printed.contains(expected), "{command} printed {printed}");
    }
    assert!(server.sandbox().starts_with("http://127.0.0.1:"));
}

#[test]
fn credentials_come_in_every_form() {
    let site = Site::example();
    let _server = site.serve();
    let ask = |more: &[&str]| site.client(["credentials", "default/images"]).args(more);

    let given = ask(&["--json"]).gives_json();
    assert_eq!(given["registry"], REGISTRY);
    assert_eq!(given["username"], "AWS");
    let password = given["password"].as_str().unwrap();
    assert_eq!(ask(&["--format", "json"]).gives_json(), given);
    assert_eq!(ask(&["--format", "password"]).works(), password);

    let auth = base64(&format!("AWS:{password}"));
    let config = json!({ "auths": { REGISTRY: { "auth": auth } } });
    assert_eq!(ask(&["--format", "docker-config"]).gives_json(), config);
    let secret = ask(&["--format", "pull-secret"]).gives_json();
    assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");
    assert_eq!(secret["data"][".dockerconfigjson"], base64(&config.to_string()));

    let table = ask(&[]).works();
    let rows: Vec<(&str, &str)> = table.lines().map(|line| line.split_once("  ").unwrap()).collect();
    let names: Vec<&str> = rows.iter().map(|(name, _)| name.trim()).collect();
    assert_eq!(names, ["feed", "registry", "username", "password", "expires", "newer after"]);
    assert!(table.contains(given["expires_at"].as_str().unwrap()) && !table.contains(password), "{table}");
}

#[test]
fn a_token_in_a_file_ends_without_a_newline() {
    let site = Site::example();
    let _server = site.serve();
    let token = site.client(["token", "default/images"]).works();
    assert_eq!(token.split('.').count(), 3);
    assert!(!token.contains(char::is_whitespace));
    let given = site.client(["token", "default/images", "--json"]).gives_json();
    assert_eq!(given["token"].as_str().unwrap().split('.').count(), 3);
}

#[test]
fn a_session_comes_in_every_form() {
    let site = Site::example();
    site.edit("\"pull\", \"token\"", "\"session\"");
    let _server = site.serve();
    let ask = |more: &[&str]| site.client(["session", "default/images"]).args(more);

    let given = ask(&["--json"]).gives_json();
    assert_eq!(ask(&["--format", "json"]).gives_json(), given);
    let expected = json!({
        "Version": 1,
        "AccessKeyId": given["AccessKeyId"],
        "SecretAccessKey": given["SecretAccessKey"],
        "SessionToken": given["Token"],
        "Expiration": given["Expiration"],
    });
    assert_eq!(ask(&["--format", "credential-process"]).gives_json(), expected);
    let text = |name: &str| given[name].as_str().unwrap().to_owned();
    site.write("session.env", &ask(&["--format", "env"]).works());
    let echo = ". ./session.env; printf '%s ' \"$AWS_ACCESS_KEY_ID\" \"$AWS_SECRET_ACCESS_KEY\" \"$AWS_SESSION_TOKEN\"";
    let read = [text("AccessKeyId"), text("SecretAccessKey"), text("Token"), String::new()].join(" ");
    assert_eq!(site.shell(echo).works(), read);
    let table = ask(&[]).works();
    let shown = [text("AccessKeyId"), text("Expiration"), text("RoleArn")];
    assert!(shown.iter().all(|shown| table.contains(shown)), "{table}");
    assert!(!table.contains(&text("SecretAccessKey")) && !table.contains(&text("Token")), "{table}");
}

#[test]
fn a_refusal_says_whose_move_it_is() {
    let site = Site::example();
    let _server = site.serve();
    let ask = || site.client(["credentials", "default/images"]);

    let wrong = ask().env("FEEDPASS_TOKEN", "another-secret").fails();
    assert!(wrong.contains("the secret is not valid") && wrong.contains("whose move: yours"), "{wrong}");
    assert!(wrong.contains("request id: "), "{wrong}");
    let none = ask().without("FEEDPASS_TOKEN").fails();
    assert!(none.contains("set FEEDPASS_TOKEN") && none.contains("FEEDPASS_TOKEN_FILE"), "{none}");
    let unreadable = ask().without("FEEDPASS_TOKEN").env("FEEDPASS_TOKEN_FILE", site.path("none")).fails();
    assert!(unreadable.contains("the client's secret cannot be read from"), "{unreadable}");
    let unknown = site.client(["credentials", "default/nothing"]).fails();
    assert!(unknown.contains("code: feed_not_found"), "{unknown}");

    let as_json = site.client(["--json", "token", "default/nothing"]).fails();
    let problem: serde_json::Value = serde_json::from_str(&as_json).unwrap();
    assert_eq!((&problem["status"], &problem["code"]), (&json!(404), &json!("feed_not_found")));
    assert_eq!(problem["whose_move"], "caller");
}

#[test]
fn the_secret_may_come_from_a_file_whose_last_line_ends() {
    let site = Site::example();
    let _server = site.serve();
    site.write("secret", &format!("{}\n", site.secret));
    let ask = site.client(["credentials", "default/images", "--json"]).without("FEEDPASS_TOKEN");
    assert_eq!(ask.env("FEEDPASS_TOKEN_FILE", site.path("secret")).gives_json()["username"], "AWS");
}

#[test]
fn a_server_that_is_away_or_none_of_ours_is_named() {
    let site = Site::example();
    let server = site.serve();
    let ask = |url: &str| site.client(["credentials", "default/images", "--server", url]).fails();
    let away = ask(&format!("http://127.0.0.1:{}", free_port()));
    assert!(away.contains("cannot be reached") && away.contains("is feedpass running there?"), "{away}");
    // The sandbox speaks HTTP and answers as STS does.
    let stranger = ask(&server.sandbox());
    assert!(stranger.contains("not as feedpass does"), "{stranger}");
    let public = ask(&site.issuer());
    assert!(public.contains("no_such_path"), "{public}");
}

#[test]
fn wrong_usage_ends_with_two() {
    let site = Site::example();
    for arguments in [
        &["credentials"][..],
        &["credentials", "images"],
        &["token", "default/images", "--format", "x"],
        &["nothing"],
        &[],
    ] {
        let done = site.client(arguments).run();
        assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(done.stderr.contains("--help") || done.stderr.contains("Usage: "), "{arguments:?}: {}", done.stderr);
    }
}

#[test]
fn help_names_what_a_command_takes() {
    let site = Site::example();
    for (command, options) in [
        (&[][..], &["serve", "config", "credentials", "token", "completions", "--json", "Exit codes"][..]),
        (&["serve"], &["--config", "FEEDPASS_CONFIG", "--log", "FEEDPASS_LOG", "--log-format", "--change-issuer"]),
        (&["config", "check"], &["--config", "FEEDPASS_CONFIG"]),
        (&["credentials"], &["SPACE/FEED", "--format", "docker-config", "--server", "FEEDPASS_URL", "FEEDPASS_TOKEN"]),
        (&["session"], &["SPACE/FEED", "credential-process", "env", "json", "--server", "FEEDPASS_TOKEN"]),
        (&["token"], &["SPACE/FEED", "--server", "FEEDPASS_URL", "FEEDPASS_TOKEN_FILE"]),
        (&["key"], &["list", "plan", "rotate", "rollback", "revoke", "docs/keys.md"]),
        (&["key", "rotate"], &["--wait", "--reason", "Ctrl-C", "the rotation goes on"]),
        (&["completions"], &["bash", "zsh", "fish"]),
    ] {
        let help = site.operator(command).args(["--help"]).works();
        for option in options {
            assert!(help.contains(option), "{command:?} --help names no {option}:\n{help}");
        }
    }
    assert_eq!(site.operator(["--version"]).works(), format!("feedpass {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn shells_can_load_the_completions() {
    let site = Site::example();
    for shell in ["bash", "zsh", "fish"] {
        let script = site.operator(["completions", shell]).works();
        assert!(script.contains("credentials"), "{shell}");
    }
    site.shell("bin/feedpass completions bash > completions.bash; bash -n completions.bash").works();
}

#[test]
fn config_check_says_that_a_file_is_right() {
    let site = Site::example();
    let said = site.operator(["config", "check"]).works();
    assert_eq!(said, "config.toml is right: issuer http://127.0.0.1:8080, 1 space, 1 feed, 1 client\n");
    let counted = json!({ "mistakes": [], "spaces": 1, "feeds": 1, "clients": 1 });
    assert_eq!(site.operator(["config", "check", "--json"]).gives_json(), counted);
    let elsewhere = site.shell("mv config.toml other.toml; bin/feedpass config check --config other.toml").works();
    assert!(elsewhere.starts_with("other.toml is right"), "{elsewhere}");
    assert!(site.operator(["config", "check"]).env("FEEDPASS_CONFIG", "other.toml").works().starts_with("other.toml"));
}

#[test]
fn config_check_reports_every_mistake_at_once() {
    let site = Site::example();
    site.edit("\"http://127.0.0.1:8080\"", "\"http://id.example.com/\"");
    site.edit("lifetime = \"5m\"", "lifetime = \"5h\"");
    site.edit("role_arn = ", "role_name = ");
    site.edit("\"pull\", \"token\"", "\"pull\", \"tokens\"");
    let said = site.operator(["config", "check"]).fails();
    assert!(said.starts_with("config.toml: 5 mistakes\n"), "{said}");
    for place in ["issuer", "tokens.lifetime", "web_identity.role_name", "web_identity.role_arn", "grant[0] actions[1]"]
    {
        assert!(said.contains(place), "nothing of {place}: {said}");
    }

    let done = site.operator(["config", "check", "--json"]).run();
    assert_eq!(done.code, Some(1));
    let mistakes: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(mistakes["mistakes"].as_array().unwrap().len(), 5);
    assert!(mistakes["mistakes"][0]["line"].is_number());

    let missing = site.operator(["config", "check", "--config", "none.toml"]).fails();
    assert!(missing.starts_with("none.toml: 1 mistake") && missing.contains("cannot be read"), "{missing}");
}

fn base64(text: &str) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    BASE64_STANDARD.encode(text)
}
