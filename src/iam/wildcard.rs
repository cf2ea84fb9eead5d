//! Patterns with `*` and `?`.

/// Whether `text` matches `pattern`, in which `*` stands for any characters, none too, and `?` for
/// exactly one.
///
/// Neither stops at `:` or `/` (IAM User Guide, "Condition operators", `StringLike`).
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where the last `*` stands and how far it reaches: on a mismatch it takes one character more.
    // One star suffices, so the work is at most the product of the lengths.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, reach)) = star else { return false };
                star = Some((at, reach + 1));
                p = at + 1;
                t = reach + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

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
    fn a_star_is_any_characters_and_a_question_mark_is_one() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
            ("a", "a", true),
            ("a", "A", false),
            ("space:acme:feed:*", "space:acme:feed:prod", true),
            ("space:acme:feed:*", "space:acme:feed:", true),
            // docs/aws.md §3.3: the mistake that lets a neighbour in.
            ("space:acme*", "space:acme-evil:feed:x", true),
            ("*:feed:prod", "space:evil:feed:prod", true),
            ("space:a?me:*", "space:acme:feed:x", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("é?", "éé", true),
            ("**a", "bca", true),
            ("a*****************************b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

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
