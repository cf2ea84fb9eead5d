//! Who may have what.

use http::Method;

use crate::support::{Reply, TestApp};

const PATH: &str = "/v1/spaces/default/feeds/images/credentials";

/// The same words of `reply`, with the name of what was asked for taken out.
fn words_without(reply: &Reply, name: &str) -> String {
    reply.text().replace(name, "NAME")
}

#[tokio::test]
async fn who_does_not_prove_who_it_is_gets_nothing_and_is_told_how() {
    const MISSING: (&str, &str) = (
        "credentials_missing",
        "no credentials came with the request; send `Authorization: Bearer SECRET`, or Basic with the client's id and \
         secret",
    );
    const MALFORMED: (&str, &str) = (
        "credentials_malformed",
        "the Authorization header cannot be read; send exactly one, `Bearer SECRET`, or Basic with the client's id and \
         secret",
    );
    const REFUSED: (&str, &str) =
        ("credentials_refused", "the secret is not valid; ask an administrator for the client's current one");
    let app = TestApp::start().await;
    let right = format!("Bearer {}", TestApp::secret_of("ci"));
    for (headers, (code, detail)) in [
        (vec![], MISSING),
        (vec![""], MALFORMED),
        (vec!["Bearer"], MALFORMED),
        (vec!["Bearer "], MALFORMED),
        (vec!["ci-secret-0123456789"], MALFORMED),
        (vec!["Digest username=ci"], MALFORMED),
        (vec!["AWS4-HMAC-SHA256 Credential=x"], MALFORMED),
        (vec!["Basic %%%"], MALFORMED),
        (vec!["Basic Y2k="], MALFORMED),
        (vec![&right, &right], MALFORMED),
        (vec![&right, "Bearer wrong"], MALFORMED),
        (vec!["Bearer wrong"], REFUSED),
        (vec!["Bearer ci-secret-012345678"], REFUSED),
        (vec!["Bearer ci:ci-secret-0123456789"], REFUSED),
        // `ci:` with the secret of nobody, and nobody with the secret of `ci`.
        (vec!["Basic Y2k6d3Jvbmc="], REFUSED),
        (vec!["Basic bm9ib2R5OmNpLXNlY3JldC0wMTIzNDU2Nzg5"], REFUSED),
    ] {
        let request = app.internal(Method::POST, PATH);
        let request = headers.iter().fold(request, |request, value| request.header("authorization", value));
        let reply = request.send().await;
        assert_eq!(reply.status_and_code(), (401, code.into()), "{headers:?}");
        assert_eq!(reply.detail(), detail, "{headers:?}");
        assert_eq!(reply.json()["whose_move"], "caller");
        let challenges: Vec<_> = reply.headers.get_all("www-authenticate").iter().collect();
        assert_eq!(challenges, [r#"Bearer realm="feedpass""#, r#"Basic realm="feedpass", charset="UTF-8""#]);
        assert_eq!(reply.header("cache-control"), "no-store");
    }
    assert_eq!(app.calls(), (0, 0), "AWS hears of none of them");
}

#[tokio::test]
async fn a_feed_that_is_not_the_callers_looks_like_one_that_is_not_there() {
    let app = TestApp::builder()
        .feed("default/images")
        .feed("default/secret-plans")
        .client("ci", &["default/images"], &["pull", "token"])
        .start()
        .await;
    for last in ["credentials", "token"] {
        let ask = async |feed: &str| app.post_as("ci", &format!("/v1/spaces/default/feeds/{feed}/{last}")).await;
        let (theirs, nobodys) = (ask("secret-plans").await, ask("no-such-feed").await);
        assert_eq!(theirs.status_and_code(), (404, "feed_not_found".into()));
        assert_eq!(
            theirs.detail(),
            "client `ci` has no grant that reaches a feed `default/secret-plans`; its grants cover `default/images`; \
             an administrator can grant more"
        );
        assert_eq!(words_without(&theirs, "secret-plans"), words_without(&nobodys, "no-such-feed"));
        let names = |reply: &Reply| reply.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&theirs), names(&nobodys));
    }
}

