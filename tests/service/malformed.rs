//! Requests that no client sends: refused in the API's own words where it is the API that answers,
//! never a failure of feedpass, never left without an answer.

use std::net::SocketAddr;
use std::time::Duration;

use http::Method;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::raw::{RawReply, exchange};
use crate::support::{Request, TestApp};

const PATH: &str = "/v1/spaces/default/feeds/images/credentials";

/// A request's bytes, whose connection ends after the answer.
fn request(line: &str) -> Vec<u8> {
    request_with(line, "", "")
}

/// The same with more headers, each with its line end, and a body.
fn request_with(line: &str, headers: &str, body: &str) -> Vec<u8> {
    let secret = TestApp::secret_of("ci");
    let head = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {secret}\r\n");
    format!("{head}{headers}\r\n{body}").into()
}

/// The one answer to `bytes`.
async fn answer(address: SocketAddr, bytes: &[u8]) -> RawReply {
    let mut answers = exchange(address, bytes).await;
    assert_eq!(answers.len(), 1, "{:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(120)]));
    answers.remove(0)
}

#[tokio::test]
async fn no_body_is_waited_for_without_end() {
    let app = TestApp::builder().operator("ci", &["admin"]).start().await;
    let headers = "content-type: application/json\r\ncontent-length: 100\r\n";
    let request = request_with("POST /v1/admin/spaces", headers, "{ \"slug\": ");
    let address = app.app.internal_address();
    let waiting = tokio::spawn(async move { answer(address, &request).await });
    // Others sleep too, and begin when they like: time passes until the answer is there.
    let mut passed = 0;
    while !waiting.is_finished() {
        tokio::task::yield_now().await;
        app.clock.advance(Duration::from_secs(1));
        passed += 1;
    }
    assert!(passed >= 30, "{passed} s");
    let reply = waiting.await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.code()), (408, "body_too_slow".into()));
}

#[tokio::test]
async fn what_is_no_path_of_a_feed_is_refused_with_a_reason() {
    let app = TestApp::start().await;
    let long = "x".repeat(10_000);
    let at = |space: &str| format!("/v1/spaces/{space}/feeds/images/credentials");
    for (path, status, code) in [
        (at("team:a"), 400, "invalid_path"),
        (at("default%3Afeed%3Aother"), 400, "invalid_path"),
        (at(".."), 400, "invalid_path"),
        (at("%2e%2e"), 400, "invalid_path"),
        (at("%00"), 400, "invalid_path"),
        (at("%ff%fe"), 400, "invalid_path"),
        (at("%zz"), 400, "invalid_path"),
        (at("%"), 400, "invalid_path"),
        (at("DEFAULT"), 400, "invalid_path"),
        (at("all"), 400, "invalid_path"),
        (at("*"), 400, "invalid_path"),
        (at("d%C3%A9fault"), 400, "invalid_path"),
        (at("default%0d%0ax-evil:%201"), 400, "invalid_path"),
        (at(&long), 400, "invalid_path"),
        (at("default%2Ffeeds%2Fimages"), 400, "invalid_path"),
        (at(""), 400, "invalid_path"),
        (format!("{PATH}/"), 404, "no_such_path"),
        (format!("/{PATH}"), 404, "no_such_path"),
        ("/v1/spaces/default/feeds/../feeds/images/credentials".into(), 404, "no_such_path"),
        ("/v1/registries/a%20b/credentials".into(), 400, "invalid_path"),
        (format!("/v1/registries/{long}/credentials"), 400, "invalid_path"),
        ("/v1/registries/%00/credentials".into(), 400, "invalid_path"),
        (format!("/{long}"), 404, "no_such_path"),
        ("/".into(), 404, "no_such_path"),
    ] {
        let reply = answer(app.app.internal_address(), &request(&format!("POST {path}"))).await;
        let shown = &path[..path.len().min(60)];
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (status, code), "{shown}: {}", reply.body);
        assert!(reply.body.len() < 1000, "{shown} is not repeated at length: {}", reply.body);
    }
}

