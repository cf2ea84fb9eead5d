//! `feedpass policy test`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::collection::{read_file, text};
use super::workload::conditions;
use crate::cli::Server;
use crate::cli::input::read_text;
use crate::cli::output::{harmless, print};
use crate::domain::Slug;

/// Try the rules for workloads
#[derive(Subcommand)]
pub(in crate::cli) enum Policy {
    /// Say whom tokens would stand for, and by which claim a rule does not fit. Nobody gets anything by it
    Test(Box<Test>),
}

/// Tokens that must pass and tokens that must fail.
#[derive(Args)]
#[command(
    after_help = "A FILE holds a token, or its claims as a JSON object, which are judged as if their issuer had signed them; `-` is \
    standard input. Exit code 1 when one of them is not taken as it must be."
)]
#[group(id = "samples", required = true, multiple = true)]
pub(in crate::cli) struct Test {
    /// Of what must get in. Can be given several times
    #[arg(long, value_name = "FILE", num_args = 1.., group = "samples")]
    pass: Vec<PathBuf>,
    /// Of what must be refused. Can be given several times
    #[arg(long, value_name = "FILE", num_args = 1.., group = "samples")]
    fail: Vec<PathBuf>,
    /// The name of the trusted issuer to judge them by; each one's own `iss` when left out
    #[arg(long)]
    issuer: Option<Slug>,
    /// A file with rules to try in the place of those that there are: TOML as in the configuration (`[[workload]]`), or a JSON list
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    #[command(flatten)]
    server: Server,
}

impl Policy {
    pub(in crate::cli) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        let Self::Test(test) = self;
        test.run(json).await
    }
}

impl Test {
    async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        let samples = |paths: &[PathBuf]| paths.iter().map(|path| sample(path)).collect::<anyhow::Result<Vec<_>>>();
        let mut body = json!({ "pass": samples(&self.pass)?, "fail": samples(&self.fail)? });
        if let Some(issuer) = &self.issuer {
            body["issuer"] = json!(issuer);
        }
        if let Some(path) = &self.rules {
            body["rules"] = rules(path)?;
        }
        let tested = self.server.json(Method::POST, &["v1", "admin", "policy", "test"], &[], Some(&body)).await?;
        if json {
            print(&format!("{tested:#}\n"))?;
        } else {
            for (expected, paths) in [("pass", &self.pass), ("fail", &self.fail)] {
                print(&report(expected, paths, &tested[expected])?)?;
            }
        }
        Ok(if tested["ok"] == true { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What a file holds: claims, or a token.
fn sample(path: &Path) -> anyhow::Result<Value> {
    let text = read_text(path)?;
    let text = text.trim();
    anyhow::ensure!(
        !text.is_empty(),
        "{} is empty, and should hold a token, or its claims as a JSON object",
        path.display()
    );
    if !text.starts_with('{') {
        return Ok(json!(text));
    }
    serde_json::from_str(text).with_context(|| format!("{} is not JSON", path.display()))
}

/// The rules of a file, as the API takes them.
fn rules(path: &Path) -> anyhow::Result<Value> {
    let mut file = read_file(path)?;
    if file.is_array() {
        return Ok(file);
    }
    let rules = file.get_mut("workload").map(Value::take);
    rules.with_context(|| format!("{} has no rules: no [[workload]], and is no JSON list of them", path.display()))
}

/// What came of the samples of `paths`, a line for each, and below it why.
fn report(expected: &str, paths: &[PathBuf], tested: &Value) -> anyhow::Result<String> {
    let tested = tested.as_array().context("the answer is not what feedpass gives")?;
    let mut lines = Vec::new();
    for (path, tested) in paths.iter().zip(tested) {
        let verdict = if tested["ok"] == true { "ok   " } else { "WRONG" };
        lines.push(format!("{verdict}  {expected}  {}  {}", path.display(), outcome(tested)));
        lines.extend(whys(tested).iter().map(|why| format!("         {}", harmless(why))));
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

/// In a sentence.
fn outcome(tested: &Value) -> String {
    if tested["admitted"] == true {
        return format!("is client {}, by rule {}", text(&tested["client"]), text(&tested["rule"]));
    }
    if let Some(refused) = tested["refused"].as_str() {
        return format!("is refused: {}", harmless(refused));
    }
    match tested["outcome"].as_str() {
        Some("ambiguous") => {
            let fitting = tested["fitting"].as_array().into_iter().flatten();
            let fitting: Vec<_> =
                fitting.map(|rule| format!("{} by rule {}", text(&rule["client"]), text(&rule["rule"]))).collect();
            format!("is refused: rules give it different clients, {}", fitting.join(" and "))
        }
        _ => "is refused: no rule fits".into(),
    }
}

/// What one who did not expect it needs: what is only observed, and the claims by which rules do not fit.
fn whys(tested: &Value) -> Vec<String> {
    let observed = tested["would_have"].as_array().into_iter().flatten();
    let observed = observed.map(|rule| {
        let (rule, client) = (text(&rule["rule"]), text(&rule["client"]));
        format!("rule {rule} is only observed; it would give client {client}")
    });
    let failing = tested["rules"].as_array().into_iter().flatten().filter(|rule| rule["fits"] != true);
    let failing = failing.filter(|_| tested["admitted"] != true).flat_map(|rule| {
        let conditions = rule["conditions"].as_array().into_iter().flatten();
        conditions.filter(|condition| condition["holds"] != true).map(|condition| {
            let claim = text(&condition["claim"]);
            let expected = conditions_of(&claim, &condition["expected"]);
            let found = condition.get("found").map_or("there is none".into(), |found| format!("it is {found}"));
            format!("rule {}: {expected}, and {found}", text(&rule["rule"]))
        })
    });
    observed.chain(failing).collect()
}

fn conditions_of(claim: &str, expected: &Value) -> String {
    conditions(&json!({ claim: expected }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_the_rule_or_the_claim() {
        let passed = json!([{ "ok": true, "admitted": true, "outcome": "client", "rule": "main", "client": "ci", "would_have": [], "rules": [] }]);
        assert_eq!(
            report("pass", &["a.jwt".into()], &passed).unwrap(),
            "ok     pass  a.jwt  is client ci, by rule main\n"
        );
        let conditions = json!([
            { "claim": "sub", "expected": ["main", { "pattern": "rc-*" }], "found": "dev", "holds": false },
            { "claim": "actor", "expected": "ann", "holds": false },
        ]);
        let rules = json!([{ "rule": "main", "client": "ci", "fits": false, "conditions": conditions }]);
        let would_have = json!([{ "rule": "soon", "client": "ci" }]);
        let refused =
            json!([{ "ok": false, "admitted": false, "outcome": "no_rule", "would_have": would_have, "rules": rules }]);
        let lines = [
            "WRONG  pass  b.json  is refused: no rule fits",
            "         rule soon is only observed; it would give client ci",
            "         rule main: sub = \"main\" or like \"rc-*\", and it is \"dev\"",
            "         rule main: actor = \"ann\", and there is none",
        ];
        assert_eq!(report("pass", &["b.json".into()], &refused).unwrap(), lines.join("\n") + "\n");
    }
}
