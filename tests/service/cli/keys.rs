//! `feedpass key …`, as an admin uses it.

mod brought;
mod burnt;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::manage::{admin, bootstrap};
use crate::process::{Invocation, Lines, Server, Site};
use crate::support::keys::sha256;

/// A feedpass with an admin.
struct Keys {
    site: Site,
    secret: String,
}

impl Keys {
    fn new() -> Self {
        let site = Site::example();
        let secret = bootstrap(&site);
        site.remember(&secret);
        Self { site, secret }
    }

    /// Keys of a curve are made in no time.
    fn serve(&self, policy: &[(&str, &str)]) -> Server<'_> {
        let serving = self.site.serving().env("FEEDPASS_KEYS__ALGORITHM", "ES256");
        policy.iter().fold(serving, |serving, (name, value)| serving.env(name, value)).serves()
    }

    fn key(&self, arguments: &[&str]) -> Invocation<'_> {
        admin(&self.site, &self.secret, &["key"]).args(arguments)
    }

    /// The ids of the keys in `state`.
    fn kids(&self, state: &str) -> Vec<String> {
        let listed = self.key(&["list", "--json"]).gives_json();
        let keys = listed["items"].as_array().unwrap().iter();
        keys.filter(|key| key["state"] == state).map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    fn active(&self) -> String {
        self.kids("active").pop().unwrap()
    }

    /// The id of a key that is published by `key stage`.
    fn staged(&self) -> String {
        let staged = self.key(&["stage", "--json", "--reason", "before a holiday"]).gives_json();
        staged["kid"].as_str().unwrap().to_owned()
    }
}

/// The code and the words of a command that is told to try otherwise.
fn refused(command: Invocation<'_>) -> (Option<i32>, String) {
    let done = command.run();
    assert_eq!(done.stdout, "");
    (done.code, done.stderr)
}

const A_MOMENT: (&str, &str) = ("FEEDPASS_KEYS__PUBLISH_BEFORE", "3s");

#[test]
fn a_rotation_is_waited_for_until_the_new_key_signs() {
    let keys = Keys::new();
    let _server = keys.serve(&[A_MOMENT]);
    let old = keys.active();
    let waited = keys.key(&["rotate", "--wait", "--reason", "a new broom"]).run();
    assert_eq!(waited.code, Some(0), "{}", waited.stderr);
    let new = keys.active();
    assert!(waited.stdout.starts_with(&format!("key {new} signs since ")), "{}", waited.stdout);
    let shown: Vec<&str> = waited.stderr.lines().collect();
    assert_eq!(shown[0], format!("a rotation has begun: key {new} is published"));
    assert!(shown[1..].iter().all(|line| line.starts_with("published; signs from ")), "{shown:?}");
    assert!(shown.last().unwrap().contains("the public URL shows it"), "{shown:?}");
    assert_eq!(keys.kids("retiring"), std::slice::from_ref(&old));

    let table = keys.key(&["list"]).works();
    let [titles, active, retiring] = table.lines().collect::<Vec<_>>()[..] else { panic!("{table}") };
    assert!(titles.starts_with("KID ") && titles.contains("LIVE TOKENS"), "{titles}");
    let [kid, algorithm, state, _since, next, ..] = active.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{active}")
    };
    assert_eq!([kid, algorithm, state, next], [&*new, "ES256", "active", "signs"]);
    let [kid, algorithm, state, _since, next, ..] = retiring.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{table}")
    };
    assert_eq!([kid, algorithm, state, next], [&*old, "ES256", "retiring", "leaves"]);

    let back = keys.key(&["rollback", "--reason", "a verifier that we forgot"]).works();
    assert_eq!(back, format!("key {old} signs again\n"));
    assert_eq!((keys.active(), keys.kids("retiring")), (old.clone(), vec![new]));
    let (code, said) = refused(keys.key(&["rollback"]));
    assert!(code == Some(2) && said.contains("--reason"), "{said}");
    let shown = keys.key(&["show", &old[..8]]).works();
    assert!(shown.contains("active, after a rollback"), "{shown}");
}

