//! Structured logs: one JSON object a line, a readable sentence plus fields.

use lockstep_aws::variable;
use tracing::level_filters::LevelFilter;

/// Starts logging to standard output, which Lambda sends to CloudWatch Logs. The level
/// is `LOCKSTEP_LOG` (`error`, `warn`, `info`, `debug`), `info` when it is unset.
pub(crate) fn start() {
    let level = variable("LOCKSTEP_LOG")
        .ok()
        .and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_max_level(level.unwrap_or(LevelFilter::INFO))
        .with_target(false)
        .init();
}
