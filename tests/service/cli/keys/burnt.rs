//! The panic button, as whoever is in a hurry uses it.

use serde_json::{Value, json};

use super::{Keys, refused};

#[test]
fn the_panic_button_says_what_is_left_to_do_and_is_watched_to_its_end() {
    let keys = Keys::new();
    let _server = keys.serve(&[("FEEDPASS_SANDBOX__JWKS_CACHE", "1s")]);
    let burnt = keys.active();
    keys.site.client(["credentials", "default/images"]).works();

    let (code, said) = refused(keys.key(&["revoke", &burnt]));
    assert!(code == Some(2) && said.contains("--reason"), "{said}");
    let (code, said) = refused(keys.key(&["revoke", &burnt, "--reason", "a\nb", "--yes"]));
    assert!(code == Some(2) && said.contains("on one line"), "{said}");
    let said = keys.key(&["revoke", &burnt, "--reason", "it was in a backup"]).fails();
    assert!(said.contains(&format!("Key {burnt} is taken out of use for good")) && said.contains("--yes"), "{said}");
    let said = keys.key(&["revocation", &burnt]).fails();
    assert!(said.contains("key_not_revoked"), "{said}");
    assert_eq!(keys.active(), burnt, "nothing was changed so far");

    let said = keys.key(&["revoke", &burnt[..6], "--reason", "it was in a backup", "--yes"]).works();
    let new = keys.active();
    assert!(
        said.starts_with(&format!("Key {burnt} is revoked, and out of the JWKS. Key {new} signs now.\n")),
        "{said}"
    );
    for words in [
        "takes it no more from 20",
        "1 session   default/images  arn:aws:iam::123456789012:role/feedpass-images",
        "1 password  default/images  123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "# in account 123456789012\naws iam put-role-policy --role-name feedpass-images --policy-name EndSessionsOfBurntKey ",
        &format!("\nWatch it: feedpass key revocation {burnt} --wait\n"),
    ] {
        assert!(said.contains(words), "{words:?} in {said}");
    }
    let policy = said.split("--policy-document '").nth(1).unwrap().split('\'').next().unwrap();
    let policy: Value = serde_json::from_str(policy).unwrap();
    assert_eq!(policy["Statement"][0]["Effect"], "Deny");
    assert!(keys.key(&["revoke", &burnt, "--reason", "again", "--yes"]).fails().contains("key_in_wrong_state"));

    let early = keys.key(&["revocation", &burnt]).works();
    assert!(
        early.starts_with(&format!("Key {burnt} was revoked ")) && early.contains(": it was in a backup\n"),
        "{early}"
    );
    let watched = keys.key(&["revocation", &burnt, "--wait"]).run();
    assert_eq!(watched.code, Some(0), "{}", watched.stderr);
    let sts = "  STS for account 123456789012 in us-east-1: refused after ";
    assert!(
        watched.stdout.contains("  the public URL: refused after ") && watched.stdout.contains(sts),
        "{}",
        watched.stdout
    );
    assert!(watched.stdout.contains("Its private half was destroyed 20"), "{}", watched.stdout);
    assert!(watched.stderr.lines().all(|line| line.starts_with("refused in ")), "{}", watched.stderr);
    assert!(!keys.site.path("keys").join(format!("{burnt}.pem")).exists());
    let done = keys.key(&["revocation", &burnt, "--json", "--wait"]).gives_json();
    assert_eq!((&done["kid"], done["destroyed_at"].is_string()), (&json!(burnt), true));
    keys.site.client(["credentials", "default/images"]).works();
}

#[test]
fn a_successor_that_verifiers_know_takes_over_at_once() {
    let keys = Keys::new();
    let _server = keys.serve(&[]);
    let (burnt, staged) = (keys.active(), keys.staged());
    let revoke = ["revoke", &burnt, "--reason", "x", "--yes", "--successor"];
    let said = keys.key(&revoke).args([&staged[..7]]).works();
    assert!(said.contains(&format!("Key {staged} signs now.")), "{said}");
    let other = keys.staged();
    let said = keys.key(&["revoke", &other, "--reason", "x", "--yes"]).works();
    assert!(said.contains("It did not sign, so the active key stays."), "{said}");
    assert_eq!(keys.active(), staged);
}
