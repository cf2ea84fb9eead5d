//! Patterns with `*` and `?`, which stop at nothing (IAM User Guide, "Condition operators", `StringLike`), and the
//! forms of them for action names and ARNs.

pub(super) use crate::domain::wildcard::matches;

/// [`matches()`] without regard to case, as action names are compared.
pub(super) fn matches_ignoring_case(pattern: &str, text: &str) -> bool {
    matches(&pattern.to_lowercase(), &text.to_lowercase())
}

/// Whether an ARN matches a pattern for ARNs: each of the six parts by itself, so that no `*`
/// reaches across a `:` of the first five (IAM User Guide, "Condition operators", `ArnLike`).
pub(super) fn arn_matches(pattern: &str, arn: &str) -> bool {
    let (pattern, arn): (Vec<_>, Vec<_>) = (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    pattern.len() == 6 && arn.len() == 6 && pattern.iter().zip(arn).all(|(pattern, part)| matches(pattern, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_in_an_arn_stays_within_its_part() {
        for (pattern, expected) in [
            ("arn:aws:iam::123456789012:role/*", true),
            ("arn:*:iam::*:role/feed?", true),
            ("arn:aws:*:role/feed1", false),
            ("*", false),
        ] {
            assert_eq!(arn_matches(pattern, "arn:aws:iam::123456789012:role/feed1"), expected, "{pattern}");
        }
    }
}
