//! All log lines of the suite, at the most talkative level that feedpass can be asked for.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use tracing_subscriber::Layer as _;
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static START: Once = Once::new();

/// Starts collecting, with the filter that the product itself uses.
pub(super) fn collect() {
    START.call_once(|| {
        let filter = feedpass::telemetry::clamped_filter("trace").unwrap();
        tracing_subscriber::registry().with(layer().with_ansi(false).with_writer(Lines).with_filter(filter)).init();
    });
}

/// Fails when one of `secrets` is in any line so far.
pub(super) fn assert_without(secrets: &[String]) {
    let lines = lines();
    for secret in secrets {
        let found = lines.windows(secret.len()).position(|window| window == secret.as_bytes());
        if let Some(at) = found {
            let line = lines[..at].iter().rposition(|c| *c == b'\n').map_or(0, |end| end + 1);
            panic!("a secret was logged: {}…", String::from_utf8_lossy(&lines[line..at]));
        }
    }
}

/// The lines so far that hold `word`.
pub(super) fn with(word: &str) -> Vec<String> {
    String::from_utf8_lossy(&lines()).lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
}

fn lines() -> MutexGuard<'static, Vec<u8>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lines().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}
