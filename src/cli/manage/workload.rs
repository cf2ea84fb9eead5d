//! `feedpass workload …`

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use super::collection::{Confirm, Search, change, list, members, print_list, print_one, remove, show, text};
use super::workload_issuer::Issuer;
use crate::cli::Server;
use crate::domain::{ClaimMatcher, ClaimPath, ClaimPattern, ClientId, Glob, RuleMode, Slug};

/// See and change the rules by which the tokens of outside issuers stand for clients
#[derive(Subcommand)]
#[command(
    after_help = "A workload that fits a rule needs no secret: it asks with the token that its platform gave it. `feedpass policy test` \
    tries rules on tokens, and --mode observe reports what a rule would do before it counts."
)]
pub(in crate::cli) enum Workload {
    /// List rules
    List {
        #[command(flatten)]
        search: Search,
        #[command(flatten)]
        server: Server,
    },
    /// Make a rule
    Add {
        /// What to call it, as in ci-main
        name: Slug,
        /// The name of the trusted issuer whose tokens it is for, as `workload issuer list` shows it
        #[arg(long)]
        issuer: Slug,
        /// The client that a workload is which fits it
        #[arg(long)]
        client: ClientId,
        #[command(flatten)]
        more: More,
        #[command(flatten)]
        server: Server,
    },
    /// Show a rule
    Show {
        /// Its name
        name: Slug,
        #[command(flatten)]
        server: Server,
    },
    /// Change a rule; what is not given stays, and conditions that are given are put in the place of all
    Set {
        /// Its name
        name: Slug,
        /// The name of the trusted issuer whose tokens it is for
        #[arg(long)]
        issuer: Option<Slug>,
        /// The client that a workload is which fits it
        #[arg(long)]
        client: Option<ClientId>,
        #[command(flatten)]
        more: More,
        #[command(flatten)]
        server: Server,
    },
    /// Remove a rule: it lets nobody in from the next request on
    Remove {
        /// Its name
        name: Slug,
        #[command(flatten)]
        confirm: Confirm,
        #[command(flatten)]
        server: Server,
    },
    /// See and change the outside issuers whose tokens are believed
    #[command(subcommand)]
    Issuer(Issuer),
}

/// Whom a rule is for.
#[derive(Args)]
pub(in crate::cli) struct More {
    /// A claim and the text that it must be, as in sub=repo:my-org/my-repo:ref:refs/heads/main, or with a path as in
    /// /kubernetes.io/namespace=ci. All claims that are named must hold; one that is named several times may be any of these
    #[arg(long = "claim", value_name = "CLAIM=TEXT", value_parser = |text: &str| condition(text, exact))]
    claims: Vec<Condition>,
    /// A claim and the pattern of its text: `*` stands for one or more characters of one part, as in sub=repo:my-org/*:ref:refs/heads/main
    #[arg(long = "pattern", value_name = "CLAIM=PATTERN", value_parser = |text: &str| condition(text, pattern))]
    patterns: Vec<Condition>,
    /// A claim and the JSON that it must be, true, false or a whole number, as in `project_id=7`
    #[arg(long = "claim-json", value_name = "CLAIM=JSON", value_parser = |text: &str| condition(text, as_json))]
    values: Vec<Condition>,
    /// enforce, or observe: then it lets nobody in, and the audit trail tells whom it would have
    #[arg(long)]
    mode: Option<RuleMode>,
}

/// One claim and what it may be.
#[derive(Clone)]
struct Condition {
    claim: ClaimPath,
    value: ClaimMatcher,
}

fn condition(text: &str, read: fn(&str) -> Result<ClaimMatcher, String>) -> Result<Condition, String> {
    let (claim, value) = text.split_once('=').ok_or("it is written as in `sub=main`")?;
    let claim = claim.parse::<ClaimPath>().map_err(|invalid| invalid.to_string())?;
    Ok(Condition { claim, value: read(value)? })
}

fn exact(text: &str) -> Result<ClaimMatcher, String> {
    if text.contains('*') {
        return Err("`*` has no meaning in a --claim, which is compared to the letter; give a --pattern".into());
    }
    Ok(ClaimMatcher::Text(text.to_owned()))
}

fn pattern(text: &str) -> Result<ClaimMatcher, String> {
    text.parse::<Glob>().map(ClaimMatcher::Glob).map_err(|invalid| invalid.to_string())
}

fn as_json(text: &str) -> Result<ClaimMatcher, String> {
    match serde_json::from_str(text) {
        Ok(Value::Bool(value)) => Ok(ClaimMatcher::Bool(value)),
        Ok(Value::String(text)) => exact(&text),
        Ok(Value::Number(number)) if number.is_i64() => {
            number.as_i64().map(ClaimMatcher::Integer).ok_or_else(|| "it is a whole number".to_owned())
        }
        _ => Err("it is true, false, a whole number, or a text in quotation marks".into()),
    }
}