#[tokio::test]
async fn a_feed_that_is_granted_and_not_there_looks_the_same() {
    let app = TestApp::builder().feed("default/images").client("ci", &["default/*"], &["pull"]).start().await;
    let reply = app.credentials("ci", "default/no-such-feed").await;
    assert_eq!(reply.status_and_code(), (404, "feed_not_found".into()));
}

#[tokio::test]
async fn a_client_without_grants_is_told_so() {
    let app = TestApp::builder().feed("default/images").client("ci", &[], &[]).start().await;
    let reply = app.credentials("ci", "default/images").await;
    assert_eq!(reply.status_and_code(), (404, "feed_not_found".into()));
    assert_eq!(
        reply.detail(),
        "client `ci` has no grant that reaches a feed `default/images`; it has no grants at all; an administrator can \
         grant more"
    );
}

#[tokio::test]
async fn an_action_that_is_not_granted_is_refused_and_those_that_are_are_named() {
    let app = TestApp::builder()
        .feed("default/images")
        .client("puller", &["default/images"], &["pull"])
        .client("signer", &["default/images"], &["session", "token"])
        .client("pusher", &["default/images"], &["push"])
        .start()
        .await;
    let token = PATH.replace("/credentials", "/token");
    for (client, path, detail) in [
        (
            "puller",
            &*token,
            "client `puller` may not ask that of feed `default/images`: it takes the action `token`, and its grants \
             give `pull`; an administrator can grant more",
        ),
        (
            "signer",
            PATH,
            "client `signer` may not ask that of feed `default/images`: it takes the action `pull` or `push`, and its \
             grants give `token`, `session`; an administrator can grant more",
        ),
    ] {
        let reply = app.post_as(client, path).await;
        assert_eq!(reply.status_and_code(), (403, "action_not_granted".into()));
        assert_eq!(reply.detail(), detail);
        assert_eq!(reply.json()["whose_move"], "caller");
    }
    assert_eq!(app.post_as("pusher", PATH).await.status, 200, "who may push may ask for credentials");
}

#[tokio::test]
async fn a_grant_that_was_taken_away_counts_on_the_next_request() {
    let app = TestApp::start().await;
    let held = app.credentials("ci", "default/images").await.password();
    app.change_clients(|clients| clients.client("ci", &["default/charts"], &["pull", "token"]));
    let host = "/v1/registries/123456789012.dkr.ecr.us-east-1.amazonaws.com/credentials";
    for path in [PATH, host, &PATH.replace("/credentials", "/token")] {
        assert_eq!(app.post_as("ci", path).await.status, 404, "{path}, though credentials are held");
    }
    app.change_clients(|clients| clients.client("ci", &["default/images"], &["pull"]));
    assert_eq!(app.credentials("ci", "default/images").await.password(), held, "put back, what is held serves");
    app.change_clients(|clients| clients.client("cd", &["default/images"], &["pull"]));
    assert_eq!(app.credentials("ci", "default/images").await.status_and_code(), (401, "credentials_refused".into()));
    assert_eq!(app.credentials("cd", "default/images").await.password(), held);
    assert_eq!(app.calls(), (1, 1));
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_are_live() {
    let (old, new) = ("old-secret-0123456789", "new-secret-0123456789");
    let app = TestApp::builder()
        .feed("default/images")
        .client_with_secrets("ci", &[old, new], &["default/images"], &["pull"])
        .start()
        .await;
    let with = async |secret: &str| app.internal(Method::POST, PATH).bearer(secret).send().await.status.as_u16();
    assert_eq!((with(old).await, with(new).await), (200, 200));
    app.change_clients(|clients| clients.client_with_secrets("ci", &[new], &["default/images"], &["pull"]));
    assert_eq!((with(old).await, with(new).await), (401, 200));
}

#[tokio::test]
async fn all_feeds_of_a_space_are_those_of_no_other() {
    let app = TestApp::builder()
        .feed("team-a/images")
        .feed("team-ab/images")
        .feed("team/images")
        .client("ci", &["team-a/*"], &["pull"])
        .start()
        .await;
    assert_eq!(app.credentials("ci", "team-a/images").await.status, 200);
    for other in ["team-ab/images", "team/images"] {
        let reply = app.credentials("ci", other).await;
        assert_eq!(reply.status_and_code(), (404, "feed_not_found".into()), "{other}");
    }
}
