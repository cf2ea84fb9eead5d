//! What runs beside the requests, for as long as feedpass does.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::admin::{Admin, Canaries, Trial};
use crate::audit::{Audit, LineFile};
use crate::clock::Clock;
use crate::config::AuditSettings;
use crate::http::Readiness;
use crate::issuer::keyring::Rotation;
use crate::store::Store;

/// How often it is asked whether another process changed the store: a change is seen within a second.
const STORE_PAUSE: Duration = Duration::from_millis(300);

/// Those that see what other processes change, keep the audit trail and bring planned renames about. They end with it.
#[derive(Default)]
pub(super) struct Tasks(Vec<JoinHandle<Infallible>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Tasks {
    /// Starts what keeps the trail: who follows it hears of other processes' lines, old lines go, the file has each.
    pub(super) fn keep_trail(&mut self, audit: &Audit, settings: &AuditSettings) {
        let (watching, pruning, filling) = (audit.clone(), audit.clone(), audit.clone());
        let keep_for = settings.keep_for.as_duration();
        self.spawn(async move { watching.watch_others().await });
        self.spawn(async move { pruning.prune_hourly(keep_for).await });
        if let Some(file) = settings.file.clone().map(LineFile::new) {
            self.spawn(async move { file.fill(&filling).await });
        }
    }

    /// Starts what takes in what other processes write to the store; feedpass is ready while it answers.
    pub(super) fn follow_store(&mut self, store: &Arc<Store>, readiness: &Readiness, clock: &Arc<dyn Clock>) {
        self.spawn(follow_store(Arc::clone(store), readiness.clone(), Arc::clone(clock)));
    }

    /// Starts what asks STS for planned renames, and makes those that it accepts.
    pub(super) fn follow_renames(&mut self, admin: &Admin, trial: Trial) {
        self.spawn(admin.clone().follow_renames(trial));
    }

    /// Starts what rotates the signing keys, and asks verifiers about them.
    pub(super) fn rotate_keys(&mut self, rotation: &Rotation, canaries: Canaries) {
        self.spawn(rotation.clone().follow());
        self.spawn(canaries.follow());
    }

    fn spawn(&mut self, task: impl Future<Output = Infallible> + Send + 'static) {
        self.0.push(tokio::spawn(task));
    }
}

async fn follow_store(store: Arc<Store>, readiness: Readiness, clock: Arc<dyn Clock>) -> Infallible {
    loop {
        clock.sleep(STORE_PAUSE).await;
        match store.refresh().await {
            Ok(_) => {
                if readiness.store_answers(true) {
                    tracing::info!("the store answers again");
                }
            }
            Err(error) => {
                if readiness.store_answers(false) {
                    tracing::error!("what is known of spaces, feeds and clients may be out of date: {error}");
                }
            }
        }
    }
}
