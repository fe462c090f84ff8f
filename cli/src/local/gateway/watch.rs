//! What AWS announces by itself, seen by looking at the emulator again and again.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::calls::CallName;
use super::{Shared, builds, ecs, stacks};

/// How often the emulator is asked while something is going on: an event is at most this late.
const BUSY: Duration = Duration::from_millis(100);
/// How often it is asked otherwise.
const IDLE: Duration = Duration::from_secs(1);
/// How long after the last change it counts as busy.
const SETTLE: Duration = Duration::from_secs(5);

/// Wakes the watcher when a call that changes something it watches went through the gateway.
#[derive(Default)]
pub(super) struct Watch {
    changed: Notify,
}

impl Watch {
    /// Looks soon where the call that has just been answered changes ECS, a stack or a build.
    pub(super) fn look_after(&self, call: &CallName) {
        let verbs: &[&str] = match call.service.as_str() {
            "ecs" => &["Create", "Update", "Delete", "Run", "Start", "Stop"],
            "cloudformation" => &[
                "Create", "Update", "Delete", "Execute", "Cancel", "Continue", "Rollback",
            ],
            "codebuild" => &["Start", "Stop"],
            _ => return,
        };
        if verbs.iter().any(|verb| call.operation.starts_with(verb)) {
            self.changed.notify_one();
        }
    }
}

/// Watches until the gateway is dropped.
pub(super) async fn watch(shared: Arc<Shared>) {
    let mut services = ecs::Seen::default();
    let mut changes = stacks::Seen::default();
    let mut runs = builds::Seen::default();
    let mut busy_until = Instant::now();
    loop {
        let pause = if Instant::now() < busy_until {
            BUSY
        } else {
            IDLE
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shared.watch.changed.notified() => busy_until = Instant::now() + SETTLE,
        }
        // Before the emulator is up, and after it is gone, there is nothing to see.
        let Ok(state) = shared
            .upstream
            .own_route(Method::GET, "/_lockstep/state", vec![])
            .await
        else {
            continue;
        };
        let mut events = services.update(&state);
        events.extend(changes.update(&state));
        events.extend(runs.update(&state));
        let is_busy = ecs::is_busy(&state) || changes.is_busy() || runs.is_busy();
        if !events.is_empty() || is_busy {
            busy_until = Instant::now() + SETTLE;
        }
        for event in events {
            shared.events.emit(event).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CallName, Watch};

    #[tokio::test]
    async fn only_what_changes_something_is_looked_after() {
        for (service, operation, expected) in [
            ("ecs", "UpdateService", true),
            ("ecs", "DescribeServices", false),
            ("cloudformation", "ExecuteChangeSet", true),
            ("cloudformation", "DescribeStacks", false),
            ("codebuild", "StartBuild", true),
            ("codebuild", "BatchGetBuilds", false),
            ("s3", "CreateBucket", false),
        ] {
            let watch = Watch::default();
            watch.look_after(&CallName {
                service: service.into(),
                operation: operation.into(),
                caller: "x".into(),
            });
            let told = tokio::time::timeout(Duration::ZERO, watch.changed.notified());
            assert_eq!(told.await.is_ok(), expected, "{operation}");
        }
    }
}
