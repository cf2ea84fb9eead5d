//! When each step is due, to the second.

use super::*;
use crate::domain::Algorithm;
use crate::issuer::keyring::record::sample;

const DAY: i64 = 86_400;
/// When the active key began to sign.
const BEGAN: i64 = 1_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Every 30 days, a day ahead, an hour kept.
fn policy() -> RotationPolicy {
    RotationPolicy {
        spec: KeySpec::from(Algorithm::Es256),
        rotate_every: Some(Duration::from_hours(30 * 24)),
        publish_before: Duration::from_hours(24),
        promote_on: PromoteOn::Time,
        keep_after: Duration::from_hours(1),
        longest_token: Duration::from_mins(5),
    }
}

fn active(rolled_back: bool) -> KeyRecord {
    sample(1, KeyState::Active { published_at: at(0), activated_at: at(BEGAN), rolled_back })
}

fn published(published_at: i64, promote_when_due: bool) -> KeyRecord {
    sample(2, KeyState::Published { published_at: at(published_at), promote_when_due })
}

fn retiring(retiring_at: i64) -> KeyRecord {
    sample(3, KeyState::Retiring { published_at: at(0), activated_at: at(0), retiring_at: at(retiring_at) })
}

fn keys(others: &[KeyRecord]) -> Keys {
    let keys = std::iter::once(active(false)).chain(others.iter().cloned()).collect();
    Keys { revision: 1, keys, untold: Vec::new() }
}

fn seen(key: &KeyRecord, verdict: Verdict) -> Known {
    Known { verdicts: [(key.kid.clone(), verdict)].into(), signed: Some(BTreeMap::new()) }
}

fn nothing() -> Known {
    Known { verdicts: BTreeMap::new(), signed: Some(BTreeMap::new()) }
}

/// That `step` is due at `second`, and nothing a second before, when the change is known to come.
fn assert_due(keys: &Keys, policy: &RotationPolicy, known: &Known, second: i64, step: &Step) {
    assert_eq!(next_step(keys, policy, known, at(second - 1)), None, "a second before {step:?}");
    assert_eq!(next_change(keys, policy, known, at(second - 1)), Some(at(second)));
    assert_eq!(next_step(keys, policy, known, at(second)).as_ref(), Some(step));
}

#[test]
fn the_next_key_is_made_so_that_it_can_sign_when_the_active_ones_time_is_over() {
    let due = BEGAN + 30 * DAY;
    assert_due(&keys(&[]), &policy(), &nothing(), due - DAY - 1, &Step::Stage);
    let never = RotationPolicy { rotate_every: None, ..policy() };
    assert_eq!(next_step(&keys(&[]), &never, &nothing(), at(due * 9)), None);
    assert_eq!(next_change(&keys(&[]), &never, &nothing(), at(BEGAN)), None);
}

#[test]
fn a_key_of_another_kind_is_wanted_at_once_unless_an_admin_went_back_to_the_old_one() {
    let other = RotationPolicy { spec: KeySpec::from(Algorithm::Es384), rotate_every: None, ..policy() };
    assert_eq!(next_step(&keys(&[]), &other, &nothing(), at(BEGAN)), Some(Step::Stage));
    let back = Keys { revision: 1, keys: vec![active(true)], untold: Vec::new() };
    assert_eq!(next_step(&back, &other, &nothing(), at(BEGAN)), None);
    let unfit = published(BEGAN, false);
    assert_eq!(next_step(&keys(&[unfit]), &other, &nothing(), at(BEGAN)), Some(Step::Stage), "that one does not fit");
}

#[test]
fn a_key_that_is_to_sign_when_it_may_does_after_publish_before_and_another_with_the_calendar() {
    let wanted = published(BEGAN + DAY, true);
    let promote = Step::Promote(wanted.kid.clone());
    assert_due(&keys(std::slice::from_ref(&wanted)), &policy(), &nothing(), BEGAN + 2 * DAY, &promote);
    let waits = published(BEGAN + DAY, false);
    assert_due(&keys(&[waits]), &policy(), &nothing(), BEGAN + 30 * DAY, &promote);
    let late = published(BEGAN + 30 * DAY, false);
    assert_due(&keys(&[late]), &policy(), &nothing(), BEGAN + 31 * DAY, &promote);
}

#[test]
fn what_speaks_against_a_key_holds_it_and_full_evidence_shortens_the_wait_where_that_is_wanted() {
    let key = published(BEGAN, true);
    let (early, late) = (at(BEGAN + DAY - 1), at(BEGAN + DAY));
    let on_evidence = RotationPolicy { promote_on: PromoteOn::Evidence, ..policy() };
    let opens = || Gate::Opens(late);
    let held = || Gate::Held("no".into());
    for (verdict, by_time, by_evidence) in [
        (Verdict::Full("yes".into()), [opens(), Gate::Open], [Gate::Open, Gate::Open]),
        (Verdict::Partial("some".into()), [opens(), Gate::Open], [opens(), Gate::Open]),
        (Verdict::None("nobody".into()), [opens(), Gate::Open], [opens(), Gate::Open]),
        (Verdict::Against("no".into()), [opens(), held()], [opens(), held()]),
    ] {
        let gates = |policy: &RotationPolicy| [early, late].map(|now| promotion(&key, policy, &verdict, now));
        assert_eq!(gates(&policy()), by_time, "{verdict:?}");
        assert_eq!(gates(&on_evidence), by_evidence, "{verdict:?}");
        let step = next_step(&keys(std::slice::from_ref(&key)), &policy(), &seen(&key, verdict.clone()), late);
        assert_eq!(step.is_some(), by_time[1] == Gate::Open, "{verdict:?}");
    }
}

#[test]
fn a_retiring_key_leaves_after_its_last_token_stss_leeway_and_keep_after() {
    let key = retiring(BEGAN);
    let retire = Step::Retire(key.kid.clone());
    let margin = 5 * 60 + 3600;
    let all = keys(std::slice::from_ref(&key));
    assert_due(&all, &policy(), &nothing(), BEGAN + margin, &retire);
    let signed = |ends: i64| {
        let signed = Signed { kid: key.kid.to_string(), live: 3, longest_expires_at: at(ends) };
        Known { signed: Some([(key.kid.clone(), signed)].into()), ..Known::default() }
    };
    assert_due(&all, &policy(), &signed(BEGAN + 300), BEGAN + 300 + margin, &retire);
    assert_due(&all, &policy(), &signed(BEGAN - 300), BEGAN + margin, &retire);
    assert_eq!(signed(BEGAN).live(&key.kid), 3);
    let unknown = Known::default();
    assert_eq!(leaves_at(&key, &policy(), &unknown), Err(NotYet::Unknown(key.kid.clone())));
    assert_eq!(next_step(&all, &policy(), &unknown, at(BEGAN + 29 * DAY - 2)), None, "it stays while nobody can say");
}
