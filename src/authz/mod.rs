//! Step 2: may this [`Caller`] have this feed? Pure, and asked on every request, held credentials or not.

mod operator;

use std::sync::Arc;

pub use operator::{Duty, Operator, Reach, RoleMissing, operator, role_now};

use crate::authn::Caller;
use crate::domain::{
    Action, ClientId, Feed, FeedPattern, Grant, Narrowing, Region, RegistryHost, Rename, Scope, SpaceFeed, WebIdentity,
};
use crate::store::Snapshot;

/// What a caller wants of a feed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wish {
    /// A user and password for the registry.
    RegistryCredentials,
    /// The web identity token itself.
    WebIdentityToken,
    /// The role session.
    RoleSession,
    /// To test it, to list its packages, and to see what AWS has to allow it.
    Catalog,
}

impl Wish {
    /// The actions of which any one suffices.
    ///
    /// Pulling and pushing ask for the same credentials: what they may do is the role's to say.
    #[must_use]
    pub fn actions(self) -> &'static [Action] {
        match self {
            Self::RegistryCredentials => &[Action::Pull, Action::Push],
            Self::WebIdentityToken => &[Action::Token],
            Self::RoleSession => &[Action::Session],
            Self::Catalog => &[Action::Catalog],
        }
    }
}

/// The proof that a caller may have what it asked of a feed. Only this room makes one.
#[derive(Clone, Debug)]
pub struct Permit {
    client: Option<ClientId>,
    feed: Arc<Feed>,
    region: Region,
    narrowing: Option<Narrowing>,
}

/// The same, for a feed that has web identity tokens.
#[derive(Clone, Copy, Debug)]
pub struct TokenPermit<'p> {
    permit: &'p Permit,
    identity: &'p WebIdentity,
}

impl<'p> TokenPermit<'p> {
    /// The permit that it is of.
    #[must_use]
    pub fn permit(&self) -> &'p Permit {
        self.permit
    }

    /// Of which feed.
    #[must_use]
    pub fn feed(&self) -> &'p Arc<Feed> {
        &self.permit.feed
    }

    /// The feed's identity.
    #[must_use]
    pub fn identity(&self) -> &'p WebIdentity {
        self.identity
    }
}

impl Permit {
    /// For `feed` in its own region, whole: where no client asks.
    fn of_nobody(client: Option<ClientId>, feed: Arc<Feed>) -> Self {
        Self { client, region: feed.region.clone(), feed, narrowing: None }
    }

    /// The same in another of the feed's regions.
    ///
    /// # Errors
    /// [`Refusal::RegionNotOfFeed`].
    pub fn in_region(self, region: &Region) -> Result<Self, Refusal> {
        if self.feed.regions().any(|own| own == region) {
            return Ok(Self { region: region.clone(), ..self });
        }
        let regions = self.feed.regions().cloned().collect();
        Err(Refusal::RegionNotOfFeed { target: self.feed.name.clone(), region: region.clone(), regions })
    }

    /// In which region.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// What a session for it is narrowed to; none leaves it all that the role may.
    #[must_use]
    pub fn narrowing(&self) -> Option<&Narrowing> {
        self.narrowing.as_ref()
    }

    /// The permit for a web identity token; none of a feed that has none.
    #[must_use]
    pub fn for_token(&self) -> Option<TokenPermit<'_>> {
        Some(TokenPermit { permit: self, identity: self.feed.web_identity()? })
    }

    /// Who may; none where feedpass itself asks what AWS would say.
    #[must_use]
    pub fn client(&self) -> Option<&ClientId> {
        self.client.as_ref()
    }

    /// Of which feed.
    #[must_use]
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }
}

