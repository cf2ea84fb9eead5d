//! Two ordered maps read as one.

use std::ops::Bound;

use imbl::OrdMap;

/// The values of both maps whose keys come after `after`, by key; of two of one key, that of `over`.
pub(super) fn merged<'m, K: Ord + Clone, V: Clone>(
    over: &'m OrdMap<K, V>,
    under: &'m OrdMap<K, V>,
    after: Option<&K>,
) -> impl Iterator<Item = &'m V> + use<'m, K, V> {
    let start = || after.cloned().map_or(Bound::Unbounded, Bound::Excluded);
    let mut over = over.range((start(), Bound::Unbounded)).peekable();
    let mut under = under.range((start(), Bound::Unbounded)).peekable();
    std::iter::from_fn(move || match (over.peek(), under.peek()) {
        (Some((a, _)), Some((b, _))) if a > b => under.next().map(|(_, value)| value),
        (Some((a, _)), Some((b, _))) if a == b => {
            under.next();
            over.next().map(|(_, value)| value)
        }
        (Some(_), _) => over.next().map(|(_, value)| value),
        (None, _) => under.next().map(|(_, value)| value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_maps_read_as_one_in_order() {
        let over: OrdMap<i32, &str> = [(2, "over"), (5, "over"), (6, "over")].into_iter().collect();
        let under: OrdMap<i32, &str> = [(1, "under"), (2, "under"), (4, "under"), (9, "under")].into_iter().collect();
        let all: Vec<_> = merged(&over, &under, None).copied().collect();
        assert_eq!(all, ["under", "over", "under", "over", "over", "under"]);
        let rest: Vec<_> = merged(&over, &under, Some(&4)).copied().collect();
        assert_eq!(rest, ["over", "over", "under"]);
    }
}
