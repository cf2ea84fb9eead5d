//! The policy as it should be.

use serde_json::{Map, Value, json};

use super::facts::Facts;
use crate::domain::Feed;

/// `policy` with the statement of the feed in the place of `nearest`, or else added; `others` are all feeds.
///
/// What other statements say stays as it is, and so do the subjects of feeds that share the role, so that nobody is
/// locked out by mending it for one.
pub(super) fn patched(facts: &Facts<'_>, policy: &str, nearest: Option<usize>, others: &[&Feed]) -> Option<Value> {
    let mut right = facts.right["Statement"].get(0)?.clone();
    let Ok(Value::Object(mut document)) = serde_json::from_str::<Value>(policy) else {
        return Some(facts.right.clone());
    };
    let mut statements = match document.remove("Statement") {
        Some(Value::Array(all)) => all,
        Some(one) => vec![one],
        None => Vec::new(),
    };
    match nearest.and_then(|at| statements.get_mut(at)) {
        Some(statement) => {
            right["Condition"]["StringEquals"][facts.key("sub")] = subjects(facts, statement, others);
            *statement = in_place_of(statement, right);
        }
        None => statements.push(right),
    }
    document.insert("Version".into(), json!("2012-10-17"));
    document.insert("Statement".into(), Value::Array(statements));
    Some(Value::Object(document))
}

/// The feed's subject, and those of feeds of the same role that the statement has.
fn subjects(facts: &Facts<'_>, statement: &Value, others: &[&Feed]) -> Value {
    let named = statement["Condition"].to_string();
    let sharing = others.iter().filter(|other| {
        let identity = other.web_identity();
        identity.is_some_and(|identity| {
            identity.role == facts.identity.role && identity.audience == facts.identity.audience
        })
    });
    let theirs = sharing.filter_map(|other| other.subject().map(|subject| subject.to_string()));
    let theirs =
        theirs.filter(|subject| *subject != facts.subject.as_str() && named.contains(&format!("\"{subject}\"")));
    let all: Vec<String> = std::iter::once(facts.subject.to_string()).chain(theirs).collect();
    if let [one] = all.as_slice() { json!(one) } else { json!(all) }
}

/// The right statement under the name of the other.
fn in_place_of(statement: &Value, right: Value) -> Value {
    let mut named = Map::new();
    if let Some(sid) = statement.get("Sid") {
        named.insert("Sid".into(), sid.clone());
    }
    if let Value::Object(members) = right {
        named.extend(members);
    }
    Value::Object(named)
}