#[test]
fn a_plan_says_what_happens_when_and_what_each_step_waits_for() {
    let keys = Keys::new();
    let _server = keys.serve(&[("FEEDPASS_KEYS__ALGORITHM", "RS256")]);
    let old = keys.active();
    let plan = keys.key(&["plan"]).works();
    let steps: Vec<&str> = plan.lines().filter(|line| !line.starts_with("     waits for ")).collect();
    let [stage, sign, retire, about] = steps[..] else { panic!("{plan}") };
    assert!(
        stage.starts_with("1. publish a new RS256 (2048 bits) key: ") && stage.ends_with(" (in 88 days)"),
        "{plan}"
    );
    assert!(sign.starts_with("2. have it sign: ") && sign.ends_with(" (in 89 days)"), "{plan}");
    assert!(retire.starts_with(&format!("3. take {old} out of the JWKS: at the earliest ")), "{plan}");
    assert_eq!(about, "It is about 1 feed in 1 account: 123456789012");
    let now = keys.key(&["plan", "--now"]).works();
    assert!(now.contains("(now)") && now.contains("waits for being published for 1d"), "{now}");
    assert_eq!(keys.kids("published"), [""; 0], "a plan does nothing");

    let begun = keys.key(&["rotate"]).works();
    let new = keys.kids("published").pop().unwrap();
    assert!(
        begun.starts_with(&format!("a rotation has begun: key {new} is published\n1. have {new} sign: ")),
        "{begun}"
    );
    let resumed = keys.key(&["rotate", "--json"]).gives_json();
    assert_eq!((&resumed["kid"], &resumed["resumed"]), (&json!(new), &json!(true)));
    let again = keys.key(&["rotate"]).works();
    assert!(again.starts_with(&format!("the rotation to key {new}, which is published already, goes on\n")), "{again}");
    assert_eq!(keys.key(&["plan", "--json"]).gives_json()["steps"][0]["kid"], new);
}

#[test]
fn who_stops_waiting_does_not_stop_the_rotation() {
    let keys = Keys::new();
    let _server = keys.serve(&[]);
    let mut command = Command::new(keys.site.bin().join("feedpass"));
    command.args(["key", "rotate", "--wait"]).env("FEEDPASS_URL", keys.site.url()).env("FEEDPASS_TOKEN", &keys.secret);
    let mut waiting = command.stderr(Stdio::piped()).spawn().unwrap();
    let said = Lines::of(waiting.stderr.take().unwrap());
    said.wait_for(&["published; signs from "]).expect("it says how far it is");
    let interrupt = ["-c", &format!("kill -INT {}", waiting.id())];
    assert!(Command::new("sh").args(interrupt).status().unwrap().success());
    assert_eq!(waiting.wait().unwrap().code(), Some(1), "the key does not sign yet");
    assert!(said.to_end().contains("the rotation goes on"), "{}", said.to_end());
    let listed = keys.key(&["list", "--json"]).gives_json();
    assert_eq!(
        (&listed["items"][1]["state"], &listed["items"][1]["promote_when_due"]),
        (&json!("published"), &json!(true))
    );
}

#[test]
fn a_step_that_is_too_early_says_from_when_on_and_is_forced_with_a_reason() {
    let keys = Keys::new();
    let _server = keys.serve(&[("FEEDPASS_KEYS__ALGORITHM", "RS256")]);
    let old = keys.active();
    let staged = keys.key(&["stage"]).works();
    let new = keys.kids("published").pop().unwrap();
    assert!(staged.starts_with(&format!("key {new} is published; it signs from ")), "{staged}");
    assert!(staged.contains("may it sign now? no: opens at "), "{staged}");
    let shown = keys.key(&["show", &new]).works();
    for row in
        ["key ", "kind ", "state ", "published ", "signs from ", "may it sign now? ", "live tokens ", "evidence "]
    {
        assert!(shown.lines().any(|line| line.starts_with(row)), "{row:?} in {shown}");
    }

    let (code, said) = refused(keys.key(&["promote", &new]));
    assert!(code == Some(1) && said.contains("may sign from 20") && said.contains("published for 1d"), "{said}");
    assert_eq!(said.matches("may sign from").count(), 1, "{said}");
    assert!(said.contains("key_not_known_yet"), "{said}");
    for wrong in [&["promote", &new, "--force"][..], &["promote", &new, "--reason", "x"], &["promote"]] {
        assert_eq!(refused(keys.key(wrong)).0, Some(2), "{wrong:?}");
    }
    let promoted = keys.key(&["promote", &new, "--force", "--reason", "the old one is weak"]).works();
    assert_eq!(promoted, format!("key {new} signs now\n"));

    keys.site.client(["token", "default/images"]).works();
    let (code, said) = refused(keys.key(&["retire", &old]));
    assert!(code == Some(1) && said.contains("may leave from 20") && said.contains("tokens_still_accepted"), "{said}");
    let (code, said) = refused(keys.key(&["retire", &new]));
    assert!(code == Some(1) && said.contains("promote another first") && said.contains("key_is_active"), "{said}");
    assert_eq!(refused(keys.key(&["retire", &old, "--force"])).0, Some(2));
    let retired = keys.key(&["retire", &old, "--force", "--reason", "nobody has its tokens"]).works();
    assert!(
        retired.starts_with(&format!("key {old} is out of the JWKS, and its private half is destroyed; ")),
        "{retired}"
    );
    assert!(!keys.site.path("keys").join(format!("{old}.pem")).exists());
    let told = keys.key(&["rollback", "--reason", "x"]).fails();
    assert!(told.contains("nothing_to_roll_back_to"), "{told}");
}

