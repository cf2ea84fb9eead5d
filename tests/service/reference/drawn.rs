//! Rules, tokens, requests and changes, drawn at random.

use std::fmt::Debug;

use proptest::arbitrary::any;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::Just;
use proptest::sample::{Index, select};
use proptest::strategy::{BoxedStrategy, Strategy, Union};
use serde_json::{Value, json};

use super::contract::World;
use super::{CLIENTS, FEEDS, FORMATS, Grant, grants};

/// The trusted issuers, and one that nobody trusts.
pub(super) const ISSUERS: [&str; 3] = ["red", "blue", "stranger"];
/// Two feeds are in the first, and none in the last.
const REGIONS: [(u32, &str); 4] = [(3, "us-east-1"), (1, "eu-west-1"), (1, "us-west-2"), (1, "ap-south-1")];

/// A workload's token.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) issuer: usize,
    pub(super) claims: Value,
    pub(super) fault: Fault,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    None,
    Expired,
    ForAnother,
    SignedByAnother,
}

/// What is asked for, of which feed, in which format.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    Credentials(&'static str, &'static str),
    AtRegistry(&'static str),
    WebIdentityToken(&'static str),
    Session(&'static str),
    AccessToken,
    ExchangeFor(&'static str),
}

/// What an admin makes, changes or removes.
#[derive(Clone, Debug)]
pub(super) enum Change {
    PutRule(String, Value),
    RemoveRule(String),
    PutClient(&'static str, Vec<Grant>),
    RemoveClient(&'static str),
}

/// One of these, each as often as the number beside it says.
fn weighted<T: Clone + Debug + 'static>(all: &[(u32, T)]) -> BoxedStrategy<T> {
    Union::new_weighted(all.iter().map(|(weight, value)| (*weight, Just(value.clone()))).collect()).boxed()
}

/// A token, most often one that is right. Some subjects have more parts than they should.
pub(super) fn token() -> impl Strategy<Value = Token> {
    let repository = select(&["a", "ab", "a/x", "b:ref:main"][..]);
    let subject = (select(&["org", "evil"][..]), repository, select(&["main", "dev"][..]));
    let subject = subject.prop_map(|(org, repository, branch)| format!("repo:{org}/{repository}:ref:{branch}"));
    let teams =
        [json!("red"), json!("7"), json!(7), json!(true), json!("true"), json!(["x", "red"]), json!({ "red": 1 })];
    let (team, place) = (select(teams.to_vec()), select(&["prod", "prod-1", "prod/1", "dev"][..]));
    let claims = (subject, option::of(team), option::of(place)).prop_map(|(subject, team, place)| {
        let mut claims = json!({ "sub": subject });
        let others = [("team", team), ("k8s", place.map(|place| json!({ "place": place })))];
        for (name, value) in others.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            claims[name] = value;
        }
        claims
    });
    let fault = weighted(&[(9, Fault::None), (1, Fault::Expired), (1, Fault::ForAnother), (1, Fault::SignedByAnother)]);
    let issuer = weighted(&[(6, 0), (4, 1), (1, 2)]);
    (issuer, claims, fault).prop_map(|(issuer, claims, fault)| Token { issuer, claims, fault })
}

/// A rule of the API but for its name: with conditions on `sub`, on a claim in another, or on both, and perhaps on a
/// third, each with texts and patterns.
pub(super) fn rule() -> impl Strategy<Value = Value> {
    let of_text = |text: &str| if text.contains('*') { json!({ "pattern": text }) } else { json!(text) };
    let repository = select(&["a", "ab", "*", "a*", "*b", "a/*"][..]);
    let subject = (select(&["org", "evil", "*", "o*g"][..]), repository, select(&["main", "dev", "*", "m*n"][..]));
    let subject =
        subject.prop_map(move |(org, repository, branch)| of_text(&format!("repo:{org}/{repository}:ref:{branch}")));
    let place = select(&["prod", "dev", "prod*", "prod-*", "p*/*"][..]).prop_map(of_text);
    let teams =
        [json!("red"), json!("7"), json!(7), json!(true), json!({ "pattern": "r*" }), json!({ "pattern": "*" })];
    let team = one_or_more(select(teams.to_vec()));
    let which = weighted(&[(3, (true, false)), (1, (false, true)), (1, (true, true))]);
    let claims = (which, one_or_more(subject), one_or_more(place), option::weighted(0.3, team));
    let claims = claims.prop_map(|((of_subject, of_place), subject, place, team)| {
        let subject = of_subject.then_some(("sub", subject));
        let place = of_place.then_some(("/k8s/place", place));
        let team = team.map(|team| ("team", team));
        let claims = [subject, place, team].into_iter().flatten();
        claims.map(|(path, condition)| (path.to_owned(), condition)).collect::<Value>()
    });
    let issuer = weighted(&[(6, ISSUERS[0]), (4, ISSUERS[1])]);
    let mode = weighted(&[(4, "enforce"), (1, "observe")]);
    (issuer, select(&CLIENTS[..]), mode, claims).prop_map(
        |(issuer, client, mode, claims)| json!({ "issuer": issuer, "client": client, "mode": mode, "claims": claims }),
    )
}

/// An alternative by itself, or a list of several.
fn one_or_more(alternative: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    vec(alternative, 1..4).prop_map(|mut all| if all.len() == 1 { all.remove(0) } else { json!(all) }).boxed()
}

pub(super) fn wish() -> impl Strategy<Value = Wish> {
    let feed = || select(FEEDS.map(|(feed, _)| feed).to_vec());
    Union::new_weighted(vec![
        (4, (feed(), select(&FORMATS[..])).prop_map(|(feed, format)| Wish::Credentials(feed, format)).boxed()),
        (2, weighted(&REGIONS).prop_map(Wish::AtRegistry).boxed()),
        (2, feed().prop_map(Wish::WebIdentityToken).boxed()),
        (2, feed().prop_map(Wish::Session).boxed()),
        (1, Just(Wish::AccessToken).boxed()),
        (2, feed().prop_map(Wish::ExchangeFor).boxed()),
    ])
}

/// A change of what there is in `world`; most often something is taken away.
pub(super) fn change(world: &World) -> BoxedStrategy<Change> {
    let names: Vec<String> = world.rules.keys().cloned().collect();
    let any_name = names.iter().cloned().chain(["new".into()]).collect::<Vec<_>>();
    let mut all = vec![
        (2, (select(any_name), rule()).prop_map(|(name, rule)| Change::PutRule(name, rule)).boxed()),
        (1, (select(&CLIENTS[..]), grants()).prop_map(|(client, grants)| Change::PutClient(client, grants)).boxed()),
        (2, select(&CLIENTS[..]).prop_map(Change::RemoveClient).boxed()),
    ];
    if !names.is_empty() {
        all.push((4, select(names).prop_map(Change::RemoveRule).boxed()));
    }
    let granted = world.clients.iter().filter(|(_, grants)| !grants.is_empty());
    let granted: Vec<_> = granted.map(|(client, grants)| (*client, grants.clone())).collect();
    if !granted.is_empty() {
        let fewer = (select(granted), any::<Index>()).prop_map(|((client, mut grants), index)| {
            grants.remove(index.index(grants.len()));
            Change::PutClient(client, grants)
        });
        all.push((4, fewer.boxed()));
    }
    // One that was removed may come again, and is another then.
    let gone: Vec<_> = CLIENTS.into_iter().filter(|client| !world.clients.contains_key(client)).collect();
    if !gone.is_empty() {
        let again = (select(gone), grants()).prop_map(|(client, grants)| Change::PutClient(client, grants));
        all.push((6, again.boxed()));
    }
    Union::new_weighted(all).boxed()
}
