//! The API's description, held against what a running server answers.

use feedpass::http::openapi_document;
use serde_json::Value;

use super::parts::{Part, parts, script};
use crate::process::Site;

/// A client that may do everything, so that each operation gets past the door; and no limits, since what is measured
/// here is not them.
const EVERYTHING: &str = r#"
[[client]]
id = "everything"
secret_hash = "sha256:6b702e889b4cb05fa7dbcd423abe37bc3dea3a3ec1a1bbca84565176cf1b3d87"
roles = ["admin"]
[[client.grant]]
feeds = ["default/*"]
actions = ["pull", "push", "token", "session", "catalog"]

[limits]
client_rate = "off"
client_concurrency = "off"
address_rate = "off"
address_concurrency = "off"
failed_attempts = "off"
"#;
const SECRET: &str = "everything-secret-0123456789";

#[test]
fn a_server_answers_as_its_description_says() {
    let Some(parts) = parts(Part::Schemathesis) else { return };
    let site = Site::example();
    site.append(EVERYTHING);
    let server = site.serve();
    let asking = site.run(&parts.python("python")).args([script("schemathesis")]).args(["--url", &site.url()]);
    let done = asking.env("FEEDPASS_TOKEN", SECRET).run();
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    // Its own count: a description without operations would be answered to perfectly.
    let tested = done.stdout.lines().find_map(|line| line.trim().strip_prefix("Tested: ")).unwrap_or("0");
    let described = openapi_document()["paths"].as_object().unwrap().values().map(operations).sum::<usize>();
    // All but the description itself, which it has read, and the stream, which has no end.
    assert_eq!(tested.trim(), (described - 2).to_string(), "{}", done.stdout);
    drop(server);
}

fn operations(path: &Value) -> usize {
    path.as_object().unwrap().keys().filter(|key| *key != "parameters").count()
}
