//! The world of an application as rows of text.

use lockstep_tests::{Application, ENVIRONMENT, Snapshot, World};

/// What there is, and what it is like.
pub type Rows = Vec<(String, String)>;

/// The world of an application now.
pub async fn look(world: &World, application: &Application<'_>) -> Rows {
    let snapshot = application.snapshot().await;
    let mut rows = service(&snapshot);
    rows.extend(kept(world, &application.name).await);
    rows
}

/// One line a row: `what  before → after`, or just `what  value` where nothing changed.
pub fn changes(before: &Rows, after: &Rows) -> Vec<String> {
    let names: Vec<_> = after.iter().map(|(name, _)| name).collect();
    assert_eq!(
        before.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        names
    );
    let lines = before.iter().zip(after);
    let lines = lines.filter(|(before, _)| before.0 != REST);
    let lines = lines.map(|((name, before), (_, after))| {
        if before == after {
            format!("{name:<26}{after}")
        } else {
            format!("{name:<26}{before}  \u{2192}  {after}")
        }
    });
    let rest = |rows: &Rows| rows.iter().find(|(name, _)| name == REST).cloned();
    assert_eq!(
        rest(before),
        rest(after),
        "a deployment changes images only"
    );
    lines.collect()
}

/// Everything else of a task definition: too long to be told, and never to be changed.
const REST: &str = "the rest of it";

fn service(snapshot: &Snapshot) -> Rows {
    let revision = snapshot.revision.rsplit('/').next().unwrap();
    let mut rows = vec![row("task definition", revision)];
    for (container, image) in &snapshot.images {
        let (_registry, image) = image.split_once('/').unwrap();
        rows.push(row(&format!("image of {container}"), image));
    }
    let settings = &snapshot.settings;
    let percent =
        |value: Option<i32>| value.map_or("unset".to_owned(), |value| format!("{value} %"));
    let breaker = match settings.circuit_breaker {
        (false, _) => "no circuit breaker",
        (true, false) => "circuit breaker",
        (true, true) => "circuit breaker with rollback",
    };
    let rollout = format!(
        "{} to {} of the tasks, {breaker}",
        percent(settings.minimum_healthy_percent),
        percent(settings.maximum_percent)
    );
    rows.extend([
        row("rollout", &rollout),
        row("tasks wanted", &settings.desired.to_string()),
        row(REST, &snapshot.definition),
    ]);
    rows
}

async fn kept(world: &World, name: &str) -> Rows {
    let ledger = &world.clients().ledger;
    let state = ledger.environment(name, ENVIRONMENT).await.unwrap();
    let current = ledger.current_release(name, ENVIRONMENT).await.unwrap();
    let previous = ledger.previous_release(name, ENVIRONMENT).await.unwrap();
    let holds = ledger.holds(name, ENVIRONMENT).await.unwrap();
    let holder = state.lock.and_then(|lock| lock.deployment);
    let holder = holder.map_or("free".to_owned(), |id| format!("held by {id}"));
    let queue = state
        .queue
        .iter()
        .map(|waiting| waiting.deployment.to_string());
    let label = |release: Option<lockstep_ledger::VerifiedRelease>| {
        release.map(|verified| format!("{} by {}", verified.release.label(), verified.deployment))
    };
    let newest = state.newest.iter();
    let newest = newest.map(|(component, newest)| format!("{component} {}", newest.digest));
    let holds = holds
        .iter()
        .map(|hold| format!("{}, by {}", hold.digest, hold.owner));
    vec![
        row("lock", &holder),
        row("queue", &listed(queue)),
        row("newest images asked for", &listed(newest)),
        row("verified release", &listed(label(current))),
        row("verified before that", &listed(label(previous))),
        row("images on hold", &listed(holds)),
    ]
}

fn row(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn listed(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<_> = parts.into_iter().collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join(", ")
    }
}
