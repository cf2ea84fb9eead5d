//! The hash chain of the audit trail.

use std::fmt::Write as _;

use ring::digest::{Context, SHA256};

/// What the first line follows: 64 zeros.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash of a line whose text is `body` and which follows one of hash `previous`: lower-case hexadecimal of
/// SHA-256 over `previous`, a line feed, and `body`. A line that was edited, taken out or put in breaks every
/// link after it.
#[must_use]
pub fn link(previous: &str, body: &str) -> String {
    let mut context = Context::new(&SHA256);
    context.update(previous.as_bytes());
    context.update(b"\n");
    context.update(body.as_bytes());
    let mut hash = String::with_capacity(64);
    for byte in context.finish().as_ref() {
        // Writing to a string cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_what_sha256sum_says() {
        // printf '%064d\n{"seq":1}' 0 | sha256sum
        assert_eq!(link(GENESIS, r#"{"seq":1}"#), "a453da8151216b5ae0a15c5377bc79da35cc4f629a9e9a3dcab70bf0b485609a");
        assert_ne!(link(GENESIS, "a"), link(GENESIS, "b"));
        assert_ne!(link("x", "a"), link("y", "a"));
    }
}
