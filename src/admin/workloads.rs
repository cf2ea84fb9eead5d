//! Workloads' issuers and the rules for their tokens.

use super::change::{Change, Decision};
use super::list::{Page, Wanted, page};
use super::scene::{Expected, Kept, Scene};
use super::{Admin, AdminError, Attempt, ChangeAction, Replaceable};
use crate::authz::Operator;
use crate::domain::{Slug, TrustedIssuer, WorkloadRule};
use crate::store::{Entry, Snapshot};

/// What says whom outside tokens stand for: a trusted issuer, or a rule. Both belong to no space.
pub trait OfWorkloads: Kept<Key = Slug> {
    /// All after `after`, by name.
    fn all_after<'s>(snapshot: &'s Snapshot, after: Option<&'s Slug>)
    -> Box<dyn Iterator<Item = &'s Entry<Self>> + 's>;

    /// Its name, read.
    fn key(&self) -> &Slug;

    /// What else it can be found by.
    fn also_called(&self) -> &str;

    /// Why it cannot be so beside what else there is.
    fn conflict(&self, snapshot: &Snapshot) -> Option<String>;

    /// What needs it, so that it cannot be removed.
    fn needed_by(&self, snapshot: &Snapshot) -> Option<String>;
}

impl OfWorkloads for TrustedIssuer {
    fn all_after<'s>(
        snapshot: &'s Snapshot,
        after: Option<&'s Slug>,
    ) -> Box<dyn Iterator<Item = &'s Entry<Self>> + 's> {
        Box::new(snapshot.workload_issuers_after(after))
    }

    fn key(&self) -> &Slug {
        TrustedIssuer::name(self)
    }

    fn also_called(&self) -> &str {
        self.issuer().as_str()
    }

    fn conflict(&self, snapshot: &Snapshot) -> Option<String> {
        let other = snapshot.workload_issuer_of(self.issuer().as_str())?;
        let other = other.value.name();
        (other != TrustedIssuer::name(self)).then(|| {
            format!("workload issuer `{other}` is {} already; give that one the audiences of both", self.issuer())
        })
    }

    fn needed_by(&self, snapshot: &Snapshot) -> Option<String> {
        let rules = snapshot.workload_rules(TrustedIssuer::name(self));
        let rules: Vec<_> = rules.map(|rule| format!("`{}`", WorkloadRule::name(rule))).collect();
        (!rules.is_empty()).then(|| format!("rules are for its tokens, {}; remove those first", rules.join(", ")))
    }
}

impl OfWorkloads for WorkloadRule {
    fn all_after<'s>(
        snapshot: &'s Snapshot,
        after: Option<&'s Slug>,
    ) -> Box<dyn Iterator<Item = &'s Entry<Self>> + 's> {
        Box::new(snapshot.workloads_after(after))
    }

    fn key(&self) -> &Slug {
        WorkloadRule::name(self)
    }

    fn also_called(&self) -> &str {
        self.client().as_str()
    }

    fn conflict(&self, snapshot: &Snapshot) -> Option<String> {
        if snapshot.workload_issuer(self.issuer()).is_none() {
            return Some(format!("there is no workload issuer `{}`; make it first", self.issuer()));
        }
        let client = self.client();
        snapshot.client(client).is_none().then(|| format!("there is no client `{client}`; make it first"))
    }

    fn needed_by(&self, _: &Snapshot) -> Option<String> {
        None
    }
}

impl Admin {
    /// The issuers or rules after `after`, by name.
    #[must_use]
    pub fn all_of_workloads<T: OfWorkloads>(
        &self,
        operator: &Operator,
        wanted: &Wanted,
        after: Option<&Slug>,
    ) -> Page<T> {
        let snapshot = self.store.current();
        page(T::all_after(&snapshot, after), wanted, |value: &T| {
            operator.reach().covers(None) && wanted.says([Some(value.key().as_str()), Some(value.also_called())])
        })
    }

    /// Makes an issuer or a rule. The name of one that was removed may be given again.
    ///
    /// # Errors
    /// [`AdminError::Taken`], [`AdminError::Invalid`].
    pub async fn add_of_workloads<T: OfWorkloads>(
        &self,
        operator: &Operator,
        value: T,
    ) -> Result<Entry<T>, AdminError> {
        let name = value.key();
        let attempt = Attempt { action: ChangeAction::Create, kind: T::KIND, name: name.as_str() };
        self.change(operator, &attempt, |scene| {
            if T::find(scene.snapshot, name).is_some() {
                return Err(AdminError::Taken { kind: T::KIND, name: name.to_string() });
            }
            Decision::of(put(scene, None, &value)?)
        })
        .await
    }
}

/// All of it but its name; an issuer is removed when no rule needs it, and a rule lets nobody in from the next
/// request on.
impl<T: OfWorkloads> Replaceable for T {
    type Draft = T;

    fn change(scene: &Scene<'_>, before: &Entry<T>, draft: &T) -> Result<(Option<Change>, Entry<T>), AdminError> {
        if draft.key() != before.value.key() {
            return Err(invalid(&*before.value, "its name stays; make another one, and remove this".into()));
        }
        put(scene, Some(before), draft)
    }

    fn remove(scene: &Scene<'_>, key: &Slug, expected: &Expected) -> Result<Change, AdminError> {
        let before = scene.changeable::<T>(key, expected)?;
        match before.value.needed_by(scene.snapshot) {
            Some(reason) => Err(invalid(&*before.value, reason)),
            None => Ok(Change::bury(&*before.value, None)?),
        }
    }
}

/// `value` in the place of `before`, if it can be beside what else there is.
pub(super) fn put<T: OfWorkloads>(
    scene: &Scene<'_>,
    before: Option<&Entry<T>>,
    value: &T,
) -> Result<(Option<Change>, Entry<T>), AdminError> {
    match value.conflict(scene.snapshot) {
        Some(reason) => Err(invalid(value, reason)),
        None => scene.put(before, value.clone()),
    }
}

fn invalid<T: OfWorkloads>(value: &T, reason: String) -> AdminError {
    AdminError::Invalid { kind: T::KIND, name: value.name(), reason }
}
