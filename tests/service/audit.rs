//! The audit trail as those see it who may: searched, followed, verified, and joined to lineage.

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::support::{START, TestApp};

/// Two spaces, a client for both, an auditor, and an admin of one space.
async fn start() -> TestApp {
    TestApp::builder()
        .feed("default/images")
        .feed("team-a/charts")
        .client("ci", &["default/*", "team-a/*"], &["pull", "token"])
        .operator("auditor", &["auditor"])
        .operator("a-admin", &["space_admin:team-a"])
        .start()
        .await
}

async fn items(app: &TestApp, client: &str, query: &str) -> Vec<Value> {
    let reply = app.get_as(client, &format!("/v1/admin/audit?{query}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("cache-control"), "no-store");
    reply.json()["items"].as_array().unwrap().clone()
}

fn numbers(items: &[Value]) -> Vec<i64> {
    items.iter().map(|item| item["seq"].as_i64().unwrap()).collect()
}

/// The next whole lines of a stream.
async fn next(body: &mut Incoming) -> Option<Vec<Value>> {
    let frame = tokio::time::timeout(Duration::from_secs(10), body.frame()).await.expect("lines, or an end");
    let text = frame?.unwrap().into_data().unwrap();
    Some(text.split(|c| *c == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect())
}

async fn stream(app: &TestApp, query: &str) -> Incoming {
    let request = app.internal(Method::GET, &format!("/v1/admin/audit/stream?{query}"));
    let response = request.bearer(&TestApp::secret_of("auditor")).open().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"application/jsonl".parse().unwrap())
    );
    response.into_body()
}

#[tokio::test]
async fn lines_are_found_by_what_they_are_about() {
    let app = start().await;
    app.credentials("ci", "default/images").await;
    app.credentials("ci", "default/nothing").await;
    let all = items(&app, "auditor", "order=oldest").await;
    assert_eq!(numbers(&all), [1, 2, 3, 4, 5]);
    let of = |seq: usize, member: &str| all[seq - 1][member].as_str().unwrap().to_owned();
    for (query, found) in [
        ("event=mint".to_owned(), vec![1]),
        ("outcome=refused&client=ci".to_owned(), vec![5]),
        ("feed=default/images".to_owned(), vec![4, 3, 2, 1]),
        (format!("kid={}&event=mint", of(1, "kid")), vec![1]),
        (format!("jti={}", of(1, "jti")), vec![2, 1]),
        (format!("session_name={}", of(2, "session_name")), vec![4, 3, 2]),
        (format!("aws_request_id={}", of(3, "aws_request_id")), vec![3]),
        (format!("until={START}"), vec![]),
        (format!("since={START}&event=credentials"), vec![5, 4]),
        ("since=2h&event=credentials&limit=1".to_owned(), vec![5]),
        ("until=1s&event=mint".to_owned(), vec![]),
        ("space=team-a".to_owned(), vec![]),
    ] {
        assert_eq!(numbers(&items(&app, "auditor", &query).await), found, "{query}");
    }
}

#[tokio::test]
async fn pages_join_without_a_gap() {
    let app = start().await;
    for _ in 0..3 {
        app.credentials("ci", "default/images").await;
    }
    for (order, expected) in [("newest", [6, 5, 4, 3, 2, 1]), ("oldest", [1, 2, 3, 4, 5, 6])] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let query = format!("order={order}&client=ci&limit=4{cursor}");
            let page = app.get_as("auditor", &format!("/v1/admin/audit?{query}")).await.json();
            found.extend(numbers(page["items"].as_array().unwrap()));
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, expected, "{order}");
    }
    let wrong = app.get_as("auditor", "/v1/admin/audit?limit=1001").await;
    assert_eq!(wrong.status_and_code(), (400, "invalid_parameters".into()));
    let wrong = app.get_as("auditor", "/v1/admin/audit?since=yesterday").await;
    assert!(wrong.detail().contains("how long ago, as in `2h`"), "{}", wrong.detail());
}

#[tokio::test]
async fn a_look_is_a_line_itself_that_says_at_what() {
    let app = start().await;
    items(&app, "auditor", "client=ci&since=2h").await;
    let looked = app.trail("admin_read").await;
    assert_eq!(looked.len(), 1);
    assert_eq!((&looked[0]["client"], &looked[0]["outcome"]), (&json!("auditor"), &json!("ok")));
    let filter = json!({ "since": "2026-11-23T09:00:00Z", "client": "ci" });
    assert_eq!(looked[0]["details"], json!({ "read": "audit", "filter": filter }));
    app.get_as("ci", "/v1/admin/audit").await;
    let looked = app.trail("admin_read").await;
    assert_eq!((&looked[1]["outcome"], &looked[1]["code"]), (&json!("refused"), &json!("role_missing")));
}

