//! `feedpass key revoke` and `feedpass key revocation`: a key is burnt.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::kid::KidPrefix;
use super::progress::{Progress, passes, pause};
use super::words::{count, length, place, time, time_and_distance, timestamp, word};
use super::{Because, KEYS, OfKey, act, answer};
use crate::cli::Server;
use crate::cli::manage::Confirm;
use crate::cli::output::{columns, each, print_to_people};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::{Kid, RoleArn};

/// The panic button: take a burnt key out of use at once, and say what is left to do
#[derive(Args)]
#[command(
    after_help = "It prints which key signs now, from when on no verifier takes the burnt one, what was obtained with it, and the policies that end \
    that. A whole KID works even while the server's store does not answer."
)]
pub(in crate::cli) struct Revoke {
    /// The key
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    kid: KidPrefix,
    #[command(flatten)]
    because: Because,
    /// A published key that signs in its place. Left out, one is made, which nobody who had the burnt one can have
    #[arg(long, value_name = "KID", allow_hyphen_values = true)]
    successor: Option<KidPrefix>,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    server: Server,
}

/// Show how far verifiers refuse a revoked key, and what was obtained with it
#[derive(Args)]
pub(in crate::cli) struct Watch {
    #[command(flatten)]
    key: OfKey,
    /// Stay until verifiers refuse it, and its private half is destroyed. Ctrl-C ends the waiting alone
    #[arg(long)]
    wait: bool,
}

impl Revoke {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let Self { kid, because, successor, confirm, server } = self;
        let kid = kid.resolve(&server).await?;
        let successor = match successor {
            Some(successor) => Some(successor.resolve(&server).await?),
            None => None,
        };
        confirm.ask(&format!(
            "Key {kid} is taken out of use for good, and all that it signed is refused. If it signs now, {} does from now on, \
             and AWS may refuse that until it has fetched the JWKS again.",
            successor.as_ref().map_or_else(|| "a new key".to_owned(), |kid| format!("key {kid}"))
        ))?;
        let mut body = json!({ "reason": because.reason });
        if let Some(successor) = successor {
            body["successor"] = json!(successor);
        }
        let revoked = act(&server, &[kid.as_str(), "revoke"], &body).await?;
        answer(&revoked, json, || {
            let signs = match &revoked["successor"] {
                Value::Null => "It did not sign, so the active key stays".to_owned(),
                successor => format!("Key {} signs now", word(successor)),
            };
            let head = format!("Key {kid} is revoked, and out of the JWKS. {signs}.\n");
            head + &what_is_left(&revoked) + &format!("\nWatch it: feedpass key revocation {kid} --wait\n")
        })
    }
}

