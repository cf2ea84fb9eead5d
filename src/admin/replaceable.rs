//! What is done in the same way to all that has a name: showing it, replacing it, removing it.

use super::change::{Change, Decision};
use super::scene::{Expected, Kept, Scene, existing};
use super::{Admin, AdminError, Attempt, ChangeAction};
use crate::authz::Operator;
use crate::store::Entry;

/// What a draft replaces whole, and what is removed by its name.
pub trait Replaceable: Kept {
    /// What says how it is to be.
    type Draft;

    /// What `draft` makes of `before`.
    ///
    /// # Errors
    /// [`AdminError`], where what else there is stands in the way.
    fn change(
        scene: &Scene<'_>,
        before: &Entry<Self>,
        draft: &Self::Draft,
    ) -> Result<(Option<Change>, Entry<Self>), AdminError>;

    /// What removes the one of that name.
    ///
    /// # Errors
    /// As [`Replaceable::change`].
    fn remove(scene: &Scene<'_>, key: &Self::Key, expected: &Expected) -> Result<Change, AdminError>;
}

impl Admin {
    /// The one of that name, if it is within reach.
    ///
    /// # Errors
    /// [`AdminError::NotFound`].
    pub fn one<T: Kept>(&self, operator: &Operator, key: &T::Key) -> Result<Entry<T>, AdminError> {
        existing(&self.store.current(), operator, key).cloned()
    }

    /// Makes the one of that name what `draft` says, all of it; its name stays.
    ///
    /// # Errors
    /// [`AdminError::NotFound`], [`AdminError::Declared`], [`AdminError::VersionMissing`],
    /// [`AdminError::ChangedMeanwhile`], and those of its kind.
    pub async fn replace<T: Replaceable>(
        &self,
        operator: &Operator,
        key: &T::Key,
        draft: &T::Draft,
        expected: &Expected,
    ) -> Result<Entry<T>, AdminError> {
        let attempt = Attempt { action: ChangeAction::Change, kind: T::KIND, name: &key.to_string() };
        self.change(operator, &attempt, |scene| {
            let before = scene.replaceable::<T>(key, expected)?;
            Decision::of(T::change(scene, before, draft)?)
        })
        .await
    }

    /// Removes the one of that name.
    ///
    /// # Errors
    /// [`AdminError::NotFound`], [`AdminError::Declared`], [`AdminError::ChangedMeanwhile`], and those of its kind.
    pub async fn remove<T: Replaceable>(
        &self,
        operator: &Operator,
        key: &T::Key,
        expected: &Expected,
    ) -> Result<(), AdminError> {
        let attempt = Attempt { action: ChangeAction::Remove, kind: T::KIND, name: &key.to_string() };
        self.change(operator, &attempt, |scene| {
            Ok(Decision { changes: vec![T::remove(scene, key, expected)?], outcome: () })
        })
        .await
    }
}
