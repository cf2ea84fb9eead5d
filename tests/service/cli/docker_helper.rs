//! `docker-credential-feedpass`, spoken to as docker speaks to it.

use serde_json::json;

use super::REGISTRY;
use crate::process::Site;

/// What docker takes for "go on without credentials".
const NOT_FOUND: &str = "credentials not found in native keychain\n";

#[test]
fn docker_gets_credentials_for_a_registry_however_it_names_it() {
    let site = Site::example();
    let _server = site.serve();
    for name in [REGISTRY.to_owned(), format!("https://{REGISTRY}"), format!("{REGISTRY}/v2/\n")] {
        let given = site.helper(["get"]).input(&name).gives_json();
        assert_eq!(given["ServerURL"], name.trim());
        assert_eq!(given["Username"], "AWS");
        assert!(given["Secret"].as_str().unwrap().len() > 100);
    }
}

#[test]
fn a_registry_of_others_is_not_found_in_exactly_dockers_words() {
    let site = Site::example();
    for name in ["registry.example.com", "https://index.docker.io/v1/", "public.ecr.aws"] {
        assert_eq!(refusal(&site, &["get"], name), NOT_FOUND);
    }
}

#[test]
fn a_refusal_is_told_where_docker_reads() {
    let site = Site::example();
    let other = REGISTRY.replace("us-east-1", "eu-central-1");
    let away = refusal(&site, &["get"], REGISTRY);
    assert!(away.contains("cannot be reached"), "{away}");
    let _server = site.serve();
    let unknown = refusal(&site, &["get"], &other);
    assert!(unknown.contains(&other) && unknown != NOT_FOUND, "{unknown}");
    let wrong = site.helper(["get"]).env("FEEDPASS_TOKEN", "another-secret").input(REGISTRY).run();
    assert_eq!((wrong.code, wrong.stderr.as_str()), (Some(1), ""));
    assert!(wrong.stdout.contains("the secret is not valid"), "{}", wrong.stdout);
}

#[test]
fn of_several_feeds_at_one_registry_the_environment_names_one() {
    let site = Site::example();
    site.edit("feeds = [\"default/images\"]", "feeds = [\"default/*\"]");
    for (slug, region) in [("more", "us-east-1"), ("europe", "eu-central-1")] {
        site.append(&format!(
            "[[feed]]\nspace = \"default\"\nslug = \"{slug}\"\nregion = \"{region}\"\n\
             web_identity.role_arn = \"arn:aws:iam::123456789012:role/feedpass-{slug}\"\n"
        ));
    }
    let _server = site.serve();
    let elsewhere = REGISTRY.replace("us-east-1", "eu-central-1");
    let ambiguous = refusal(&site, &["get"], REGISTRY);
    assert!(ambiguous.contains("FEEDPASS_FEED"), "{ambiguous}");
    let asked = |feed: &str, host: &str| site.helper(["get"]).env("FEEDPASS_FEED", feed).input(host);
    assert_eq!(asked("default/more", REGISTRY).gives_json()["Username"], "AWS");
    assert_eq!(asked("default/more", &elsewhere).gives_json()["Username"], "AWS", "it is about ambiguity alone");
    let wrong = asked("default/europe", REGISTRY).run();
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stdout.contains("FEEDPASS_FEED names a feed at"), "{}", wrong.stdout);
}

#[test]
fn docker_may_store_and_erase_and_nothing_happens() {
    let site = Site::example();
    let stored = json!({ "ServerURL": REGISTRY, "Username": "AWS", "Secret": "docker-login-password" }).to_string();
    assert_eq!(site.helper(["store"]).input(&stored).works(), "");
    assert_eq!(site.helper(["erase"]).input(REGISTRY).works(), "");
    assert_eq!(site.helper(["list"]).gives_json(), json!({}));
}

#[test]
fn the_helper_says_who_it_is_and_how_it_is_used() {
    let site = Site::example();
    let version = format!("docker-credential-feedpass {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(site.helper(["version"]).works(), version);
    for arguments in [&[][..], &["get", "more"], &["unknown"]] {
        let usage = refusal(&site, arguments, "");
        assert!(usage.starts_with("usage: docker-credential-feedpass get|"), "{usage}");
    }
    assert_eq!(refusal(&site, &["get"], "\n"), "no credentials server URL\n");
}

/// Runs the helper, which must end with 1 and say why on standard output alone.
fn refusal(site: &Site, arguments: &[&str], input: &str) -> String {
    let done = site.helper(arguments).input(input).run();
    assert_eq!((done.code, done.stderr.as_str()), (Some(1), ""), "{}", done.stdout);
    done.stdout
}
