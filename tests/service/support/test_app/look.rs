//! What a running feedpass did.

use feedpass::sandbox::Service;
use feedpass::store::database::{LineFilter, WrittenLine};
use http::Method;
use serde_json::Value;

use super::TestApp;
use crate::support::metrics::Figures;

impl TestApp {
    /// The lines of the audit trail about `event`, from the first on; of all events for `""`.
    pub async fn trail(&self, event: &str) -> Vec<Value> {
        let event = Some(event.to_owned()).filter(|event| !event.is_empty());
        let filter = LineFilter { event, ..LineFilter::default() };
        let lines = self.app.audit().trail().lines(&filter, 10_000).await.unwrap();
        lines.into_iter().map(|line| serde_json::from_str(&line.body).unwrap()).collect()
    }

    /// The last lines of the audit trail, the oldest first: the event, its outcome or code, and what was changed.
    pub async fn changes(&self, count: i64) -> Vec<String> {
        let filter = LineFilter { event: Some("change".into()), newest_first: true, ..LineFilter::default() };
        let mut lines = self.app.store().database().lines(&filter, count).await.unwrap();
        lines.reverse();
        let line = |line: &WrittenLine| {
            let line: serde_json::Value = serde_json::from_str(&line.body).unwrap();
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let outcome = if line["code"].is_null() { text(&line["outcome"]) } else { text(&line["code"]) };
            let change = &line["change"];
            let words = [&line["client"], &change["action"], &change["kind"], &change["name"]].map(text);
            format!("{outcome}: {}", words.join(" "))
        };
        lines.iter().map(line).collect()
    }

    /// What `/metrics` says.
    pub async fn figures(&self) -> Figures {
        Figures::read(&self.internal(Method::GET, "/metrics").send().await)
    }

    /// How often the sandbox's STS and ECR were called.
    pub fn calls(&self) -> (u64, u64) {
        (self.sandbox().calls(Service::Sts), self.sandbox().calls(Service::Ecr))
    }
}
