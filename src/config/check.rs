//! What must hold between values that are right one by one.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;

use super::context::{Context, Located, Place};
use super::sections::{Draft, EndpointDraft, FeedDraft, HASH_HINT};
use super::words::shown;
use crate::domain::{EXAMPLE_SECRET, Feed, SecretHash, Slug, Subject};

/// Notes every rule that `draft` breaks; values that could not be read break none.
pub(super) fn check(draft: &Draft, context: &Context<'_>) {
    aws(draft, context);
    let spaces = draft.spaces.iter().flatten();
    once(context, "a slug that no other space has", spaces.map(|slug| (&slug.value, &slug.place)));
    for feed in &draft.feeds {
        of_a_declared_space(feed, &draft.spaces, context);
        if in_one_partition(feed, context) {
            of_one_piece(feed, draft, context);
        }
    }
    let names: Vec<_> =
        draft.feeds.iter().filter_map(|feed| Some((feed.name()?, &feed.slug.as_ref()?.place))).collect();
    once(context, "a slug that no other feed of the space has", names.iter().map(|(name, place)| (name, *place)));
    one_space_to_a_subject(draft, context);
    let ids = draft.clients.iter().filter_map(|client| client.id.as_ref());
    once(context, "an id that no other client has", ids.map(|id| (&id.value, &id.place)));
    one_client_to_a_secret(draft, context);
    a_way_in_for_each_client(draft, context);
    no_secret_that_everyone_knows(draft, context);
    let issuers = || draft.workload_issuers.iter();
    let names = issuers().filter_map(|issuer| issuer.name.as_ref());
    once(context, "a name that no other workload issuer has", names.map(|name| (&name.value, &name.place)));
    let urls = issuers().filter_map(|issuer| issuer.issuer.as_ref());
    let expected = "an issuer that no other has; make one of the two, with the audiences of both";
    once(context, expected, urls.map(|url| (&url.value, &url.place)));
    let rules = draft.workloads.iter().filter_map(|rule| rule.name.as_ref());
    once(context, "a name that no other workload rule has", rules.map(|name| (&name.value, &name.place)));
}

/// A client without a secret is a workload's, by a rule beside it; or says that it is, for rules in the store.
fn a_way_in_for_each_client(draft: &Draft, context: &Context<'_>) {
    for client in &draft.clients {
        let (Some(place), Some(id)) = (&client.no_secret, &client.id) else { continue };
        // A rule that could not be read may be the one.
        if draft.workloads.iter().all(|rule| rule.client.as_ref().is_some_and(|client| *client != id.value)) {
            context.mistake(
                place,
                None,
                format!("{HASH_HINT}; for a client that workload rules of the store lead to, `[]`"),
            );
        }
    }
}

fn aws(draft: &Draft, context: &Context<'_>) {
    let arns = draft.sandbox.roles.iter().filter_map(|role| role.arn.as_ref());
    once(context, "an ARN that no other role has", arns.map(|arn| (&arn.value, &arn.place)));
    let Some(endpoint) = &draft.aws else { return };
    if let Some(place) = &draft.sandbox.place
        && !matches!(endpoint, EndpointDraft::Sandbox)
    {
        let expected = "`endpoint = \"sandbox\"` below `[aws]`, or no such section: nothing else would use it";
        context.mistake(place, Some("a section for a sandbox that is not used".to_owned()), expected);
    }
    if let Some(issuer) = &draft.issuer
        && issuer.value.is_loopback()
        && endpoint.real_sts()
    {
        let expected = "a public https URL, since AWS fetches the issuer's keys from there; \
                        or `endpoint = \"sandbox\"` below `[aws]`, to try feedpass without AWS";
        context.mistake(&issuer.place, Some(shown(issuer.value.as_str())), expected);
    }
}

/// Each value stands once.
fn once<'v, T: Display + Eq + Hash + 'v>(
    context: &Context<'_>,
    expected: &str,
    values: impl Iterator<Item = (&'v T, &'v Place)>,
) {
    let mut seen: HashMap<&T, &Place> = HashMap::new();
    for (value, place) in values {
        match seen.get(value) {
            Some(first) => {
                let found = format!("`{value}`, which is declared {} already", first.in_words());
                context.mistake(place, Some(found), expected);
            }
            None => {
                seen.insert(value, place);
            }
        }
    }
}

