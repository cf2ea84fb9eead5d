//! What verifiers were seen to do with a key: does the public URL show it, does STS take it?
//!
//! A published key is to be known everywhere before it signs; a revoked one nowhere before its private half is destroyed.
//!
//! Whoever asks them writes the answers into the audit trail; here they are read from there, so that a restart forgets
//! nothing and every process goes by the same.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::place::{Place, Places};
use crate::audit::What;
use crate::domain::{AccountId, Kid};
use crate::store::StoreError;
use crate::store::database::{LineFilter, Trail, WrittenLine};

/// How often in a row STS has to take a key before it counts: one of its hosts may know what another does not.
pub const IN_A_ROW: u32 = 3;
/// Lines that are read at once.
const LINES: i64 = 1000;

/// What all that was seen of a key comes to, in words for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The public URL shows it, and STS took it repeatedly for every account and region in use.
    Full(String),
    /// Some took it, others were not heard of yet.
    Partial(String),
    /// A verifier was seen not to know it, that takes the active key.
    Against(String),
    /// Nobody could be asked.
    None(String),
}

impl Default for Verdict {
    fn default() -> Self {
        Self::None("no verifier was asked yet".to_owned())
    }
}

impl Verdict {
    /// The words.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Full(words) | Self::Partial(words) | Self::Against(words) | Self::None(words) => words,
        }
    }

    /// Its name for programs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Full(_) => "full",
            Self::Partial(_) => "partial",
            Self::Against(_) => "against",
            Self::None(_) => "none",
        }
    }
}

/// Why verifiers were asked.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Question {
    /// Whether they take a published key.
    Canary,
    /// Whether they still take a revoked one.
    RevocationProbe,
}

impl Question {
    /// The trail's word for it.
    #[must_use]
    pub fn event(self) -> What {
        match self {
            Self::Canary => What::Canary,
            Self::RevocationProbe => What::RevocationProbe,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::RevocationProbe => "revocation_probe",
        }
    }
}

/// All that was seen of one key.
#[derive(Clone, Debug)]
pub struct Evidence {
    question: Question,
    places: BTreeMap<Place, Seen>,
    /// The number of the last line that is in it.
    through: i64,
}

/// What was seen of a key in one place.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seen {
    /// How often it was asked there.
    pub asked: u32,
    /// When it was asked first.
    pub first_asked_at: Option<Timestamp>,
    /// When it was asked last.
    pub last_asked_at: Option<Timestamp>,
    /// When it was taken first.
    pub first_accepted_at: Option<Timestamp>,
    /// How often it was taken since it was last refused, or not answered for.
    pub accepted_in_a_row: u32,
    /// How often it was refused since it was last taken, while the active key was taken.
    pub refused_in_a_row: u32,
    /// When the first of these refusals was.
    pub refused_since: Option<Timestamp>,
    /// What was said against it, and not taken back by taking it since.
    pub against: Option<String>,
    /// Why the last time says nothing: nobody answered, or the active key was refused as well.
    pub unclear: Option<String>,
}

impl Seen {
    /// Whether the key counts as known there.
    #[must_use]
    pub fn is_sure(&self) -> bool {
        self.against.is_none() && self.accepted_in_a_row >= IN_A_ROW
    }

    /// Whether the key counts as refused there.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refused_in_a_row >= IN_A_ROW
    }
}

impl Evidence {
    /// Nothing seen yet.
    #[must_use]
    pub fn none(question: Question) -> Self {
        Self { question, places: BTreeMap::new(), through: 0 }
    }