impl Watch {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        let Self { key: OfKey { kid, server }, wait } = self;
        let kid = kid.resolve(&server).await?;
        let report = if wait {
            tokio::select! {
                report = until_destroyed(&server, &kid, json) => report?,
                _ = tokio::signal::ctrl_c() => {
                    print_to_people("feedpass goes on asking; `feedpass key revocation` shows how far it is");
                    return Ok(ExitCode::FAILURE);
                }
            }
        } else {
            look(&server, &kid).await?
        };
        answer(&report, json, || how_it_stands(&report) + &what_is_left(&report))?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn look(server: &Server, kid: &Kid) -> anyhow::Result<Value> {
    server.json(Method::GET, &[&KEYS[..], &[kid.as_str(), "revocation"]].concat(), &[], None).await
}

async fn until_destroyed(server: &Server, kid: &Kid, json: bool) -> anyhow::Result<Value> {
    let (clock, mut progress) = (SystemClock, Progress::new(json));
    let mut since = None;
    loop {
        match look(server, kid).await {
            Ok(report) if report["destroyed_at"].is_string() => return Ok(report),
            Ok(report) => {
                since = timestamp(&report["revoked_at"]);
                let (stage, how_far) = how_far(&report);
                progress.show(&stage, &how_far, "");
            }
            Err(error) if passes(&error) => progress.silent(&error),
            Err(error) => return Err(error),
        }
        clock.sleep(pause(since, clock.now())).await;
    }
}

/// In short, which is the same until something changes, and in full.
fn how_far(report: &Value) -> (String, String) {
    let states: Vec<_> = each(&report["places"]).map(|place| word(&place["state"])).collect();
    let refused = states.iter().filter(|state| *state == "refused").count();
    let open = each(&report["places"]).filter(|place| place["state"] != "refused").map(at_place);
    let open = open.collect::<Vec<_>>().join("; ");
    (states.join(" "), format!("refused in {refused} of {} places; {open}", states.len()))
}

/// What verifiers were seen to do with the key, a line for each.
fn how_it_stands(report: &Value) -> String {
    let mut lines = vec![format!(
        "Key {} was revoked {}: {}",
        word(&report["kid"]),
        time(&report["revoked_at"]),
        word(&report["reason"])
    )];
    lines.extend(each(&report["places"]).map(|place| format!("  {}", at_place(place))));
    lines.push(match &report["destroyed_at"] {
        Value::Null => "Its private half is kept to ask with, until all of them refuse it.".into(),
        at => format!("Its private half was destroyed {}.", time(at)),
    });
    lines.join("\n") + "\n"
}

fn at_place(at: &Value) -> String {
    let state = match at["state"].as_str() {
        Some("refused") => format!("refused after {}", at["refused_after"].as_i64().map_or("-".into(), length)),
        Some("accepted") => "STILL ACCEPTED".into(),
        _ => "unknown".into(),
    };
    let why = match &at["detail"] {
        Value::Null => String::new(),
        detail => format!(" ({})", word(detail)),
    };
    format!("{}: {state}{why}", place(at))
}

/// Until when somebody may do what with the key, and what ends that.
fn what_is_left(report: &Value) -> String {
    let refused_by = time_and_distance(&report["refused_by"], SystemClock.now());
    let until = match &report["destroyed_at"] {
        Value::Null => {
            format!("A verifier that fetches the JWKS every `publish_before` takes it no more from {refused_by} on.\n")
        }
        _ => String::new(),
    };
    until + &exposed(&report["exposed"]) + &policies(report)
}

/// What feedpass obtained with the key, alike ones in one row.
fn exposed(exposed: &Value) -> String {
    if exposed.is_null() {
        return "\nWhat was obtained with it is not known now, since the store does not answer; ask again.\n".into();
    }
    let mut alike: BTreeMap<[String; 3], (u64, String)> = BTreeMap::new();
    for (list, what, opens) in [("sessions", "session", "role"), ("passwords", "password", "registry")] {
        for one in each(&exposed[list]) {
            let row = alike.entry([what.into(), word(&one["feed"]), word(&one[opens])]).or_default();
            row.0 += 1;
            row.1 = row.1.clone().max(time(&one["expires_at"]));
        }
    }
    if alike.is_empty() {
        return "\nNothing that feedpass obtained with it is live.\n".into();
    }
    let rows: Vec<_> = alike
        .into_iter()
        .map(|([what, feed, opens], (many, end))| vec![count(many, &what), feed, opens, end])
        .collect();
    let more = if exposed["truncated"] == true { "and more than are listed\n" } else { "" };
    let table = columns(&["WHAT", "FEED", "OPENS", "LAST END"], &rows);
    format!(
        "\nWhat was obtained with it and is live; a password is good until its end, whatever ends its session:\n{table}{more}"
    )
}

/// For each role, the command that ends its sessions.
fn policies(report: &Value) -> String {
    let mut lines = Vec::new();
    for deny in each(&report["deny"]) {
        let Some(role) = deny["role"].as_str().and_then(|role| role.parse::<RoleArn>().ok()) else { continue };
        lines.push(format!("# in account {}", role.account()));
        lines.push(format!(
            "aws iam put-role-policy --role-name {} --policy-name EndSessionsOfBurntKey --policy-document '{}'",
            role.name(),
            harmless_in_quotes(&deny["policy"])
        ));
    }
    if lines.is_empty() {
        return String::new();
    }
    let again = match &report["destroyed_at"] {
        Value::Null => "Whoever has the key gets new sessions until STS refuses it: say this again when it does.",
        _ => "STS refuses the key: this ends all that was ever obtained with it.",
    };
    format!(
        "\nThis ends all sessions of its roles that are older than the time in it, those of a thief and of feedpass too. {again}\n\
         Restart feedpass after it, so that it gives out nothing that is older:\n\n{}\n",
        lines.join("\n")
    )
}

/// As it can stand between `'` in a shell.
fn harmless_in_quotes(policy: &Value) -> String {
    word(&Value::String(policy.to_string())).replace('\'', "'\\''")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(state: &str, refused_after: Option<i64>) -> Value {
        json!({ "place": "sts", "account": "123456789012", "region": "us-east-1", "state": state, "refused_after": refused_after })
    }

    #[test]
    fn each_place_says_what_it_does_with_the_key() {
        let at = "STS for account 123456789012 in us-east-1";
        assert_eq!(at_place(&place("refused", Some(1800))), format!("{at}: refused after 30 min"));
        assert_eq!(at_place(&place("accepted", None)), format!("{at}: STILL ACCEPTED"));
        let silent = json!({ "place": "public_url", "state": "unknown", "detail": "no answer" });
        assert_eq!(at_place(&silent), "the public URL: unknown (no answer)");
    }

    #[test]
    fn what_is_alike_stands_in_one_row_with_its_last_end() {
        let session = |end: &str| json!({ "feed": "a/b", "role": "arn:x", "session_name": "s", "expires_at": end });
        let listed = json!({
            "sessions": [session("2026-11-23T12:00:00Z"), session("2026-11-23T13:00:00Z")],
            "passwords": [{ "feed": "a/b", "registry": "host", "expires_at": "2026-11-23T23:00:00Z" }],
            "truncated": true,
        });
        let lines = [
            "",
            "What was obtained with it and is live; a password is good until its end, whatever ends its session:",
            "WHAT        FEED  OPENS  LAST END",
            "1 password  a/b   host   2026-11-23T23:00:00Z",
            "2 sessions  a/b   arn:x  2026-11-23T13:00:00Z",
            "and more than are listed",
            "",
        ];
        assert_eq!(exposed(&listed), lines.join("\n"));
        assert!(exposed(&Value::Null).contains("not known now"));
        assert!(exposed(&json!({ "sessions": [], "passwords": [] })).contains("Nothing that feedpass obtained"));
    }

    #[test]
    fn a_policy_can_be_pasted_into_a_shell() {
        let deny = json!([{ "role": "arn:aws:iam::123456789012:role/team/pull", "policy": { "Sid": "it's" } }]);
        let text = policies(&json!({ "deny": deny, "destroyed_at": null }));
        let command = "aws iam put-role-policy --role-name pull --policy-name EndSessionsOfBurntKey --policy-document \
                       '{\"Sid\":\"it'\\''s\"}'";
        assert!(text.contains(command) && text.contains("# in account 123456789012\n"), "{text}");
        assert!(text.contains("say this again when it does"), "{text}");
    }
}
