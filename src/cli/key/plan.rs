//! `feedpass key plan`

use http::Method;
use serde_json::Value;

use super::words::{count, time_and_distance, timestamp, word};
use super::{KEYS, answer};
use crate::cli::Server;
use crate::cli::output::each;
use crate::clock::{Clock as _, SystemClock};

pub(super) async fn run(server: &Server, now: bool, json: bool) -> anyhow::Result<()> {
    let start = if now { "now" } else { "calendar" };
    let path = [&KEYS[..], &["plan"]].concat();
    let plan = server.json(Method::GET, &path, &[("start", start)], None).await?;
    answer(&plan, json, || words(&plan))
}

/// The steps in their order, below each what it waits for, and at last whom they are about.
pub(super) fn words(plan: &Value) -> String {
    let now = timestamp(&plan["now"]).unwrap_or_else(|| SystemClock.now());
    let mut lines = Vec::new();
    for (number, step) in (1..).zip(each(&plan["steps"])) {
        let what = match (step["step"].as_str(), &step["kid"]) {
            (Some("stage"), _) => format!("publish a new {} key", word(&plan["algorithm"])),
            (Some("promote"), Value::Null) => "have it sign".into(),
            (Some("promote"), kid) => format!("have {} sign", word(kid)),
            (Some("retire"), kid) => format!("take {} out of the JWKS", word(kid)),
            (_, kid) => format!("{} {}", word(&step["step"]), word(kid)),
        };
        let when = match &step["earliest"] {
            Value::Null => "when is not known".into(),
            at => format!("at the earliest {}", time_and_distance(at, now)),
        };
        lines.push(format!("{number}. {what}: {when}"));
        lines.extend(each(&step["waits_for"]).map(|what| format!("     waits for {}", word(what))));
    }
    let accounts: Vec<_> = each(&plan["accounts"]).map(word).collect();
    let feeds = count(plan["feeds"].as_u64().unwrap_or_default(), "feed");
    let number = count(u64::try_from(accounts.len()).unwrap_or_default(), "account");
    let names = if accounts.is_empty() { String::new() } else { format!(": {}", accounts.join(", ")) };
    lines.push(format!("It is about {feeds} in {number}{names}"));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_stand_in_their_order_with_what_each_waits_for() {
        let plan = json!({
            "now": "2026-11-23T11:00:00.5Z", "algorithm": "ES256", "feeds": 3, "accounts": ["123456789012", "210987654321"],
            "steps": [
                { "step": "stage", "kid": null, "earliest": null, "waits_for": ["an admin"] },
                { "step": "promote", "kid": null, "earliest": "2026-11-23T14:00:00.5Z", "waits_for": ["time", "evidence"] },
                { "step": "retire", "kid": "abcd", "earliest": "2026-12-23T11:00:00.5Z", "waits_for": [] },
            ],
        });
        assert_eq!(
            words(&plan),
            "1. publish a new ES256 key: when is not known\n     waits for an admin\n\
             2. have it sign: at the earliest 2026-11-23T14:00:00Z (in 3 h)\n     waits for time\n     waits for evidence\n\
             3. take abcd out of the JWKS: at the earliest 2026-12-23T11:00:00Z (in 30 days)\n\
             It is about 3 feeds in 2 accounts: 123456789012, 210987654321\n"
        );
    }
}
