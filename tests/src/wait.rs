//! Bounded waiting.

use std::time::{Duration, Instant};

/// How often something is looked at again.
pub(crate) const PAUSE: Duration = Duration::from_millis(30);

/// Looks again and again until there is something; panics with `what` when there is nothing within `limit`.
pub async fn within<T>(limit: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "within {} s: {what}", limit.as_secs());
        tokio::time::sleep(PAUSE).await;
    }
}

/// [`within`] a minute.
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    within(Duration::from_mins(1), what, look).await
}