    /// All that the trail has of `kid`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn of(trail: &dyn Trail, question: Question, kid: &Kid) -> Result<Self, StoreError> {
        let mut evidence = Self::none(question);
        evidence.read_on(trail, kid).await?;
        Ok(evidence)
    }

    /// Takes in what came since.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn read_on(&mut self, trail: &dyn Trail, kid: &Kid) -> Result<(), StoreError> {
        loop {
            let filter = LineFilter {
                after: Some(self.through),
                event: Some(self.question.word().to_owned()),
                kid: Some(kid.to_string()),
                ..LineFilter::default()
            };
            let lines = trail.lines(&filter, LINES).await?;
            for line in &lines {
                self.take(line);
            }
            if lines.is_empty() {
                return Ok(());
            }
        }
    }

    fn take(&mut self, line: &WrittenLine) {
        self.through = line.seq;
        let Some(members) = line.members() else { return };
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let (Some(place), Some(at)) =
            (members.get("details").and_then(Place::from_json), text("at").and_then(|at| at.parse().ok()))
        else {
            return;
        };
        let answer = match text("outcome") {
            Some("ok") => Answer::Accepted,
            Some("refused") => Answer::Against(text("reason").unwrap_or_default()),
            _ => Answer::Unclear(text("reason").unwrap_or_default()),
        };
        self.note(place, at, &answer);
    }

    /// Takes in one answer.
    pub(super) fn note(&mut self, place: Place, at: Timestamp, answer: &Answer<'_>) {
        let seen = self.places.entry(place).or_default();
        seen.asked += 1;
        seen.first_asked_at.get_or_insert(at);
        seen.last_asked_at = Some(at);
        seen.unclear = None;
        match answer {
            Answer::Accepted => {
                seen.first_accepted_at.get_or_insert(at);
                seen.accepted_in_a_row += 1;
                (seen.refused_in_a_row, seen.refused_since) = (0, None);
                seen.against = None;
            }
            Answer::Against(why) => {
                seen.accepted_in_a_row = 0;
                seen.refused_in_a_row += 1;
                seen.refused_since.get_or_insert(at);
                seen.against = Some((*why).to_owned());
            }
            // What was said against it stands until somebody takes it.
            Answer::Unclear(why) => {
                seen.accepted_in_a_row = 0;
                seen.unclear = Some((*why).to_owned());
            }
        }
    }

    /// What was seen, by place.
    pub fn places(&self) -> impl Iterator<Item = (&Place, &Seen)> {
        self.places.iter()
    }

    /// What was seen there.
    #[must_use]
    pub fn at(&self, place: &Place) -> Option<&Seen> {
        self.places.get(place)
    }

    /// What it comes to for a key that is published since `published_at`, while STS is asked in the places `in_use`.
    #[must_use]
    pub fn verdict(&self, in_use: &Places, published_at: Timestamp) -> Verdict {
        let needed = || std::iter::once(&Place::PublicUrl).chain(in_use.keys());
        let against: Vec<_> =
            needed().filter_map(|place| Some(format!("{place}: {}", self.at(place)?.against.as_ref()?))).collect();
        if !against.is_empty() {
            return Verdict::Against(against.join("; "));
        }
        let words = self.words(in_use, published_at);
        if !in_use.is_empty() && needed().all(|place| self.at(place).is_some_and(Seen::is_sure)) {
            Verdict::Full(words)
        } else if needed().any(|place| self.at(place).is_some_and(|seen| seen.accepted_in_a_row > 0)) {
            Verdict::Partial(words)
        } else {
            Verdict::None(words)
        }
    }

    /// `STS in 3 of 3 accounts, slowest 4 min; the public URL shows it`
    fn words(&self, in_use: &Places, published_at: Timestamp) -> String {
        let mut accounts: BTreeMap<&AccountId, bool> = BTreeMap::new();
        let mut slowest = None;
        for place in in_use.keys() {
            let Place::Sts(account, _) = place else { continue };
            let seen = self.at(place).filter(|seen| seen.is_sure());
            *accounts.entry(account).or_insert(true) &= seen.is_some();
            slowest = slowest.max(seen.and_then(|seen| seen.first_accepted_at));
        }
        let sure = accounts.values().filter(|sure| **sure).count();
        let sts = match (accounts.len(), slowest) {
            (0, _) => "no feed asks STS".to_owned(),
            (all, None) => format!("STS in {sure} of {all} accounts"),
            (all, Some(at)) => {
                format!("STS in {sure} of {all} accounts, slowest {}", rounded(at.duration_since(published_at)))
            }
        };
        let unclear = in_use.keys().find_map(|place| Some((place, self.at(place)?.unclear.as_ref()?)));
        let unclear = unclear.map(|(place, why)| format!(" ({place}: {why})")).unwrap_or_default();
        let url = match self.at(&Place::PublicUrl) {
            None => "the public URL was not asked yet".to_owned(),
            Some(Seen { unclear: Some(why), .. }) => format!("the public URL says nothing: {why}"),
            Some(Seen { against: Some(why), .. }) => format!("the public URL speaks against it: {why}"),
            Some(_) => "the public URL shows it".to_owned(),
        };
        format!("{sts}{unclear}; {url}")
    }
}

/// What a place said of a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Answer<'w> {
    Accepted,
    Against(&'w str),
    Unclear(&'w str),
}

/// How long after it was last asked a place is asked again about a key, by how long it has been published: often
/// at first, when each answer is news, and every quarter of an hour in the end.
#[must_use]
pub fn pause(published_for: SignedDuration) -> Duration {
    let age = Duration::try_from(published_for).unwrap_or_default();
    (age / 4).clamp(Duration::from_secs(1), Duration::from_mins(15))
}

fn rounded(length: SignedDuration) -> String {
    match length.as_secs() {
        seconds @ ..=119 => format!("{} s", seconds.max(0)),
        seconds @ ..=7199 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}
