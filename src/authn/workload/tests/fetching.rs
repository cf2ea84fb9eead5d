//! Documents over HTTP, from a server on this machine.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::authn::workload::{Fetch as _, FetchError, Fetched, HttpsFetch, LONGEST_DOCUMENT};

/// What comes of a server that answers with these very bytes.
async fn get(answer: String) -> Result<Fetched, FetchError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).await.unwrap();
        // Whoever has read enough hangs up.
        let _ = stream.write_all(answer.as_bytes()).await;
        String::from_utf8(request[..length].to_vec()).unwrap()
    };
    let fetch = HttpsFetch::default();
    let (fetched, request) = tokio::join!(fetch.get(&url), server);
    assert!(request.starts_with("GET /jwks HTTP/1.1\r\n"), "{request}");
    fetched
}

fn answer(head: &str, length: usize) -> String {
    format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{}", "x".repeat(length))
}

#[tokio::test]
async fn a_document_comes_with_how_long_it_may_be_kept() {
    let fetched = get(answer("200 OK\r\ncache-control: max-age=60", LONGEST_DOCUMENT)).await.unwrap();
    assert_eq!(fetched.body.len(), LONGEST_DOCUMENT);
    assert_eq!(fetched.max_age.unwrap().as_secs(), 60);
}

#[tokio::test]
async fn an_answer_that_is_no_document_is_refused() {
    let refused = get(answer("200 OK", LONGEST_DOCUMENT + 1)).await.unwrap_err();
    assert!(matches!(refused, FetchError::TooLong { .. }), "{refused}");
    let chunks = format!("10000\r\n{}\r\n", "x".repeat(0x10000)).repeat(9);
    let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    let refused = get(chunked).await.unwrap_err();
    assert!(matches!(refused, FetchError::TooLong { .. }), "{refused}");
    let refused = get(answer("302 Found\r\nlocation: http://127.0.0.1:1/", 0)).await.unwrap_err();
    assert!(refused.to_string().contains("302 Found"), "{refused}");
    let refused = get("nonsense\r\n\r\n".to_owned()).await.unwrap_err();
    assert!(matches!(refused, FetchError::Unreachable { .. }), "{refused}");
}

#[tokio::test]
async fn nothing_is_asked_in_clear_beyond_this_machine() {
    for url in
        ["http://192.0.2.1/jwks", "ftp://127.0.0.1/", "https://u:p@127.0.0.1/", r"http://127.0.0.1\@192.0.2.1/", "x"]
    {
        let refused = HttpsFetch::default().get(url).await.unwrap_err();
        assert!(matches!(refused, FetchError::Url(_)), "{url}: {refused}");
    }
}
