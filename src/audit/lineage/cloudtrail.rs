//! What AWS's own trail says of a request, and what of it feedpass knows too.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{Lineage, LineageKey, Scope};
use crate::clock::later;
use crate::store::StoreError;
use crate::store::database::Trail;

/// How many records are looked at.
const RECORDS: usize = 100;
/// How long before a request its token was made at the most: the longest life of one.
const LONGEST: Duration = Duration::from_mins(15);
/// How far the clocks of feedpass and AWS may differ.
const APART: Duration = Duration::from_mins(5);

/// One record of CloudTrail.
#[derive(Clone, Debug)]
pub struct CloudTrailEvent {
    told: Told,
    /// What it can be known by, the surest first.
    clues: Vec<Clue>,
}

/// What a record is, and by what it was known.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    event_id: Option<String>,
    event_name: Option<String>,
    event_time: Option<Timestamp>,
    /// Which field of it, and that field's value; none when nothing in it is known.
    matched: Option<Matched>,
}

#[derive(Clone, Debug, Serialize)]
struct Matched {
    by: &'static str,
    value: String,
}

#[derive(Clone, Debug)]
struct Clue {
    by: &'static str,
    value: String,
    key: LineageKey,
    /// Tokens of about the record's time alone.
    about: Option<Timestamp>,
}

/// The text is no record of CloudTrail's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CloudTrailError {
    /// It is not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// It is other JSON.
    #[error("the body is neither a CloudTrail record, an object with `eventName`, nor `{{\"Records\": […]}}` of such")]
    NotRecords,
    /// It is too many.
    #[error("the body has more than {RECORDS} records")]
    TooMany,
}

impl CloudTrailEvent {
    /// Reads one record, or `{"Records": […]}`.
    ///
    /// # Errors
    /// [`CloudTrailError`].
    pub fn read(text: &[u8]) -> Result<Vec<Self>, CloudTrailError> {
        let value: Value = serde_json::from_slice(text).map_err(|error| CloudTrailError::NotJson(error.to_string()))?;
        let records = match value {
            Value::Object(mut members) => match members.remove("Records") {
                Some(Value::Array(records)) => records,
                Some(_) => return Err(CloudTrailError::NotRecords),
                None => vec![Value::Object(members)],
            },
            _ => return Err(CloudTrailError::NotRecords),
        };
        if records.len() > RECORDS {
            return Err(CloudTrailError::TooMany);
        }
        if records.iter().any(|record| record["eventName"].as_str().is_none()) {
            return Err(CloudTrailError::NotRecords);
        }
        Ok(records.iter().map(Self::of).collect())
    }

    fn of(record: &Value) -> Self {
        let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let event_time = text("/eventTime").and_then(|time| time.parse().ok());
        let mut clues = Vec::new();
        let mut clue = |by, value: Option<String>, key: fn(&str) -> Option<LineageKey>, about| {
            if let Some(value) = value
                && let Some(key) = key(&value)
            {
                clues.push(Clue { by, value, key, about });
            }
        };
        clue("requestID", text("/requestID"), |id| Some(LineageKey::AwsRequestId(id.to_owned())), None);
        let named = |name: &str| Some(LineageKey::Session(name.to_owned()));
        clue("requestParameters.roleSessionName", text("/requestParameters/roleSessionName"), named, None);
        // `AROA…:session`, or `…:assumed-role/ROLE/session`.
        let after_colon = |id: &str| session_in(id, ':');
        let after_slash = |arn: &str| session_in(arn, '/');
        clue("userIdentity.principalId", text("/userIdentity/principalId"), after_colon, None);
        clue("userIdentity.arn", text("/userIdentity/arn"), after_slash, None);
        let assumed = text("/responseElements/assumedRoleUser/assumedRoleId");
        clue("responseElements.assumedRoleUser.assumedRoleId", assumed, after_colon, None);
        if event_time.is_some() {
            clue("userIdentity.userName", text("/userIdentity/userName"), feed_of_subject, event_time);
        }
        let matched = None;
        Self { told: Told { event_id: text("/eventID"), event_name: text("/eventName"), event_time, matched }, clues }
    }

    /// What the trail knows of it, by the first clue that leads anywhere.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn lineage(self, trail: &dyn Trail, scope: &Scope) -> Result<(Told, Lineage), StoreError> {
        for Clue { by, value, key, about } in self.clues {
            let since = about.and_then(|time| time.checked_sub(LONGEST).ok());
            let scope = Scope { since, until: about.map(|time| later(time, APART)), ..scope.clone() };
            let lineage = Lineage::of(trail, &key, &scope).await?;
            if !lineage.is_empty() {
                return Ok((Told { matched: Some(Matched { by, value }), ..self.told }, lineage));
            }
        }
        Ok((self.told, Lineage::default()))
    }
}

fn session_in(text: &str, sign: char) -> Option<LineageKey> {
    let (_, name) = text.rsplit_once(sign)?;
    // Of those that feedpass makes; the user of an ordinary identity is none.
    name.contains('@').then(|| LineageKey::Session(name.to_owned()))
}

/// The feed of a subject with both parts, `space:default:feed:images`.
fn feed_of_subject(subject: &str) -> Option<LineageKey> {
    let (space, feed) = subject.strip_prefix("space:")?.split_once(":feed:")?;
    Some(LineageKey::Feed(format!("{space}/{feed}")))
}
