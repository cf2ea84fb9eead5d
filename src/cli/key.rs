//! `feedpass key …`

mod export;
mod import;
mod kid;
mod plan;
mod progress;
mod revocation;
mod rotate;
mod show;
mod words;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use self::kid::KidPrefix;
use self::words::word;
use super::Server;
use super::output::print;
use crate::domain::Reason;

/// See and rotate the signing keys
#[derive(Subcommand)]
#[command(
    after_help = "KID is a key's id, or the first 4 characters of it or more. By itself feedpass makes a key, publishes it, has it sign and \
    takes it away, as [keys] of the configuration says; these commands show that, and do it at another time. docs/keys.md goes through all of it."
)]
pub(super) enum Key {
    /// List keys: the one that signs, and then the newest
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Show all that is known of a key, and what verifiers were seen to do with it
    Show {
        #[command(flatten)]
        key: OfKey,
    },
    /// Say what happens next and when, and what it waits for
    Plan {
        /// As if `key rotate` were said now, and not by the calendar
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Make a key and publish it. It waits until somebody promotes it, or the calendar does
    Stage {
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        server: Server,
    },
    /// Begin a rotation, or go on with one that has begun: the next key signs as soon as verifiers know it
    Rotate(rotate::Rotate),
    /// Have a published key sign
    Promote {
        #[command(flatten)]
        key: OfKey,
        #[command(flatten)]
        force: Force,
    },
    /// Take a key out of the JWKS that does not sign, and destroy its private half
    Retire {
        #[command(flatten)]
        key: OfKey,
        #[command(flatten)]
        force: Force,
    },
    /// Have the key sign again that signed before
    Rollback {
        #[command(flatten)]
        because: Because,
        #[command(flatten)]
        server: Server,
    },
    /// The panic button: take a burnt key out of use at once, and say what is left to do
    Revoke(revocation::Revoke),
    /// Show how far verifiers refuse a revoked key, and what was obtained with it
    Revocation(revocation::Watch),
    /// Bring in a key, which is published then
    Import(import::Import),
    /// Print the public half of a key
    Export(export::Export),
}

/// Which key of which feedpass.
#[derive(Args)]
pub(super) struct OfKey {
    /// The key
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    kid: KidPrefix,
    #[command(flatten)]
    server: Server,
}

/// Why, where nobody has to say it.
#[derive(Args)]
pub(super) struct Why {
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT")]
    reason: Option<Reason>,
}

/// Why, where it has to be said.
#[derive(Args)]
pub(super) struct Because {
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT")]
    reason: Reason,
}

/// Whether to do it too early, and why then.
#[derive(Args)]
pub(super) struct Force {
    /// Do it though it is too early: tokens may be refused
    #[arg(long, requires = "reason")]
    force: bool,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT", requires = "force")]
    reason: Option<Reason>,
}

const KEYS: [&str; 3] = ["v1", "admin", "keys"];

impl Key {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        match self {
            Self::List { server } => show::list(&server, json).await?,
            Self::Show { key } => show::show(&key, json).await?,
            Self::Plan { now, server } => plan::run(&server, now, json).await?,
            Self::Stage { why, server } => {
                let staged = act(&server, &["stage"], &why.body()).await?;
                let kid = word(&staged["kid"]);
                answer(&staged, json, || format!("key {kid} is published; {}\n", how_it_goes_on(&staged)))?;
            }
            Self::Rotate(rotate) => return rotate.run(json).await,
            Self::Promote { key, force } => {
                let promoted = key.act("promote", &force.body()).await?;
                answer(&promoted, json, || format!("key {} signs now\n", word(&promoted["kid"])))?;
            }
            Self::Retire { key, force } => {
                let retired = key.act("retire", &force.body()).await?;
                answer(&retired, json, || {
                    let broken = match retired["broken_tokens"].as_u64() {
                        Some(0) | None => "no token that it signed was live any more".to_owned(),
                        Some(1) => "1 live token that it signed is refused from now on".to_owned(),
                        Some(many) => format!("{many} live tokens that it signed are refused from now on"),
                    };
                    format!(
                        "key {} is out of the JWKS, and its private half is destroyed; {broken}\n",
                        word(&retired["kid"])
                    )
                })?;
            }
            Self::Rollback { because, server } => {
                let back = act(&server, &["rollback"], &json!({ "reason": because.reason })).await?;
                answer(&back, json, || format!("key {} signs again\n", word(&back["kid"])))?;
            }
            Self::Revoke(revoke) => revoke.run(json).await?,
            Self::Revocation(watch) => return watch.run(json).await,
            Self::Import(import) => import.run(json).await?,
            Self::Export(export) => export.run().await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl OfKey {
    /// Posts `body` to what `step` of the key is.
    async fn act(&self, step: &str, body: &Value) -> anyhow::Result<Value> {
        let kid = self.kid.resolve(&self.server).await?;
        act(&self.server, &[kid.as_str(), step], body).await
    }
}

impl Why {
    fn body(&self) -> Value {
        self.reason.as_ref().map_or_else(|| json!({}), |reason| json!({ "reason": reason }))
    }
}

impl Force {
    fn body(&self) -> Value {
        self.reason.as_ref().map_or_else(|| json!({}), |reason| json!({ "force": self.force, "reason": reason }))
    }
}

async fn act(server: &Server, step: &[&str], body: &Value) -> anyhow::Result<Value> {
    server.json(Method::POST, &[&KEYS, step].concat(), &[], Some(body)).await
}

/// Prints what came of it: for programs as it is, for people in `words`.
fn answer(value: &Value, json: bool, words: impl FnOnce() -> String) -> anyhow::Result<()> {
    print(&if json { format!("{value:#}\n") } else { words() })
}

/// What becomes of a published key.
fn how_it_goes_on(key: &Value) -> String {
    if key["verify_only"] == true {
        return "it verifies alone, and stays until `feedpass key retire`".into();
    }
    let promoted = match &key["promoted_at"] {
        Value::Null => "it waits for `feedpass key promote`, or `feedpass key rotate`".into(),
        at if key["promote_when_due"] == true => format!("it signs from {} on", words::time(at)),
        at => format!(
            "it signs from {} on by the calendar, or once it may by `feedpass key promote` or `rotate`",
            words::time(at)
        ),
    };
    format!("{promoted}\n  may it sign now? {}", show::gate(key))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(subcommand)]
        key: Key,
    }

    #[test]
    fn an_id_may_begin_with_a_dash() {
        for kid in ["-abcd", "--ab", "-hhh-"] {
            let given = Only::try_parse_from(["x", "promote", kid, "--force", "--reason", "it leaked"]);
            let Ok(Only { key: Key::Promote { key, force } }) = given else { panic!("{kid}") };
            assert_eq!(key.kid.to_string(), kid);
            assert_eq!(force.body(), json!({ "force": true, "reason": "it leaked" }));
        }
    }

    #[test]
    fn a_reason_is_given_where_it_counts_and_nowhere_else() {
        for (arguments, right) in [
            (&["promote", "abcd"][..], true),
            (&["promote", "abcd", "--force"], false),
            (&["retire", "abcd", "--reason", "x"], false),
            (&["revoke", "abcd"], false),
            (&["revoke", "abcd", "--reason", ""], false),
            (&["rollback"], false),
            (&["stage"], true),
            (&["rotate", "--reason", "x", "--wait"], true),
        ] {
            assert_eq!(Only::try_parse_from([&["x"], arguments].concat()).is_ok(), right, "{arguments:?}");
        }
    }
}
