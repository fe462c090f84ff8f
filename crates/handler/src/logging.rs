//! Structured logs: one JSON object a line, a readable sentence plus fields.

use lockstep_aws::variable;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging to standard output, which Lambda sends to CloudWatch Logs. The level
/// is `LOCKSTEP_LOG` (`error`, `warn`, `info`), `info` when it is unset.
///
/// Nothing goes below `info`: what the SDK says there holds request bodies, and with them
/// task tokens.
pub(crate) fn start() {
    let level: Option<LevelFilter> = variable("LOCKSTEP_LOG")
        .ok()
        .and_then(|level| level.parse().ok());
    let level = level.unwrap_or(LevelFilter::INFO).min(LevelFilter::INFO);
    let format = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_target(false);
    tracing_subscriber::registry()
        .with(format)
        .with(Targets::new().with_default(level))
        .init();
}
