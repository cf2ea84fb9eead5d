//! The cache's promises, on a clock that only the tests move.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::*;
use crate::clock::ManualClock;
use crate::entropy::SeededEntropy;

#[derive(Debug)]
struct Value {
    number: usize,
    obtained_at: Timestamp,
    expires_at: Timestamp,
}

impl Held for Value {
    fn obtained_at(&self) -> Timestamp {
        self.obtained_at
    }

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Trouble {
    Down,
    Gone,
    Lost,
}

impl From<FlightLost> for Trouble {
    fn from(_: FlightLost) -> Self {
        Self::Lost
    }
}

impl Remembered for Trouble {
    fn remember_for(&self) -> Duration {
        Duration::from_secs(10)
    }

    fn ends_renewal(&self) -> bool {
        *self == Self::Gone
    }
}

const HOUR: Duration = Duration::from_hours(1);
const LIFE: Duration = Duration::from_hours(12);

/// An upstream that counts its calls and answers as told.
struct Upstream {
    clock: ManualClock,
    calls: AtomicUsize,
    trouble: Mutex<Option<Trouble>>,
    life: Mutex<Duration>,
    gate: Semaphore,
}

struct Bench {
    clock: ManualClock,
    upstream: Arc<Upstream>,
    cache: Cache<&'static str, Value, Trouble>,
}

impl Bench {
    fn new() -> Self {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let upstream = Upstream {
            clock: clock.clone(),
            calls: AtomicUsize::new(0),
            trouble: Mutex::new(None),
            life: Mutex::new(LIFE),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        };
        let cache = Cache::new(Arc::new(clock.clone()), Arc::new(SeededEntropy::new(7)));
        Self { clock, upstream: Arc::new(upstream), cache }
    }

    async fn get(&self, key: &'static str) -> (CacheLookup, Landed<Value, Trouble>) {
        let upstream = Arc::clone(&self.upstream);
        self.cache.get_or_fetch(key, move |_| Arc::clone(&upstream).answer()).await
    }

    fn calls(&self) -> usize {
        self.upstream.calls.load(Ordering::SeqCst)
    }

    fn trouble(&self, trouble: Option<Trouble>) {
        *self.upstream.trouble.lock().unwrap() = trouble;
    }

    /// Moves the clock in steps, letting every task run as far as it can between two.
    async fn pass(&self, length: Duration) {
        const STEP: Duration = Duration::from_mins(10);
        let mut left = length;
        while !left.is_zero() {
            let step = left.min(STEP);
            settle().await;
            self.clock.advance(step);
            left -= step;
        }
        settle().await;
    }
}

impl Upstream {
    async fn answer(self: Arc<Self>) -> Result<Value, Trouble> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let _passed = self.gate.acquire().await.unwrap();
        let trouble = self.trouble.lock().unwrap().clone();
        if let Some(trouble) = trouble {
            assert!(trouble != Trouble::Lost, "a fetch that panics");
            return Err(trouble);
        }
        let obtained_at = self.clock.now();
        Ok(Value { number, obtained_at, expires_at: crate::clock::later(obtained_at, *self.life.lock().unwrap()) })
    }
}

/// Lets every task that can run do so; the runtime has one thread.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_thousand_callers_make_one_flight() {
    let bench = Bench::new();
    let all = futures_util::future::join_all((0..1000).map(|_| bench.get("a"))).await;
    assert!(all.iter().all(|(_, result)| result.as_ref().is_ok_and(|value| value.number == 1)));
    assert_eq!(bench.calls(), 1);
    assert_eq!(bench.get("a").await.0, CacheLookup::Hit);
}

#[tokio::test]
async fn a_caller_who_hangs_up_ends_the_flight_for_nobody() {
    let bench = Bench::new();
    bench.upstream.gate.forget_permits(Semaphore::MAX_PERMITS);
    {
        let impatient = bench.get("a");
        let mut impatient = std::pin::pin!(impatient);
        assert!((&mut impatient).now_or_never().is_none());
        settle().await;
    }
    bench.upstream.gate.add_permits(1);
    let (lookup, result) = bench.get("a").await;
    assert_eq!((lookup, result.unwrap().number, bench.calls()), (CacheLookup::Joined, 1, 1));
}

