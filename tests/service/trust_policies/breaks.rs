//! Ways to break a trust policy.

use serde_json::{Value, json};

use super::SUBJECT;

/// What is done, the code that has to be told of it, and what does it to a good policy.
pub(super) type Break = (&'static str, &'static str, Box<dyn Fn(&mut Value)>);

/// What puts `value` at `pointer`.
fn set(pointer: &'static str, value: Value) -> Box<dyn Fn(&mut Value)> {
    Box::new(move |policy| *policy.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value.clone())
}

/// Ways to keep the feed out; each code has to come first. `prefix` is the issuer without its scheme, with a path.
pub(super) fn breaks(prefix: &str) -> Vec<Break> {
    let host = prefix.split('/').next().unwrap();
    [of_whom(prefix, host), of_keys(prefix, host), of_values(prefix), of_statements()].into_iter().flatten().collect()
}

fn of_whom(prefix: &str, host: &str) -> Vec<Break> {
    let provider = |resource: String| format!("arn:aws:iam::123456789012:oidc-provider/{resource}");
    let federated = |value: String| set("/Statement/0/Principal/Federated", value.into());
    vec![
        (
            "another account's provider",
            "provider_other_account",
            federated(provider(prefix.into()).replace("123456789012", "210987654321")),
        ),
        (
            "another partition's",
            "provider_other_partition",
            federated(provider(prefix.into()).replace("arn:aws:", "arn:aws-cn:")),
        ),
        ("the scheme in its ARN", "provider_has_scheme", federated(provider(format!("https://{prefix}")))),
        ("a slash at its end", "provider_trailing_slash", federated(provider(format!("{prefix}/")))),
        ("the path left out", "provider_path_missing", federated(provider(host.to_owned()))),
        ("capitals in it", "provider_case", federated(provider(prefix.to_uppercase()))),
        (
            "another issuer's",
            "provider_other_issuer",
            federated(provider("token.actions.githubusercontent.com".into())),
        ),
        ("a URL in place of an ARN", "provider_not_an_arn", federated(format!("https://{prefix}"))),
        ("a SAML provider", "provider_not_oidc", federated("arn:aws:iam::123456789012:saml-provider/corp".into())),
        (
            "an AWS principal",
            "principal_not_federated",
            set("/Statement/0/Principal", json!({ "AWS": "123456789012" })),
        ),
        ("sts:AssumeRole", "action_assume_role", set("/Statement/0/Action", "sts:AssumeRole".into())),
        ("SAML's action", "action_saml", set("/Statement/0/Action", "sts:AssumeRoleWithSAML".into())),
        ("another action", "action_differs", set("/Statement/0/Action", "sts:TagSession".into())),
    ]
}

fn of_keys(prefix: &str, host: &str) -> Vec<Break> {
    let (sub, aud) = (format!("{prefix}:sub"), format!("{prefix}:aud"));
    let renamed = |from: &str, to: String| -> Box<dyn Fn(&mut Value)> {
        let from = from.to_owned();
        Box::new(move |policy| {
            let equals = policy["Statement"][0]["Condition"]["StringEquals"].as_object_mut().unwrap();
            let value = equals.remove(&from).unwrap();
            equals.insert(to.clone(), value);
        })
    };
    let also = |condition: Value| -> Box<dyn Fn(&mut Value)> {
        Box::new(move |policy| {
            let all = policy["Statement"][0]["Condition"].as_object_mut().unwrap();
            all.extend(condition.as_object().unwrap().clone());
        })
    };
    vec![
        ("a key with the scheme", "key_has_scheme", renamed(&sub, format!("https://{sub}"))),
        ("a key with a slash", "key_trailing_slash", renamed(&sub, format!("{prefix}/:sub"))),
        ("a key without the path", "key_path_missing", renamed(&aud, format!("{host}:aud"))),
        (
            "a key of another issuer",
            "key_other_issuer",
            renamed(&sub, "token.actions.githubusercontent.com:sub".into()),
        ),
        ("a space in a key", "key_stray_character", renamed(&sub, format!(" {sub}"))),
        (
            "a claim that is never sent",
            "claim_not_sent",
            also(json!({ "StringLike": { format!("{prefix}:azp"): "*" } })),
        ),
        ("a key that is never sent", "key_not_sent", also(json!({ "StringLike": { "sts:ExternalId": "x" } }))),
    ]
}