#[tokio::test]
async fn a_parameter_that_is_not_known_or_stands_twice_is_refused_with_a_reason() {
    let app = TestApp::start().await;
    for (query, reason) in [
        (
            "format=yaml",
            "format: unknown variant `yaml`, expected one of `json`, `docker-config`, `pull-secret`, `password`",
        ),
        ("format=", "format: unknown variant ``, expected one of `json`, `docker-config`, `pull-secret`, `password`"),
        ("format=json&format=password", "duplicate field `format`"),
        ("format=json&format=json", "duplicate field `format`"),
        ("audience=evil", "audience: unknown field `audience`, expected `format` or `region`"),
        ("format=json&role_arn=x", "role_arn: unknown field `role_arn`, expected `format` or `region`"),
        (
            "region=mars",
            "region: `mars` is not an AWS region: it is written as in `us-east-1`, `cn-north-1` or `us-gov-west-1`",
        ),
        ("=", ": unknown field ``, expected `format` or `region`"),
    ] {
        let reply = app.post_as("ci", &format!("{PATH}?{query}")).await;
        assert_eq!(reply.status_and_code(), (400, "invalid_parameters".into()), "{query}");
        assert_eq!(reply.detail(), format!("the parameters after `?` are wrong: {reason}"), "{query}");
    }
    for query in ["", "&", "&&format=json&"] {
        assert_eq!(app.post_as("ci", &format!("{PATH}?{query}")).await.status, 200, "{query:?} asks for nothing else");
    }
}

#[tokio::test]
async fn another_method_is_refused_and_those_that_would_do_are_named() {
    let app = TestApp::start().await;
    let internal = [
        ("GET", PATH, "POST"),
        ("DELETE", PATH, "POST"),
        ("BREW", PATH, "POST"),
        ("OPTIONS", PATH, "POST"),
        ("POST", "/metrics", "GET,HEAD"),
        ("PUT", "/oauth2/token", "POST"),
    ];
    let public = [("POST", "/healthz", "GET,HEAD"), ("POST", "/.well-known/jwks", "GET,HEAD")];
    let internal = internal.map(|row| (app.app.internal_address(), row));
    let public = public.map(|row| (app.app.public_address(), row));
    for (address, (method, path, allow)) in internal.into_iter().chain(public) {
        let reply = answer(address, &request(&format!("{method} {path}"))).await;
        let found = (reply.status.as_u16(), reply.code(), reply.header("allow"));
        assert_eq!(found, (405, "method_not_allowed".into(), allow), "{method} {path}");
    }
    let head = app.internal(Method::HEAD, PATH).send().await;
    assert_eq!((head.status.as_u16(), head.body.len()), (405, 0));
}

