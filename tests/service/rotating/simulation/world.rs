//! feedpass's keys and the verifiers, at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use feedpass::domain::{Algorithm, KeySpec, Kid, PromoteOn};
use feedpass::entropy::SeededEntropy;
use feedpass::issuer::keyring::evidence::{IN_A_ROW, Verdict};
use feedpass::issuer::keyring::lifecycle::{Keys, Successor};
use feedpass::issuer::keyring::schedule::{
    Gate, Known, RotationPolicy, SHOWN_WITHIN, Step, leaves_at, next_change, next_step, promotion,
};
use feedpass::issuer::keyring::{KeyRecord, KeyState, NewKey};
use feedpass::store::database::Signed;
use jiff::Timestamp;

use super::verifier::{Jwks, Verifier};
use super::{Dice, SKEW};

/// What is wrong on purpose.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Bug {
    SignAtOnce,
    RetireAtOnce,
    /// By the longest life of a token after the last promotion, whatever was signed since.
    RetireByGuess,
    /// A revoked key stays in the JWKS.
    KeepRevoked,
}

/// A token that may be shown.
struct Token {
    kid: Kid,
    ends: i64,
}

pub(super) struct World {
    dice: Dice,
    bug: Option<Bug>,
    templates: Vec<KeyRecord>,
    keys: Keys,
    policy: RotationPolicy,
    verifiers: Vec<Verifier>,
    /// The world's time, and how far feedpass's clock is ahead of it, in seconds.
    now: i64,
    ahead: i64,
    made: u64,
    tokens: Vec<Token>,
    signed: BTreeMap<Kid, Signed>,
    /// How often in a row each verifier took each candidate; none when it refused it last.
    canaries: BTreeMap<Kid, Vec<Option<u32>>>,
    revoked: Vec<(Kid, i64)>,
    /// Keys that nobody could know before they signed, and until when that excuses verifiers.
    fresh: Vec<(Kid, i64)>,
    /// The key of a process that has not heard of a change yet, and how long it stays deaf.
    deaf: Option<(Kid, i64)>,
    told: Vec<String>,
    pub(super) shown: u64,
}

