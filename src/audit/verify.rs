//! Is the trail what was written? Walks the whole chain.

use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;

use crate::domain::Invalid;
use crate::store::StoreError;
use crate::store::database::{GENESIS, LineFilter, Trail, TrailEnds, WrittenLine, link};

const PAGE: i64 = 1000;
/// How often the walk begins anew because lines were let go before its feet.
const ATTEMPTS: usize = 5;

/// A line that was seen earlier, written `SEQ:HASH`. Kept where nobody can edit it, it shows a trail that was cut
/// and whose head was written anew.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// Its number, from 1.
    pub seq: i64,
    /// Its hash, 64 lower-case hexadecimal digits.
    pub hash: String,
}

impl FromStr for Seen {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let hexadecimal = |hash: &str| hash.len() == 64 && hash.bytes().all(|c| b"0123456789abcdef".contains(&c));
        let parts = text.split_once(':').filter(|(_, hash)| hexadecimal(hash));
        let seen = parts.and_then(|(seq, hash)| Some(Self { seq: seq.parse().ok()?, hash: hash.to_owned() }));
        let expected = "it is a line's number and hash, `SEQ:HASH`, as an earlier look printed them";
        seen.filter(|seen| seen.seq >= 0).ok_or_else(|| Invalid::new("a line that was seen", text, expected))
    }
}

/// What a walk found.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Report {
    /// Whether everything holds together.
    pub intact: bool,
    /// How many lines there are, or how many held before the first that did not.
    pub lines: i64,
    /// The number of the first line.
    pub first: i64,
    /// The number of the last line; less than `first` when there is none.
    pub last: i64,
    /// The last line's hash. Keep it with `last`, elsewhere, to be asked for later.
    pub hash: String,
    /// The last line that was let go for its age; 0 when none was.
    pub pruned_through: i64,
    /// What became of the line that was seen earlier: `found`, or `pruned` for its age.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<&'static str>,
    /// The first thing that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<Break>,
}

/// The first thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Break {
    /// At which line.
    pub seq: i64,
    /// What of it.
    pub what: &'static str,
    /// What should be there.
    pub expected: String,
    /// What is.
    pub found: String,
}

impl std::fmt::Display for Break {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seq, what, expected, found } = self;
        write!(f, "line {seq}: {what}: expected {expected}, found {found}")
    }
}

/// Walks `trail` from what is left of it to its end: each link, number and copy, both ends, and the line that was
/// `seen` earlier.
///
/// # Errors
/// [`StoreError::Database`] when the trail cannot be read; what is read and wrong is in the report.
pub async fn verify(trail: &dyn Trail, seen: Option<&Seen>) -> Result<Report, StoreError> {
    let mut ends = trail.ends().await?;
    for _ in 0..ATTEMPTS {
        let mut walk = Walk::from(&ends, seen);
        let broken = walk.on(trail, &ends).await?.err();
        let now = trail.ends().await?;
        if broken.is_some() && now.pruned_seq != ends.pruned_seq {
            ends = now;
            continue;
        }
        return Ok(walk.report(&ends, broken));
    }
    Err(StoreError::Contended)
}

struct Walk<'a> {
    seq: i64,
    hash: String,
    seen: Option<&'a Seen>,
    /// Through which line a `pruned` event of the trail says that lines went.
    told: i64,
    expected: Option<&'static str>,
}

type Step = Result<(), Break>;

fn broken(seq: i64, what: &'static str, expected: impl Display, found: impl Display) -> Step {
    Err(Break { seq, what, expected: format!("{expected}"), found: format!("{found}") })
}

impl<'a> Walk<'a> {
    fn from(ends: &TrailEnds, seen: Option<&'a Seen>) -> Self {
        Self { seq: ends.pruned_seq, hash: ends.pruned_hash.clone(), seen, told: 0, expected: None }
    }