#[tokio::test]
async fn a_body_that_nobody_asked_for_changes_nothing_unless_it_is_huge() {
    let app = TestApp::start().await;
    let body = "x".repeat(1000);
    let length = |length: u64| format!("content-length: {length}\r\n");
    let chunked = "transfer-encoding: chunked\r\n".to_owned();
    for (headers, body, status, code) in [
        (format!("{}content-type: application/xml\r\n", length(1000)), &*body, 200, ""),
        (chunked, &format!("3e8\r\n{body}\r\n0\r\n\r\n"), 200, ""),
        // Said to come, and never sent.
        (length(1000), "", 200, ""),
        (length(65 * 1024), "", 413, "body_too_large"),
        (length(u64::MAX - 2), "", 413, "body_too_large"),
    ] {
        let reply = answer(app.app.internal_address(), &request_with(&format!("POST {PATH}"), &headers, body)).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (status, code), "{headers}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_body_without_a_length_that_never_ends_is_not_read() {
    let app = TestApp::start().await;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let bytes = request_with(&format!("POST {PATH}"), "transfer-encoding: chunked\r\n", &chunk.repeat(64));
    let answers = exchange(app.app.internal_address(), &bytes).await;
    // The answer may be lost on a connection that is closed on a flood.
    assert!(answers.iter().all(|reply| reply.status == 200) && answers.len() <= 1, "{answers:?}");
    assert_eq!(app.credentials("ci", "default/images").await.status, 200, "it lives on");
}

#[tokio::test]
async fn what_is_hardly_http_is_refused_or_hung_up_on() {
    let app = TestApp::start().await;
    let get = |more: &str| format!("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n").into_bytes();
    let header = |value: &[u8]| [b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: ", value, b"\r\n\r\n"].concat();
    let cases: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("an NUL in a header", header(b"\0"), &[400]),
        ("a line feed alone in a header", header(b"a\nb"), &[400]),
        ("a header without a colon", get("nonsense\r\n"), &[400]),
        ("a header folded over two lines", get("x-a: 1\r\n 2\r\n"), &[400]),
        ("a space before the colon", get("x-a : 1\r\n"), &[400]),
        ("bad UTF-8 in the path", b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_vec(), &[400]),
        ("two lengths", get("content-length: 1\r\ncontent-length: 2\r\n"), &[400]),
        ("a length that is none", get("content-length: -1\r\n"), &[400]),
        ("a transfer coding that is none", get("transfer-encoding: nonsense\r\n"), &[400]),
        (
            "a path that begins with nothing",
            b"GET healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_vec(),
            &[404],
        ),
        ("no version", b"GET /healthz\r\n\r\n".to_vec(), &[400]),
        ("HTTP/3.0", b"GET /healthz HTTP/3.0\r\nhost: x\r\n\r\n".to_vec(), &[400]),
        ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[]),
        ("the first bytes of TLS", vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, b'\r', b'\n', b'\r', b'\n'], &[400]),
        ("a header of 1 MiB", get(&format!("x-a: {}\r\n", "x".repeat(1 << 20))), &[431]),
        ("a path of 1 MiB", format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20)).into(), &[431]),
        ("a thousand headers", get(&"x-a: 1\r\n".repeat(1000)), &[431]),
    ];
    for address in [app.app.internal_address(), app.app.public_address()] {
        for (what, bytes, expected) in &cases {
            let answers = exchange(address, bytes).await;
            let statuses: Vec<u16> = answers.iter().map(|reply| reply.status.as_u16()).collect();
            // A connection that is closed on a flood may lose what was said on it.
            let lost = statuses.is_empty() && bytes.len() > 100_000;
            assert!(lost || statuses == *expected, "{what}: {statuses:?}, not {expected:?}");
        }
        assert_eq!(Request::new(Method::GET, address, "/healthz").send().await.status, 200, "it lives on");
    }
}

#[tokio::test]
async fn a_header_that_is_not_text_is_no_secret() {
    let app = TestApp::start().await;
    let bytes = [
        format!("POST {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ").as_bytes(),
        b"\xff\xfe\r\nx-request-id: \xff\r\n\r\n",
    ]
    .concat();
    let reply = answer(app.app.internal_address(), &bytes).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (401, "credentials_malformed"));
}

#[tokio::test]
async fn chunks_that_make_no_sense_harm_nobody() {
    let app = TestApp::start().await;
    for garbage in ["zz\r\n", "ffffffffffffffffff\r\n", "-1\r\n", "5\r\nab", "\r\n\r\n"] {
        let bytes = request_with(&format!("POST {PATH}"), "transfer-encoding: chunked\r\n", garbage);
        let answers = exchange(app.app.internal_address(), &bytes).await;
        assert!(answers.iter().all(|reply| reply.status.as_u16() < 500), "{garbage:?}: {answers:?}");
    }
}