#[tokio::test]
async fn a_spaces_admin_sees_its_spaces_lines_alone() {
    let app = start().await;
    app.credentials("ci", "default/images").await;
    app.credentials("ci", "team-a/charts").await;
    assert_eq!(numbers(&items(&app, "a-admin", "").await), [8, 7, 6, 5]);
    for beyond in ["space=default", "feed=default/images", "seq=1&x=", "client=auditor"] {
        let reply = app.get_as("a-admin", &format!("/v1/admin/audit?{beyond}")).await;
        assert!(reply.status == 400 || reply.json()["items"] == json!([]), "{beyond}");
    }
    let refused = app.get_as("a-admin", "/v1/admin/audit/verify").await;
    assert_eq!(refused.status_and_code(), (403, "role_missing".into()));
    let trail = app.trail("mint").await;
    let [theirs, own] = trail.as_slice() else { panic!("{trail:?}") };
    let tokens = async |by: &str, value: &Value| {
        let path = format!("/v1/admin/lineage?{by}={}", value.as_str().unwrap());
        let keys = app.get_as("a-admin", &path).await.json()["keys"].clone();
        keys.as_array().unwrap().iter().map(|key| key["tokens"].as_array().unwrap().len()).sum::<usize>()
    };
    assert_eq!(tokens("jti", &theirs["jti"]).await, 0);
    assert_eq!(tokens("jti", &own["jti"]).await, 1);
    assert_eq!(tokens("kid", &own["kid"]).await, 1, "of a key that signed for both");
}

#[tokio::test]
async fn a_stream_sends_what_is_there_and_then_each_line_as_it_comes() {
    let app = start().await;
    app.credentials("ci", "default/images").await;
    let mut body = stream(&app, "after=2").await;
    assert_eq!(numbers(&next(&mut body).await.unwrap()), [3, 4, 5], "the look itself is the last");
    app.credentials("ci", "default/images").await;
    let lines = next(&mut body).await.unwrap();
    assert_eq!((numbers(&lines), &lines[0]["event"]), (vec![6], &json!("credentials")));
    assert!(lines[0]["hash"].as_str().unwrap().len() == 64);
    assert!(!app.lines().with("GET /v1/admin/audit/stream answered 200").is_empty(), "though it goes on");
    assert_eq!(app.trail("admin_read").await.len(), 1, "one look, however long");
    let mut refused = stream(&app, "outcome=refused").await;
    app.credentials("ci", "default/nothing").await;
    assert_eq!(numbers(&next(&mut refused).await.unwrap()), [8]);
}

#[tokio::test]
async fn a_stream_ends_with_feedpass_and_after_five_minutes() {
    let app = start().await;
    let mut body = stream(&app, "after=1").await;
    app.clock.advance(Duration::from_mins(5));
    assert_eq!(next(&mut body).await, None, "who asks is looked at again");
    let mut body = stream(&app, "after=2").await;
    app.app.audit().close();
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test]
async fn a_stream_that_is_silent_says_that_it_goes_on() {
    let app = start().await;
    let mut body = stream(&app, "after=1").await;
    let raw = async |body: &mut Incoming| body.frame().await.unwrap().unwrap().into_data().unwrap();
    for _ in 0..2 {
        app.clock.advance(Duration::from_secs(20));
        assert_eq!(raw(&mut body).await, "\n");
    }
    app.clock.advance(Duration::from_secs(19));
    app.credentials("ci", "default/images").await;
    while numbers(&next(&mut body).await.unwrap()).last() != Some(&5) {}
    app.clock.advance(Duration::from_secs(19));
    app.credentials("ci", "default/nothing").await;
    assert_eq!(numbers(&next(&mut body).await.unwrap()), [6], "counted from the last that was sent");
}

#[tokio::test]
async fn what_another_process_wrote_is_streamed_too() {
    let app = start().await;
    let mut body = stream(&app, "after=1").await;
    let line = json!({ "event": "change", "outcome": "ok" });
    let lines = vec![line.as_object().unwrap().clone()];
    app.app.audit().trail().append(lines, START.parse().unwrap()).await.unwrap();
    app.pass(Duration::from_millis(600)).await;
    assert_eq!(numbers(&next(&mut body).await.unwrap()), [2]);
}