impl More {
    fn put(self, issuer: Option<Slug>, client: Option<ClientId>, body: &mut Map<String, Value>) -> anyhow::Result<()> {
        let mut claims: BTreeMap<ClaimPath, Vec<ClaimMatcher>> = BTreeMap::new();
        for Condition { claim, value } in self.claims.into_iter().chain(self.patterns).chain(self.values) {
            claims.entry(claim).or_default().push(value);
        }
        let claims = claims.into_iter().map(|(claim, any_of)| Ok((claim, ClaimPattern::new(any_of)?)));
        let claims = claims.collect::<anyhow::Result<BTreeMap<_, _>>>()?;
        body.extend(members([
            ("issuer", issuer.map(|issuer| json!(issuer))),
            ("client", client.map(|client| json!(client))),
            ("claims", Some(claims).filter(|claims| !claims.is_empty()).map(|claims| json!(claims))),
            ("mode", self.mode.map(|mode| json!(mode))),
        ]));
        Ok(())
    }
}

const WORKLOADS: [&str; 3] = ["v1", "admin", "workloads"];

fn path(name: &Slug) -> [&str; 4] {
    [WORKLOADS[0], WORKLOADS[1], WORKLOADS[2], name.as_str()]
}

impl Workload {
    pub(in crate::cli) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        match self {
            Self::List { search, server } => {
                let items = list(&server, &WORKLOADS, &search, &[]).await?;
                print_list(&items, json, &["RULE", "ISSUER", "CLIENT", "MODE", "CLAIMS", "FROM"], |rule| {
                    let [name, issuer, client, mode, source] =
                        ["name", "issuer", "client", "mode", "source"].map(|member| text(&rule[member]));
                    vec![name, issuer, client, mode, conditions(&rule["claims"]), source]
                })?;
            }
            Self::Add { name, issuer, client, more, server } => {
                let mut body = members([("name", Some(json!(name))), ("claims", Some(json!({})))]);
                more.put(Some(issuer), Some(client), &mut body)?;
                print_one(&server.json(Method::POST, &WORKLOADS, &[], Some(&Value::Object(body))).await?, json)?;
            }
            Self::Show { name, server } => {
                show(&server, &path(&name), json).await?;
            }
            Self::Set { name, issuer, client, more, server } => {
                print_one(&change(&server, &path(&name), |body| more.put(issuer, client, body)).await?, json)?;
            }
            Self::Remove { name, confirm, server } => {
                let consequence = format!("Rule {name} is removed, and lets nobody in from the next request on.");
                remove(&server, &path(&name), &confirm, &consequence, &format!("rule {name}")).await?;
            }
            Self::Issuer(issuer) => return issuer.run(json).await,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A rule as people read it: `main (github: sub = "main")`.
pub(super) fn in_a_line(rule: &Value) -> String {
    let observed = if rule["mode"] == "observe" { ", only observed" } else { "" };
    format!("{} ({}: {}{observed})", text(&rule["name"]), text(&rule["issuer"]), conditions(&rule["claims"]))
}

/// The conditions as people read them: `ref_protected = true, sub = "main" or like "rc-*"`.
pub(super) fn conditions(claims: &Value) -> String {
    let of = |(claim, expected): (&String, &Value)| {
        let any_of: Vec<_> = match expected {
            Value::Array(any_of) => any_of.iter().map(alternative).collect(),
            one => vec![alternative(one)],
        };
        format!("{claim} = {}", any_of.join(" or "))
    };
    claims.as_object().into_iter().flatten().map(of).collect::<Vec<_>>().join(", ")
}

fn alternative(expected: &Value) -> String {
    expected.get("pattern").map_or_else(|| expected.to_string(), |pattern| format!("like {pattern}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        more: More,
    }

    fn body(arguments: &[&str]) -> Result<Value, String> {
        let only = Only::try_parse_from([&["x"], arguments].concat()).map_err(|error| error.to_string())?;
        let mut body = Map::new();
        only.more.put(None, None, &mut body).map_err(|error| error.to_string())?;
        Ok(Value::Object(body))
    }

    #[test]
    fn conditions_of_every_kind_become_claims() {
        let given = body(&[
            "--claim",
            "sub=a=b",
            "--pattern",
            "sub=rc-*",
            "--claim-json",
            "project_id=7",
            "--claim",
            "/kubernetes.io/namespace=ci",
            "--mode",
            "observe",
        ]);
        let claims =
            json!({ "sub": ["a=b", { "pattern": "rc-*" }], "project_id": 7, "/kubernetes.io/namespace": "ci" });
        let given = given.unwrap();
        assert_eq!(given, json!({ "claims": claims, "mode": "observe" }));
        assert_eq!(
            conditions(&given["claims"]),
            r#"/kubernetes.io/namespace = "ci", project_id = 7, sub = "a=b" or like "rc-*""#
        );
        assert_eq!(body(&[]).unwrap(), json!({}), "what is not given stays");
    }

    #[test]
    fn a_wrong_condition_says_what_would_be_right() {
        for (arguments, said) in [
            (["--claim", "sub"], "sub=main"),
            (["--claim", "sub=a*"], "--pattern"),
            (["--claim", "sub="], "1 to 1024"),
            (["--claim-json", "a=[1]"], "a whole number"),
            (["--claim-json", "a=1.5"], "a whole number"),
            (["--mode", "audit"], "observe"),
        ] {
            let refusal = body(&arguments).unwrap_err();
            assert!(refusal.contains(said), "{arguments:?}: {refusal}");
        }
    }
}
