//! `feedpass serve`: what it starts with, follows while it runs, and ends on.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::process::{Server, Site};

#[test]
fn an_edit_of_the_file_takes_effect_while_it_runs() {
    let site = Site::example();
    let server = site.serve();
    assert!(site.client(["token", "default/images"]).works().starts_with("ey"));
    reloads(&server, || site.edit("\"pull\", \"token\"", "\"pull\""));
    let refused = site.client(["token", "default/images"]).fails();
    assert!(refused.contains("whose move: yours"), "{refused}");
    reloads(&server, || site.edit("actions = [\"pull\"]", "actions = [\"token\"]"));
    assert!(site.client(["token", "default/images"]).works().starts_with("ey"));
    site.client(["credentials", "default/images"]).fails();
}

#[test]
fn a_wrong_edit_changes_nothing_and_is_told() {
    let site = Site::example();
    let server = site.serve();
    let wrong = || site.edit("region = \"us-east-1\"", "region = \"us-east\"");
    let told = server.log.after(wrong, "the changed configuration was not taken");
    assert!(told.contains("us-east") && told.contains("region"), "{told}");
    site.client(["credentials", "default/images"]).works();
    reloads(&server, || site.edit("region = \"us-east\"", "region = \"eu-central-1\""));
    let given = site.client(["credentials", "default/images", "--json"]).gives_json();
    assert_eq!(given["registry"], "123456789012.dkr.ecr.eu-central-1.amazonaws.com");
}

#[test]
fn a_hangup_reloads_though_nothing_changed() {
    let site = Site::example();
    let server = site.serve();
    reloads(&server, || server.signal("HUP"));
    site.client(["credentials", "default/images"]).works();
}

#[test]
fn at_the_end_requests_under_way_are_finished() {
    // An STS that answers when the test does.
    let sts = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", sts.local_addr().unwrap());
    let site = Site::with_aws(&url, &url);
    let server = site.serve();
    std::thread::scope(|threads| {
        let asking = threads.spawn(|| site.client(["credentials", "default/images"]).fails());
        let mut asked = accepted_in_time(&sts);
        assert!(asked.read(&mut [0; 1024]).unwrap() > 0);
        server.log.after(|| server.signal("TERM"), "stopping: requests under way are finished");
        let refusal = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
        write!(asked, "HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\n\r\n{refusal}", refusal.len()).unwrap();
        let refused = asking.join().unwrap();
        assert!(refused.contains("code: role_refused"), "{refused}");
    });
    assert_eq!(server.ends(), Some(0));
}

#[test]
fn a_signal_that_comes_at_once_ends_it_in_order() {
    let site = Site::example();
    for signal in ["TERM", "INT"] {
        let server = site.serve();
        let log = server.log.clone();
        server.signal(signal);
        assert_eq!(server.ends(), Some(0), "{signal}");
        assert!(log.to_end().contains("stopping: requests under way are finished"), "{signal}");
    }
}

#[test]
fn keys_of_another_issuer_are_used_only_if_that_is_meant() {
    let site = Site::example();
    let started_as = |issuer: &str| site.serving().env("FEEDPASS_ISSUER", issuer);
    drop(site.serve());
    // No role can trust a loopback issuer, so the way from the sandbox to AWS is open.
    drop(started_as("https://id.example.com").serves());

    let refused = started_as("https://elsewhere.example.com").fails();
    assert!(refused.contains("these keys are those of the issuer https://id.example.com"), "{refused}");
    assert!(refused.contains("--change-issuer"), "{refused}");

    let server = started_as("https://elsewhere.example.com").args(["--change-issuer"]).serves();
    assert!(server.summary().contains("issuer    https://elsewhere.example.com, signing RS256"));
    drop(server);
    // Said once: from now on it is the issuer.
    drop(started_as("https://elsewhere.example.com").serves());
}

#[test]
fn the_key_outlives_the_process() {
    let site = Site::example();
    let key = |server: Server<'_>| {
        let summary = server.summary();
        summary.split_once("with key ").unwrap().1.lines().next().unwrap().to_owned()
    };
    let first = key(site.serve());
    assert_eq!(key(site.serve()), first);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let site = Site::example();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let refused = site.serving().env("FEEDPASS_LISTEN__INTERNAL", address.to_string()).fails();
    assert!(refused.contains(&format!("cannot listen on {address}; is another process there")), "{refused}");
}

#[test]
fn the_example_secret_opens_nothing_but_the_sandbox() {
    let site = Site::example();
    let serve = || site.serving().env("FEEDPASS_AWS__ENDPOINT", "aws").env("FEEDPASS_ISSUER", "https://id.example.com");
    let refused = serve().fails();
    assert!(refused.contains("the hash of the secret in the example that comes with feedpass"), "{refused}");
}

#[test]
fn a_wrong_file_or_filter_ends_the_start_with_its_mistakes() {
    let site = Site::example();
    site.edit("[tokens]", "[token]");
    let refused = site.serving().fails();
    assert!(refused.contains("config.toml:") && refused.contains("`token`"), "{refused}");
    let refused = site.serving().env("FEEDPASS_LOG", "=loud=").fails();
    assert!(refused.contains("the log filter is wrong"), "{refused}");
}

#[test]
fn people_read_the_log_as_text_where_they_ask_for_it() {
    let site = Site::example();
    let server = site.serving().args(["--log-format", "human", "--log", "info"]).serves();
    let line = server.log.after(|| server.signal("HUP"), "configuration reloaded");
    assert!(line.contains(" INFO ") && !line.contains('{'), "{line}");
}

/// The next connection; a test without one fails and does not wait for ever.
fn accepted_in_time(listener: &TcpListener) -> TcpStream {
    let listener = listener.try_clone().unwrap();
    let (tell, accepted) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(listener.accept().unwrap().0));
    accepted.recv_timeout(Duration::from_secs(30)).expect("feedpass asks STS")
}

fn reloads(server: &Server<'_>, act: impl FnOnce()) {
    server.log.after(act, "configuration reloaded");
}
