//! A line of the audit trail on its way into the database, and as it comes back.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::chain::link;
use crate::store::StoreError;

/// A line of the audit trail that is not numbered yet: a JSON object. Its members of the names of columns can be searched by.
pub type AuditLine = Map<String, Value>;

/// The columns of a line that its JSON has too: members of it, and the space that its `feed` is of.
pub(super) const COLUMNS: [&str; 9] =
    ["event", "outcome", "client", "feed", "space", "kid", "jti", "session_name", "aws_request_id"];

/// A line of the audit trail as it was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WrittenLine {
    /// Its number; lines are numbered from 1 without gaps.
    pub seq: i64,
    /// The text that was hashed: a JSON object that begins with `seq`.
    pub body: String,
    /// Lower-case hexadecimal of SHA-256 over the hash of the line before, a line feed, and `body`.
    pub hash: String,
    /// Its time in milliseconds since 1970, and its columns: copies of what `body` says, to search by.
    pub(super) copies: (i64, [Option<String>; COLUMNS.len()]),
}

/// A copy beside a line that says another thing than the line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FalseCopy {
    /// Its column.
    pub column: &'static str,
    /// What the line says; nothing where it has no such member.
    pub line: String,
    /// What the column says.
    pub copy: String,
}

impl WrittenLine {
    /// What it says. None when it is no JSON object, which no line is that feedpass wrote.
    #[must_use]
    pub fn members(&self) -> Option<AuditLine> {
        serde_json::from_str(&self.body).ok()
    }

    /// It as one JSON object: `body` to the letter, and `hash` as its last member.
    #[must_use]
    pub fn to_json(&self) -> String {
        match (self.members(), self.body.strip_suffix('}')) {
            (Some(members), Some(open)) if !members.is_empty() => format!("{open},\"hash\":\"{}\"}}", self.hash),
            // Somebody edited it; whoever reads on must not stumble over it.
            _ => serde_json::json!({ "seq": self.seq, "unreadable": self.body, "hash": self.hash }).to_string(),
        }
    }

    /// The first copy that is not what `members` of the line say.
    #[must_use]
    pub fn false_copy(&self, members: &AuditLine) -> Option<FalseCopy> {
        let (at, columns) = &self.copies;
        if let Some(time) = time(members).filter(|time| time != at) {
            return Some(FalseCopy { column: "at", line: time.to_string(), copy: at.to_string() });
        }
        COLUMNS.into_iter().zip(columns).find_map(|(column, copy)| {
            let said = said(members, column);
            let differs = || FalseCopy {
                column,
                line: said.unwrap_or_default().to_owned(),
                copy: copy.clone().unwrap_or_default(),
            };
            (said != copy.as_deref()).then(differs)
        })
    }
}

/// A line with its number and its place in the chain.
pub(super) struct Numbered {
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) body: String,
    pub(super) hash: String,
    pub(super) columns: [Option<String>; COLUMNS.len()],
    /// The key and the end, in seconds since 1970, of the token that was signed, if the line tells of one.
    signed: Option<(String, i64)>,
}

impl Numbered {
    /// `line` as number `seq`, after a line of hash `previous`; of `now`, if it does not say itself when it was.
    pub(super) fn new(seq: i64, line: AuditLine, previous: &str, now: Timestamp) -> Result<Self, StoreError> {
        let columns = COLUMNS.map(|column| said(&line, column).map(str::to_owned));
        let at = time(&line).unwrap_or_else(|| now.as_millisecond());
        let signed = signed(&line);
        let mut numbered = AuditLine::from_iter([("seq".to_owned(), Value::from(seq))]);
        numbered.extend(line);
        let body = serde_json::to_string(&numbered)?;
        Ok(Self { seq, at, hash: link(previous, &body), body, columns, signed })
    }

    /// The key and the end, in seconds since 1970, of the token that was signed, if the line tells of one.
    pub(super) fn signed(&self) -> Option<(&str, i64)> {
        self.signed.as_ref().map(|(kid, expires_at)| (kid.as_str(), *expires_at))
    }
}

/// What a line says of what stands in `column`.
fn said<'l>(line: &'l AuditLine, column: &str) -> Option<&'l str> {
    let member = |name: &str| line.get(name).and_then(Value::as_str);
    match column {
        "space" => member("feed")?.split_once('/').map(|(space, _)| space),
        member_too => member(member_too),
    }
}

/// The key and the end of the token whose signing a line tells of, in seconds since 1970: rounded up, since it counts
/// until then. That a client was given a web identity token is a line of its own, and no token more.
fn signed(line: &AuditLine) -> Option<(String, i64)> {
    let signs = matches!(said(line, "event")?, "mint" | "access_token") && said(line, "outcome")? == "ok";
    let kid = said(line, "kid").filter(|_| signs)?;
    let expires_at: Timestamp = line.get("expires_at").and_then(Value::as_str)?.parse().ok()?;
    let started = expires_at > Timestamp::from_second(expires_at.as_second()).ok()?;
    Some((kid.to_owned(), expires_at.as_second() + i64::from(started)))
}

/// When a line says it was, in milliseconds since 1970.
fn time(line: &AuditLine) -> Option<i64> {
    let at = line.get("at").and_then(Value::as_str)?;
    at.parse().ok().map(Timestamp::as_millisecond)
}
