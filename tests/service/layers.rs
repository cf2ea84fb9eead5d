//! Dependencies point one way: each room of `src/` names only rooms further in.
//!
//! Read from the text, which rustfmt keeps in one form. A room's tests may name what they like.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The way inwards. A room names those of later lines, never its neighbours of the same line.
const WAY: &[&[&str]] = &[
    &["cli"],
    &["app"],
    &["http"],
    &["broker", "admin", "catalog"],
    &["aws"],
    &["issuer"],
    &["authz"],
    &["authn"],
    &["audit"],
    &["store"],
    &["telemetry", "clock", "entropy"],
    &["iam"],
    &["domain"],
];

/// Rooms beside the way, and what they name. Only the rooms that join others name them.
const BESIDE: &[(&str, &[&str])] =
    &[("config", &["clock", "domain"]), ("sandbox", &["iam", "clock", "entropy", "domain"])];
const JOINERS: [&str; 2] = ["cli", "app"];

/// Says what is wrong with `from` naming `to`.
fn wrong(from: &str, to: &str) -> Option<String> {
    let line = |room| WAY.iter().position(|line| line.contains(&room));
    let beside = |room| BESIDE.iter().find(|(beside, _)| *beside == room).map(|(_, may)| *may);
    let known = |room| line(room).is_some() || beside(room).is_some();
    if let Some(room) = [from, to].into_iter().find(|room| !known(room)) {
        return Some(format!("`{room}` has no place in the table"));
    }
    let may = match (beside(from), beside(to)) {
        (Some(may), _) => may.contains(&to),
        (None, Some(_)) => JOINERS.contains(&from),
        (None, None) => line(from) < line(to),
    };
    (from != to && !may).then(|| format!("`{from}` may not name `{to}`"))
}

/// The rooms that a file names, by `crate::` or by `super::` up to the root. `path` starts in `src/`.
fn named(path: &Path, text: &str) -> BTreeSet<String> {
    let code = without_tests_and_comments(text);
    let to_root = "super::".repeat(depth(path));
    let mut found = BTreeSet::new();
    for root in ["crate::", &to_root] {
        for (at, _) in code.match_indices(root) {
            // The end of a longer word, or the end of a longer way up, which leads nowhere.
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if !before.is_alphanumeric() && before != '_' && !code[..at].ends_with("super::") {
                found.extend(first_segments(&code[at + root.len()..]));
            }
        }
    }
    found
}

/// How many modules deep a file is: 1 for `http.rs` and `http/mod.rs`, 2 for `http/routes.rs`.
fn depth(path: &Path) -> usize {
    let segments = path.components().count();
    if path.ends_with("mod.rs") { segments - 1 } else { segments }
}

/// What `a::b…` or `{a::b, c}…` begins with: `a`, or `a` and `c`.
fn first_segments(path: &str) -> Vec<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let mut names = vec![name(group.trim_start())];
    let mut open = 1;
    for (at, c) in group.char_indices() {
        match c {
            '{' => open += 1,
            '}' if open == 1 => break,
            '}' => open -= 1,
            ',' if open == 1 => names.push(name(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// rustfmt ends an item where its indentation comes back.
fn without_tests_and_comments(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("#[cfg(test)]") {
            let item = lines.next().unwrap_or_default();
            let indentation = &item[..item.len() - item.trim_start().len()];
            if item.ends_with('{') {
                let end = format!("{indentation}}}");
                lines.by_ref().find(|line| *line == end);
            }
        } else if !line.trim_start().starts_with("//") {
            code.push_str(line.split(" // ").next().unwrap_or_default());
            code.push('\n');
        }
    }
    code
}

/// What is wrong with a file, if it is one of a room.
fn violations(path: &Path, text: &str) -> Vec<String> {
    let own = path.components().next().unwrap().as_os_str().to_str().unwrap();
    let own = own.strip_suffix(".rs").unwrap_or(own);
    let names = named(path, text);
    let own_place = wrong(own, own);
    let of_names = names.iter().filter_map(|to| wrong(own, to));
    own_place.into_iter().chain(of_names).map(|what| format!("src/{}: {what}", path.display())).collect()
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn each_room_names_only_rooms_further_in() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut rooms = BTreeSet::new();
    for file in files_below(&src) {
        let path = file.strip_prefix(&src).unwrap();
        let of_tests = path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
        // The library's root lists the rooms; the program's calls `cli`.
        if of_tests || path == Path::new("lib.rs") || path == Path::new("main.rs") {
            continue;
        }
        rooms.insert(path.components().next().unwrap().as_os_str().to_str().unwrap().replace(".rs", ""));
        found.extend(violations(path, &fs::read_to_string(&file).unwrap()));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    let table = WAY.concat().into_iter().chain(BESIDE.iter().map(|(room, _)| *room)).map(str::to_owned).collect();
    assert_eq!(rooms, table, "the table lists the rooms that there are");
}

#[test]
fn a_wrong_name_is_found_however_it_is_written() {
    let wrong = |path: &str, text: &str| violations(Path::new(path), text);
    for (path, text, to) in [
        ("domain/feed.rs", "use crate::clock::Clock;", "clock"),
        ("iam/mod.rs", "use crate::telemetry::Metrics;", "telemetry"),
        ("broker/cache/mod.rs", "fn f() -> crate::http::Problem {", "http"),
        ("aws/mod.rs", "use crate::{\n    domain::{Feed, Region},\n    broker::Broker,\n};", "broker"),
        ("clock.rs", "use super::entropy::Entropy;", "entropy"),
        ("store/mod.rs", "use super::{authn, domain::Feed};", "authn"),
        ("issuer/mint/mod.rs", "use super::super::broker::Broker;", "broker"),
        ("domain/invalid.rs", "macro_rules! m { () => { $crate::iam::Policy } }", "iam"),
        ("sandbox/sts/mod.rs", "use crate::aws::Endpoints;", "aws"),
        ("config/mod.rs", "use crate::iam::Policy;", "iam"),
        ("http/state.rs", "use crate::config::Settings;", "config"),
        ("broker/mod.rs", "use crate::sandbox::Sandbox;", "sandbox"),
        ("clock.rs", "use crate::cellar::Wine;", "cellar"),
    ] {
        let found = wrong(path, text);
        assert!(found.len() == 1 && found[0].contains(&format!("`{to}`")), "{path}: {text}: {found:?}");
    }
    assert_eq!(wrong("cellar/mod.rs", ""), ["src/cellar/mod.rs: `cellar` has no place in the table"]);
}

#[test]
fn what_is_allowed_is_not_found() {
    for (path, text) in [
        ("domain/feed.rs", "use super::Slug;\nuse crate::domain::Region;"),
        ("issuer/keyring/mod.rs", "use super::jwk;\nuse super::super::issuer::mint::Mint;"),
        (
            "broker/cache/mod.rs",
            "//! See [`crate::http`].\n/// And `crate::app`.\nuse crate::clock::Clock; // not crate::http",
        ),
        ("sandbox/mod.rs", "#[cfg(test)]\nmod tests;\nuse crate::iam::Policy;"),
        ("authn/mod.rs", "#[cfg(test)]\nmod tests {\n    use crate::http::Problem;\n}\nuse crate::store::Store;"),
        ("app/mod.rs", "use crate::{config::Settings, sandbox::Sandbox, http::Server};"),
        ("cli/serve.rs", "use crate::app::App;\nuse crate::config::Settings;"),
    ] {
        assert_eq!(violations(Path::new(path), text), [""; 0], "{path}");
    }
}
