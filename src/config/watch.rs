//! Tells when the configuration may have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use ring::digest::{SHA256, digest};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::clock::Clock;

/// How long a file must stay the same before it counts as saved.
const QUIET: Duration = Duration::from_millis(50);

/// Watches the configuration file, the files it names, and SIGHUP.
///
/// It watches directories, not files: editors put a new file in the old one's place, and
/// Kubernetes swaps the symlink `..data` beside it. What counts is the content, so that neither a
/// touch nor a neighbour's change wakes anyone.
pub struct Watcher {
    clock: Arc<dyn Clock>,
    config: PathBuf,
    files: BTreeSet<PathBuf>,
    /// What the files held when [`Watcher::changed`] last returned.
    known: BTreeMap<PathBuf, Content>,
    directories: BTreeSet<PathBuf>,
    /// None where the system watches no files; SIGHUP still works.
    system: Option<RecommendedWatcher>,
    stirred: Arc<Notify>,
    hangup: Signal,
    /// Whether something stirred that [`Watcher::changed`] has not looked into, having been dropped.
    restless: bool,
}

/// What is said when files are not watched.
const NO_WATCH: &str = "a changed configuration will go unseen; SIGHUP has it read";

/// A file's SHA-256; none when it cannot be read.
type Content = Option<[u8; 32]>;

/// Changes cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The system does not watch the directory.
    #[error("{directory} cannot be watched for changes")]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        #[source]
        source: notify::Error,
    },
    /// The system delivers no SIGHUP.
    #[error("SIGHUP cannot be received")]
    Signal(#[source] std::io::Error),
}

impl Watcher {
    /// Watches the configuration file at `path`. What changes from now on is told; so make it
    /// before the file is loaded. Needs a Tokio runtime with I/O.
    ///
    /// # Errors
    /// [`WatchError::Signal`]. Where the system watches no files, that is logged, and SIGHUP alone asks
    /// for a reload.
    pub fn new(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, WatchError> {
        let stirred = Arc::new(Notify::new());
        let hangup = signal(SignalKind::hangup()).map_err(WatchError::Signal)?;
        let config = path.to_owned();
        let system = notify::recommended_watcher(stir(Arc::clone(&stirred)));
        let system = system.inspect_err(|error| tracing::warn!("{NO_WATCH}: {error}")).ok();
        let mut watcher = Self {
            clock,
            config,
            files: BTreeSet::new(),
            known: BTreeMap::new(),
            directories: BTreeSet::new(),
            system,
            stirred,
            hangup,
            restless: false,
        };
        // A failure is told to whoever follows the files once they are known.
        let _ = watcher.follow(&[]);
        Ok(watcher)
    }

    /// Watches, beside the configuration file, `files` and no others: those of
    /// [`Settings::files`](super::Settings::files).
    ///
    /// # Errors
    /// [`WatchError::Directory`] when one cannot be watched; the others are.
    pub fn follow(&mut self, files: &[PathBuf]) -> Result<(), WatchError> {
        self.files = files.iter().chain([&self.config]).cloned().collect();
        let result = self.watch_directories();
        // After the watch: a change in between would go unseen.
        let mut known = std::mem::take(&mut self.known);
        self.known =
            self.files.iter().map(|file| (file.clone(), known.remove(file).unwrap_or_else(|| content(file)))).collect();
        result
    }

    /// Waits until a file's content may have changed, and has not changed for 50 ms since; or
    /// until SIGHUP, which asks for a reload even if nothing has. Dropping it loses no change.
    pub async fn changed(&mut self) {
        loop {
            if !self.restless {
                tokio::select! {
                    _ = self.hangup.recv() => {
                        self.known = self.contents();
                        return;
                    }
                    () = self.stirred.notified() => self.restless = true,
                }
            }
            let contents = self.settled().await;
            self.restless = false;
            // A symlink may lead elsewhere now. What cannot be watched any more, as a directory
            // that was removed, is tried again when something next stirs.
            let _ = self.watch_directories();
            if contents != self.known {
                self.known = contents;
                return;
            }
        }
    }

    /// What the files hold once they have held it for [`QUIET`].
    async fn settled(&self) -> BTreeMap<PathBuf, Content> {
        let mut before = self.contents();
        loop {
            self.clock.sleep(QUIET).await;
            let now = self.contents();
            if now == before {
                return now;
            }
            before = now;
        }
    }

    fn contents(&self) -> BTreeMap<PathBuf, Content> {
        self.files.iter().map(|file| (file.clone(), content(file))).collect()
    }

    fn watch_directories(&mut self) -> Result<(), WatchError> {
        let Some(system) = &mut self.system else { return Ok(()) };
        // Also where a symlink leads: a file may be written there in place.
        let targets = self.files.iter().filter_map(|file| file.canonicalize().ok());
        let wanted: BTreeSet<PathBuf> =
            self.files.iter().map(|file| directory_of(file)).chain(targets.map(|file| directory_of(&file))).collect();
        for directory in self.directories.difference(&wanted) {
            // A directory that was removed has lost its watch already.
            let _ = system.unwatch(directory);
        }
        self.directories.retain(|directory| wanted.contains(directory));
        let mut result = Ok(());
        for directory in wanted {
            match system.watch(&directory, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.directories.insert(directory);
                }
                Err(source) => result = Err(WatchError::Directory { directory, source }),
            }
        }
        result
    }
}

/// Whom the system calls when something stirs in a directory.
fn stir(stirred: Arc<Notify>) -> impl Fn(notify::Result<Event>) + Send + 'static {
    move |event| {
        // Opening a file is an event too; were it not left out, our own reading would wake us.
        let only_read = event.is_ok_and(|event| {
            event.kind.is_access() && event.kind != EventKind::Access(AccessKind::Close(AccessMode::Write))
        });
        if !only_read {
            stirred.notify_one();
        }
    }
}