/// Why a caller may not. All are the caller's to mend, by asking an administrator for a grant.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// No grant covers the feed, or there is no such feed: the two look alike, so that nobody
    /// learns of a feed that is not theirs.
    #[error("client `{client}` has no grant that reaches a feed `{target}`; {}", covered(grants))]
    FeedNotFound {
        /// Who asked.
        client: ClientId,
        /// For what.
        target: SpaceFeed,
        /// What its grants do cover.
        grants: Vec<FeedPattern>,
    },
    /// A grant covers the feed, but not for this.
    #[error(
        "client `{client}` may not ask that of feed `{target}`: it takes the action {}, and its grants give {}",
        listed(wanted, " or "),
        listed(granted, ", ")
    )]
    ActionNotGranted {
        /// Who asked.
        client: ClientId,
        /// Of which feed.
        target: SpaceFeed,
        /// The actions of which one was needed.
        wanted: &'static [Action],
        /// The actions that it has on this feed.
        granted: Vec<Action>,
    },
    /// A grant gives it, but the access token is for less.
    #[error(
        "the access token of client `{client}` is not for that: its scope is `{scope}`, and it takes {}",
        listed(wanted, " or ")
    )]
    ScopeTooNarrow {
        /// Who asked.
        client: ClientId,
        /// The actions of which one was needed.
        wanted: &'static [Action],
        /// What the token is for.
        scope: Scope,
    },
    /// The feed's registry is in other regions.
    #[error("feed `{target}` is not in region `{region}`: it is in {}", listed(regions, ", "))]
    RegionNotOfFeed {
        /// Of which feed.
        target: SpaceFeed,
        /// The region that was asked for.
        region: Region,
        /// The feed's own.
        regions: Vec<Region>,
    },
    /// The feed's identity has no such thing as was asked for.
    #[error("feed `{target}` has no {what}: its identity is `{identity}`")]
    NotOfIdentity {
        /// Of which feed.
        target: SpaceFeed,
        /// What it has not: `web identity token` or `role session`.
        what: &'static str,
        /// The kind of its identity.
        identity: &'static str,
    },
    /// The grant is for some repositories alone, and the feed's identity cannot be narrowed to them.
    #[error(
        "a grant of client `{client}` is for some repositories of feed `{target}` alone, and an identity without a role \
         cannot be narrowed to them; give the feed a role, or the grant all repositories"
    )]
    NotNarrowable {
        /// Who asked.
        client: ClientId,
        /// Of which feed.
        target: SpaceFeed,
    },
    /// No feed that the caller may pull from or push to is at that host.
    #[error("client `{client}` has no grant for a feed at registry `{host}`; {}", reachable(hosts))]
    RegistryNotFound {
        /// Who asked.
        client: ClientId,
        /// For which registry.
        host: RegistryHost,
        /// The registries that it may use.
        hosts: Vec<RegistryHost>,
    },
    /// Several feeds of the caller are at that host.
    #[error("several feeds of client `{client}` are at registry `{host}`: {}; name one", listed(feeds, ", "))]
    RegistryAmbiguous {
        /// Who asked.
        client: ClientId,
        /// For which registry.
        host: RegistryHost,
        /// The feeds there.
        feeds: Vec<SpaceFeed>,
    },
}

fn listed<T: ToString>(items: &[T], separator: &str) -> String {
    items.iter().map(|item| format!("`{}`", item.to_string())).collect::<Vec<_>>().join(separator)
}

fn covered(grants: &[FeedPattern]) -> String {
    if grants.is_empty() {
        "it has no grants at all".into()
    } else {
        format!("its grants cover {}", listed(grants, ", "))
    }
}

fn reachable(hosts: &[RegistryHost]) -> String {
    if hosts.is_empty() { "it may use no registry".into() } else { format!("it may use {}", listed(hosts, ", ")) }
}