#[test]
fn a_key_is_named_by_the_beginning_of_its_id() {
    let keys = Keys::new();
    let server = keys.serve(&[]);
    let active = keys.active();
    for beginning in [&active[..4], &active[..42], &active] {
        let shown = keys.key(&["show", beginning, "--json"]).gives_json();
        assert_eq!(shown["kid"], active, "{beginning}");
    }
    let other = if active.starts_with("zzzz") { "yyyy" } else { "zzzz" };
    let said = keys.key(&["show", other]).fails();
    assert_eq!(
        said,
        format!("feedpass: no key's id begins with `{other}`; `feedpass key list` shows those there are\n")
    );
    let said = keys.key(&["show", &other.repeat(11)[..43]]).fails();
    assert!(said.contains("key_not_found"), "a whole id is the server's to look up: {said}");
    for wrong in [&active[..3], "no/key", &format!("{active}A")] {
        let (code, said) = refused(keys.key(&["show", wrong]));
        assert!(code == Some(2) && said.contains("the first 4 characters"), "{said}");
    }
    drop(server);

    let kids = ["abcd".repeat(11)[..43].to_owned(), format!("abcde{}", "A".repeat(38))];
    let keys_of = json!({ "items": kids.iter().map(|kid| json!({ "kid": kid })).collect::<Vec<_>>() });
    let stub = answering("200 OK", &keys_of);
    let said = keys.key(&["show", "abcd", "--server", &stub]).fails();
    assert!(said.contains("`abcd` begins the ids of 2 keys; give more of it: "), "{said}");
    assert!(kids.iter().all(|kid| said.contains(kid)), "{said}");
    let problem = json!({ "status": 503, "code": "audit_unavailable", "detail": "no", "whose_move": "operator" });
    let stub = answering("503 Service Unavailable", &problem);
    let said = keys.key(&["revoke", "abcd", "--reason", "x", "--yes", "--server", &stub]).fails();
    assert!(
        said.contains("give the whole id, as the public JWKS has it") && said.contains("audit_unavailable"),
        "{said}"
    );
}

/// A server that gives the same answer to one request.
fn answering(status: &str, body: &Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = body.to_string();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    std::thread::spawn(move || {
        let mut asked = listener.accept().unwrap().0;
        let _ = asked.read(&mut [0; 4096]).unwrap();
        asked.write_all(answer.as_bytes()).unwrap();
    });
    url
}

#[test]
fn who_has_no_role_for_keys_is_told_so() {
    let keys = Keys::new();
    let hash = sha256("the-auditor-s-own-secret");
    keys.site
        .append(&format!("[[client]]\nid = \"auditor\"\nsecret_hash = \"sha256:{hash}\"\nroles = [\"auditor\"]\n"));
    let _server = keys.serve(&[]);
    let auditor = |arguments: &[&str]| admin(&keys.site, "the-auditor-s-own-secret", &["key"]).args(arguments);
    assert!(auditor(&["list"]).works().contains("active"));
    let reason = ["--reason", "x"];
    for command in [&["stage"][..], &["rotate", "--wait"], &["rollback"]] {
        let told = auditor(command).args(reason).fails();
        assert!(told.contains("role_missing") && told.contains("whose move: yours"), "{command:?}: {told}");
    }
    let active = keys.active();
    assert!(auditor(&["revoke", &active, "--yes"]).args(reason).fails().contains("role_missing"));
    for command in [&["list"][..], &["plan"], &["show", &active]] {
        assert!(keys.site.client(["key"]).args(command).fails().contains("role_missing"), "{command:?}");
    }
    let problem: Value = serde_json::from_str(&keys.site.client(["key", "list", "--json"]).fails()).unwrap();
    assert_eq!((&problem["status"], &problem["code"]), (&json!(403), &json!("role_missing")));
}

#[test]
fn what_stands_beside_the_keys_is_told() {
    let keys = Keys::new();
    let _server = keys.serve(&[]);
    keys.site.write("keys/old.pem", "something");
    let told = (0..1000).map(|_| keys.key(&["list"]).run().stderr).find(|told| !told.is_empty());
    assert_eq!(
        told.as_deref(),
        Some("beside the keys, and none of feedpass's: old.pem; `feedpass key import` brings a key in\n")
    );
}
