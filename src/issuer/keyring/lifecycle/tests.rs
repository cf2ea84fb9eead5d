//! Each step from each state.

use super::*;
use crate::issuer::keyring::record::sample;

const THEN: Timestamp = Timestamp::UNIX_EPOCH;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn published() -> KeyState {
    KeyState::Published { published_at: THEN, promote_when_due: false }
}

/// Every state that a key can be in beside the active one.
fn others() -> [KeyState; 4] {
    [
        published(),
        KeyState::Retiring { published_at: THEN, activated_at: THEN, retiring_at: at(1) },
        KeyState::Retired { published_at: THEN, activated_at: Some(THEN), retired_at: at(1) },
        KeyState::Revoked {
            published_at: THEN,
            activated_at: None,
            revoked_at: at(1),
            reason: "it was burnt".into(),
            destroyed_at: None,
        },
    ]
}

/// An active key, and another in `state`; and their ids.
fn keys(state: KeyState) -> (Keys, Kid, Kid) {
    let (active, other) = (sample(1, KeyState::fresh(THEN)), sample(2, state));
    let (signs, kid) = (active.kid.clone(), other.kid.clone());
    (Keys { revision: 7, keys: vec![active, other], untold: Vec::new() }, signs, kid)
}

fn words(keys: &Keys) -> Vec<&'static str> {
    keys.keys.iter().map(|key| key.state.word()).collect()
}

/// What `step` makes of the active key and of one in each other state, or the code of why it does not.
fn from_each(step: impl Fn(Keys, &Kid) -> Result<Keys, Refusal>) -> Vec<String> {
    let came = |state: KeyState| {
        let (keys, _, kid) = keys(state);
        step(keys, &kid).map_or_else(|refusal| refusal.code().to_owned(), |keys| words(&keys).join(" "))
    };
    others().into_iter().map(came).collect()
}

#[test]
fn a_published_key_alone_is_promoted_and_the_active_one_then_retires() {
    let promoted = from_each(|keys, kid| keys.promote(kid, at(5)));
    assert_eq!(promoted, ["retiring active", "key_in_wrong_state", "key_in_wrong_state", "key_in_wrong_state"]);
    let (keys, signs, kid) = keys(published());
    assert_eq!(keys.clone().promote(&signs, at(5)).unwrap_err().code(), "key_in_wrong_state", "it signs already");
    let next = keys.promote(&kid, at(5)).unwrap();
    let retiring = KeyState::Retiring { published_at: THEN, activated_at: THEN, retiring_at: at(5) };
    let active = KeyState::Active { published_at: THEN, activated_at: at(5), rolled_back: false };
    assert_eq!(next.keys.into_iter().map(|key| key.state).collect::<Vec<_>>(), [retiring, active]);
}

#[test]
fn a_key_without_its_private_half_never_signs() {
    let (mut keys, _, kid) = keys(published());
    keys.keys[1].verify_only = true;
    assert!(keys.candidates().is_empty());
    assert_eq!(keys.clone().promote(&kid, at(5)).unwrap_err().code(), "key_cannot_sign");
    assert_eq!(keys.clone().promote_when_due(&kid).unwrap_err().code(), "key_cannot_sign");
    let (_, signs, _) = self::keys(published());
    let refused = keys.clone().revoke(&signs, "burnt", Some(Successor::Published(kid.clone())), at(5));
    assert_eq!(refused.unwrap_err().code(), "key_cannot_sign");
    keys.keys[1].state = KeyState::Retiring { published_at: THEN, activated_at: THEN, retiring_at: at(1) };
    assert_eq!(keys.roll_back(at(5)).unwrap_err().code(), "nothing_to_roll_back_to");
}

#[test]
fn the_key_that_signed_last_is_gone_back_to() {
    let back = from_each(|keys, _| keys.roll_back(at(5)).map(|(keys, _)| keys));
    let nothing = "nothing_to_roll_back_to";
    assert_eq!(back, [nothing, "retiring active", nothing, nothing]);
    let (mut keys, _, older) = keys(KeyState::Retiring { published_at: THEN, activated_at: THEN, retiring_at: at(1) });
    let last = sample(3, KeyState::Retiring { published_at: THEN, activated_at: at(1), retiring_at: at(2) });
    keys.keys.push(last.clone());
    let (next, kid) = keys.roll_back(at(5)).unwrap();
    assert_eq!((&kid, words(&next)), (&last.kid, vec!["retiring", "retiring", "active"]));
    assert_ne!(kid, older);
    assert_eq!(
        next.active().unwrap().state,
        KeyState::Active { published_at: THEN, activated_at: at(5), rolled_back: true }
    );
}

