//! Planned renames: all goes on under the old name until STS takes the new one for every feed; then one change
//! switches.

mod switch;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::Notify;

use super::change::{Change, Decision};
use super::scene::{Expected, Scene, existing};
use super::{Admin, AdminError, Attempt, ChangeAction, Trial, feeds};
use crate::authz::{self, Operator, Reach};
use crate::domain::{DisplayName, Feed, Rename, RenameOf, Slug, Space, SpaceFeed, Subject};
use crate::store::{Entry, Kind};
use crate::telemetry::with_causes;

/// How often STS is asked.
const PAUSE: Duration = Duration::from_mins(1);

/// A rename to be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenameDraft {
    /// The new slug.
    pub slug: Slug,
    /// What people will call it; left out, that stays.
    pub name: Option<DisplayName>,
}

/// What STS said last of a feed under its new name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// When.
    pub at: Timestamp,
    /// None when it took the new name; else the code of the failure, and its words.
    pub refusal: Option<(String, String)>,
}

/// How far a rename has come.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The plan.
    pub plan: Entry<Rename>,
    /// The feeds that it is about.
    pub feeds: Vec<FeedProgress>,
}

/// How far a feed has come.
#[derive(Clone, Debug)]
pub struct FeedProgress {
    /// Its name now.
    pub feed: SpaceFeed,
    /// The subject that its role has to accept; none for one whose identity has no tokens.
    pub subject: Option<Subject>,
    /// What STS said last to this process; none when it was not asked yet.
    pub last: Option<Answer>,
}

/// What was asked of STS so far, and who waits for it to be asked.
#[derive(Default)]
pub(super) struct Trials {
    answers: Mutex<BTreeMap<SpaceFeed, Answer>>,
    planned: Notify,
}

impl Trials {
    fn answers(&self) -> MutexGuard<'_, BTreeMap<SpaceFeed, Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admin {
    /// Plans a rename; STS is asked at once, and then every minute.
    ///
    /// # Errors
    /// [`AdminError::NotFound`], [`AdminError::Declared`], [`AdminError::RenamePlanned`], what a new name may be
    /// refused for, and [`AdminError::SubjectTaken`].
    pub async fn plan_rename(
        &self,
        operator: &Operator,
        of: &RenameOf,
        draft: RenameDraft,
    ) -> Result<Progress, AdminError> {
        let attempt = Attempt { action: ChangeAction::Create, kind: Kind::Rename, name: &of.to_string() };
        let plan = self.change(operator, &attempt, |scene| Decision::of(plan(scene, of, &draft)?)).await?;
        // What STS said of another plan says nothing of this one.
        self.trials.answers().retain(|feed, _| plan.value.new_name(feed).is_none());
        self.trials.planned.notify_one();
        Ok(self.progress(plan))
    }

    /// The planned renames within reach, and how far they have come.
    #[must_use]
    pub fn renames(&self, operator: &Operator) -> Vec<Progress> {
        let snapshot = self.store.current();
        let within = |plan: &&Entry<Rename>| operator.reach().covers(Some(plan.value.of.space()));
        snapshot.renames().filter(within).cloned().map(|plan| self.progress(plan)).collect()
    }

    /// Gives a rename up; its new slug is free again.
    ///
    /// # Errors
    /// [`AdminError::NotFound`], [`AdminError::BeyondReach`] for a space's to its own admin.
    pub async fn cancel_rename(&self, operator: &Operator, of: &RenameOf) -> Result<(), AdminError> {
        let name = of.to_string();
        let attempt = Attempt { action: ChangeAction::Remove, kind: Kind::Rename, name: &name };
        self.change(operator, &attempt, |scene| {
            let plan = existing::<Rename>(scene.snapshot, operator, of)?;
            if matches!(of, RenameOf::Space(_)) && *operator.reach() != Reach::Everything {
                let reason = "whoever may rename spaces planned it".to_owned();
                return Err(AdminError::BeyondReach { kind: Kind::Rename, name: name.clone(), reason });
            }
            Ok(Decision { changes: vec![Change::bury(&*plan.value, None)?], outcome: () })
        })
        .await
    }

    fn progress(&self, plan: Entry<Rename>) -> Progress {
        let snapshot = self.store.current();
        let answers = self.trials.answers();
        let feeds = snapshot.feeds().filter_map(|feed| {
            let renamed = plan.value.renamed(feed)?;
            let last = answers.get(&feed.name).cloned();
            Some(FeedProgress { feed: feed.name.clone(), subject: renamed.subject(), last })
        });
        Progress { feeds: feeds.collect(), plan }
    }

    /// Asks STS about the planned renames, and switches to those that it takes, for as long as feedpass runs.
    pub async fn follow_renames(self, trial: Trial) -> Infallible {
        loop {
            // Counted from here, so that a clock that moves on meanwhile is not waited for again.
            let pause = self.clock.sleep(PAUSE);
            let snapshot = self.store.current();
            for plan in snapshot.renames().map(|entry| &*entry.value) {
                if let Err(error) = self.try_rename(plan, &trial).await {
                    tracing::warn!("the rename of {} is not further: {}", plan.of, with_causes(&error));
                }
            }
            tokio::select! {
                () = pause => {}
                () = self.trials.planned.notified() => {}
            }
        }
    }

    /// Asks STS about every feed of `plan`, and switches if it takes them all.
    async fn try_rename(&self, plan: &Rename, trial: &Trial) -> Result<(), AdminError> {
        let snapshot = self.store.current();
        let mut taken = BTreeMap::new();
        let mut all = true;
        for feed in snapshot.feeds() {
            let Some(permit) = authz::permit_trial(&snapshot, plan, &feed.name) else { continue };
            let refusal = trial.ask(&permit, None).await?.map(|refusal| (refusal.code, refusal.words));
            all &= refusal.is_none();
            self.trials.answers().insert(feed.name.clone(), Answer { at: self.clock.now(), refusal });
            taken.insert(feed.name.clone(), Feed::clone(permit.feed()));
        }
        if all && self.switch(plan, &taken).await? {
            let mut answers = self.trials.answers();
            answers.retain(|name, _| !taken.contains_key(name));
            tracing::info!("{} is renamed to {}", plan.of, plan.to);
        }
        Ok(())
    }
}

fn plan(scene: &Scene<'_>, of: &RenameOf, draft: &RenameDraft) -> Result<(Option<Change>, Entry<Rename>), AdminError> {
    let plan = Rename {
        of: of.clone(),
        to: draft.slug.clone(),
        name: draft.name.clone(),
        planned_by: scene.operator.caller().id().clone(),
        planned_at: scene.now,
    };
    match of {
        RenameOf::Space(space) => {
            scene.changeable::<Space>(space, &Expected::Any)?;
            if scene.snapshot.space(&plan.to).is_some() {
                return Err(AdminError::Taken { kind: Kind::Space, name: plan.to.to_string() });
            }
            scene.never_given(Kind::Space, plan.to.as_str())?;
        }
        RenameOf::Feed(name) => {
            let feed = &scene.changeable::<Feed>(name, &Expected::Any)?.value;
            if let Some(renamed) = plan.renamed(feed) {
                let name = renamed.name.to_string();
                if scene.snapshot.feed(&renamed.name).is_some() {
                    return Err(AdminError::Taken { kind: Kind::Feed, name });
                }
                scene.never_given(Kind::Feed, &name)?;
                feeds::check(scene, None, &renamed)?;
            }
        }
    }
    scene.no_rename_of(of)?;
    scene.put(None, plan)
}
