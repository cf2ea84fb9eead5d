//! The log lines of each test, at the most talkative level that feedpass can be asked for.
//!
//! A test's runtime has one thread, the test's own, so its lines gather there. Lines of threads that
//! belong to no test (those that read files and make keys) are kept apart, and are everyone's.

use std::cell::RefCell;
use std::io::Write;
use std::sync::{Arc, Mutex, Once, PoisonError};

use tracing_subscriber::Layer as _;
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Lines as they were written.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

static OF_NO_TEST: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static START: Once = Once::new();

thread_local! {
    static OF_THIS_TEST: RefCell<Option<Lines>> = const { RefCell::new(None) };
}

/// Starts collecting this test's lines, with the filter that the product itself uses.
pub fn collect() -> Lines {
    START.call_once(|| {
        let filter = feedpass::telemetry::clamped_filter("trace").unwrap();
        tracing_subscriber::registry().with(layer().with_ansi(false).with_writer(ByTest).with_filter(filter)).init();
    });
    OF_THIS_TEST.with_borrow_mut(|lines| lines.get_or_insert_default().clone())
}

impl Lines {
    /// Fails when one of `secrets` is in any line so far.
    pub fn assert_without(&self, secrets: &[String]) {
        for text in [self.text(), lock(&OF_NO_TEST)] {
            for secret in secrets {
                assert!(!secret.is_empty(), "an empty secret is in every line: the test is wrong");
                if let Some(at) = text.find(secret.as_str()) {
                    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
                    panic!("a secret was logged: {}…", &text[line..at]);
                }
            }
        }
    }

    /// The test's lines so far that hold `word`.
    pub fn with(&self, word: &str) -> Vec<String> {
        self.text().lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
    }

    /// All of the test's lines so far.
    pub fn text(&self) -> String {
        lock(&self.0)
    }
}

fn lock(bytes: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Writes to the lines of the test whose thread this is.
struct ByTest;

impl Write for ByTest {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // A thread that is going away belongs to no test any more.
        match OF_THIS_TEST.try_with(|lines| lines.borrow().clone()).ok().flatten() {
            Some(mut lines) => lines.write(bytes),
            None => OF_NO_TEST.lock().unwrap_or_else(PoisonError::into_inner).write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for ByTest {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}
