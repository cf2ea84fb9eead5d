//! What a report of mistakes says.

use super::*;

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let report = report(include_str!("mistakes.toml"));
    insta::assert_snapshot!(report, @r#"
    config.toml: 25 mistakes

    config.toml: issuer
      found:    nothing
      expected: the URL that IAM is told, as in `issuer = "https://id.example.com"`

    config.toml:2: audience
      found:    the integer `7`
      expected: a string, in quotes

    config.toml:3: listen.internal_url
      found:    nothing
      expected: how clients reach `internal`, which is no loopback address: as in `https://feedpass.example.com`

    config.toml:4: listen.public
      found:    `8080`
      expected: an address: it is an IP address and a port, as in `127.0.0.1:8080` or `[::]:8080`

    config.toml:7: keys.store
      found:    `pkcs11:slot`
      expected: a key store: this version keeps keys in a directory, as in `directory:keys`

    config.toml:8: keys.algorithm
      found:    `PS256`
      expected: a signing algorithm: AWS STS accepts RS256, RS384, RS512, ES256 and ES384

    config.toml:9: keys.publish_before
      found:    a `rotate_every` that is not longer than `publish_before`
      expected: a longer one, as in `90d` and `24h`: each key is published for `publish_before` before it signs

    config.toml:11: tokens.lifetime
      found:    `1h`
      expected: a token lifetime: it is 1 to 15 minutes, as in `5m`

    config.toml:13: aws.endpoint
      found:    `http://emulator.example.com`
      expected: a URL: it is https: what is sent there is secret; http is for loopback addresses alone

    config.toml:14: spaces
      found:    unknown key `spaces`; did you mean `space`?
      expected: one of `issuer`, `audience`, `listen`, `store`, `audit`, `keys`, `tokens`, `limits`, `aws`, `sandbox`, `space`, `feed`, `client`, `workload_issuer`, `workload`

    config.toml:17: feed[0] "default/images" region
      found:    nothing
      expected: the registry's AWS region, as in `us-east-1`

    config.toml:20: feed[0] "default/images" regoin
      found:    unknown key `regoin`; did you mean `region`?
      expected: one of `space`, `slug`, `region`, `more_regions`, `registry`, `web_identity`, `access_key`, `ambient`, `assume_role`, `narrow_to_grants`

    config.toml:21: feed[0] "default/images" registry
      found:    the integer `123456789012`
      expected: a string, in quotes

    config.toml:23: feed[0] "default/images" web_identity.role_arn
      found:    `feedpass-images`
      expected: a role ARN: it is written as in `arn:aws:iam::123456789012:role/feedpass-images`

    config.toml:24: feed[1] "team-a/charts" registry
      found:    nothing
      expected: the account whose registry it is, 12 digits in quotes: no role says which

    config.toml:25: feed[1] "team-a/charts" space
      found:    `team-a`
      expected: a declared space: `default`; or one more `[[space]]`

    config.toml:28: feed[1] "team-a/charts" access_key.access_key_id
      found:    nothing
      expected: the key's id, as in `AKIAIOSFODNN7EXAMPLE`

    config.toml:28: feed[1] "team-a/charts" access_key.secret_access_key_file
      found:    nothing
      expected: the path of a file that holds the key's secret half

    config.toml:29: feed[1] "team-a/charts" access_key.id
      found:    unknown key `id`
      expected: one of `access_key_id`, `secret_access_key`, `secret_access_key_file`

    config.toml:30: client[0] "ci" secret_hash
      found:    nothing
      expected: `sha256:` and the hex of the secret's SHA-256, or a list of two while one is replaced; `printf %s "$SECRET" | sha256sum` makes one; for a client that workload rules of the store lead to, `[]`

    config.toml:32: client[0] "ci" secret
      found:    unknown key `secret`; did you mean `secret_hash`?
      expected: one of `id`, `secret_hash`, `secret_hash_file`, `public_keys`, `public_keys_file`, `grant`, `roles`

    config.toml:34: client[0] "ci" grant[0] feeds
      found:    a string
      expected: a list of feeds, as in `["default/images", "team-a/*"]`

    config.toml:37: client[0] "ci" grant[0] actions[1]
      found:    `fly`
      expected: an action: it is one of `pull`, `push`, `token`, `session` and `catalog`

    config.toml:39: client[0] "ci" grant[1] actions
      found:    nothing
      expected: a list of actions, as in `["pull", "token"]`

    config.toml:40: client[0] "ci" grant[1] feeds
      found:    an empty list
      expected: a list of feeds, as in `["default/images", "team-a/*"]`
    "#);
}

