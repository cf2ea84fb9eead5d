//! Environment variables that override the file: `FEEDPASS_FEED__0__REGION` is `feed[0] region`.

use std::collections::BTreeMap;

use super::context::{Context, Place};
use super::tree::{Node, Origin, Table, Value};

pub(super) const PREFIX: &str = "FEEDPASS_";

/// Variables of ours that are not overrides: `cli` and `telemetry` read them.
const RESERVED: [&str; 7] = [
    "FEEDPASS_CONFIG",
    "FEEDPASS_URL",
    "FEEDPASS_TOKEN",
    "FEEDPASS_TOKEN_FILE",
    "FEEDPASS_FEED",
    "FEEDPASS_LOG",
    "FEEDPASS_LOG_FORMAT",
];

/// The steps to the deepest key: `FEEDPASS_CLIENT__0__GRANT__0__FEEDS__0`.
const DEEPEST: usize = 6;

/// One step from a table or list towards a value. Ordered so that the first index comes first:
/// `FEEDPASS_FEED__10__SLUG` sorts before `FEEDPASS_FEED__9__SLUG` as text.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Step {
    Index(usize),
    Key(String),
}

/// Sets in `tree` what the variables say. Whether a key exists and its text is right, the reader
/// finds out as for the file; here only a name that leads nowhere is a mistake.
pub(super) fn apply(
    tree: Table,
    variables: impl IntoIterator<Item = (String, String)>,
    context: &Context<'_>,
) -> Table {
    let mut overrides = BTreeMap::new();
    for (name, text) in variables {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        if RESERVED.contains(&name.as_str()) || is_service_link(path) {
            continue;
        }
        overrides.insert((steps(path), name), text);
    }
    let mut root = Value::Table(tree);
    for ((steps, name), text) in overrides {
        let origin = Origin::Variable(name);
        if let Err(expected) = set(&mut root, &steps, &origin, text) {
            context.mistake(&Place::at(origin), Some("a name that leads to no key".to_owned()), expected);
        }
    }
    match root {
        Value::Table(tree) => tree,
        // `set` replaces only what lies below the root, since no path is empty.
        _ => Table::new(),
    }
}

fn steps(path: &str) -> Vec<Step> {
    let step = |part: &str| part.parse().map_or_else(|_| Step::Key(part.to_ascii_lowercase()), Step::Index);
    path.split("__").map(step).collect()
}

/// Whether Kubernetes set the variable because a service is called `feedpass` or `feedpass-…`, as
/// in `FEEDPASS_SERVICE_HOST` and `FEEDPASS_PORT_8080_TCP_ADDR`. No key of ours reads like that.
fn is_service_link(path: &str) -> bool {
    let port =
        |rest: &str| rest.is_empty() || rest.strip_prefix('_').is_some_and(|rest| rest.starts_with(char::is_numeric));
    !path.contains("__")
        && (path.ends_with("SERVICE_HOST")
            || path.contains("SERVICE_PORT")
            || path.split_once("PORT").is_some_and(|(_, rest)| port(rest)))
}

/// Puts `text` where `steps` lead from `value`, making tables and list elements on the way.
fn set(value: &mut Value, steps: &[Step], origin: &Origin, text: String) -> Result<(), String> {
    const FORM: &str = "the keys on the way to a value, joined by `__`, as in `FEEDPASS_LISTEN__PUBLIC`";
    if steps.len() > DEEPEST {
        return Err(FORM.to_owned());
    }
    let Some((step, rest)) = steps.split_first() else {
        *value = Value::Untyped(text);
        return Ok(());
    };
    let fresh = || Node {
        origin: origin.clone(),
        value: match rest.first() {
            Some(Step::Index(_)) => Value::List(Vec::new()),
            _ => Value::Table(Table::new()),
        },
    };
    let node = match (value, step) {
        (Value::Table(table), Step::Key(key)) if !key.is_empty() => table.entry(key.clone()).or_insert_with(fresh),
        (Value::List(list), Step::Index(index)) => {
            let length = list.len();
            if *index == length {
                list.push(fresh());
            }
            list.get_mut(*index).ok_or_else(|| format!("an index up to {length}: so many stand before it"))?
        }
        (Value::List(_), _) => return Err("an index, as in `FEEDPASS_FEED__0__REGION`".to_owned()),
        _ => return Err(FORM.to_owned()),
    };
    if rest.is_empty() {
        node.origin = origin.clone();
    }
    set(&mut node.value, rest, origin, text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::tree::parse;

    fn applied(file: &str, variables: &[(&str, &str)]) -> (Table, Vec<String>) {
        let context = Context::new(Path::new("config.toml"));
        let variables = variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let tree = apply(parse(file).unwrap(), variables, &context);
        (tree, context.mistakes().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_index_may_name_the_next_element_and_no_later_one() {
        let names: Vec<String> = (1..=11).map(|index| format!("FEEDPASS_FEED__{index}__SLUG")).collect();
        let variables: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
        let (tree, mistakes) = applied("[[feed]]", &variables);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let Value::List(feeds) = &tree["feed"].value else { panic!("{tree:?}") };
        assert_eq!(feeds.len(), 12);

        let (_, mistakes) = applied("[[feed]]", &[("FEEDPASS_FEED__2__SLUG", "x")]);
        insta::assert_snapshot!(mistakes.join("\n"), @r"
        FEEDPASS_FEED__2__SLUG
          found:    a name that leads to no key
          expected: an index up to 1: so many stand before it
        ");
    }

    #[test]
    fn a_name_that_leads_nowhere_is_a_mistake() {
        let (_, mistakes) = applied(
            "issuer = 'x'\n[[feed]]",
            &[("FEEDPASS_", "1"), ("FEEDPASS_FEED__REGION", "2"), ("FEEDPASS_ISSUER__HOST", "3")],
        );
        let (_, deep) = applied("", &[(&format!("FEEDPASS_{}", "A__".repeat(40_000)), "x")]);
        assert_eq!(deep.len(), 1);
        insta::assert_snapshot!(mistakes.join("\n"), @r"
        FEEDPASS_
          found:    a name that leads to no key
          expected: the keys on the way to a value, joined by `__`, as in `FEEDPASS_LISTEN__PUBLIC`
        FEEDPASS_FEED__REGION
          found:    a name that leads to no key
          expected: an index, as in `FEEDPASS_FEED__0__REGION`
        FEEDPASS_ISSUER__HOST
          found:    a name that leads to no key
          expected: the keys on the way to a value, joined by `__`, as in `FEEDPASS_LISTEN__PUBLIC`
        ");
    }

    #[test]
    fn variables_that_are_no_overrides_are_left_alone() {
        let (tree, mistakes) = applied(
            "",
            &[
                ("FEEDPASS_TOKEN", "x"),
                ("FEEDPASS_CONFIG", "x"),
                ("FEEDPASS_LOG", "debug"),
                ("FEEDPASS_SERVICE_HOST", "10.0.0.1"),
                ("FEEDPASS_SERVICE_PORT", "8080"),
                ("FEEDPASS_SERVICE_PORT_HTTP", "8080"),
                ("FEEDPASS_PORT", "tcp://10.0.0.1:8080"),
                ("FEEDPASS_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
                ("FEEDPASS_PORT_8080_TCP_ADDR", "10.0.0.1"),
                ("FEEDPASS_INTERNAL_PORT_8081_TCP_PROTO", "tcp"),
                ("HOME", "/root"),
            ],
        );
        assert!(tree.is_empty() && mistakes.is_empty(), "{tree:?} {mistakes:?}");
    }
}