/// By the one name it has: watched under two, a directory would lose both watches with one.
fn directory_of(file: &Path) -> PathBuf {
    let directory = match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    directory.canonicalize().unwrap_or_else(|_| directory.to_owned())
}

fn content(file: &Path) -> Content {
    let bytes = std::fs::read(file).ok()?;
    digest(&SHA256, &bytes).as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use jiff::Timestamp;
    use tempfile::TempDir;
    use tokio::task::yield_now;

    use super::*;
    use crate::clock::{ManualClock, SystemClock};

    fn directory() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("config.toml");
        fs::write(&config, "old").unwrap();
        (directory, config)
    }

    fn watcher(config: &Path) -> Watcher {
        Watcher::new(config, Arc::new(SystemClock)).unwrap()
    }

    #[tokio::test]
    async fn a_file_written_in_place_is_seen() {
        let (_directory, config) = directory();
        let mut watcher = watcher(&config);
        for text in ["new", "newer"] {
            fs::write(&config, text).unwrap();
            watcher.changed().await;
        }
    }

    #[tokio::test]
    async fn a_file_put_in_its_place_is_seen() {
        let (directory, config) = directory();
        let mut watcher = watcher(&config);
        for text in ["new", "newer"] {
            let other = directory.path().join(".config.toml.swp");
            fs::write(&other, text).unwrap();
            fs::rename(&other, &config).unwrap();
            watcher.changed().await;
        }
    }

    #[tokio::test]
    async fn a_symlink_that_kubernetes_swaps_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let version = |number: &str| {
            fs::create_dir(at(number)).unwrap();
            fs::write(at(number).join("config.toml"), number).unwrap();
            symlink(number, at("..data_tmp")).unwrap();
            fs::rename(at("..data_tmp"), at("..data")).unwrap();
        };
        version("..1");
        symlink("..data/config.toml", at("config.toml")).unwrap();
        let mut watcher = watcher(&at("config.toml"));
        for (old, new) in [("..1", "..2"), ("..2", "..3")] {
            version(new);
            fs::remove_dir_all(at(old)).unwrap();
            watcher.changed().await;
        }
    }

    #[tokio::test]
    async fn a_file_elsewhere_that_a_symlink_leads_to_is_seen() {
        let (directory, config) = directory();
        let elsewhere = tempfile::tempdir().unwrap();
        let link = elsewhere.path().join("config.toml");
        symlink(&config, &link).unwrap();
        let mut watcher = watcher(&link);
        fs::write(directory.path().join("config.toml"), "new").unwrap();
        watcher.changed().await;
    }

    #[tokio::test]
    async fn a_file_that_the_configuration_names_is_seen() {
        let (_directory, config) = directory();
        let elsewhere = tempfile::tempdir().unwrap();
        let secret = elsewhere.path().join("hash");
        fs::write(&secret, "old").unwrap();
        let mut watcher = watcher(&config);
        watcher.follow(std::slice::from_ref(&secret)).unwrap();
        fs::write(&secret, "new").unwrap();
        watcher.changed().await;
    }

    /// A watcher whose quiet time passes when the test says so.
    fn watcher_by_hand(config: &Path) -> (Watcher, ManualClock) {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        (Watcher::new(config, Arc::new(clock.clone())).unwrap(), clock)
    }

    /// Waits until the watcher waits for the quiet time to pass.
    async fn stirred(clock: &ManualClock) {
        while clock.sleepers() == 0 {
            yield_now().await;
        }
    }

    /// Lets the quiet time pass, and whoever waited for it go on.
    async fn quiet(clock: &ManualClock) {
        stirred(clock).await;
        clock.advance(QUIET);
        yield_now().await;
    }

    #[tokio::test]
    async fn neighbours_and_touches_wake_no_one() {
        let (directory, config) = directory();
        let (mut watcher, clock) = watcher_by_hand(&config);
        let task = tokio::spawn(async move { watcher.changed().await });
        fs::write(directory.path().join("neighbour"), "new").unwrap();
        quiet(&clock).await;
        fs::write(&config, "old").unwrap();
        quiet(&clock).await;
        assert!(!task.is_finished());
        fs::write(&config, "new").unwrap();
        while !task.is_finished() {
            clock.advance(QUIET);
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_file_that_is_still_written_is_waited_for() {
        let (_directory, config) = directory();
        let (mut watcher, clock) = watcher_by_hand(&config);
        let task = tokio::spawn(async move { watcher.changed().await });
        fs::write(&config, "ne").unwrap();
        stirred(&clock).await;
        fs::write(&config, "new").unwrap();
        quiet(&clock).await;
        assert!(!task.is_finished(), "it changed during the quiet time");
        quiet(&clock).await;
        task.await.unwrap();
    }

    #[tokio::test]
    async fn dropping_the_wait_loses_no_change() {
        let (_directory, config) = directory();
        let (mut watcher, clock) = watcher_by_hand(&config);
        fs::write(&config, "new").unwrap();
        tokio::select! {
            () = watcher.changed() => panic!("the quiet time has not passed"),
            () = stirred(&clock) => {}
        }
        let task = tokio::spawn(async move { watcher.changed().await });
        while !task.is_finished() {
            clock.advance(QUIET);
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_is_told() {
        let mut watcher = Watcher::new(Path::new("/nowhere/config.toml"), Arc::new(SystemClock)).unwrap();
        let error = watcher.follow(&[]).unwrap_err();
        assert_eq!(error.to_string(), "/nowhere cannot be watched for changes");
    }
}
