//! How a mistake speaks of keys and values: what it may repeat, and which key was meant.

use super::context::Place;
use super::tree::{Table, Value};
use crate::domain::Invalid;

/// Stands for a value that is not repeated.
const HIDDEN: &str = "a value that is not shown here, since it may be a secret";

/// What stands at `place`, as far as it may be repeated.
pub(super) fn found(place: &Place, value: &Value) -> String {
    if place.secret { HIDDEN.to_owned() } else { value.in_words().into_owned() }
}

/// Text that stands at `place`, as far as it may be repeated.
pub(super) fn found_text(place: &Place, text: &str) -> String {
    if place.secret { HIDDEN.to_owned() } else { shown(text) }
}

/// Text in backquotes as it may be repeated: shortened, escaped, without a URL's password.
pub(super) fn shown(text: &str) -> String {
    match text.find("://").zip(text.rfind('@')).filter(|(scheme, at)| scheme < at) {
        Some((scheme, at)) => format!("`{}`", printable(&format!("{}://…{}", &text[..scheme], &text[at..]))),
        None => format!("`{}`", printable(text)),
    }
}

/// Text as it may be repeated without quotes: shortened and escaped.
pub(super) fn printable(text: &str) -> String {
    // `Invalid` has the rule for it.
    Invalid::new("", text, "").found
}

/// ` "default/images"`, of those of `names` that the table has.
pub(super) fn label(table: &Table, names: &[&str]) -> String {
    let texts = names.iter().filter_map(|name| match table.get(*name).map(|node| &node.value) {
        Some(Value::Text(text) | Value::Untyped(text)) => Some(printable(text)),
        _ => None,
    });
    let texts: Vec<String> = texts.collect();
    if texts.is_empty() { String::new() } else { format!(" \"{}\"", texts.join("/")) }
}

/// The known key that was most likely meant: it begins alike, or few letters differ.
pub(super) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let near = known.iter().map(|known| (distance(key, known), *known)).min_by_key(|(distance, _)| *distance);
    let alike = |known: &&&str| key.len() >= 3 && (known.starts_with(key) || key.starts_with(**known));
    match near {
        Some((distance, known)) if distance <= key.chars().count().div_ceil(3) => Some(known),
        _ => known.iter().find(alike).copied(),
    }
}

/// How many letters one would insert, delete or replace to get from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.iter().enumerate() {
            let replace = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_finds_the_one_meant() {
        let known = ["space", "slug", "region", "registry", "secret_hash", "web_identity"];
        for (key, meant) in [
            ("regoin", Some("region")),
            ("secret", Some("secret_hash")),
            ("webidentity", Some("web_identity")),
            ("web-identity", Some("web_identity")),
            ("Slug", Some("slug")),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(nearest(key, &known), meant, "{key}");
        }
    }

    #[test]
    fn what_is_repeated_is_short_printable_and_holds_no_password() {
        assert_eq!(shown("a\nb"), r"`a\nb`");
        assert_eq!(shown("https://u:hunter2@example.com"), "`https://…@example.com`");
        assert_eq!(shown(&"x".repeat(100)).chars().count(), 83);
    }
}
