//! Log lines: for people on a terminal, as JSON otherwise.

use std::io::IsTerminal as _;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt as _, ParseError, filter_fn};
use tracing_subscriber::layer::{Filter, SubscriberExt as _};
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt};

/// How a log line looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Human where standard error is a terminal, JSON where it is not.
    #[must_use]
    pub fn for_stderr() -> Self {
        if std::io::stderr().is_terminal() { Self::Human } else { Self::Json }
    }
}

/// Why no log could be started.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter's text is wrong.
    #[error("the log filter is wrong; it is written as in `info` or `info,feedpass::broker=debug`")]
    Filter(#[from] ParseError),
    /// Something else logs already.
    #[error("logging was started twice")]
    Started(#[from] TryInitError),
}

/// Starts writing log lines to standard error, filtered by `directives` (`info,feedpass::http=debug`).
///
/// # Errors
/// [`LoggingError`] when the directives are wrong or logging was started before.
pub fn start_logging(directives: &str, format: LogFormat) -> Result<(), LoggingError> {
    let filter = clamped_filter(directives)?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry();
    match format {
        LogFormat::Human => {
            let colours = std::io::stderr().is_terminal();
            registry.with(lines.with_ansi(colours).with_target(false).with_filter(filter)).try_init()?;
        }
        LogFormat::Json => {
            registry
                .with(
                    lines.json().flatten_event(true).with_current_span(true).with_span_list(false).with_filter(filter),
                )
                .try_init()?;
        }
    }
    Ok(())
}

/// The filter that `directives` ask for, less what must never be said at any level.
///
/// The ECR client prints the registry's password in clear in its debug and trace lines, and the
/// HTTP stack below may print what passes through it. Neither is let past `info`, whatever was asked.
/// The audit trail's lines are let past always.
///
/// # Errors
/// [`ParseError`] when the directives are wrong.
pub fn clamped_filter(directives: &str) -> Result<impl Filter<Registry> + use<>, ParseError> {
    let asked = EnvFilter::builder().parse(directives)?.add_directive("feedpass::audit=info".parse()?);
    Ok(asked.and(filter_fn(may_be_said)))
}

fn may_be_said(metadata: &Metadata<'_>) -> bool {
    const FOREIGN: [&str; 6] = ["aws_", "hyper", "h2", "rustls", "tower", "axum"];
    *metadata.level() <= Level::INFO || !FOREIGN.iter().any(|prefix| metadata.target().starts_with(prefix))
}
