//! A request, as all parts of the sandbox see it.

use bytes::Bytes;

/// A request as it came, its body complete.
pub(super) struct Received {
    pub(super) parts: http::request::Parts,
    pub(super) body: Bytes,
    /// The id that the answer will carry.
    pub(super) request_id: String,
}

impl Received {
    /// A header's value, where it is there once and is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.parts.headers.get_all(name).iter();
        let first = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(first)
    }
}