/// Lets `caller` have its `wish` of `target`, or says why not. A feed that was renamed goes by its old name too: a
/// slug is given once, so no other feed has it.
///
/// # Errors
/// [`Refusal::FeedNotFound`], [`Refusal::ActionNotGranted`] and [`Refusal::ScopeTooNarrow`].
pub fn permit(caller: &Caller, snapshot: &Snapshot, target: &SpaceFeed, wish: Wish) -> Result<Permit, Refusal> {
    let now = snapshot.name_now(target);
    let known = now.as_ref().unwrap_or(target);
    let granted = granted_actions(caller, snapshot, known);
    if wish == Wish::Catalog
        && let Some(feed) = snapshot.feed(known).filter(|feed| sees(caller, snapshot, feed))
    {
        return permitted(caller, snapshot, feed, wish);
    }
    let (Some(feed), false) = (snapshot.feed(known), granted.is_empty()) else {
        return Err(Refusal::FeedNotFound {
            client: caller.id().clone(),
            target: target.clone(),
            grants: caller.grants().iter().flat_map(|grant| grant.feeds.clone()).collect(),
        });
    };
    if !wish.actions().iter().any(|action| granted.contains(action)) {
        return Err(Refusal::ActionNotGranted {
            client: caller.id().clone(),
            target: target.clone(),
            wanted: wish.actions(),
            granted,
        });
    }
    if !may_have(caller, snapshot, known, wish) {
        return Err(scope_too_narrow(caller, wish));
    }
    permitted(caller, snapshot, feed, wish)
}

/// Whether the caller may look at `feed`: by a grant for its catalog, or by a role that sees feeds.
#[must_use]
pub fn sees(caller: &Caller, snapshot: &Snapshot, feed: &Feed) -> bool {
    may_have(caller, snapshot, &feed.name, Wish::Catalog)
        || operator(caller, snapshot, Duty::ReadFeeds)
            .is_ok_and(|operator| operator.reach().covers(Some(&feed.name.space)))
}

/// The permit of a caller whose grants give it.
fn permitted(caller: &Caller, snapshot: &Snapshot, feed: &Arc<Feed>, wish: Wish) -> Result<Permit, Refusal> {
    let not_of_identity = |what| {
        let (target, identity) = (feed.name.clone(), feed.identity.kind());
        Err(Refusal::NotOfIdentity { target, what, identity })
    };
    match wish {
        Wish::WebIdentityToken if feed.web_identity().is_none() => return not_of_identity("web identity token"),
        // Keys that do not end are never handed on.
        Wish::RoleSession if feed.role().is_none() => return not_of_identity("role session"),
        _ => {}
    }
    let narrowing = narrowing(caller, snapshot, feed, wish);
    if narrowing.is_some() && feed.role().is_none() {
        return Err(Refusal::NotNarrowable { client: caller.id().clone(), target: feed.name.clone() });
    }
    let permit = Permit::of_nobody(Some(caller.id().clone()), Arc::clone(feed));
    Ok(Permit { narrowing, ..permit })
}

/// What the caller's grants narrow a session to: what they are for, all of them together. None where the feed leaves
/// that to its role, and no grant names repositories. A token cannot be narrowed.
fn narrowing(caller: &Caller, snapshot: &Snapshot, feed: &Feed, wish: Wish) -> Option<Narrowing> {
    // A token cannot be narrowed, and of the catalog more is decided than a session policy says.
    if matches!(wish, Wish::WebIdentityToken | Wish::Catalog) {
        return None;
    }
    let (mut narrowing, mut named) = (Narrowing::default(), feed.narrow_to_grants);
    let in_scope = caller.grants_in_scope();
    for grant in in_scope.iter().filter(|grant| covers(grant, snapshot, &feed.name)) {
        // A session is for both.
        let whole = wish == Wish::RoleSession && grant.actions.contains(&Action::Session);
        let gives = |action| whole || grant.actions.contains(&action);
        let repositories = grant.repositories.as_deref();
        if gives(Action::Pull) {
            narrowing.pull.add(repositories);
        }
        if gives(Action::Push) {
            narrowing.push.add(repositories);
        }
        named |= repositories.is_some() && (gives(Action::Pull) || gives(Action::Push));
    }
    named.then_some(narrowing)
}

fn scope_too_narrow(caller: &Caller, wish: Wish) -> Refusal {
    Refusal::ScopeTooNarrow { client: caller.id().clone(), wanted: wish.actions(), scope: caller.scope().clone() }
}

