//! What a child process says, line by line, as it says it.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// Longer than anything in the suite takes on a busy machine.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// The lines of a stream, read by a thread of their own so that the child never waits for a reader.
#[derive(Clone)]
pub struct Lines {
    shared: Arc<(Mutex<Said>, Condvar)>,
}

#[derive(Default)]
struct Said {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    pub fn of(stream: impl Read + Send + 'static) -> Self {
        let shared = Arc::<(Mutex<Said>, Condvar)>::default();
        let (said, changed) = (Arc::clone(&shared), BufReader::new(stream));
        std::thread::spawn(move || {
            for line in changed.split(b'\n') {
                // An error is the end, too: nothing more will come.
                let Ok(line) = line else { break };
                said.0.lock().unwrap().lines.push(String::from_utf8_lossy(&line).into_owned());
                said.1.notify_all();
            }
            said.0.lock().unwrap().ended = true;
            said.1.notify_all();
        });
        Self { shared }
    }

    /// Waits for a line with one of `words` and gives it; none if the stream ends without it.
    pub fn wait_for(&self, words: &[&str]) -> Option<String> {
        self.wait_from(0, words)
    }

    /// Does `act`, and gives the line with `words` that follows.
    pub fn after(&self, act: impl FnOnce(), words: &str) -> String {
        let from = self.said().lines.len();
        act();
        self.wait_from(from, &[words]).unwrap_or_else(|| panic!("nobody said {words:?}:\n{}", self.so_far()))
    }

    /// Everything, once the stream has ended.
    pub fn to_end(&self) -> String {
        self.wait(|said| said.ended).lines.join("\n")
    }

    /// Everything so far.
    pub fn so_far(&self) -> String {
        self.said().lines.join("\n")
    }

    fn wait_from(&self, from: usize, words: &[&str]) -> Option<String> {
        let found = |said: &Said| {
            said.lines[from..].iter().find(|line| words.iter().any(|words| line.contains(words))).cloned()
        };
        found(&self.wait(|said| said.ended || found(said).is_some()))
    }

    fn wait(&self, enough: impl Fn(&Said) -> bool) -> MutexGuard<'_, Said> {
        let (said, changed) = &*self.shared;
        let (said, _) = changed.wait_timeout_while(said.lock().unwrap(), TIME_LIMIT, |said| !enough(said)).unwrap();
        assert!(enough(&said), "waited in vain; what was said:\n{}", said.lines.join("\n"));
        said
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.shared.0.lock().unwrap()
    }
}
