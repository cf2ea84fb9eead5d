//! What an operator may do: one function per action, each decided on one snapshot and written down in the
//! transaction that does it. What is refused is written down too.

mod apply;
mod bootstrap;
mod change;
mod clients;
mod error;
mod feeds;
mod keys;
mod last_admin;
mod list;
mod rename;
mod replaceable;
mod scene;
mod secrets;
mod spaces;
pub mod trail;
mod trial;
mod who_can;
mod workloads;

use std::sync::Arc;

use arc_swap::ArcSwap;

pub use apply::{Application, Applied, Options};
pub use bootstrap::{BootstrapError, bootstrap};
pub use change::{Change, ChangeAction};
pub use clients::ClientDraft;
pub use error::AdminError;
pub use feeds::{AccessKeyDraft, FeedDraft, WebIdentityDraft};
pub use keys::{
    Canaries, Deny, Exposed, ExposedPassword, ExposedSession, KeyPlan, KeyView, KeysError, KeysView, Outside,
    PlaceSeen, ProbedPlace, Revocation, SigningKeys,
};
pub use list::{Page, Wanted};
pub use rename::{Answer, FeedProgress, Progress, RenameDraft};
pub use replaceable::Replaceable;
pub use scene::{Expected, Kept, Scene};
pub use secrets::{NewSecret, SecretDraft};
pub use spaces::SpaceDraft;
pub use trial::{NotGiven, Trial};
pub use who_can::Holder;
pub use workloads::OfWorkloads;

use self::change::Decision;
use self::rename::Trials;
use crate::audit::{Audit, Event, Outcome, What};
use crate::authn::Caller;
use crate::authz::{self, Duty, Operator, RoleMissing};
use crate::clock::Clock;
use crate::domain::Audience;
use crate::entropy::Entropy;
use crate::store::database::LineFilter;
use crate::store::vault::Vault;
use crate::store::{ChangeError, Kind, Plan, Store};

/// Does what operators ask for. Cloning shares it.
#[derive(Clone)]
pub struct Admin {
    store: Arc<Store>,
    audit: Audit,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    vault: Vault,
    audiences: Arc<ArcSwap<Audiences>>,
    trials: Arc<Trials>,
}

/// The audiences that are more than one feed's.
#[derive(Clone, Debug)]
pub struct Audiences {
    /// That of feeds that name none.
    pub default: Audience,
    /// The one that no feed may have: a web identity token with it could pass for an access token of feedpass itself.
    pub reserved: Option<Audience>,
}

impl Admin {
    /// Changes what is in `store`.
    #[must_use]
    pub fn new(
        store: Arc<Store>,
        audit: Audit,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        vault: Vault,
        audiences: Audiences,
    ) -> Self {
        let audiences = Arc::new(ArcSwap::from_pointee(audiences));
        Self { store, audit, clock, entropy, vault, audiences, trials: Arc::default() }
    }

    /// Lets `caller` act in `duty`, by its roles and the spaces' names of now.
    ///
    /// # Errors
    /// [`RoleMissing`].
    pub fn operator(&self, caller: &Caller, duty: Duty) -> Result<Operator, RoleMissing> {
        authz::operator(caller, &self.store.current(), duty)
    }

    /// Gives feeds that are made from now on, and name no audience, another.
    pub fn set_audiences(&self, audiences: Audiences) {
        self.audiences.store(Arc::new(audiences));
    }

    /// Makes the changes that `decide` decides on, all or none, with a line for each; writes its refusal down too.
    async fn change<T>(
        &self,
        operator: &Operator,
        attempt: &Attempt<'_>,
        decide: impl Fn(&Scene<'_>) -> Result<Decision<T>, AdminError>,
    ) -> Result<T, AdminError> {
        let audiences = self.audiences.load_full();
        let made = self.store.change(|snapshot| {
            let now = self.clock.now();
            let decision = decide(&Scene { snapshot, operator, audiences: &audiences, vault: &self.vault, now })?;
            let events: Vec<_> = decision.changes.iter().map(|change| self.event(operator, change)).collect();
            let lines = events.iter().map(Event::line).collect::<Result<_, _>>()?;
            let writes = decision.changes.into_iter().map(|change| change.write).collect();
            Ok(Plan { writes, lines, outcome: (decision.outcome, events) })
        });
        match made.await.map_err(|error: ChangeError<AdminError>| AdminError::from(error)) {
            Ok((outcome, events)) => {
                events.iter().for_each(Event::log);
                Ok(outcome)
            }
            Err(error) => Err(self.refused(operator, attempt, error).await),
        }
    }

    fn event(&self, operator: &Operator, change: &Change) -> Event {
        let event = operator.caller().event(&self.audit, What::Change);
        Event { change: Some(change.to_json()), feed: change.feed(), ..event }
    }

    /// Writes down that `attempt` was refused, and says who was faster where somebody was.
    async fn refused(&self, operator: &Operator, attempt: &Attempt<'_>, error: AdminError) -> AdminError {
        let error = self.with_who_was_faster(error).await;
        if !error.is_refusal() {
            return error;
        }
        let event = operator.caller().event(&self.audit, What::Change);
        let event = Event { change: Some(attempt.to_json()), feed: attempt.feed(), ..event };
        match self.audit.record(event.ended(Outcome::Refused, error.code(), error.to_string())).await {
            Ok(()) => error,
            Err(unwritten) => unwritten.into(),
        }
    }

    /// A change's line was written at the very time of its documents.
    async fn with_who_was_faster(&self, error: AdminError) -> AdminError {
        let AdminError::ChangedMeanwhile { kind, name, version, changed_at, by: None } = error else { return error };
        let at = LineFilter {
            since: Some(changed_at),
            until: changed_at.checked_add(std::time::Duration::from_millis(1)).ok(),
            event: Some("change".to_owned()),
            outcome: Some("ok".to_owned()),
            ..LineFilter::default()
        };
        let lines = self.store.database().lines(&at, 1000).await.unwrap_or_default();
        let by = lines.iter().find_map(|line| change::made_by(&line.body, kind, &name));
        AdminError::ChangedMeanwhile { kind, name, version, changed_at, by }
    }
}

/// What an operator wants to do, for the line that says that it was refused.
struct Attempt<'a> {
    action: ChangeAction,
    kind: Kind,
    name: &'a str,
}

impl Attempt<'_> {
    fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "action": self.action, "kind": self.kind.as_str(), "name": self.name })
    }

    fn feed(&self) -> Option<crate::domain::SpaceFeed> {
        if self.kind == Kind::Feed { self.name.parse().ok() } else { None }
    }
}
