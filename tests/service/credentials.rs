//! Registry credentials: how they are asked for, and in which forms they come.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::TestApp;

const PATH: &str = "/v1/spaces/default/feeds/images/credentials";
const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

#[tokio::test]
async fn the_json_format_has_exactly_what_the_contract_says() {
    let app = TestApp::start().await;
    let reply = app.post_as("ci", PATH).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), "application/json");
    let expected = json!({
        "space": "default",
        "feed": "images",
        "registry": HOST,
        "username": "AWS",
        "password": reply.password(),
        "expires_at": "2026-11-23T23:00:00Z",
        "refresh_after": "2026-11-23T17:00:00Z",
    });
    assert_eq!(reply.json(), expected);
    let issued = app.sandbox().issued_secrets();
    assert!(issued.iter().any(|secret| secret.expose_secret() == reply.password()), "the password is ECR's");
}

#[tokio::test]
async fn times_are_whole_seconds_whatever_the_clock_says() {
    let app = TestApp::start().await;
    app.clock.advance(Duration::from_millis(1_987));
    let given = app.post_as("ci", PATH).await.json();
    assert_eq!(given["expires_at"], "2026-11-23T23:00:01Z", "ECR's own end, never a later one");
    assert_eq!(given["refresh_after"], "2026-11-23T17:00:01Z");
}

#[tokio::test]
async fn the_docker_config_format_is_a_config_json() {
    let app = TestApp::start().await;
    let password = app.post_as("ci", PATH).await.password();
    let reply = app.post_as("ci", &format!("{PATH}?format=docker-config")).await;
    assert_eq!(reply.header("content-type"), "application/json");
    let auth = BASE64_STANDARD.encode(format!("AWS:{password}"));
    assert_eq!(reply.json(), json!({ "auths": { HOST: { "auth": auth } } }));
}

#[tokio::test]
async fn the_pull_secret_format_is_a_kubernetes_secret() {
    let app = TestApp::start().await;
    let docker_config = app.post_as("ci", &format!("{PATH}?format=docker-config")).await.json();
    let mut secret = app.post_as("ci", &format!("{PATH}?format=pull-secret")).await.json();
    let data = secret["data"][".dockerconfigjson"].take();
    let decoded = BASE64_STANDARD.decode(data.as_str().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&decoded).unwrap(), docker_config);
    let expected = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "feedpass-default.images",
            "annotations": {
                "feedpass/expires-at": "2026-11-23T23:00:00Z",
                "feedpass/refresh-after": "2026-11-23T17:00:00Z",
            },
        },
        "type": "kubernetes.io/dockerconfigjson",
        "data": { ".dockerconfigjson": null },
    });
    assert_eq!(secret, expected);
}

#[tokio::test]
async fn the_password_format_is_the_password_and_nothing_else() {
    let app = TestApp::start().await;
    let password = app.post_as("ci", PATH).await.password();
    let reply = app.post_as("ci", &format!("{PATH}?format=password")).await;
    assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(reply.text(), password, "without a line end, which docker would take for a part of it");
}

#[tokio::test]
async fn no_answer_with_a_secret_may_be_kept_on_its_way() {
    let app = TestApp::start().await;
    let by_host = format!("/v1/registries/{HOST}/credentials");
    let token = PATH.replace("/credentials", "/token");
    let formats = ["json", "docker-config", "pull-secret", "password"].map(|format| format!("?format={format}"));
    let paths = formats.iter().flat_map(|format| [format!("{PATH}{format}"), format!("{by_host}{format}")]);
    for path in paths.chain([token]) {
        let reply = app.post_as("ci", &path).await;
        assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, "no-store"), "{path}");
        assert_eq!(reply.headers.get_all("cache-control").iter().count(), 1, "{path}");
    }
}

#[tokio::test]
async fn bearer_and_basic_give_the_same() {
    let app = TestApp::start().await;
    let bearer = app.post_as("ci", PATH).await;
    let secret = TestApp::secret_of("ci");
    let basic = app.internal(Method::POST, PATH).basic("ci", &secret).send().await;
    assert_eq!(basic.json(), bearer.json());
}