#[test]
fn what_is_not_toml_is_told_by_line_and_column() {
    insta::assert_snapshot!(report("issuer = \"x\n[listen\npublic = \"a\"\n"), @r#"
    config.toml: 2 mistakes

    config.toml:1:12
      found:    text that is not TOML: invalid basic string, expected `"`
      expected: TOML; see https://toml.io

    config.toml:2:8
      found:    text that is not TOML: unclosed table, expected `]`
      expected: TOML; see https://toml.io
    "#);
}

#[test]
fn a_file_that_is_not_there_is_a_mistake() {
    let error = Settings::load(Path::new("/nowhere/config.toml"), []).unwrap_err();
    insta::assert_snapshot!(error, @r"
    /nowhere/config.toml: 1 mistake

    /nowhere/config.toml
      found:    a file that cannot be read: No such file or directory (os error 2)
      expected: a TOML file; `--config FILE` names another
    ");
}

#[test]
fn a_program_reads_the_mistakes_too() {
    let place = Place::with("issuer = 'https://id.example.com'\n\n[listen]\npublik = '127.0.0.1:80'\n");
    let error = place.load(&[]).unwrap_err();
    let json = serde_json::to_string(error.mistakes()).unwrap().replace(&place.0.path().display().to_string(), "");
    insta::assert_snapshot!(json, @r#"[{"file":"/config.toml","line":4,"column":null,"variable":null,"key":"listen.publik","found":"unknown key `publik`; did you mean `public`?","expected":"one of `public`, `internal`, `trusted_proxies`, `internal_url`"}]"#);
}

#[test]
fn a_mistake_of_the_environment_names_the_variable() {
    let place = Place::with(CONTRACT);
    let report = place.report(&[
        ("FEEDPASS_CLIENT__0__GRANT__0__ACTIONS", "pull"),
        ("FEEDPASS_FEED__0__REGION", "moon"),
        ("FEEDPASS_FEED__1__SLUG", "charts"),
        ("FEEDPASS_LISTEN", "127.0.0.1:80"),
        ("FEEDPASS_LISTEN__PUBIC", "127.0.0.1:80"),
        ("FEEDPASS_SECRET", "hunter2"),
    ]);
    insta::assert_snapshot!(report, @r#"
    config.toml: 8 mistakes

    FEEDPASS_CLIENT__0__GRANT__0__ACTIONS: client[0] "ci" grant[0] actions
      found:    a string
      expected: a list of actions, as in `["pull", "token"]`

    FEEDPASS_FEED__0__REGION: feed[0] "default/images" region
      found:    `moon`
      expected: an AWS region: it is written as in `us-east-1`, `cn-north-1` or `us-gov-west-1`

    FEEDPASS_FEED__1__SLUG: feed[1] "charts" space
      found:    nothing
      expected: the slug of a declared space, as in `default`

    FEEDPASS_FEED__1__SLUG: feed[1] "charts" region
      found:    nothing
      expected: the registry's AWS region, as in `us-east-1`

    FEEDPASS_FEED__1__SLUG: feed[1] "charts" web_identity
      found:    nothing
      expected: the role that the feed assumes: `[feed.web_identity]` with a `role_arn`

    FEEDPASS_LISTEN: listen
      found:    a string
      expected: a table, `[listen]`

    FEEDPASS_LISTEN__PUBIC
      found:    a name that leads to no key
      expected: the keys on the way to a value, joined by `__`, as in `FEEDPASS_LISTEN__PUBLIC`

    FEEDPASS_SECRET: secret
      found:    unknown key `secret`
      expected: one of `issuer`, `audience`, `listen`, `store`, `audit`, `keys`, `tokens`, `limits`, `aws`, `sandbox`, `space`, `feed`, `client`, `workload_issuer`, `workload`
    "#);
}

#[test]
fn a_secret_is_never_repeated() {
    let place = Place::with(&format!(
        "{SMALL}store.url = 'mysql://u:hunter2@db'\naws.sts = 'http://u:hunter2@sts.example.com'\n\
         [[client]]\nid = 'a'\nsecret_hash = 'hunter2'\n[[client]]\nid = 'b'\nsecret_hash = ['hunter2', 5, 'hunter2']\n\
         [[client]]\nid = 'c'\nsecret_hash_file = 'hunter2'\n[[client]]\nid = 'd'\nsecret_hash_file = 'hashes'\n\
         [[client]]\nid = 'e'\nsecret_hash = 12345\nsecret = 'hunter2'\n"
    ));
    place.file("hashes", "hunter2\n");
    let error = place.load(&[("FEEDPASS_CLIENT__0__SECRET_HASH", "hunter2")]).unwrap_err();
    assert_eq!(error.mistakes().len(), 11, "{error}");
    for told in [error.to_string(), format!("{error:?}"), serde_json::to_string(error.mistakes()).unwrap()] {
        assert!(!told.contains("hunter2") && !told.contains("12345"), "{told}");
    }
    let settings = load(&format!("{SMALL}store.url = 'postgres://u:hunter2@db/feedpass'\n"));
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn a_passphrase_in_clear_beside_the_keys_is_a_mistake() {
    for more in ["", "keys.passphrase_file = 'passphrase'\n"] {
        let report = report(&format!("{SMALL}keys.passphrase = 'hunter2'\n{more}"));
        assert!(!report.contains("hunter2"));
        insta::allow_duplicates! {
            insta::assert_snapshot!(report, @r#"
            config.toml: 1 mistake

            config.toml:2: keys.passphrase
              found:    a secret in clear
              expected: `passphrase_file`, the path of a file that holds it, or the variable FEEDPASS_KEYS__PASSPHRASE: in clear beside the keys it protects nothing
            "#);
        }
    }
}

#[test]
fn a_passphrase_that_is_none_is_a_mistake() {
    let place = Place::with(&format!("{SMALL}keys.passphrase_file = 'hunter2'\n"));
    insta::assert_snapshot!(place.report(&[]), @r#"
    config.toml: 1 mistake

    config.toml:2: keys.passphrase_file
      found:    a file that cannot be read: No such file or directory (os error 2)
      expected: the path of a file that feedpass may read, from the configuration file's directory
    "#);
    place.file("hunter2", "\n");
    insta::assert_snapshot!(place.report(&[]), @r#"
    config.toml: 1 mistake

    config.toml:2: keys.passphrase_file
      found:    a file that holds something else
      expected: a passphrase: it has one character at least; leave the key out to have none
    "#);
    insta::assert_snapshot!(place.report(&[("FEEDPASS_KEYS__PASSPHRASE", "")]), @r#"
    config.toml: 1 mistake

    FEEDPASS_KEYS__PASSPHRASE: keys.passphrase
      found:    a value that is not shown here, since it may be a secret
      expected: a passphrase: it has one character at least; leave the key out to have none
    "#);
}

#[test]
fn a_size_of_keys_that_have_one_is_a_mistake() {
    insta::assert_snapshot!(report(&format!("{SMALL}keys.algorithm = 'ES256'\nkeys.rsa_bits = 4096\n")), @r#"
    config.toml: 1 mistake

    config.toml:3: keys.rsa_bits
      found:    `4096` beside `algorithm = "ES256"`
      expected: ES256 signs with P-256 keys, which have one size; leave it out
    "#);
    insta::assert_snapshot!(report(&format!("{SMALL}keys.algorithm = 'EdDSA'\nkeys.rsa_bits = 1024\n")), @r#"
    config.toml: 2 mistakes

    config.toml:2: keys.algorithm
      found:    `EdDSA`
      expected: a signing algorithm: AWS STS accepts RS256, RS384, RS512, ES256 and ES384

    config.toml:3: keys.rsa_bits
      found:    `1024`
      expected: a size of RSA keys: it is 2048, 3072 or 4096 bits
    "#);
}

#[test]
fn a_value_and_its_file_are_not_both_given() {
    let place = Place::with(&format!("{SMALL}[[client]]\nid = 'a'\nsecret_hash = '{HASH}'\nsecret_hash_file = 'x'\n"));
    insta::assert_snapshot!(place.report(&[]), @r#"
    config.toml: 1 mistake

    config.toml:5: client[0] "a" secret_hash_file
      found:    `secret_hash_file` beside `secret_hash`
      expected: one of the two
    "#);
    // One of them from the environment overrides the other.
    place.load(&[("FEEDPASS_CLIENT__0__SECRET_HASH", HASH)]).unwrap();
}

#[test]
fn no_text_makes_reading_panic() {
    use proptest::prelude::*;
    proptest!(ProptestConfig::with_cases(64), |(text in "\\PC{0,200}", at in 0_usize..2500, name in "[A-Z0-9_]{0,20}")| {
        let mut damaged = CONTRACT.to_owned();
        let at = (0..=at.min(damaged.len())).rev().find(|at| damaged.is_char_boundary(*at)).unwrap_or_default();
        damaged.insert_str(at, &text);
        for text in [text.as_str(), damaged.as_str()] {
            // What it says matters in other tests; here it has to come back with something.
            match Place::with(text).load(&[(&format!("FEEDPASS_{name}"), text)]) {
                Ok(_) => {}
                Err(error) => prop_assert!(!error.mistakes().is_empty()),
            }
        }
    });
}

#[test]
fn an_element_of_a_wrong_type_is_told_once() {
    insta::assert_snapshot!(report(&format!(
        "{SMALL}[[client]]\nid = 'a'\nsecret_hash = [1]\n[[client.grant]]\nfeeds = [2]\nactions = [true, 'fly']\n"
    )), @r#"
    config.toml: 4 mistakes

    config.toml:4: client[0] "a" secret_hash[0]
      found:    a value that is not shown here, since it may be a secret
      expected: a string, in quotes

    config.toml:6: client[0] "a" grant[0] feeds[0]
      found:    the integer `2`
      expected: a string, in quotes

    config.toml:7: client[0] "a" grant[0] actions[0]
      found:    the boolean `true`
      expected: a string, in quotes

    config.toml:7: client[0] "a" grant[0] actions[1]
      found:    `fly`
      expected: an action: it is one of `pull`, `push`, `token`, `session` and `catalog`
    "#);
}
