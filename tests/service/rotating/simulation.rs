//! Verifiers with every cache that is legal, and rotations, restarts, rollbacks, revocations and clock steps in any order:
//! on the real lifecycle, with made-up keys and a made-up time.
//!
//! Held in every step: one key signs; no token minted by policy is refused by a verifier that keeps the JWKS for less than
//! `publish_before`, as long as the token may be accepted; no revoked key's token is taken after `publish_before`.
//!
//! Steps of feedpass's clock eat into `publish_before`: a clock that is set forward by a minute promotes a minute early. So
//! what holds for verifiers that keep the JWKS up to `publish_before` without such steps holds, with steps of
//! [`SKEW`] seconds, for those that keep it two of these less.
//!
//! A failing run says its seed; `FEEDPASS_SIMULATION_SEED` repeats that one.

mod verifier;
mod world;

use feedpass::entropy::{Entropy as _, SeededEntropy};
use feedpass::issuer::keyring::KeyRecord;

use self::world::{Bug, World, templates};

/// How far feedpass's clock may be off, in seconds.
const SKEW: i64 = 30;
const RUNS: u64 = 1000;
const STEPS: usize = 120;

/// Random numbers that a seed decides.
struct Dice(SeededEntropy);

impl Dice {
    /// A number below `end`.
    fn below(&self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes).unwrap();
        u64::from_be_bytes(bytes) % end
    }

    fn within(&self, range: std::ops::Range<i64>) -> i64 {
        range.start + i64::try_from(self.below(u64::try_from(range.end - range.start).unwrap())).unwrap()
    }

    fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What went wrong in a run, if anything did, and how many tokens were shown to verifiers.
fn run(seed: u64, bug: Option<Bug>, templates: &[KeyRecord]) -> (Option<String>, u64) {
    let mut world = World::new(Dice(SeededEntropy::new(seed)), bug, templates);
    for step in 0..STEPS {
        if let Err(wrong) = world.step() {
            return (Some(format!("seed {seed}, step {step}: {wrong}\n{}", world.story())), world.shown);
        }
    }
    (None, world.shown)
}

#[tokio::test]
async fn no_verifier_refuses_a_token_that_was_minted_by_policy() {
    let templates = templates().await;
    let only: Option<u64> = std::env::var("FEEDPASS_SIMULATION_SEED").ok().map(|seed| seed.parse().unwrap());
    let (mut shown, mut seeds) = (0, 0);
    for seed in only.map_or(1..RUNS + 1, |seed| seed..seed + 1) {
        let (wrong, tokens) = run(seed, None, &templates);
        assert_eq!(wrong, None);
        shown += tokens;
        seeds += 1;
    }
    eprintln!("{seeds} runs of {STEPS} steps; {shown} times a token was shown to a verifier");
    assert!(only.is_some() || shown > 100_000, "so many that it means something: {shown}");
}

#[tokio::test]
async fn each_bug_that_is_planted_is_found() {
    let templates = templates().await;
    for bug in [Bug::SignAtOnce, Bug::RetireAtOnce, Bug::RetireByGuess, Bug::KeepRevoked] {
        let found = (1..RUNS).find_map(|seed| run(seed, Some(bug), &templates).0);
        assert!(found.is_some(), "{bug:?} was not found in {RUNS} runs");
    }
}