fn of_a_declared_space(feed: &FeedDraft, spaces: &[Option<Located<Slug>>], context: &Context<'_>) {
    let Some(space) = &feed.space else { return };
    // A space whose slug could not be read may be the one that is meant.
    if spaces.iter().all(|declared| declared.as_ref().is_some_and(|declared| declared.value != space.value)) {
        let declared: Vec<String> = spaces.iter().flatten().map(|space| format!("`{}`", space.value)).collect();
        let expected = match declared.as_slice() {
            [] => format!("a declared space; add `[[space]]` with `slug = \"{}\"`", space.value),
            _ => format!("a declared space: {}; or one more `[[space]]`", declared.join(", ")),
        };
        context.mistake(&space.place, Some(format!("`{}`", space.value)), expected);
    }
}

/// Says whether all of it is in one partition.
fn in_one_partition(feed: &FeedDraft, context: &Context<'_>) -> bool {
    let Some(region) = &feed.region else { return true };
    let mut right = true;
    for role in feed.roles() {
        let (has, needs) = (role.value.partition(), region.partition());
        if has != needs {
            right = false;
            let found = format!("a role of partition `{has}`");
            let expected = format!(
                "one of partition `{needs}`, where region `{region}` is: partitions trust nothing of each other"
            );
            context.mistake(&role.place, Some(found), expected);
        }
    }
    right
}

/// Whether the parts of a feed go together.
fn of_one_piece(feed: &FeedDraft, draft: &Draft, context: &Context<'_>) {
    let made = draft.audience.as_ref().and_then(|audience| feed.feed(audience));
    if let Some(Err(invalid)) = made.map(Feed::checked) {
        let found = format!("`{}`", invalid.found);
        context.mistake(&feed.place, Some(found), format!("{}: {}", invalid.what, invalid.expected));
    }
}

/// AWS tells feeds apart by subject and audience alone: were they the same for two spaces, each
/// could have what the other's role allows.
fn one_space_to_a_subject(draft: &Draft, context: &Context<'_>) {
    let mut seen = HashMap::new();
    for feed in &draft.feeds {
        let (Some(name), Some(space), Some(identity)) = (feed.name(), &feed.space, feed.web_identity()) else {
            continue;
        };
        let Some(parts) = identity.subject else { continue };
        let subject = Subject::new(&name, parts);
        let audience = identity.audience.as_ref().or(draft.audience.as_ref());
        let place = &identity.subject_place;
        let (first, first_place) = *seen.entry((subject.clone(), audience)).or_insert((space, place));
        if first.value != space.value {
            let found =
                format!("`{subject}`, which a feed of space `{}` has too, {}", first.value, first_place.in_words());
            let expected = "a subject that names the space, `[\"space\", \"feed\"]`, or another audience: \
                            AWS would give each of the two feeds the other's identity";
            context.mistake(place, Some(found), expected);
        }
    }
}

/// The example's secret opens nothing but the sandbox.
fn no_secret_that_everyone_knows(draft: &Draft, context: &Context<'_>) {
    if !matches!(draft.aws, Some(EndpointDraft::Aws | EndpointDraft::Custom { .. })) {
        return;
    }
    let example = SecretHash::of(EXAMPLE_SECRET);
    for secret in draft.clients.iter().flat_map(|client| &client.secrets).filter(|secret| secret.value == example) {
        let found = "the hash of the secret in the example that comes with feedpass".to_owned();
        context.mistake(&secret.place, Some(found), "the hash of a secret of your own: everyone knows that one");
    }
}

/// A Bearer secret names its client, so it must name one.
fn one_client_to_a_secret(draft: &Draft, context: &Context<'_>) {
    let mut seen: HashMap<&SecretHash, (usize, &Place)> = HashMap::new();
    for (index, client) in draft.clients.iter().enumerate() {
        for secret in &client.secrets {
            let (first, place) = *seen.entry(&secret.value).or_insert((index, &secret.place));
            if first != index {
                let found = format!("the hash that another client has, {}", place.in_words());
                context.mistake(&secret.place, Some(found), "a secret of its own: it tells who is calling");
            }
        }
    }
}
