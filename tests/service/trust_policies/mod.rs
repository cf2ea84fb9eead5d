//! What AWS has to allow a feed, and whether a trust policy does: each way of breaking one is named as what it is.

mod breaks;

use http::Method;
use serde_json::{Value, json};

use self::breaks::{breaks, warned};
use crate::support::aws::{assume_role, policy};
use crate::support::{Reply, TestApp, TestAppBuilder};

const PATH: &str = "/v1/spaces/default/feeds/images/trust-policy";
const SUBJECT: &str = "space:default:feed:images";

/// An issuer with a path, feeds with roles of their own, and a client `ci` that may look at one of them.
fn usual() -> TestAppBuilder {
    TestApp::builder()
        .issuer_path("/tenants/a")
        .feed("default/images")
        .feed("default/charts")
        .feed("default-2/images")
        .client("ci", &["default/images"], &["catalog", "token"])
        .operator("root", &["admin"])
}

async fn needed(app: &TestApp) -> Value {
    let reply = app.get_as("ci", PATH).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

async fn good(app: &TestApp) -> Value {
    needed(app).await["roles"][0]["trust_policy"].clone()
}

async fn check(app: &TestApp, policy: &Value) -> Value {
    let reply = checked(app, "ci", policy).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

async fn checked(app: &TestApp, client: &str, policy: &Value) -> Reply {
    app.ask(client, Method::POST, &format!("{PATH}/check"), &json!({ "policy": policy })).await
}

/// The issuer without its scheme, as in `127.0.0.1:8080/tenants/a`.
fn prefix(app: &TestApp) -> String {
    app.issuer().split_once("://").unwrap().1.to_owned()
}

#[tokio::test]
async fn each_way_to_break_a_policy_is_named_first() {
    let app = usual().start().await;
    let good = good(&app).await;
    assert_eq!(check(&app, &good).await["findings"], json!([]), "nothing is wrong with the good one");
    let breaks = breaks(&prefix(&app));
    assert!(breaks.len() >= 35);
    for (what, code, break_it) in breaks {
        let mut broken = good.clone();
        break_it(&mut broken);
        let checked = check(&app, &broken).await;
        assert_eq!(checked["allowed"], false, "{what}: {checked:#}");
        let first = &checked["findings"][0];
        assert_eq!((&first["code"], &first["severity"]), (&json!(code), &json!("error")), "{what}: {checked:#}");
        for member in ["detail", "fix"] {
            assert!(first[member].as_str().unwrap().len() > 10, "{what}: {first:#}");
        }
        if code == "explicit_deny" {
            assert_eq!(checked["patched"], Value::Null, "whether a Deny may go is its author's to say");
            continue;
        }
        let mended = check(&app, &checked["patched"]).await;
        assert_eq!((&mended["allowed"], &mended["findings"]), (&json!(true), &json!([])), "{what}: {mended:#}");
    }
}

#[tokio::test]
async fn the_sandbox_answers_as_the_check_foretells() {
    let app = usual().start().await;
    let good = good(&app).await;
    let token = app.post_as("ci", "/v1/spaces/default/feeds/images/token").await.json()["token"].clone();
    let mut all: Vec<(&str, Value)> = vec![("the good one", good.clone())];
    for (what, _, break_it) in breaks(&prefix(&app)).into_iter().chain(warned(&prefix(&app))) {
        let mut broken = good.clone();
        break_it(&mut broken);
        all.push((what, broken));
    }
    let mut judged = 0;
    for (what, document) in all {
        let Ok(read) = document.to_string().parse::<feedpass::iam::Policy>() else { continue };
        if read.check_kind(feedpass::iam::PolicyKind::Trust).is_err() {
            continue;
        }
        let foretold = check(&app, &document).await["allowed"] == true;
        app.change_accounts(|accounts| {
            let role = accounts.roles.iter_mut().find(|role| role.arn.name() == "feedpass-default-images").unwrap();
            role.trust_policy = policy(&document);
        });
        let answer = assume_role(&app, "images", token.as_str().unwrap()).await;
        assert_eq!(answer.status == 200, foretold, "{what}: {}", answer.text());
        judged += 1;
    }
    assert!(judged > 40, "{judged}");
}

#[tokio::test]
async fn what_lets_more_in_than_was_meant_is_a_warning() {
    let app = usual().start().await;
    let good = good(&app).await;
    for (what, code, change) in warned(&prefix(&app)) {
        let mut open = good.clone();
        change(&mut open);
        let checked = check(&app, &open).await;
        assert_eq!(checked["allowed"], true, "{what}: {checked:#}");
        let findings = checked["findings"].as_array().unwrap();
        assert!(findings.iter().all(|finding| finding["severity"] == "warning"), "{what}: {checked:#}");
        assert!(findings.iter().any(|finding| finding["code"] == code), "{what}: {checked:#}");
        let mended = check(&app, &checked["patched"]).await;
        assert_eq!(mended["findings"], json!([]), "{what}: {mended:#}");
    }
    // All feeds of a space, said so, is no mistake.
    let key = prefix(&app);
    let mut of_space = good.clone();
    of_space["Statement"][0]["Condition"] = json!({
        "StringEquals": { format!("{key}:aud"): "id.example.com" },
        "StringLike": { format!("{key}:sub"): "space:default:feed:*" },
    });
    let checked = app_codes(&check(&app, &of_space).await);
    assert_eq!(checked, ["admits_other_feeds"], "the neighbour has a role of its own");
}

fn app_codes(checked: &Value) -> Vec<String> {
    let findings = checked["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn feeds_that_are_let_in_are_named_to_those_who_may_see_them() {
    let app = usual().start().await;
    let mut open = good(&app).await;
    let key = format!("{}:sub", prefix(&app));
    open["Statement"][0]["Condition"]["StringEquals"].as_object_mut().unwrap().remove(&key);
    let seen = checked(&app, "root", &open).await.json();
    assert_eq!(seen["admits"], json!(["default/charts", "default-2/images"]));
    assert_eq!(
        seen["findings"][0]["detail"],
        "the policy lets in feeds whose role is another: `default/charts`, `default-2/images`"
    );
    let hidden = checked(&app, "ci", &open).await;
    assert_eq!((&hidden.json()["admits"], &hidden.json()["admits_unseen"]), (&json!([]), &json!(2)));
    assert!(!hidden.text().contains("charts"), "{}", hidden.text());
    assert_eq!(
        hidden.json()["findings"][0]["detail"],
        "the policy lets in feeds whose role is another: 2 that you may not see"
    );
}

#[tokio::test]
async fn a_feed_with_tags_needs_rights_of_their_own() {
    let tagged = "role_arn = \"arn:aws:iam::123456789012:role/feedpass-default-images\"\n\
        session_tags = { team = \"a\" }\nsource_identity = \"images\"";
    let app = TestApp::builder().feed_with("default/images", tagged).client("ci", &["default/images"], &["catalog"]);
    let app = app.start().await;
    let good = good(&app).await;
    let actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"];
    assert_eq!(good["Statement"][0]["Action"], json!(actions));
    assert_eq!(check(&app, &good).await["findings"], json!([]));
    for (left_out, code) in [(1, "tag_session_missing"), (2, "set_source_identity_missing")] {
        let mut poor = good.clone();
        poor["Statement"][0]["Action"].as_array_mut().unwrap().remove(left_out);
        let checked = check(&app, &poor).await;
        assert_eq!((&checked["allowed"], &checked["findings"][0]["code"]), (&json!(false), &json!(code)));
        assert_eq!(check(&app, &checked["patched"]).await["allowed"], true);
    }
}

#[tokio::test]
async fn mending_a_policy_for_one_feed_locks_out_no_other_of_its_role() {
    let shared = "role_arn = \"arn:aws:iam::123456789012:role/feedpass-default-images\"";
    let app = TestApp::builder().feed("default/images").feed_with("default/twin", shared);
    let app = app.client("ci", &["default/images", "default/twin"], &["catalog"]).start().await;
    let needed = needed(&app).await;
    assert_eq!(needed["shared_with"], json!(["default/twin"]));
    let policy = &needed["roles"][0]["trust_policy"];
    assert_eq!(policy["Statement"].as_array().unwrap().len(), 2, "it trusts both: {policy:#}");
    let key = prefix(&app);
    let mut broken = policy.clone();
    broken["Statement"] = json!([{
        "Sid": "Both", "Effect": "Allow", "Principal": policy["Statement"][0]["Principal"],
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": { "StringEquals": {
            format!("{key}:aud"): "id.example.com:",
            format!("{key}:sub"): ["space:default:feed:images", "space:default:feed:twin"],
        } },
    }]);
    let checked = check(&app, &broken).await;
    let patched = &checked["patched"]["Statement"][0];
    assert_eq!(patched["Sid"], "Both");
    let subjects = &patched["Condition"]["StringEquals"][format!("{key}:sub")];
    assert_eq!(*subjects, json!(["space:default:feed:images", "space:default:feed:twin"]));
}

#[tokio::test]
async fn a_role_that_others_share_unseen_is_told_of() {
    let shared = "role_arn = \"arn:aws:iam::123456789012:role/feedpass-default-images\"";
    let app = TestApp::builder().feed("default/images").feed_with("other/twin", shared);
    let app = app.client("ci", &["default/images"], &["catalog"]).start().await;
    let needed = needed(&app).await;
    assert_eq!((&needed["shared_with"], &needed["shared_unseen"]), (&json!([]), &json!(1)));
    assert!(!needed.to_string().contains("twin"), "{needed}");
}

#[tokio::test]
async fn who_may_not_look_is_told_as_of_a_feed_that_there_is_not() {
    let app = usual().client("cd", &["default/charts"], &["catalog"]).client("puller", &["default/images"], &["pull"]);
    let app = app.operator("reader", &["catalog_reader"]).operator("keys", &["key_admin"]).start().await;
    for (client, status, code) in
        [("cd", 404, "feed_not_found"), ("puller", 403, "action_not_granted"), ("keys", 404, "feed_not_found")]
    {
        let reply = app.get_as(client, PATH).await;
        assert_eq!(reply.status_and_code(), (status, code.into()), "{client}");
        assert_eq!(checked(&app, client, &json!({})).await.status_and_code(), (status, code.into()), "{client}");
    }
    assert_eq!(app.get_as("reader", PATH).await.status, 200, "a role that sees feeds sees what they need");
}

#[tokio::test]
async fn each_kind_of_identity_has_its_policies() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap();
    let far = "role_arn = \"arn:aws:iam::123456789012:role/first\"\n[feed.assume_role]\n\
        role_arn = \"arn:aws:iam::210987654321:role/ci/second\"\nexternal_id = \"agreed\"";
    let app = TestApp::builder().feed_with("default/far", far);
    let app = app.tables(&format!(
        "[[feed]]\nspace = \"default\"\nslug = \"keyed\"\nregion = \"us-east-1\"\nregistry = \"123456789012\"\n\
         [feed.access_key]\naccess_key_id = \"AKIAIOSFODNN7EXAMPLE\"\nsecret_access_key_file = \"{}\"\n",
        file.path().display()
    ));
    let app = app.client("ci", &["default/*"], &["catalog"]).start().await;
    let far = app.get_as("ci", "/v1/spaces/default/feeds/far/trust-policy?for=push").await.json();
    assert_eq!(far["roles"][0]["permissions"]["Statement"][0]["Action"], json!(["sts:AssumeRole"]));
    let second = &far["roles"][1];
    assert_eq!(
        second["trust_policy"]["Statement"],
        json!([{
            "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::123456789012:role/first" }, "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "sts:ExternalId": "agreed" } },
        }])
    );
    assert!(second["permissions"].to_string().contains("ecr:PutImage"));
    let keyed = app.get_as("ci", "/v1/spaces/default/feeds/keyed/trust-policy").await.json();
    assert_eq!((&keyed["provider"], &keyed["roles"]), (&Value::Null, &json!([])));
    let allowed = keyed["own_permissions"].to_string();
    for action in ["GetAuthorizationToken", "DescribeRepositories", "DescribeImages", "ListImages"] {
        assert!(allowed.contains(action), "{allowed}");
    }
    assert!(!allowed.contains("PutImage"));
    let path = "/v1/spaces/default/feeds/keyed/trust-policy/check";
    let refused = app.ask("ci", Method::POST, path, &json!({ "policy": {} })).await;
    assert_eq!(refused.status_and_code(), (409, "not_of_identity".into()));
}
