//! Lists, a page at a time.

use crate::store::Entry;

/// Which of many are wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wanted {
    /// Part of a name, slug or id; case does not matter.
    pub query: Option<String>,
    /// How many at most, 1 to 1000.
    pub limit: usize,
}

/// Some of many.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// These.
    pub items: Vec<Entry<T>>,
    /// Whether there are more after the last of them.
    pub more: bool,
}

impl Wanted {
    /// Whether one of `texts` has the part that is asked for.
    pub(super) fn says<const N: usize>(&self, texts: [Option<&str>; N]) -> bool {
        let Some(query) = &self.query else { return true };
        let query = query.to_lowercase();
        texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&query))
    }
}

/// As many of `entries` as are wanted, of those that `fits` lets through.
pub(super) fn page<'s, T: 's>(
    entries: impl Iterator<Item = &'s Entry<T>>,
    wanted: &Wanted,
    fits: impl Fn(&T) -> bool,
) -> Page<T> {
    let mut fitting = entries.filter(|entry| fits(&entry.value));
    let items: Vec<_> = fitting.by_ref().take(wanted.limit).cloned().collect();
    Page { more: fitting.next().is_some(), items }
}
