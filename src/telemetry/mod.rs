//! What feedpass says about itself: log lines and metrics.

mod causes;
mod logging;
mod metrics;

pub use causes::with_causes;
pub use logging::{LogFormat, LoggingError, clamped_filter, start_logging};
pub use metrics::{CacheLookup, ExchangeOutcome, KeyFigures, Limit, Metrics, Upstream};
