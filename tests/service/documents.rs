//! What AWS fetches.

use http::Method;
use insta::{assert_json_snapshot, assert_snapshot};

use crate::support::TestApp;

#[tokio::test]
async fn discovery_names_what_iam_asks_for() {
    let app = TestApp::start().await;
    let reply = app.public(Method::GET, "/.well-known/openid-configuration").send().await;
    assert_snapshot!(reply.status, @"200 OK");
    let json = reply.json();
    assert_eq!(json["issuer"], app.issuer());
    assert_eq!(json["jwks_uri"], format!("{}/.well-known/jwks", app.issuer()));
    assert_eq!(json["token_endpoint"], format!("http://{}/oauth2/token", app.app.internal_address()));
    assert_json_snapshot!(json, {".issuer" => "…", ".jwks_uri" => "…", ".token_endpoint" => "…"}, @"");
}

#[tokio::test]
async fn both_documents_can_be_kept_and_asked_for_again() {
    let app = TestApp::start().await;
    for path in ["/.well-known/openid-configuration", "/.well-known/jwks", "/.well-known/jwks.json"] {
        let reply = app.public(Method::GET, path).send().await;
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.header("cache-control"), "public, max-age=300");
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        let etag = reply.header("etag");
        for value in [etag.to_owned(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".into()] {
            let again = app.public(Method::GET, path).header("if-none-match", &value).send().await;
            assert_eq!((again.status.as_u16(), again.body.len(), again.header("etag")), (304, 0, etag), "{value}");
        }
        let other = app.public(Method::GET, path).header("if-none-match", "\"other\"").send().await;
        assert_eq!(other.status, 200);
        let head = app.public(Method::HEAD, path).send().await;
        assert_eq!((head.status.as_u16(), head.body.len(), head.header("etag")), (200, 0, etag));
        assert_eq!(head.header("content-length"), reply.body.len().to_string());
    }
}