#[tokio::test]
async fn other_ways_to_write_a_request_are_understood() {
    let app = TestApp::start().await;
    let secret = TestApp::secret_of("ci");
    for bytes in [
        format!("POST {PATH} HTTP/1.0\r\nauthorization: Bearer {secret}\r\n\r\n").into_bytes(),
        request(&format!("POST http://anywhere.example{PATH}")),
    ] {
        let reply = answer(app.app.internal_address(), &bytes).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    let star = answer(app.app.internal_address(), &request("OPTIONS *")).await;
    assert_eq!((star.status.as_u16(), star.code().as_str()), (404, "no_such_path"));
    let connect = answer(app.app.internal_address(), &request("CONNECT evil.example:443")).await;
    assert_eq!((connect.status.as_u16(), connect.code().as_str()), (404, "no_such_path"));
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_their_order() {
    let app = TestApp::start().await;
    let secret = TestApp::secret_of("ci");
    let one = |method, path: &str, last: bool| {
        let connection = if last { "close" } else { "keep-alive" };
        format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: {connection}\r\nauthorization: Bearer {secret}\r\n\r\n"
        )
    };
    let all = [
        one("POST", PATH, false),
        one("GET", PATH, false),
        one("POST", "/v1/spaces/default/feeds/charts/credentials", false),
        one("GET", "/healthz", true),
    ];
    let answers = exchange(app.app.internal_address(), all.concat().as_bytes()).await;
    let statuses: Vec<u16> = answers.iter().map(|reply| reply.status.as_u16()).collect();
    assert_eq!(statuses, [200, 405, 404, 200]);
}

#[tokio::test]
async fn an_answer_does_not_wait_for_the_rest_of_the_next_request() {
    let app = TestApp::start().await;
    for address in [app.app.internal_address(), app.app.public_address()] {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /hea").await.unwrap();
        let mut first = [0; 15];
        let read = tokio::time::timeout(Duration::from_secs(5), connection.read_exact(&mut first)).await;
        read.expect("the first request was whole").unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
    }
}

/// A method, a path and a header, mostly near to what there is.
fn requests() -> impl Strategy<Value = (String, String, Vec<u8>)> {
    let method = prop_oneof![Just("GET".to_owned()), Just("POST".to_owned()), "[A-Z]{1,8}"];
    let segment = prop_oneof![
        Just("v1".to_owned()),
        Just("spaces".to_owned()),
        Just("feeds".to_owned()),
        Just("registries".to_owned()),
        Just("default".to_owned()),
        Just("images".to_owned()),
        Just("credentials".to_owned()),
        Just("token".to_owned()),
        Just(".well-known".to_owned()),
        "(%[0-9a-f]{2}|[!-~&&[^?# ]]){0,12}",
    ];
    let path = prop_oneof![
        proptest::collection::vec(segment, 0..8).prop_map(|segments| format!("/{}", segments.join("/"))),
        "(%[0-9a-f]{2}|[a-z:.*]){1,20}".prop_map(|slug| format!("/v1/spaces/{slug}/feeds/{slug}/token")),
        "[!-~&&[^# ]]{0,40}".prop_map(|query| format!("{PATH}?{query}")),
    ];
    let header = proptest::collection::vec(prop_oneof![b' '..=b'~', 0x80..=0xff_u8], 0..60);
    (method, path, header)
}

#[tokio::test]
async fn no_request_makes_feedpass_fail() {
    let app = TestApp::start().await;
    let (internal, public) = (app.app.internal_address(), app.app.public_address());
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let secret = TestApp::secret_of("ci");
    for case in 0..200 {
        let (method, path, header) = requests().new_tree(&mut runner).unwrap().current();
        let authorization = if case % 2 == 0 { format!("Bearer {secret}").into_bytes() } else { header.clone() };
        let bytes = [
            format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: ").as_bytes(),
            &authorization,
            b"\r\nx-request-id: ",
            &header,
            b"\r\n\r\n",
        ]
        .concat();
        for address in [internal, public] {
            let reply = answer(address, &bytes).await;
            assert!(reply.status.as_u16() < 500, "{method} {path} {header:?}: {reply:?}");
        }
    }
}
