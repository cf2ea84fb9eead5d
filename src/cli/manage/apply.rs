//! `feedpass apply -f FILE`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::collection::{Confirm, read_file, text};
use super::workload_issuer::pinned;
use crate::cli::Server;
use crate::cli::output::{print, print_to_people};

/// Make spaces, feeds, clients and the rules for workloads equal to a file
#[derive(Args)]
#[command(
    after_help = "The file is TOML, in the words of the configuration ([[space]], [[feed]], [[client]] with [[client.grant]], \
    [[workload_issuer]] and [[workload]]), or JSON in those of the API. What is in the store and not in the file stays, unless --prune is given."
)]
pub(in crate::cli) struct Apply {
    /// The file
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    file: PathBuf,

    /// Remove what is in the store and not in the file. Slugs that are freed so are never given again
    #[arg(long)]
    prune: bool,

    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    confirm: Confirm,

    #[command(flatten)]
    server: Server,
}

const APPLY: [&str; 3] = ["v1", "admin", "apply"];

impl Apply {
    pub(in crate::cli) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        let body = read(&self.file)?;
        let prune = self.prune.to_string();
        let planned = self.ask(&body, &[("dry_run", "true"), ("prune", &prune)]).await?;
        let changes = planned["changes"].as_array().context("the answer is not what feedpass gives")?;
        if !json {
            print(&diff(changes))?;
        }
        if changes.is_empty() || self.dry_run {
            if json {
                print(&format!("{planned:#}\n"))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        self.confirm.ask(&format!("{} changes are made.", changes.len()))?;
        let done = self.ask(&body, &[("dry_run", "false"), ("prune", &prune)]).await?;
        if json {
            print(&format!("{done:#}\n"))?;
        } else {
            print_to_people(&format!("{} changes were made", done["changes"].as_array().map_or(0, Vec::len)));
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn ask(&self, body: &Value, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        self.server.json(Method::POST, &APPLY, query, Some(body)).await
    }
}

/// What the configuration calls a table, and the API the list of them.
const TABLES: [(&str, &str); 5] = [
    ("space", "spaces"),
    ("feed", "feeds"),
    ("client", "clients"),
    ("workload_issuer", "workload_issuers"),
    ("workload", "workloads"),
];

/// The file as the API takes it.
fn read(path: &Path) -> anyhow::Result<Value> {
    let mut file = read_file(path)?;
    let members = file.as_object_mut().context("the file is no table")?;
    // The configuration names tables one by one, the API lists.
    for (one, all) in TABLES {
        if let Some(values) = members.remove(one) {
            members.insert(all.into(), values);
        }
    }
    let clients = members.get_mut("clients").and_then(Value::as_array_mut);
    for client in clients.into_iter().flatten().filter_map(Value::as_object_mut) {
        if let Some(grants) = client.remove("grant") {
            client.insert("grants".into(), grants);
        }
    }
    let issuers = members.get_mut("workload_issuers").and_then(Value::as_array_mut);
    for issuer in issuers.into_iter().flatten().filter_map(Value::as_object_mut) {
        if let Some(Value::String(keys)) = issuer.remove("jwks_file") {
            let beside = path.parent().unwrap_or(Path::new(""));
            issuer.insert("jwks".into(), json!(pinned(&beside.join(keys))?));
        }
    }
    Ok(file)
}

/// The changes as people read them: a sign, the thing, and each member that differs.
fn diff(changes: &[Value]) -> String {
    if changes.is_empty() {
        return "nothing to change\n".into();
    }
    let mut lines = String::new();
    for change in changes {
        let sign = match change["action"].as_str() {
            Some("create") => '+',
            Some("remove") => '-',
            _ => '~',
        };
        lines.extend([&format!("{sign} "), &*text(&change["kind"]), " ", &text(&change["name"]), "\n"]);
        if sign == '~' {
            lines += &differences(&change["before"], &change["after"]);
        }
    }
    lines
}

fn differences(before: &Value, after: &Value) -> String {
    let empty = serde_json::Map::new();
    let (old, new) = (before.as_object().unwrap_or(&empty), after.as_object().unwrap_or(&empty));
    let mut names: Vec<&String> = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))).collect();
    names.retain(|name| old.get(*name) != new.get(*name));
    let side = |side: &serde_json::Map<String, Value>, name: &str| {
        side.get(name).map_or_else(|| "-".into(), |value| json!(value).to_string())
    };
    let line = |name: &&String| format!("    {name}: {} → {}", side(old, name), side(new, name));
    names.iter().map(line).chain([String::new()]).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_the_words_of_the_configuration_becomes_the_apis() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("teams.toml");
        let text = "[[space]]\nslug = \"a\"\n[[client]]\nid = \"ci\"\n[[client.grant]]\nfeeds = [\"a/*\"]\nactions = [\"pull\"]\n";
        std::fs::write(&path, text).unwrap();
        let grants = json!([{ "feeds": ["a/*"], "actions": ["pull"] }]);
        assert_eq!(
            read(&path).unwrap(),
            json!({ "spaces": [{ "slug": "a" }], "clients": [{ "id": "ci", "grants": grants }] })
        );
    }

    #[test]
    fn the_keys_of_an_issuer_are_read_from_beside_the_file() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("teams.toml");
        let jwks = json!({ "keys": [{ "kty": "RSA", "n": "AQ", "e": "AQAB" }] });
        std::fs::write(directory.path().join("jwks.json"), jwks.to_string()).unwrap();
        std::fs::write(&path, "[[workload_issuer]]\nname = \"a\"\njwks_file = \"jwks.json\"\n").unwrap();
        assert_eq!(read(&path).unwrap(), json!({ "workload_issuers": [{ "name": "a", "jwks": jwks }] }));
        std::fs::write(directory.path().join("jwks.json"), "{}").unwrap();
        assert!(format!("{:#}", read(&path).unwrap_err()).contains("jwks.json holds no public JWKS"));
    }

    #[test]
    fn a_diff_names_what_differs() {
        let changes = [
            json!({ "action": "create", "kind": "space", "name": "a" }),
            json!({ "action": "change", "kind": "feed", "name": "a/b", "before": { "region": "x", "slug": "b" }, "after": { "region": "y", "slug": "b" } }),
        ];
        assert_eq!(diff(&changes), "+ space a\n~ feed a/b\n    region: \"x\" → \"y\"\n");
        assert_eq!(diff(&[]), "nothing to change\n");
    }
}