/// A key of each kind, whose public halves all keys of its kind share.
pub(super) async fn templates() -> Vec<KeyRecord> {
    let mut templates = Vec::new();
    for algorithm in [Algorithm::Es256, Algorithm::Es384] {
        let entropy = Arc::new(SeededEntropy::new(7));
        let key = NewKey::generate(KeySpec::from(algorithm), Timestamp::UNIX_EPOCH, entropy).await.unwrap();
        templates.push(key.record().clone());
    }
    templates
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn seconds(length: Duration) -> i64 {
    i64::try_from(length.as_secs()).unwrap()
}

impl World {
    pub(super) fn new(dice: Dice, bug: Option<Bug>, templates: &[KeyRecord]) -> Self {
        let hours = |range: std::ops::Range<i64>| Duration::from_secs(u64::try_from(dice.within(range)).unwrap());
        let publish_before = hours(600..86_401);
        let policy = RotationPolicy {
            spec: KeySpec::from(templates[0].algorithm),
            rotate_every: dice.chance(80).then(|| publish_before + hours(3600..30 * 86_400)),
            publish_before,
            promote_on: if dice.chance(50) { PromoteOn::Time } else { PromoteOn::Evidence },
            keep_after: hours(0..86_401),
            longest_token: Duration::from_hours(1),
        };
        let longest = seconds(publish_before) - 2 * SKEW;
        let verifiers = (0..4).map(|_| Verifier::random(&dice, longest)).collect();
        let mut world = Self {
            dice,
            bug,
            templates: templates.to_vec(),
            keys: Keys::default(),
            policy,
            verifiers,
            now: 1_800_000_000,
            ahead: 0,
            made: 0,
            tokens: Vec::new(),
            signed: BTreeMap::new(),
            canaries: BTreeMap::new(),
            revoked: Vec::new(),
            fresh: Vec::new(),
            deaf: None,
            told: Vec::new(),
            shown: 0,
        };
        let first = world.new_key();
        world.keys = Keys::default().with(KeyRecord { state: KeyState::fresh(world.clock()), ..first }).unwrap();
        world
    }

    /// What happened, for who reads of a failure.
    pub(super) fn story(&self) -> String {
        let last = self.told.len().saturating_sub(25);
        format!("{:?}\n{:#?}\n{}", self.policy, self.verifiers, self.told[last..].join("\n"))
    }

    fn tell(&mut self, what: impl std::fmt::Display) {
        self.told.push(format!("{} ({:+}): {what}", time(self.now), self.ahead));
    }

    /// What feedpass's clock shows.
    fn clock(&self) -> Timestamp {
        time(self.now + self.ahead)
    }

    fn new_key(&mut self) -> KeyRecord {
        self.made += 1;
        let template = self.templates.iter().find(|key| key.spec() == Some(self.policy.spec)).unwrap().clone();
        KeyRecord { kid: format!("{:0>43}", self.made).parse().unwrap(), created_at: self.clock(), ..template }
    }

    pub(super) fn step(&mut self) -> Result<(), String> {
        self.happen();
        self.calendar()?;
        self.ask_about_candidates();
        self.mint();
        self.show()
    }

    /// Something that nobody planned.
    fn happen(&mut self) {
        let length = match self.dice.below(4) {
            0 => self.dice.within(0..5),
            1 => self.dice.within(0..900),
            2 => self.dice.within(0..6 * 3600),
            _ => self.until_next_change(),
        };
        self.now += length;
        if self.deaf.as_ref().is_some_and(|(_, until)| *until <= self.now) {
            self.deaf = None;
        }
        let keys = self.keys.clone();
        match self.dice.below(24) {
            0 => self.stage(false),
            1 => self.stage(true),
            2 => self.by_hand(),
            3 => {
                if let Ok((next, kid)) = keys.roll_back(self.clock()) {
                    self.tell(format_args!("rolled back to {kid}"));
                    self.keys = next;
                }
            }
            4 => self.revoke(),
            5 => {
                // A restart: what is known in memory is gone, the document is read again.
                let text = serde_json::to_string(&self.keys).unwrap();
                let read: Keys = serde_json::from_str(&text).unwrap();
                assert_eq!(read, self.keys, "nothing is lost on disk");
                self.tell("restarted");
            }
            6 => {
                self.ahead = self.dice.within(-SKEW..SKEW + 1);
                self.tell("the clock is set");
            }
            7 => {
                let other = self.dice.below(2);
                self.policy.spec = KeySpec::from(self.templates[usize::try_from(other).unwrap()].algorithm);
                let spec = self.policy.spec;
                self.tell(format_args!("the file says {spec}"));
            }
            _ => {}
        }
    }

    /// To the next step of the calendar, or a second before or after it.
    fn until_next_change(&self) -> i64 {
        let next = next_change(&self.keys, &self.policy, &self.known(), self.clock());
        let left = next.map_or(3600, |next| next.as_second() - self.clock().as_second());
        (left + self.dice.within(-1..2)).clamp(0, 40 * 86_400)
    }

    fn stage(&mut self, promote_when_due: bool) {
        let key = self.new_key();
        let published_at = self.clock() + SHOWN_WITHIN;
        let state = KeyState::Published { published_at, promote_when_due };
        if let Ok(next) = self.keys.clone().with(KeyRecord { state, ..key }) {
            self.keys = next;
            let made = self.made;
            self.tell(format_args!("staged {made}"));
        }
        if self.bug == Some(Bug::SignAtOnce) {
            let kid = self.keys.keys.last().unwrap().kid.clone();
            self.promote(&kid);
        }
    }

    fn promote(&mut self, kid: &Kid) {
        let was = self.keys.active().unwrap().kid.clone();
        self.keys = self.keys.clone().promote(kid, self.clock()).unwrap();
        self.tell(format_args!("promoted {kid}"));
        // Another process signs on with the one before for a moment.
        self.deaf = self.dice.chance(50).then(|| (was.clone(), self.now + self.dice.within(0..250)));
        if self.bug == Some(Bug::RetireAtOnce) {
            self.keys = self.keys.clone().retire(&was, self.clock()).unwrap();
        }
    }

    /// An admin promotes or retires what may be.
    fn by_hand(&mut self) {
        let (known, now) = (self.known(), self.clock());
        let open = |key: &&&KeyRecord| promotion(key, &self.policy, &known.verdict(&key.kid), now) == Gate::Open;
        if let Some(kid) = self.keys.candidates().iter().find(open).map(|key| key.kid.clone()) {
            return self.promote(&kid);
        }
        let over = |key: &&KeyRecord| {
            let leaves = matches!(key.state, KeyState::Retiring { .. } | KeyState::Published { .. });
            leaves && leaves_at(key, &self.policy, &known).is_ok_and(|leaves_at| leaves_at <= now)
        };
        if let Some(kid) = self.keys.keys.iter().find(over).map(|key| key.kid.clone()) {
            self.keys = self.keys.clone().retire(&kid, now).unwrap();
            self.tell(format_args!("retired {kid} by hand"));
        }
    }

    fn revoke(&mut self) {
        let published: Vec<_> = self.keys.keys.iter().filter(|key| key.state.is_published()).collect();
        let burnt = published[usize::try_from(self.dice.below(published.len() as u64)).unwrap()].kid.clone();
        let candidate = self.keys.candidates().first().map(|key| key.kid.clone()).filter(|kid| *kid != burnt);
        let successor = match candidate.filter(|_| self.dice.chance(50)) {
            Some(kid) => Successor::Published(kid),
            None => Successor::New(Box::new(self.new_key())),
        };
        let kid = match &successor {
            Successor::Published(kid) => kid.clone(),
            Successor::New(record) => record.kid.clone(),
        };
        let signed = self.keys.active().unwrap().kid == burnt;
        self.keys = self.keys.clone().revoke(&burnt, "burnt", Some(successor), self.clock()).unwrap();
        self.tell(format_args!("revoked {burnt}"));
        let bound = self.now + seconds(self.policy.publish_before);
        if signed {
            // Verifiers may not know it before: that is the price of the panic button.
            self.fresh.push((kid, bound));
        }
        self.revoked.push((burnt, bound));
    }

    /// All that is due.
    fn calendar(&mut self) -> Result<(), String> {
        for _ in 0..10 {
            let known = if self.bug == Some(Bug::RetireByGuess) {
                Known { signed: Some(BTreeMap::new()), ..self.known() }
            } else {
                self.known()
            };
            match next_step(&self.keys, &self.policy, &known, self.clock()) {
                None => break,
                Some(Step::Stage) => self.stage(true),
                Some(Step::Promote(kid)) => {
                    if matches!(known.verdict(&kid), Verdict::Against(_)) {
                        return Err(format!("{kid} was promoted though a verifier refused it"));
                    }
                    self.promote(&kid);
                }
                Some(Step::Retire(kid)) => {
                    self.keys = self.keys.clone().retire(&kid, self.clock()).map_err(|refusal| refusal.to_string())?;
                    self.tell(format_args!("retired {kid}"));
                }
            }
        }
        let active = self.keys.keys.iter().filter(|key| key.state.is_active()).count();
        if active == 1 { Ok(()) } else { Err(format!("{active} keys are active")) }
    }

    fn known(&self) -> Known {
        let verdict = |(kid, seen): (&Kid, &Vec<Option<u32>>)| {
            let verdict = if seen.contains(&None) {
                Verdict::Against("a verifier".to_owned())
            } else if seen.iter().all(|row| row.is_some_and(|row| row >= IN_A_ROW)) {
                Verdict::Full(String::new())
            } else {
                Verdict::Partial(String::new())
            };
            (kid.clone(), verdict)
        };
        Known { verdicts: self.canaries.iter().map(verdict).collect(), signed: Some(self.signed.clone()) }
    }

    fn jwks(&self) -> Jwks {
        let shown = |key: &&KeyRecord| {
            key.state.is_published()
                || self.bug == Some(Bug::KeepRevoked) && matches!(key.state, KeyState::Revoked { .. })
        };
        let kids = self.keys.keys.iter().filter(shown).map(|key| key.kid.clone()).collect();
        let next = next_change(&self.keys, &self.policy, &self.known(), self.clock());
        let left = next.map_or(300, |next| next.as_second() - self.clock().as_second());
        Jwks { kids, max_age: left.clamp(0, 300) }
    }

    /// Canaries, now and then.
    fn ask_about_candidates(&mut self) {
        let candidates: BTreeSet<_> = self.keys.candidates().into_iter().map(|key| key.kid.clone()).collect();
        self.canaries.retain(|kid, _| candidates.contains(kid));
        if self.dice.chance(30) {
            return;
        }
        let jwks = self.jwks();
        for kid in candidates {
            let seen = self.canaries.entry(kid.clone()).or_insert_with(|| vec![Some(0); self.verifiers.len()]);
            for (verifier, row) in self.verifiers.iter_mut().zip(seen) {
                *row = verifier.takes(&kid, self.now, &jwks).then(|| row.unwrap_or_default() + 1);
            }
        }
    }

    fn mint(&mut self) {
        let active = self.keys.active().unwrap().kid.clone();
        let deaf = self.deaf.as_ref().map(|(kid, _)| kid.clone());
        let still_there = |kid: &Kid| self.keys.get(kid).is_some_and(|key| key.state.is_published());
        for kid in std::iter::once(active).chain(deaf.filter(still_there)) {
            let ends = self.now + self.ahead + self.dice.within(60..3601);
            let longest = time(ends);
            let signed = self.signed.entry(kid.clone());
            let signed =
                signed.or_insert_with(|| Signed { kid: kid.to_string(), longest_expires_at: longest, live: 0 });
            signed.longest_expires_at = signed.longest_expires_at.max(longest);
            self.tokens.push(Token { kid, ends });
        }
    }

    /// Shows every token that may be accepted to every verifier.
    fn show(&mut self) -> Result<(), String> {
        let (now, jwks) = (self.now, self.jwks());
        self.fresh.retain(|(_, until)| *until > now);
        // By a clock that is behind, a token lives longer; by one that is ahead, shorter.
        self.tokens.retain(|token| token.ends + 300 - SKEW > now);
        let mut wrong = None;
        for token in &self.tokens {
            let revoked = self.revoked.iter().find(|(kid, _)| *kid == token.kid);
            let excused = self.fresh.iter().any(|(kid, _)| *kid == token.kid) || revoked.is_some();
            for (number, verifier) in self.verifiers.iter_mut().enumerate() {
                self.shown += 1;
                if !verifier.takes(&token.kid, now, &jwks) && !excused {
                    wrong = Some(format!("verifier {number} refuses a token of {}", token.kid));
                }
            }
        }
        // A thief makes tokens as long as anyone takes them.
        for (kid, bound) in self.revoked.iter().filter(|(_, bound)| *bound <= now) {
            for (number, verifier) in self.verifiers.iter_mut().enumerate() {
                if verifier.takes(kid, now, &jwks) {
                    wrong = Some(format!("verifier {number} takes the revoked {kid} after {}", time(*bound)));
                }
            }
        }
        match wrong {
            None => Ok(()),
            Some(wrong) => {
                self.tell(&wrong);
                Err(wrong)
            }
        }
    }
}
