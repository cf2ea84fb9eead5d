//! What a request says of itself.

use std::collections::BTreeMap;

/// The condition keys of a request with their values. The case of a key does not matter.
#[derive(Clone, Debug, Default)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// Sets a key. A key without any value is as if absent.
    pub fn set(&mut self, key: &str, values: impl IntoIterator<Item = impl Into<String>>) {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        if values.is_empty() {
            self.0.remove(&key.to_lowercase());
        } else {
            self.0.insert(key.to_lowercase(), values);
        }
    }

    /// The values of a key; `None` where the request has no such key.
    #[must_use]
    pub fn values(&self, key: &str) -> Option<&[String]> {
        self.0.get(&key.to_lowercase()).map(Vec::as_slice)
    }
}