#[tokio::test]
async fn the_chain_is_verified_and_a_seen_line_found_in_it() {
    let app = start().await;
    app.credentials("ci", "default/images").await;
    let report = app.get_as("auditor", "/v1/admin/audit/verify").await.json();
    assert_eq!((&report["intact"], &report["lines"], &report["last"]), (&json!(true), &json!(4), &json!(4)));
    let hash = report["hash"].as_str().unwrap();
    let again = app.get_as("auditor", &format!("/v1/admin/audit/verify?expect=4:{hash}")).await.json();
    assert_eq!((&again["intact"], &again["expected"], &again["lines"]), (&json!(true), &json!("found"), &json!(5)));
    let other = app.get_as("auditor", &format!("/v1/admin/audit/verify?expect=3:{hash}")).await.json();
    assert_eq!((&other["intact"], &other["broken"]["seq"]), (&json!(false), &json!(3)));
    let wrong = app.get_as("auditor", "/v1/admin/audit/verify?expect=4").await;
    assert_eq!(wrong.status_and_code(), (400, "invalid_parameters".into()));
}

#[tokio::test]
async fn lineage_leads_from_anything_to_everything() {
    let app = start().await;
    app.credentials("ci", "default/images").await;
    app.credentials("ci", "default/images").await;
    app.post_as("ci", "/v1/spaces/default/feeds/images/token").await;
    let trail = app.trail("").await;
    let [mint, assumed, authorized, ..] = trail.as_slice() else { panic!("{trail:?}") };
    let text = |line: &Value, member: &str| line[member].as_str().unwrap().to_owned();
    let (kid, jti, session) = (text(mint, "kid"), text(mint, "jti"), text(assumed, "session_name"));
    let by_token = app.get_as("auditor", &format!("/v1/admin/lineage?jti={jti}")).await.json();
    let given = |times: i64| json!({ "client": "ci", "first_at": START, "last_at": START, "times": times });
    let expected = json!({
        "jti": jti, "feed": "default/images", "minted_at": START, "expires_at": "2026-11-23T11:05:00Z",
        "live_until": "2026-11-23T11:10:00Z", "live": true, "asked_by": "ci", "given_to": [], "refusals": [],
        "sessions": [{
            "session_name": session, "role": assumed["role"], "aws_request_id": assumed["aws_request_id"],
            "assumed_at": START, "expires_at": "2026-11-23T12:00:00Z", "live": true,
            "credentials": [{
                "registry": authorized["registry"], "aws_request_id": authorized["aws_request_id"],
                "obtained_at": START, "expires_at": "2026-11-23T23:00:00Z", "live": true,
            }],
            "given_to": [given(2)],
        }],
    });
    assert_eq!(by_token["keys"], json!([{ "kid": kid, "tokens": [expected] }]));
    for (by, value) in [
        ("session", session),
        ("aws_request_id", text(assumed, "aws_request_id")),
        ("aws_request_id", text(authorized, "aws_request_id")),
    ] {
        let found = app.get_as("auditor", &format!("/v1/admin/lineage?{by}={value}")).await.json();
        assert_eq!(found["keys"], by_token["keys"], "{by}");
    }
    for (by, value) in [("kid", kid.as_str()), ("feed", "default/images")] {
        let found = app.get_as("auditor", &format!("/v1/admin/lineage?{by}={value}&limit=1")).await.json();
        assert_eq!(
            (&found["truncated"], &found["keys"][0]["tokens"][0]["given_to"]),
            (&json!(true), &json!([given(1)]))
        );
        let path = format!("/v1/admin/lineage?{by}={value}&limit=1&cursor={}", found["next"].as_str().unwrap());
        let rest = app.get_as("auditor", &path).await.json();
        assert_eq!((&rest["keys"], &rest["truncated"]), (&by_token["keys"], &json!(false)), "{by}");
    }
    app.clock.advance(Duration::from_mins(61));
    let later = app.get_as("auditor", &format!("/v1/admin/lineage?jti={jti}")).await.json();
    let token = &later["keys"][0]["tokens"][0];
    let live = [&token["live"], &token["sessions"][0]["live"], &token["sessions"][0]["credentials"][0]["live"]];
    assert_eq!(live, [&json!(false), &json!(false), &json!(true)], "the password outlives its session");
    let two = app.get_as("auditor", "/v1/admin/lineage?kid=a&jti=b").await;
    assert_eq!(two.status_and_code(), (400, "invalid_parameters".into()));
}

