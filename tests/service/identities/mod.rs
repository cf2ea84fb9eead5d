//! How a feed is known to AWS: each kind of identity, and what it comes to.

mod access_key;
mod ambient;
mod narrowing;
mod regions;
mod second_hop;
mod tags;
mod troubled;

use serde_json::Value;

use crate::support::{TestApp, TestAppBuilder};

const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
/// AWS's own example of one.
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A file with `text` and a newline, as editors leave them.
fn file_with(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{text}\n")).unwrap();
    file
}

/// A feed `keys/images` with an access key whose secret half is in `file`; `more` are keys of the feed itself.
fn with_access_key(file: &tempfile::NamedTempFile, more: &str) -> TestAppBuilder {
    let file = file.path().display();
    TestApp::builder()
        .tables(&format!(
            "[[space]]\nslug = \"keys\"\n[[feed]]\nspace = \"keys\"\nslug = \"images\"\nregion = \"eu-west-1\"\n\
             registry = \"210987654321\"\n{more}\n[feed.access_key]\naccess_key_id = \"{KEY_ID}\"\n\
             secret_access_key_file = \"{file}\"\n"
        ))
        .client("ci", &["keys/images"], &["pull", "token", "session"])
}

/// The events of the trail, each with its outcome or code.
async fn told(app: &TestApp, event: &str) -> Vec<Value> {
    app.trail(event).await
}