#[tokio::test]
async fn keys_do_not_wait_for_each_other() {
    let bench = Bench::new();
    bench.upstream.gate.forget_permits(Semaphore::MAX_PERMITS);
    let stuck = bench.get("a");
    let mut stuck = std::pin::pin!(stuck);
    assert!((&mut stuck).now_or_never().is_none());
    settle().await;
    let (_, other) = bench.cache.get_or_fetch("b", |_| async { Err(Trouble::Down) }).await;
    assert_eq!(other.unwrap_err(), Trouble::Down);
}

#[tokio::test]
async fn what_is_in_use_always_has_half_its_life_left() {
    let bench = Bench::new();
    for hour in 0..72 {
        let (_, value) = bench.get("a").await;
        let left = value.unwrap().expires_at.duration_since(bench.clock.now());
        assert!(left >= jiff::SignedDuration::from_hours(6), "after {hour} h only {left} are left");
        bench.pass(HOUR).await;
    }
    assert!((13..=15).contains(&bench.calls()), "72 h took {} fetches", bench.calls());
}

#[tokio::test]
async fn while_upstream_is_down_it_is_served_until_it_ends() {
    let bench = Bench::new();
    bench.get("a").await.1.unwrap();
    bench.trouble(Some(Trouble::Down));
    for _ in 0..11 {
        bench.pass(HOUR).await;
        assert_eq!(bench.get("a").await.1.unwrap().number, 1);
    }
    assert!((20..=120).contains(&bench.calls()), "renewal is tried again, with pauses: {} calls", bench.calls());
    bench.pass(HOUR).await;
    assert_eq!(bench.get("a").await.1.unwrap_err(), Trouble::Down);
    bench.trouble(None);
    bench.pass(Duration::from_secs(10)).await;
    assert!(bench.get("a").await.1.is_ok());
}

#[tokio::test]
async fn what_nobody_uses_is_not_renewed_for_ever() {
    let bench = Bench::new();
    bench.get("a").await.1.unwrap();
    bench.pass(Duration::from_hours(48)).await;
    assert!(bench.calls() <= 3, "{} calls", bench.calls());
    assert!(bench.cache.inner.entries().is_empty());
    assert_eq!(bench.clock.sleepers(), 0, "its caretaker has gone home");
}

#[tokio::test]
async fn what_is_used_again_is_renewed_again() {
    let bench = Bench::new();
    bench.get("a").await.1.unwrap();
    bench.pass(HOUR * 17).await;
    let calls = bench.calls();
    bench.get("a").await.1.unwrap();
    bench.pass(Duration::from_secs(1)).await;
    assert_eq!(bench.calls(), calls + 1, "the first use after a rest renews at once");
    let left = bench.get("a").await.1.unwrap().expires_at.duration_since(bench.clock.now());
    assert!(left >= jiff::SignedDuration::from_hours(11), "only {left} are left");
}

#[tokio::test]
async fn a_refusal_is_remembered_briefly() {
    let bench = Bench::new();
    bench.trouble(Some(Trouble::Down));
    assert_eq!(bench.get("a").await.0, CacheLookup::Miss);
    assert_eq!(bench.get("a").await.0, CacheLookup::RefusalRemembered);
    bench.trouble(None);
    bench.pass(Duration::from_secs(10)).await;
    assert!(bench.get("a").await.1.is_ok());
    assert_eq!(bench.calls(), 2);
}

#[tokio::test]
async fn what_was_born_expired_is_handed_on_and_never_held() {
    let bench = Bench::new();
    *bench.upstream.life.lock().unwrap() = Duration::ZERO;
    assert_eq!(bench.get("a").await.1.unwrap().number, 1);
    assert_eq!(bench.get("a").await.1.unwrap().number, 2);
    settle().await;
    assert_eq!(bench.calls(), 2, "nothing renews it");
}

#[tokio::test]
async fn what_may_not_be_renewed_is_dropped() {
    let bench = Bench::new();
    bench.get("a").await.1.unwrap();
    bench.trouble(Some(Trouble::Gone));
    bench.pass(Duration::from_hours(7)).await;
    assert_eq!(bench.get("a").await.1.unwrap_err(), Trouble::Gone);
}

#[tokio::test]
async fn a_fetch_that_panics_fails_its_callers_and_nobody_else() {
    let bench = Bench::new();
    bench.trouble(Some(Trouble::Lost));
    assert_eq!(bench.get("a").await.1.unwrap_err(), Trouble::Lost);
    bench.trouble(None);
    bench.pass(Duration::from_secs(10)).await;
    assert!(bench.get("a").await.1.is_ok());
}
