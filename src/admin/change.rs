//! A change of one thing: what is written, and what the audit trail says of it.

use serde::Serialize;
use serde_json::{Value, json};

use super::AdminError;
use super::scene::Kept;
use crate::domain::{ClientId, SpaceFeed};
use crate::store::{Kind, Write};

/// What is done to a thing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeAction {
    /// It was not there before.
    Create,
    /// It becomes another.
    Change,
    /// It is there no more.
    Remove,
}

/// A change of one thing.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// What is done.
    pub action: ChangeAction,
    /// To what kind of thing.
    #[serde(serialize_with = "word")]
    pub kind: Kind,
    /// By which name.
    pub name: String,
    /// How it was, without secrets and their hashes; null for what was not there.
    pub before: Value,
    /// How it will be; likewise.
    pub after: Value,
    #[serde(skip)]
    pub(super) write: Write,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde takes")]
fn word<S: serde::Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.as_str())
}

/// The changes that were decided on, and what they give.
pub(super) struct Decision<T> {
    pub(super) changes: Vec<Change>,
    pub(super) outcome: T,
}

impl Change {
    /// Puts `after` in the place of `before`; none where both are the same.
    pub(super) fn put<T: Kept>(before: Option<&T>, after: &T) -> Result<Option<Self>, serde_json::Error> {
        if before == Some(after) {
            return Ok(None);
        }
        Ok(Some(Self {
            action: if before.is_some() { ChangeAction::Change } else { ChangeAction::Create },
            kind: T::KIND,
            name: after.name(),
            before: before.map(Kept::public).transpose()?.unwrap_or_default(),
            after: after.public()?,
            write: Write::put(after)?,
        }))
    }

    /// Makes a tombstone of `before`, which may have moved to another name.
    pub(super) fn bury<T: Kept>(before: &T, moved_to: Option<String>) -> Result<Self, serde_json::Error> {
        Ok(Self {
            action: ChangeAction::Remove,
            kind: T::KIND,
            name: before.name(),
            before: before.public()?,
            after: Value::Null,
            write: Write::bury(&before.remains(), moved_to)?,
        })
    }

    /// As the audit trail has it.
    pub(super) fn to_json(&self) -> Value {
        let Self { action, kind, name, before, after, write } = self;
        let mut line =
            json!({ "action": action, "kind": kind.as_str(), "name": name, "before": before, "after": after });
        if let Some(moved_to) = &write.moved_to {
            line["moved_to"] = moved_to.as_str().into();
        }
        line
    }

    /// The feed that it is of.
    pub(super) fn feed(&self) -> Option<SpaceFeed> {
        if self.kind == Kind::Feed { self.name.parse().ok() } else { None }
    }
}

/// Who made the change of `kind` and `name` that `line` tells of, if it does.
pub(super) fn made_by(line: &str, kind: Kind, name: &str) -> Option<ClientId> {
    let line: Value = serde_json::from_str(line).ok()?;
    let of_it = line["change"]["kind"] == kind.as_str() && line["change"]["name"] == name;
    if of_it { line["client"].as_str()?.parse().ok() } else { None }
}

impl<T> Decision<T> {
    /// What putting one thing comes to.
    #[expect(clippy::unnecessary_wraps, reason = "a decision's last step")]
    pub(super) fn of((change, outcome): (Option<Change>, T)) -> Result<Self, AdminError> {
        Ok(Self { changes: change.into_iter().collect(), outcome })
    }
}