#[tokio::test]
async fn an_event_of_cloudtrail_is_known_by_whatever_it_has() {
    let app = start().await;
    app.credentials("ci", "default/images").await;
    let trail = app.trail("assume_role").await;
    let (request, session) = (&trail[0]["aws_request_id"], trail[0]["session_name"].as_str().unwrap());
    let arn = format!("arn:aws:sts::123456789012:assumed-role/feedpass-default-images/{session}");
    let event = |more: Value| {
        let mut event = json!({ "eventName": "X", "eventID": "e", "eventTime": "2026-11-23T11:01:00Z" });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let ask = async |body: &Value| {
        let request = app.internal(Method::POST, "/v1/admin/lineage").bearer(&TestApp::secret_of("auditor"));
        request.body(body.to_string()).send().await
    };
    for (more, by) in [
        (json!({ "requestID": request }), "requestID"),
        (
            json!({ "requestID": "other", "requestParameters": { "roleSessionName": session } }),
            "requestParameters.roleSessionName",
        ),
        (json!({ "userIdentity": { "principalId": format!("AROAEXAMPLE:{session}") } }), "userIdentity.principalId"),
        (json!({ "userIdentity": { "principalId": "AROAEXAMPLE", "arn": arn } }), "userIdentity.arn"),
        (
            json!({ "userIdentity": { "type": "WebIdentityUser", "userName": "space:default:feed:images" } }),
            "userIdentity.userName",
        ),
    ] {
        let found = ask(&event(more)).await.json();
        assert_eq!(found["records"][0]["matched"]["by"], by);
        assert_eq!(found["keys"][0]["tokens"][0]["sessions"][0]["session_name"], session, "{by}");
    }
    let strange =
        event(json!({ "userIdentity": { "principalId": "AIDAEXAMPLE:bob" }, "eventTime": "2026-11-23T10:00:00Z" }));
    let early = event(
        json!({ "userIdentity": { "userName": "space:default:feed:images" }, "eventTime": "2026-11-23T10:00:00Z" }),
    );
    let several = ask(&json!({ "Records": [event(json!({ "requestID": request })), strange, early] })).await.json();
    let matched: Vec<_> = several["records"].as_array().unwrap().iter().map(|r| r["matched"].is_object()).collect();
    assert_eq!((matched, several["keys"][0]["tokens"].as_array().unwrap().len()), (vec![true, false, false], 1));
    for wrong in [json!([]), json!({ "Records": 5 }), json!({ "eventID": "e" })] {
        assert_eq!(ask(&wrong).await.status_and_code(), (400, "invalid_body".into()), "{wrong}");
    }
}

#[tokio::test]
async fn old_lines_go_and_a_line_tells_of_it() {
    let app = start().await;
    app.credentials("ci", "default/images").await;
    app.clock.advance(Duration::from_hours(366 * 24));
    let mut body = stream(&app, "event=pruned").await;
    let lines = next(&mut body).await.unwrap();
    assert_eq!(lines[0]["details"]["lines"], lines[0]["details"]["through"]);
    let report = app.get_as("auditor", "/v1/admin/audit/verify").await.json();
    assert_eq!((&report["intact"], &report["pruned_through"]), (&json!(true), &lines[0]["details"]["through"]));
}

#[tokio::test]
async fn the_file_has_each_line_once_through_a_rotation() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("audit.jsonl");
    let app = TestApp::usual().tables(&format!("[audit]\nfile = \"{}\"", file.display())).start().await;
    let written = async |count: usize, path: &std::path::Path| {
        let read = async {
            loop {
                tokio::task::yield_now().await;
                let text = std::fs::read_to_string(path).unwrap_or_default();
                if text.lines().count() >= count && text.ends_with('\n') {
                    return text;
                }
            }
        };
        let text = tokio::time::timeout(Duration::from_secs(10), read).await.expect("the lines");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        numbers(&lines)
    };
    app.credentials("ci", "default/images").await;
    assert_eq!(written(4, &file).await, [1, 2, 3, 4]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    std::fs::rename(&file, directory.path().join("audit.jsonl.1")).unwrap();
    app.credentials("ci", "default/images").await;
    assert_eq!(written(1, &file).await, [5]);
}