#[tokio::test]
async fn a_registry_is_found_by_each_of_its_hosts_and_answered_under_the_one_that_was_asked_for() {
    let app = TestApp::start().await;
    let password = app.post_as("ci", PATH).await.password();
    for (asked, answered) in [
        (HOST, HOST),
        ("123456789012.DKR.ECR.us-east-1.amazonaws.com", HOST),
        ("https%3A%2F%2F123456789012.dkr.ecr.us-east-1.amazonaws.com%2Fv2%2F", HOST),
        ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com"),
        ("123456789012.dkr-ecr.us-east-1.on.aws", "123456789012.dkr-ecr.us-east-1.on.aws"),
        ("123456789012.dkr-ecr-fips.us-east-1.on.aws", "123456789012.dkr-ecr-fips.us-east-1.on.aws"),
    ] {
        let reply = app.post_as("ci", &format!("/v1/registries/{asked}/credentials")).await;
        assert_eq!(reply.password(), password, "{asked}");
        assert_eq!(reply.json()["registry"], answered, "{asked}");
        let docker = app.post_as("ci", &format!("/v1/registries/{asked}/credentials?format=docker-config")).await;
        assert!(docker.json()["auths"][answered].is_object(), "docker goes by the host: {asked}");
    }
    assert_eq!(app.calls(), (1, 1), "one password serves all forms");
}

#[tokio::test]
async fn a_host_of_several_feeds_is_ambiguous_and_they_are_named() {
    let app = TestApp::builder()
        .feed("default/images")
        .feed("team-a/images")
        .feed("team-b/images")
        .client("ci", &["default/images", "team-a/*"], &["pull"])
        .client("cd", &["team-b/images"], &["push"])
        .start()
        .await;
    let path = format!("/v1/registries/{HOST}/credentials");
    let reply = app.post_as("ci", &path).await;
    assert_eq!(reply.status_and_code(), (409, "registry_ambiguous".into()));
    assert_eq!(
        reply.detail(),
        format!(
            "several feeds of client `ci` are at registry `{HOST}`: `default/images`, `team-a/images`; name one, \
             at /v1/spaces/SPACE/feeds/FEED/credentials, or for docker in FEEDPASS_FEED"
        )
    );
    assert_eq!(app.post_as("cd", &path).await.json()["space"], "team-b", "only the caller's own feeds count");
}

#[tokio::test]
async fn a_host_of_no_feed_of_the_callers_is_not_found_and_its_own_are_named() {
    let app = TestApp::start().await;
    for host in
        ["210987654321.dkr.ecr.us-east-1.amazonaws.com", "ghcr.io", "123456789012.dkr.ecr.us-west-2.amazonaws.com"]
    {
        let reply = app.post_as("ci", &format!("/v1/registries/{host}/credentials")).await;
        assert_eq!(reply.status_and_code(), (404, "registry_not_found".into()), "{host}");
        let expected = format!(
            "client `ci` has no grant for a feed at registry `{host}`; it may use `{HOST}`; an administrator can grant more"
        );
        assert_eq!(reply.detail(), expected);
    }
    assert_eq!(app.calls(), (0, 0));
}

#[tokio::test]
async fn the_registry_of_another_account_is_named_by_that_account() {
    let identity =
        "registry = \"210987654321\"\n[feed.web_identity]\nrole_arn = \"arn:aws:iam::123456789012:role/shared\"";
    let app = TestApp::builder()
        .feed_in("us-east-1", "default/shared", identity)
        .client("ci", &["default/shared"], &["pull"])
        .start()
        .await;
    let given = app.credentials("ci", "default/shared").await.json();
    assert_eq!(given["registry"], "210987654321.dkr.ecr.us-east-1.amazonaws.com");
    let by_host = app.post_as("ci", "/v1/registries/210987654321.dkr.ecr.us-east-1.amazonaws.com/credentials").await;
    assert_eq!(by_host.json(), given);
    let roles = app.post_as("ci", &format!("/v1/registries/{HOST}/credentials")).await;
    assert_eq!(roles.status, 404, "the role's own account is not the feed's registry");
}

