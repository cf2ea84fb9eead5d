//! Where AWS itself is asked, seen by a proxy that lets nothing through.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use crate::process::Site;

/// A proxy that refuses every tunnel and tells where each was to lead.
fn refusing_proxy() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, asked) = channel();
    // Ends when the test has gone and the next connection finds nobody to tell.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            // First, so that whoever has the refusal finds it told.
            if tell.send(line.trim_end().to_owned()).is_err() {
                return;
            }
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        }
    });
    (url, asked)
}

#[test]
fn sts_is_asked_in_the_region_and_partition_of_the_feed_by_way_of_the_proxy() {
    let (proxy, asked) = refusing_proxy();
    let site = Site::with_real_aws();
    let regions = [
        ("us-east-1", "aws", "sts.us-east-1.amazonaws.com"),
        ("cn-north-1", "aws-cn", "sts.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "sts.us-gov-west-1.amazonaws.com"),
    ];
    site.edit("\"default/images\"]", "\"default/*\"]");
    for (region, partition, _) in regions {
        site.append(&format!(
            "[[feed]]\nspace = \"default\"\nslug = \"{region}\"\nregion = \"{region}\"\n\
             web_identity.role_arn = \"arn:{partition}:iam::123456789012:role/feedpass\"\n"
        ));
    }
    let served = site.serving().env("FEEDPASS_ISSUER", "https://id.example.com").env("HTTPS_PROXY", proxy).serves();
    for (region, _, host) in regions {
        let refused = site.client(["credentials", &format!("default/{region}")]).fails();
        assert!(refused.contains("code: sts_unavailable; whose move: nobody's"), "{refused}");
        let lines: Vec<_> = asked.try_iter().collect();
        assert!(
            !lines.is_empty() && lines.iter().all(|line| line.starts_with(&format!("CONNECT {host}:443 "))),
            "{lines:?}"
        );
    }
    drop(served);
}