#[test]
fn a_key_that_does_not_sign_and_is_in_the_jwks_can_leave_it() {
    let wrong = "key_in_wrong_state";
    let retired = from_each(|keys, kid| keys.retire(kid, at(5)));
    assert_eq!(retired, ["active retired", "active retired", wrong, wrong]);
    let (keys, signs, kid) = keys(published());
    assert_eq!(keys.clone().retire(&signs, at(5)).unwrap_err().code(), "key_is_active");
    let never_signed = KeyState::Retired { published_at: THEN, activated_at: None, retired_at: at(5) };
    assert_eq!(keys.retire(&kid, at(5)).unwrap().keys[1].state, never_signed);
}

#[test]
fn every_key_but_a_revoked_one_can_be_revoked_and_one_signs_afterwards() {
    let wrong = "key_in_wrong_state";
    let revoked = from_each(|keys, kid| keys.revoke(kid, "burnt", None, at(5)));
    assert_eq!(revoked, ["active revoked", "active revoked", "active revoked", wrong]);
    let (keys, signs, kid) = keys(published());
    let alone = keys.clone().revoke(&signs, "burnt", None, at(5)).unwrap_err();
    assert_eq!(alone, Refusal::Active(signs.clone()), "somebody has to sign");
    let published = Some(Successor::Published(kid));
    assert_eq!(words(&keys.clone().revoke(&signs, "burnt", published, at(5)).unwrap()), ["revoked", "active"]);
    let new = |record: &KeyRecord| Some(Successor::New(Box::new(record.clone())));
    let made = keys.clone().revoke(&signs, "burnt", new(&sample(3, self::published())), at(5)).unwrap();
    assert_eq!(words(&made), ["revoked", "published", "active"]);
    let known = keys.clone().revoke(&signs, "burnt", new(&keys.keys[1]), at(5)).unwrap_err();
    assert_eq!(known.code(), "key_already_there");
}

#[test]
fn a_revoked_keys_private_half_is_kept_to_ask_with_until_it_is_destroyed_once() {
    for (state, kept) in others().into_iter().zip([true, true, false]) {
        let (keys, _, kid) = keys(state);
        let revoked = keys.revoke(&kid, "burnt", None, at(5)).unwrap();
        assert_eq!(revoked.get(&kid).unwrap().keeps_private_half(), kept, "a retired key has none any more");
    }
    let destroyed = from_each(|keys, kid| keys.destroy(kid, at(5)));
    let wrong = "key_in_wrong_state";
    assert_eq!(destroyed, [wrong, wrong, wrong, "active revoked"]);
    let (keys, _, kid) = keys(others()[3].clone());
    let destroyed = keys.destroy(&kid, at(5)).unwrap();
    assert!(!destroyed.get(&kid).unwrap().keeps_private_half());
    assert_eq!(destroyed.destroy(&kid, at(6)).unwrap_err().code(), wrong);
}

#[test]
fn a_key_that_is_there_or_one_too_many_is_not_taken_in_but_a_burnt_ones_successor_is() {
    let (keys, signs, _) = keys(published());
    assert_eq!(keys.clone().with(keys.keys[1].clone()).unwrap_err().code(), "key_already_there");
    let new = |seed: usize| sample(u64::try_from(seed).unwrap(), published());
    let full = (3..=MOST_PUBLISHED).fold(keys, |keys, seed| keys.with(new(seed)).unwrap());
    let one_more = new(MOST_PUBLISHED + 1);
    assert_eq!(full.clone().with(one_more.clone()).unwrap_err(), Refusal::Full);
    let revoked = full.revoke(&signs, "burnt", Some(Successor::New(Box::new(one_more.clone()))), at(5)).unwrap();
    assert_eq!(revoked.active().unwrap().kid, one_more.kid);
}

#[test]
fn no_step_is_taken_with_a_key_that_is_not_there() {
    let stranger = sample(9, published()).kid;
    let (keys, ..) = keys(published());
    let refused = [
        keys.clone().promote(&stranger, at(5)),
        keys.clone().promote_when_due(&stranger),
        keys.clone().retire(&stranger, at(5)),
        keys.clone().revoke(&stranger, "burnt", None, at(5)),
        keys.destroy(&stranger, at(5)),
    ];
    for refusal in refused {
        assert_eq!(refusal.unwrap_err(), Refusal::NotFound(stranger.clone()));
    }
}