fn of_values(prefix: &str) -> Vec<Break> {
    let (sub, aud) = (format!("{prefix}:sub"), format!("{prefix}:aud"));
    let equals = |key: &str, value: &str| -> Box<dyn Fn(&mut Value)> {
        let (key, value) = (key.to_owned(), value.to_owned());
        Box::new(move |policy| policy["Statement"][0]["Condition"]["StringEquals"][&key] = value.as_str().into())
    };
    let with = |operator: &'static str, key: &str, value: &str| -> Box<dyn Fn(&mut Value)> {
        let (key, value) = (key.to_owned(), value.to_owned());
        Box::new(move |policy| {
            let condition = policy["Statement"][0]["Condition"].as_object_mut().unwrap();
            condition["StringEquals"].as_object_mut().unwrap().remove(&key);
            condition.insert(operator.into(), json!({ &*key: value }));
        })
    };
    vec![
        ("the seed's own colon", "stray_character", equals(&aud, "id.example.com:")),
        ("a space after the subject", "stray_character", equals(&sub, "space:default:feed:images ")),
        ("a slash after the audience", "stray_character", equals(&aud, "id.example.com/")),
        ("quotes in the subject", "stray_character", equals(&sub, "\"space:default:feed:images\"")),
        ("a zero-width space", "stray_character", equals(&sub, "space:default:feed:\u{200B}images")),
        ("the audience as a URL", "audience_has_scheme", equals(&aud, "https://id.example.com")),
        ("another audience", "audience_differs", equals(&aud, "sts.amazonaws.com")),
        ("capitals in the subject", "value_case", equals(&sub, "space:Default:feed:images")),
        ("the parts in another order", "subject_order", equals(&sub, "feed:images:space:default")),
        ("a part left out", "subject_parts", equals(&sub, "feed:images")),
        ("another feed", "subject_differs", equals(&sub, "space:default:feed:charts")),
        ("a pattern that fits another", "subject_pattern_differs", with("StringLike", &sub, "space:other:*")),
        ("a star in StringEquals", "wildcard_in_string_equals", equals(&sub, "space:default:feed:*")),
        ("StringNotEquals", "negated_condition", with("StringNotEquals", &sub, SUBJECT)),
    ]
}

fn of_statements() -> Vec<Break> {
    vec![
        (
            "a Deny",
            "explicit_deny",
            Box::new(|policy: &mut Value| {
                let deny = json!({ "Effect": "Deny", "Principal": "*", "Action": "sts:*" });
                policy["Statement"].as_array_mut().unwrap().push(deny);
            }),
        ),
        (
            "Deny alone",
            "nothing_allowed",
            Box::new(|policy: &mut Value| {
                policy["Statement"][0]["Effect"] = "Deny".into();
                policy["Statement"][0]["Principal"]["Federated"] =
                    "arn:aws:iam::123456789012:oidc-provider/other".into();
            }),
        ),
        // What IAM would not take at all.
        (
            "a resource",
            "policy_malformed",
            Box::new(|policy: &mut Value| policy["Statement"][0]["Resource"] = "*".into()),
        ),
        (
            "an operator that there is not",
            "operator_unknown",
            Box::new(|policy: &mut Value| {
                policy["Statement"][0]["Condition"] = json!({ "StringEqual": { "a:b": "c" } });
            }),
        ),
        ("no JSON", "policy_not_json", Box::new(|policy: &mut Value| *policy = Value::String(format!("{policy},")))),
    ]
}

/// Ways to let more in than was meant: the code that has to be among the warnings.
pub(super) fn warned(prefix: &str) -> Vec<Break> {
    let (sub, aud) = (format!("{prefix}:sub"), format!("{prefix}:aud"));
    let conditions = |conditions: Value| -> Box<dyn Fn(&mut Value)> {
        Box::new(move |policy| policy["Statement"][0]["Condition"] = conditions.clone())
    };
    let exact = json!({ &*sub: SUBJECT, &*aud: "id.example.com" });
    vec![
        (
            "no condition on the subject",
            "no_subject_condition",
            conditions(json!({ "StringEquals": { &*aud: "id.example.com" } })),
        ),
        (
            "no condition at all",
            "no_subject_condition",
            Box::new(|policy: &mut Value| {
                policy["Statement"][0].as_object_mut().unwrap().remove("Condition");
            }),
        ),
        (
            "no condition on the audience",
            "no_audience_condition",
            conditions(json!({ "StringEquals": { &*sub: SUBJECT } })),
        ),
        (
            "a star after part of a slug",
            "wildcard_crosses_colon",
            conditions(json!({
            "StringEquals": { &*aud: "id.example.com" }, "StringLike": { &*sub: "space:default*" } })),
        ),
        (
            "a star for the space",
            "wildcard_crosses_colon",
            conditions(json!({
            "StringEquals": { &*aud: "id.example.com" }, "StringLike": { &*sub: "space:*:feed:images" } })),
        ),
        (
            "a star alone",
            "wildcard_crosses_colon",
            conditions(json!({
            "StringEquals": { &*aud: "id.example.com" }, "StringLike": { &*sub: "*" } })),
        ),
        (
            "a star for the audience",
            "wildcard_audience",
            conditions(json!({
            "StringLike": { &*aud: "*" }, "StringEquals": { &*sub: SUBJECT } })),
        ),
        ("ForAllValues", "for_all_values", conditions(json!({ "ForAllValues:StringEquals": exact }))),
        ("IfExists", "if_exists", conditions(json!({ "StringEqualsIfExists": exact }))),
        (
            "negation alone",
            "no_subject_condition",
            conditions(json!({
            "StringEquals": { &*aud: "id.example.com" }, "StringNotEquals": { &*sub: "space:other:feed:x" } })),
        ),
        (
            "everyone",
            "principal_everyone",
            Box::new(|policy: &mut Value| policy["Statement"][0]["Principal"] = "*".into()),
        ),
        (
            "IfExists on a misspelt key",
            "key_has_scheme",
            conditions(json!({
            "StringEquals": exact, "StringEqualsIfExists": { format!("https://{prefix}:sub"): SUBJECT } })),
        ),
        (
            "capitals in a key",
            "key_case",
            conditions(json!({ "StringEquals": {
            format!("{}:sub", prefix.to_uppercase()): SUBJECT, &*aud: "id.example.com" } })),
        ),
    ]
}
