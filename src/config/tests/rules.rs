//! The rules between values, and what breaking one says.

use super::*;

#[test]
fn the_example_s_secret_opens_nothing_but_the_sandbox() {
    let example = "sha256:7434881f2b8625753cb0d00575290572fa3d4a94328c1e1ad016cc29785ea502";
    let client = format!("[[client]]\nid = 'ci'\nsecret_hash = '{example}'\n");
    assert!(Place::with(&format!("{SMALL}aws.endpoint = 'sandbox'\n{client}")).load(&[]).is_ok());
    for aws in ["", "aws.sts = 'https://sts.example.com'\n"] {
        let report = report(&format!("{SMALL}{aws}{client}"));
        assert!(report.contains("the hash of the secret in the example"), "{report}");
    }
}

#[test]
fn names_stand_once() {
    let (a, b) = (feed("a", "x", ""), feed("a", "x", ""));
    let client = |hash: &str| format!("[[client]]\nid = 'ci'\nsecret_hash = '{hash}'\n");
    let other = format!("sha256:{}", "0".repeat(64));
    insta::assert_snapshot!(report(&format!(
        "{SMALL}[[space]]\nslug = 'a'\n[[space]]\nslug = 'a'\n{a}{b}{}{}", client(HASH), client(&other)
    )), @r#"
    config.toml: 3 mistakes

    config.toml:5: space[1] "a" slug
      found:    `a`, which is declared on line 3 already
      expected: a slug that no other space has

    config.toml:14: feed[1] "a/x" slug
      found:    `a/x`, which is declared on line 8 already
      expected: a slug that no other feed of the space has

    config.toml:22: client[1] "ci" id
      found:    `ci`, which is declared on line 19 already
      expected: an id that no other client has
    "#);
}

#[test]
fn a_secret_tells_one_client() {
    let client = |id: &str| format!("[[client]]\nid = '{id}'\nsecret_hash = ['{HASH}']\n");
    insta::assert_snapshot!(report(&format!("{SMALL}{}{}", client("a"), client("b"))), @r#"
    config.toml: 1 mistake

    config.toml:7: client[1] "b" secret_hash[0]
      found:    the hash that another client has, on line 4
      expected: a secret of its own: it tells who is calling
    "#);
}

#[test]
fn a_client_with_a_key_needs_no_secret_and_keeps_the_private_half_to_itself() {
    let client = |keys: &str| format!("{SMALL}[[client]]\nid = 'ci'\npublic_keys = '{keys}'\n");
    let settings = Place::with(&client(r#"{"keys":[{"kty":"EC","kid":"a"}]}"#)).load(&[]).unwrap();
    assert_eq!(settings.clients[0].public_keys[0].kid(), Some("a"));
    for (keys, expected) in [
        (r#"{"keys":[{"kty":"EC","d":"hunter2"}]}"#, "the private half"),
        (r#"{"keys":[]}"#, "1 to 10 keys"),
        ("hunter2", "a JWK set"),
    ] {
        let report = report(&client(keys));
        assert!(report.contains(expected) && !report.contains("hunter2"), "{report}");
    }
}

#[test]
fn a_role_lies_in_the_partition_of_its_region() {
    let feed = feed("a", "x", "").replace("us-east-1", "cn-north-1");
    insta::assert_snapshot!(report(&format!("{SMALL}[[space]]\nslug = 'a'\n{feed}")), @r#"
    config.toml: 1 mistake

    config.toml:8: feed[0] "a/x" web_identity.role_arn
      found:    a role of partition `aws`
      expected: one of partition `aws-cn`, where region `cn-north-1` is: partitions trust nothing of each other
    "#);
}

#[test]
fn a_subject_without_its_space_is_of_one_space_only() {
    let spaces = "[[space]]\nslug = 'a'\n[[space]]\nslug = 'b'\n";
    let short = "web_identity.subject = ['feed']";
    let (a, b) = (feed("a", "x", short), feed("b", "x", short));
    insta::assert_snapshot!(report(&format!("{SMALL}{spaces}{a}{b}")), @r#"
    config.toml: 1 mistake

    config.toml:17: feed[1] "b/x" web_identity.subject
      found:    `feed:x`, which a feed of space `a` has too, on line 11
      expected: a subject that names the space, `["space", "feed"]`, or another audience: AWS would give each of the two feeds the other's identity
    "#);
    let other_audience = feed("b", "x", &format!("{short}\nweb_identity.audience = 'other'"));
    let other_slug = feed("b", "y", short);
    load(&format!("{SMALL}{spaces}{a}{other_audience}{other_slug}"));
    // In one space, feeds may share an identity: they share their tenant.
    let by_space = "web_identity.subject = ['space']";
    load(&format!("{SMALL}{spaces}{}{}", feed("a", "x", by_space), feed("a", "y", by_space)));
}

#[test]
fn real_aws_cannot_fetch_from_a_loopback_issuer() {
    let local = "issuer = 'http://127.0.0.1:8080'\n";
    insta::assert_snapshot!(report(local), @r#"
    config.toml: 1 mistake

    config.toml:1: issuer
      found:    `http://127.0.0.1:8080`
      expected: a public https URL, since AWS fetches the issuer's keys from there; or `endpoint = "sandbox"` below `[aws]`, to try feedpass without AWS
    "#);
    assert!(report(&format!("{local}[aws]\necr = 'http://127.0.0.1:1'\n")).contains("AWS fetches"));
    load(&format!("{local}[aws]\nendpoint = 'sandbox'\n"));
    load(&format!("{local}[aws]\nsts = 'http://127.0.0.1:1'\n"));
}

#[test]
fn the_sandbox_is_configured_where_it_is_used() {
    let sandbox = |endpoint: &str| {
        format!(
            "{SMALL}[aws]\nendpoint = '{endpoint}'\n[sandbox]\njwks_cache = '1m'\n[[sandbox.role]]\n\
             arn = 'arn:aws:iam::123456789012:role/x'\ntrust_policy = '{{}}'\npermissions_file = 'permissions.json'\n"
        )
    };
    insta::assert_snapshot!(report(&sandbox("aws").replace("permissions_file = 'permissions.json'", "")), @r#"
    config.toml: 1 mistake

    config.toml:4: sandbox
      found:    a section for a sandbox that is not used
      expected: `endpoint = "sandbox"` below `[aws]`, or no such section: nothing else would use it
    "#);
    let place = Place::with(&sandbox("sandbox"));
    place.file("permissions.json", "{\"Statement\": []}\n");
    let settings = place.load(&[]).unwrap();
    assert_eq!(settings.files(), [place.0.path().join("permissions.json")]);
    let AwsEndpoint::Sandbox(sandbox) = settings.aws else { panic!("{:?}", settings.aws) };
    assert_eq!(sandbox.jwks_cache, "1m".parse().unwrap());
    assert_eq!(sandbox.roles[0].permissions.as_deref(), Some("{\"Statement\": []}"));
    assert_eq!(sandbox.roles[0].max_session_duration.as_secs(), 3600);
}

#[test]
fn the_sandbox_caches_keys_as_told() {
    let file = |sandbox: &str| format!("{SMALL}[aws]\nendpoint = 'sandbox'\n[sandbox]\n{sandbox}\n");
    let caches = |settings: Settings| {
        let AwsEndpoint::Sandbox(sandbox) = settings.aws else { panic!("{:?}", settings.aws) };
        (sandbox.jwks_unknown_kid, sandbox.jwks_caches.get())
    };
    assert_eq!(caches(load(&file(""))), (UnknownKid::Fetch, 1));
    assert_eq!(caches(load(&file("jwks_unknown_kid = 'wait'\njwks_caches = 16"))), (UnknownKid::Wait, 16));
    let variables = [("FEEDPASS_SANDBOX__JWKS_CACHES", "3"), ("FEEDPASS_SANDBOX__JWKS_UNKNOWN_KID", "wait")];
    assert_eq!(caches(Place::with(&file("")).load(&variables).unwrap()), (UnknownKid::Wait, 3));
    insta::assert_snapshot!(report(&file("jwks_unknown_kid = 'refuse'\njwks_caches = 17")), @r"
    config.toml: 2 mistakes

    config.toml:5: sandbox.jwks_unknown_kid
      found:    `refuse`
      expected: what is done about an unknown `kid`: it is `fetch` or `wait`

    config.toml:6: sandbox.jwks_caches
      found:    `17`
      expected: a number of caches: it is 1 to 16
    ");
    insta::assert_snapshot!(report(&file("jwks_unknown_kid = true\njwks_caches = [1]")), @r"
    config.toml: 2 mistakes

    config.toml:5: sandbox.jwks_unknown_kid
      found:    the boolean `true`
      expected: a string, in quotes

    config.toml:6: sandbox.jwks_caches
      found:    a list
      expected: a whole number, 1 to 16
    ");
    assert!(report(&file("jwks_caches = 0")).contains("a number of caches: it is 1 to 16"));
}

#[test]
fn a_sandbox_role_is_checked_like_one_of_aws() {
    insta::assert_snapshot!(report(&format!(
        "{SMALL}[aws]\nendpoint = 'sandbox'\n[sandbox]\nlisten = '0.0.0.0:80'\n[[sandbox.role]]\n\
         arn = 'arn:aws:iam::123456789012:role/x'\ntrust_policy = '{{'\nmax_session_duration = '15m'\n"
    )), @r#"
    config.toml: 3 mistakes

    config.toml:5: sandbox.listen
      found:    `0.0.0.0:80`
      expected: a loopback address: it is on this machine, as in `127.0.0.1:0`: the sandbox answers whoever reaches it

    config.toml:8: sandbox.role[0] "arn:aws:iam::123456789012:role/x" trust_policy
      found:    `{`
      expected: a policy: it is JSON, which this is not: EOF while parsing an object at line 1 column 1

    config.toml:9: sandbox.role[0] "arn:aws:iam::123456789012:role/x" max_session_duration
      found:    `15m`
      expected: a role's maximum session duration: it is 1 to 12 hours, as in `1h`
    "#);
}

#[test]
fn an_endpoint_is_one_thing() {
    insta::assert_snapshot!(report(&format!("{SMALL}[aws]\nendpoint = 'sandbox'\nsts = 'https://sts.example.com'\n")), @r"
    config.toml: 1 mistake

    config.toml:4: aws.sts
      found:    a URL for one service beside `endpoint`
      expected: `endpoint` alone, or `sts` and `ecr` without it
    ");
    let settings = load(&format!("{SMALL}[aws]\nendpoint = 'http://localhost:4566'\n"));
    let AwsEndpoint::Custom { sts: Some(sts), ecr: Some(ecr) } = settings.aws else { panic!("{:?}", settings.aws) };
    assert_eq!((sts.as_str(), ecr.as_str()), ("http://localhost:4566/", "http://localhost:4566/"));
}

#[test]
fn a_limit_is_a_number_in_its_range_or_off() {
    insta::assert_snapshot!(report(&format!(
        "{SMALL}listen.trusted_proxies = ['10.0.0.0/33', 'proxy.example.com']\n[limits]\nclient_rate = 0\n\
         client_burst = 'off'\nclient_concurrency = true\naddress_rate = -1\naddress_burst = 1000001\n\
         address_concurrency = 'many'\nfailed_window = '0s'\n"
    )), @r#"
    config.toml: 9 mistakes

    config.toml:2: listen.trusted_proxies[0]
      found:    `10.0.0.0/33`
      expected: an address or a network: it is written as in `10.0.0.7`, `10.1.0.0/16` or `2001:db8::/32`

    config.toml:2: listen.trusted_proxies[1]
      found:    `proxy.example.com`
      expected: an address or a network: it is written as in `10.0.0.7`, `10.1.0.0/16` or `2001:db8::/32`

    config.toml:4: limits.client_rate
      found:    `0`
      expected: a limit: it is 1 to 1000000, or `off` for no such limit

    config.toml:5: limits.client_burst
      found:    `off`
      expected: a limit: it is 1 to 1000000; where the rate is off there is no burst either

    config.toml:6: limits.client_concurrency
      found:    the boolean `true`
      expected: a whole number, or `"off"`

    config.toml:7: limits.address_rate
      found:    `-1`
      expected: a limit: it is 1 to 1000000, or `off` for no such limit

    config.toml:8: limits.address_burst
      found:    `1000001`
      expected: a limit: it is 1 to 1000000; where the rate is off there is no burst either

    config.toml:9: limits.address_concurrency
      found:    `many`
      expected: a limit: it is 1 to 1000000, or `off` for no such limit

    config.toml:10: limits.failed_window
      found:    `0s`
      expected: a window: it is 1 second to 24 hours, as in `1m`
    "#);
}

#[test]
fn lines_of_the_audit_trail_are_kept_for_a_day_at_least() {
    insta::assert_snapshot!(report(&format!("{SMALL}[audit]\nkeep_for = '23h'\nfile = ''\n")), @r"
    config.toml: 2 mistakes

    config.toml:3: audit.keep_for
      found:    `23h`
      expected: how long lines are kept: it is at least a day, as in `365d`

    config.toml:4: audit.file
      found:    ``
      expected: a file: it is a path, as in `audit.jsonl`
    ");
    let place = Place::with(&format!("{SMALL}[audit]\nkeep_for = '1d'\nfile = 'audit.jsonl'\n"));
    let audit = place.load(&[]).unwrap().audit;
    assert_eq!(audit.keep_for.as_duration().as_secs(), 86_400);
    assert_eq!(audit.file, Some(place.0.path().join("audit.jsonl")));
}
