//! What the kinds share: listing page by page, showing, changing what was read, removing after a question.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::Value;

use crate::cli::api::{Ask, Server};
use crate::cli::output::{print, print_columns, print_table, print_to_people};

/// What is to be shown of a list.
#[derive(Args)]
pub(in crate::cli) struct Search {
    /// Only those with this in their name
    #[arg(long, value_name = "PART")]
    pub(super) query: Option<String>,

    /// At most so many; all when left out
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
}

/// Whether what cannot be taken back is meant.
#[derive(Args)]
pub(in crate::cli) struct Confirm {
    /// Do not ask whether it is meant
    #[arg(long)]
    yes: bool,
}

impl Confirm {
    /// Asks on a terminal; elsewhere only `--yes` will do.
    pub(in crate::cli) fn ask(&self, question: &str) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        anyhow::ensure!(
            std::io::stdin().is_terminal(),
            "{question} There is no terminal to ask at: give --yes if it is meant"
        );
        write!(std::io::stderr(), "{question} Type `yes` to go on: ")?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        anyhow::ensure!(answer.trim() == "yes", "nothing was changed");
        Ok(())
    }
}

/// A page of a list at most.
const PAGE: usize = 1000;

/// All of a list that `search` asks for, page by page.
pub(super) async fn list(
    server: &Server,
    path: &[&str],
    search: &Search,
    filters: &[(&str, Option<&str>)],
) -> anyhow::Result<Vec<Value>> {
    let wanted = search.limit.unwrap_or(usize::MAX);
    let (mut items, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let limit = wanted.saturating_sub(items.len()).clamp(1, PAGE).to_string();
        let mut query: Vec<(&str, &str)> = vec![("limit", &limit)];
        query.extend(search.query.as_deref().map(|part| ("query", part)));
        query.extend(filters.iter().filter_map(|(name, value)| Some((*name, (*value)?))));
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = server.json(Method::GET, path, &query, None).await?;
        items.extend(page["items"].as_array().context("the answer is not a list")?.iter().cloned());
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() || items.len() >= wanted {
            items.truncate(wanted);
            return Ok(items);
        }
    }
}

/// Prints a list: for programs as it is, for people the columns that `columns` takes from each item.
pub(super) fn print_list(
    items: &[Value],
    json: bool,
    titles: &[&str],
    columns: impl Fn(&Value) -> Vec<String>,
) -> anyhow::Result<()> {
    if json {
        return print(&format!("{:#}\n", Value::from(items.to_vec())));
    }
    if items.is_empty() {
        return print("none\n");
    }
    let rows: Vec<_> = items.iter().map(columns).collect();
    print_columns(titles, &rows)
}

/// Prints one thing: for programs as it is, for people each member on a line of its own.
pub(super) fn print_one(value: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        return print(&format!("{value:#}\n"));
    }
    let mut rows = Vec::new();
    flatten("", value, &mut rows);
    let rows: Vec<_> = rows.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    print_table(&rows)
}

/// Prints the one thing at `path`.
pub(super) async fn show(server: &Server, path: &[&str], json: bool) -> anyhow::Result<()> {
    print_one(&server.json(Method::GET, path, &[], None).await?, json)
}

/// Removes what is at `path`, once it is said what comes of it and that this is meant. `what` names it in a sentence.
pub(super) async fn remove(
    server: &Server,
    path: &[&str],
    confirm: &Confirm,
    consequence: &str,
    what: &str,
) -> anyhow::Result<()> {
    confirm.ask(consequence)?;
    server.json(Method::DELETE, path, &[], None).await?;
    print_to_people(&format!("{what} is removed"));
    Ok(())
}

fn flatten(prefix: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&name, value, rows);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{prefix}[{index}]"), item, rows);
            }
        }
        other => rows.push((prefix.to_owned(), text(other))),
    }
}

/// A value as people read it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".into(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Reads what is at `path`, has `change` make of it what it should be, and puts that in its place, unless somebody else
/// changed it in between.
pub(super) async fn change(
    server: &Server,
    path: &[&str],
    change: impl FnOnce(&mut serde_json::Map<String, Value>) -> anyhow::Result<()>,
) -> anyhow::Result<Value> {
    let get = Ask { method: Method::GET, path, query: "", body: Bytes::new(), if_match: None };
    let read = server.ask(get).await?;
    let mut value = read.json()?;
    let members = value.as_object_mut().context("the answer is not what feedpass gives")?;
    // What the server adds to what it was given.
    for added in [
        "source",
        "version",
        "created_at",
        "changed_at",
        "subject",
        "audience",
        "provider_arn",
        "condition_keys",
        "registry_host",
        "secrets",
    ] {
        members.remove(added);
    }
    change(members)?;
    let body = Bytes::from(serde_json::to_vec(&value)?);
    let put = Ask { method: Method::PUT, path, query: "", body, if_match: read.etag.as_deref() };
    server.ask(put).await?.json()
}

/// The members of a body whose values are given.
pub(super) fn members<const N: usize>(given: [(&str, Option<Value>); N]) -> serde_json::Map<String, Value> {
    given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Several of something, if any is given.
pub(super) fn some<T>(values: Vec<T>) -> Option<Vec<T>> {
    Some(values).filter(|values| !values.is_empty())
}

/// What a file of TOML, or of JSON where its name ends so, holds.
pub(super) fn read_file(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    if path.extension().is_some_and(|extension| extension == "json") {
        return serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()));
    }
    toml::from_str(&text).with_context(|| format!("{} is not TOML", path.display()))
}