    async fn on(&mut self, trail: &dyn Trail, ends: &TrailEnds) -> Result<Step, StoreError> {
        if let Err(wrong) = self.begins(ends) {
            return Ok(Err(wrong));
        }
        while self.seq < ends.seq {
            let filter = LineFilter { after: Some(self.seq), before: Some(ends.seq + 1), ..LineFilter::default() };
            let lines = trail.lines(&filter, PAGE).await?;
            if lines.is_empty() {
                return Ok(broken(self.seq + 1, "the line is missing", "a line", "none up to the end"));
            }
            for line in lines {
                if let Err(wrong) = self.step(&line) {
                    return Ok(Err(wrong));
                }
            }
        }
        if let Err(wrong) = self.ends(ends) {
            return Ok(Err(wrong));
        }
        // Whatever stands beyond the end came since, or was put there.
        let beyond = LineFilter { after: Some(ends.seq), newest_first: true, ..LineFilter::default() };
        let last = trail.lines(&beyond, 1).await?.first().map_or(ends.seq, |line| line.seq);
        let end = trail.ends().await?.seq;
        Ok(if last > end { broken(last, "the line is beyond the trail's end", end, last) } else { Ok(()) })
    }

    fn begins(&mut self, ends: &TrailEnds) -> Step {
        if ends.pruned_seq == 0 && ends.pruned_hash != GENESIS {
            return broken(0, "the trail does not begin where all trails do", GENESIS, &ends.pruned_hash);
        }
        self.meet()?;
        if self.seen.is_some_and(|seen| seen.seq < ends.pruned_seq) {
            self.expected = Some("pruned");
        }
        Ok(())
    }

    fn step(&mut self, line: &WrittenLine) -> Step {
        let next = self.seq + 1;
        if line.seq != next {
            return broken(next, "the line is missing", next, line.seq);
        }
        let hash = link(&self.hash, &line.body);
        if line.hash != hash {
            return broken(next, "the hash is not that of the line and the one before", hash, &line.hash);
        }
        let Some(members) = line.members() else {
            return broken(next, "the line is no JSON object", "one", &line.body);
        };
        let numbered = members.keys().next().map(String::as_str) == Some("seq") && members["seq"] == next;
        if !numbered {
            let found = members.get("seq").map_or_else(|| "none".into(), ToString::to_string);
            return broken(next, "the line says another number of itself", next, found);
        }
        if let Some(copy) = line.false_copy(&members) {
            let (expected, found) = (format!("{} `{}`", copy.column, copy.line), format!("`{}`", copy.copy));
            return broken(next, "a column is not what the line says", expected, found);
        }
        if members.get("event").and_then(Value::as_str) == Some("pruned") {
            let through = members.get("details").and_then(|details| details["through"].as_i64());
            self.told = self.told.max(through.unwrap_or_default());
        }
        (self.seq, self.hash) = (next, hash);
        self.meet()
    }

    /// Holds the line it is at against the one that was seen.
    fn meet(&mut self) -> Step {
        let Some(seen) = self.seen.filter(|seen| seen.seq == self.seq) else { return Ok(()) };
        if seen.hash != self.hash {
            return broken(seen.seq, "the line is not the one that was seen", &seen.hash, &self.hash);
        }
        self.expected = Some("found");
        Ok(())
    }

    fn ends(&self, ends: &TrailEnds) -> Step {
        if self.seq != ends.seq || self.hash != ends.hash {
            let (expected, found) = (format!("{}:{}", self.seq, self.hash), format!("{}:{}", ends.seq, ends.hash));
            return broken(ends.seq, "the trail's head is not its last line", expected, found);
        }
        if self.told != ends.pruned_seq {
            let what = "lines went from the beginning, and no line tells of it";
            return broken(ends.pruned_seq, what, self.told, ends.pruned_seq);
        }
        match self.seen {
            Some(seen) if seen.seq > ends.seq => {
                broken(seen.seq, "the line that was seen is gone", format!("{}:{}", seen.seq, seen.hash), ends.seq)
            }
            _ => Ok(()),
        }
    }

    fn report(self, ends: &TrailEnds, broken: Option<Break>) -> Report {
        Report {
            intact: broken.is_none(),
            lines: self.seq - ends.pruned_seq,
            first: ends.pruned_seq + 1,
            last: self.seq,
            hash: self.hash,
            pruned_through: ends.pruned_seq,
            expected: self.expected,
            broken,
        }
    }
}
