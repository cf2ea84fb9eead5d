//! Patterns with `*` and `?`: those of IAM's policies, and the parts of [`Glob`](super::Glob)s.

/// Whether `text` matches `pattern`, in which `*` stands for any characters, none too, and `?` for
/// exactly one. All else stands for itself.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
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
}