/// Lets `feed` be tried under the name that `rename` will give it, for whoever planned that. What is stored as a plan
/// only an [`Operator`] can have made, so no request of a client leads here; what comes of it is thrown away.
///
/// None when no such plan is stored, or it is not about the feed.
#[must_use]
pub fn permit_trial(snapshot: &Snapshot, rename: &Rename, feed: &SpaceFeed) -> Option<Permit> {
    let planned = &snapshot.rename(&rename.of)?.value;
    let renamed = planned.renamed(snapshot.feed(feed)?)?;
    Some(Permit::of_nobody(Some(planned.planned_by.clone()), Arc::new(renamed)))
}

/// Lets STS in `region` be asked what it says of a signing key, with a token of `feed`; what comes of it is thrown away. No request
/// of a client leads here.
#[must_use]
pub fn permit_canary(feed: &Arc<Feed>, region: &Region) -> Permit {
    Permit { region: region.clone(), ..Permit::of_nobody(None, Arc::clone(feed)) }
}

/// Lets `caller` have credentials for the registry at `host`, if exactly one feed of its grants is there.
///
/// # Errors
/// [`Refusal::RegistryNotFound`], [`Refusal::RegistryAmbiguous`] and [`Refusal::ScopeTooNarrow`].
pub fn permit_registry(caller: &Caller, snapshot: &Snapshot, host: &RegistryHost) -> Result<Permit, Refusal> {
    let wish = Wish::RegistryCredentials;
    if !wish.actions().iter().any(|action| caller.scope().has(*action)) {
        return Err(scope_too_narrow(caller, wish));
    }
    let named = host.ecr();
    let usable = |feed: &&Arc<Feed>| may_have(caller, snapshot, &feed.name, wish);
    let there: Vec<_> =
        named.iter().flat_map(|(account, region)| snapshot.feeds_at(account, region)).filter(usable).collect();
    let client = caller.id().clone();
    let host = host.clone();
    match there.as_slice() {
        [feed] => {
            let permit = permitted(caller, snapshot, feed, wish)?;
            named.map_or(Ok(permit.clone()), |(_, region)| permit.in_region(&region))
        }
        [] => {
            let hosts_of =
                |feed: &Arc<Feed>| -> Vec<_> { feed.regions().map(|region| feed.registry_host(region)).collect() };
            let mut hosts: Vec<_> = snapshot.feeds().filter(usable).flat_map(hosts_of).collect();
            hosts.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
            hosts.dedup();
            Err(Refusal::RegistryNotFound { client, host, hosts })
        }
        feeds => {
            let feeds = feeds.iter().map(|feed| feed.name.clone()).collect();
            Err(Refusal::RegistryAmbiguous { client, host, feeds })
        }
    }
}

fn may_have(caller: &Caller, snapshot: &Snapshot, target: &SpaceFeed, wish: Wish) -> bool {
    let counts = |action: &Action| wish.actions().contains(action) && caller.scope().has(*action);
    granted_actions(caller, snapshot, target).iter().any(counts)
}

/// What all grants of `caller` together let it do with `target`, whatever its scope, in the actions' own order.
fn granted_actions(caller: &Caller, snapshot: &Snapshot, target: &SpaceFeed) -> Vec<Action> {
    let covering: Vec<_> = caller.grants().iter().filter(|grant| covers(grant, snapshot, target)).collect();
    Action::ALL.into_iter().filter(|action| covering.iter().any(|grant| grant.actions.contains(action))).collect()
}

/// Whether the grant is about `target` at all, by its name now or by one that it had.
#[must_use]
pub fn covers(grant: &Grant, snapshot: &Snapshot, target: &SpaceFeed) -> bool {
    grant.covers(target) || grant.feeds.iter().any(|pattern| covered_before(snapshot, pattern, target))
}

/// Whether the pattern names, by what it was called once, `target` or its space. The store's grants are rewritten with
/// a rename; those of the configuration are not.
fn covered_before(snapshot: &Snapshot, pattern: &FeedPattern, target: &SpaceFeed) -> bool {
    match &pattern.feed {
        Some(feed) => {
            let named = SpaceFeed { space: pattern.space.clone(), feed: feed.clone() };
            snapshot.name_now(&named).as_ref() == Some(target)
        }
        None => snapshot.space_now(&pattern.space).as_ref() == Some(&target.space),
    }
}
