//! What the documents promise, held against the code.

use feedpass::aws::permissions::permissions;
use feedpass::aws::trust_policy::trust_policy;
use feedpass::config::Settings;
use serde_json::Value;

const README: &str = include_str!("../../README.md");
const ERRORS: &str = include_str!("../../docs/errors.md");

/// The text between the line that holds `start` and the line `end`.
fn block<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, after) = text.split_once(start).unwrap_or_else(|| panic!("the README has no {start:?}"));
    let (_, after) = after.split_once('\n').unwrap();
    after.split_once(&format!("\n{end}\n")).unwrap().0
}

#[test]
fn the_walk_s_configuration_and_policies_are_right() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.toml");
    let hash = "0123456789abcdef".repeat(4);
    let text = block(README, "cat > config.toml <<END", "END");
    let (before, after) = text.split_once("$(").unwrap();
    let after = after.split_once(')').unwrap().1;
    std::fs::write(&path, format!("{before}{hash}{after}")).unwrap();
    let settings = Settings::load(&path, []).unwrap_or_else(|error| panic!("{error}"));

    let json = |start| -> Value { serde_json::from_str(block(README, start, "END")).unwrap() };
    let role = settings.feeds[0].role().unwrap();
    assert_eq!(json("cat > trust.json"), trust_policy(&settings.issuer, role, &settings.feeds));
    assert_eq!(json("cat > permissions.json"), permissions(&settings.feeds, false));
}

#[test]
fn every_code_has_its_line() {
    let sources = [include_str!("../../src/broker/error.rs"), include_str!("../../src/http/problem.rs")];
    let more = [include_str!("../../src/http/parts.rs"), include_str!("../../src/http/problem/limits.rs")];
    let admin = [include_str!("../../src/admin/error.rs"), include_str!("../../src/http/admin/parts.rs")];
    let aws = [include_str!("../../src/aws/sts/mod.rs")];
    let codes: Vec<&str> =
        sources.iter().chain(&more).chain(&admin).chain(&aws).flat_map(|source| snake_case_literals(source)).collect();
    assert!(codes.contains(&"role_refused") && codes.contains(&"invalid_path"), "{codes:?}");
    let missing: Vec<_> = codes.into_iter().filter(|code| !ERRORS.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "docs/errors.md has no {missing:?}");
}

/// The string literals of a source file that can be a code: lower case words joined by `_`.
fn snake_case_literals(source: &str) -> impl Iterator<Item = &str> {
    let code = |word: &&str| {
        word.contains('_') && word.bytes().all(|c| c.is_ascii_lowercase() || c == b'_') && *word != "snake_case"
    };
    source.split('"').skip(1).step_by(2).filter(code)
}