#[tokio::test]
async fn each_partition_has_its_hosts_and_is_asked_in_the_feeds_region() {
    for (region, partition, host, dual_stack) in [
        ("eu-west-1", "aws", "dkr.ecr.eu-west-1.amazonaws.com", "dkr-ecr.eu-west-1.on.aws"),
        (
            "cn-north-1",
            "aws-cn",
            "dkr.ecr.cn-north-1.amazonaws.com.cn",
            "dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
        ),
        ("us-gov-west-1", "aws-us-gov", "dkr.ecr.us-gov-west-1.amazonaws.com", "dkr-ecr.us-gov-west-1.on.aws"),
    ] {
        let role = format!("role_arn = \"arn:{partition}:iam::123456789012:role/images\"");
        let app = TestApp::builder()
            .feed_in(region, "default/images", &role)
            .client("ci", &["default/images"], &["pull"])
            .start()
            .await;
        let reply = app.post_as("ci", PATH).await;
        // The sandbox names the host of the region that the request was signed for.
        assert_eq!(reply.json()["registry"], format!("123456789012.{host}"), "{}", reply.text());
        let may = "assumed-role/images/default.images@";
        let lines = app.lines().with(&format!("in {region} may"));
        assert!(lines.len() == 1 && lines[0].contains(may), "{lines:?}");
        let dual_stack = format!("123456789012.{dual_stack}");
        let by_host = app.post_as("ci", &format!("/v1/registries/{dual_stack}/credentials")).await;
        assert_eq!((by_host.password(), by_host.json()["registry"].as_str()), (reply.password(), Some(&*dual_stack)));
    }
}

#[tokio::test]
async fn feeds_of_one_role_are_never_given_each_others_credentials() {
    let role = "role_arn = \"arn:aws:iam::123456789012:role/shared\"";
    let app = TestApp::builder()
        .feed_with("default/images", role)
        .feed_with("default/charts", role)
        .feed_with("default/other-audience", &format!("{role}\naudience = \"other.example.com\""))
        .feed_in("eu-west-1", "default/elsewhere", role)
        .client("ci", &["default/*"], &["pull"])
        .start()
        .await;
    let mut passwords = Vec::new();
    for feed in ["images", "charts", "other-audience", "elsewhere"] {
        passwords.push(app.credentials("ci", &format!("default/{feed}")).await.password());
    }
    passwords.sort_unstable();
    passwords.dedup();
    assert_eq!((passwords.len(), app.calls()), (4, (4, 4)));
}

#[tokio::test]
async fn a_host_that_several_feeds_have_is_offered_once() {
    let role = "role_arn = \"arn:aws:iam::123456789012:role/images\"";
    let app = TestApp::builder()
        .feed("default/a")
        .feed_in("eu-west-1", "default/b", role)
        .feed("default/c")
        .client("ci", &["default/*"], &["pull"])
        .start()
        .await;
    let reply = app.post_as("ci", "/v1/registries/ghcr.io/credentials").await;
    let once = format!("it may use `123456789012.dkr.ecr.eu-west-1.amazonaws.com`, `{HOST}`; ");
    assert!(reply.detail().contains(&once), "{}", reply.detail());
}

#[tokio::test]
async fn feeds_that_aws_takes_for_one_are_still_told_apart() {
    let identity = "role_arn = \"arn:aws:iam::123456789012:role/shared\"\nsubject = [\"space\"]";
    let app = TestApp::builder()
        .feed_with("default/images", identity)
        .feed_with("default/secret-plans", identity)
        .client("ci", &["default/images"], &["pull"])
        .client("planner", &["default/secret-plans"], &["pull"])
        .start()
        .await;
    app.change_accounts(|accounts| accounts.roles.clear());
    assert_eq!(app.credentials("planner", "default/secret-plans").await.status, 502);
    let refused = app.credentials("ci", "default/images").await;
    assert_eq!(refused.status, 502);
    assert!(
        !refused.text().contains("secret-plans"),
        "who has no grant for a feed never hears of it: {}",
        refused.text()
    );
    app.change_accounts(|_| {});
    app.clock.advance(Duration::from_secs(10));
    assert_eq!(app.credentials("planner", "default/secret-plans").await.status, 200);
    assert_eq!(app.credentials("ci", "default/images").await.status, 200);
    let sessions = |feed: &str| app.lines().with(&format!("assumed-role/shared/default.{feed}@")).len();
    assert_eq!((sessions("images"), sessions("secret-plans")), (2, 2), "CloudTrail tells which feed it was");
}
