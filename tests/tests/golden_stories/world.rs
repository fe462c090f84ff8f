//! The world of an application as rows of text.

use std::fmt::Write as _;

use lockstep_tests::{Application, Built, ENVIRONMENT, Fleet, Snapshot, Stacked, World};

/// What there is, and what it is like.
pub type Rows = Vec<(String, String)>;

/// Whom a story is about.
#[derive(Clone)]
pub enum Subject<'w> {
    /// One service.
    Service(Application<'w>),
    /// Two services of one application.
    Pair([Application<'w>; 2]),
    /// Many functions.
    Functions(Fleet<'w>),
    /// Two stacks with what runs on them.
    Stacks(Stacked<'w>),
    /// What CodeBuild builds, with a stack and a service on top.
    Built(Built<'w>),
}

impl<'w> From<&Built<'w>> for Subject<'w> {
    fn from(built: &Built<'w>) -> Self {
        Self::Built(built.clone())
    }
}

impl<'w> From<&Application<'w>> for Subject<'w> {
    fn from(application: &Application<'w>) -> Self {
        Self::Service(application.clone())
    }
}

impl<'w> From<&[Application<'w>; 2]> for Subject<'w> {
    fn from(pair: &[Application<'w>; 2]) -> Self {
        Self::Pair(pair.clone())
    }
}

impl<'w> From<&Fleet<'w>> for Subject<'w> {
    fn from(fleet: &Fleet<'w>) -> Self {
        Self::Functions(fleet.clone())
    }
}

impl<'w> From<&Stacked<'w>> for Subject<'w> {
    fn from(stacked: &Stacked<'w>) -> Self {
        Self::Stacks(stacked.clone())
    }
}

/// The world of an application now.
pub async fn look(world: &World, subject: &Subject<'_>) -> Rows {
    match subject {
        Subject::Service(application) => {
            let mut rows = service(&application.snapshot().await);
            rows.extend(kept(world, &application.name, false).await);
            rows
        }
        Subject::Pair(pair) => {
            let mut rows = Vec::new();
            for one in pair {
                rows.extend(service_of_two(one, &one.snapshot().await));
            }
            rows.extend(kept(world, &pair[0].name, false).await);
            rows
        }
        Subject::Functions(fleet) => {
            let mut rows = functions(fleet).await;
            rows.extend(kept(world, &fleet.name, true).await);
            rows
        }
        Subject::Built(it) => {
            let mut rows = built(world, it).await;
            rows.extend(kept(world, it.name(), false).await);
            rows
        }
        Subject::Stacks(stacked) => {
            let mut rows = stacks(stacked).await;
            rows.extend(kept(world, &stacked.name, false).await);
            rows
        }
    }
}

/// What CodeBuild built, the stack that takes its output, and the service on top.
async fn built(world: &World, built: &Built<'_>) -> Rows {
    let now = built.snapshot().await;
    let or_none = |found: Option<String>| found.unwrap_or_else(|| "none".to_owned());
    let begun = now.record.begun.map(|it| it.deployment.to_string());
    let applied = now.record.applied;
    let pairs = |pairs: &std::collections::BTreeMap<String, String>| {
        listed(pairs.iter().map(|(key, value)| format!("{key}={value}")))
    };
    let by = |it: &lockstep::build::Applied| {
        let variables = pairs(&it.variables);
        format!(
            "{} with {variables}, by {}",
            it.source.label(),
            it.deployment
        )
    };
    let stack = world.stack_now(&built.stack()).await;
    let mut rows = vec![
        row("parameter of platform", &or_none(now.note)),
        row("key of its table", &or_none(now.key)),
        row("applied last", &or_none(applied.as_ref().map(by))),
        row(
            "outputs of platform",
            &or_none(applied.as_ref().map(|it| pairs(&it.outputs))),
        ),
        row("begun and not ended", &or_none(begun)),
        row("parameters of data", &pairs(&stack.parameters)),
    ];
    rows.extend(service(&built.application.snapshot().await));
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
        "a deployment changes code and images only"
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

/// One of two services: what it runs.
fn service_of_two(application: &Application<'_>, snapshot: &Snapshot) -> Rows {
    let name = &application.service;
    let told = service(snapshot).into_iter();
    let told = told.filter(|(what, _)| what == "task definition" || what.starts_with("image"));
    told.map(|(what, value)| match what.as_str() {
        "task definition" => (format!("{what} of {name}"), value),
        _ => (what, value),
    })
    .collect()
}

/// What each function answers, and all its settings.
async fn functions(fleet: &Fleet<'_>) -> Rows {
    let snapshot = fleet.snapshot().await;
    let answers = fleet.answers().await;
    let mut rows = Vec::new();
    let mut rest = String::new();
    for (name, serving) in &snapshot.functions {
        let answer = &answers[name];
        assert_eq!(answer.version, serving.version, "{name}");
        assert_eq!(answer.variables, serving.variables, "{name}");
        let version = match serving.version.as_str() {
            "$LATEST" => "$LATEST".to_owned(),
            number => format!("version {number}"),
        };
        let weights = match serving.weights.len() {
            0 => "",
            _ => ", with weights for others",
        };
        let label = &answer.label;
        rows.push(row(name, &format!("{version}, answers {label}{weights}")));
        let (settings, variables) = (&serving.settings, &serving.variables);
        writeln!(rest, "{name}: {settings} {variables:?}").unwrap();
    }
    rows.push(row(REST, &rest));
    rows
}

/// What the stacks are, and what runs on them.
async fn stacks(stacked: &Stacked<'_>) -> Rows {
    let mut rows = Vec::new();
    for component in ["data", "app"] {
        let stack = stacked.snapshot(component).await;
        let pairs = |pairs: &std::collections::BTreeMap<String, String>| {
            let pairs = pairs.iter().map(|(key, value)| format!("{key}={value}"));
            listed(pairs)
        };
        let is_there = !stack.status.is_empty();
        let there = |text: String| if is_there { text } else { "none".to_owned() };
        rows.extend([
            row(
                &format!("stack {component}"),
                &there(format!("{} of {}", stack.status, stack.template)),
            ),
            row(
                &format!("parameters of {component}"),
                &pairs(&stack.parameters),
            ),
            row(&format!("outputs of {component}"), &pairs(&stack.outputs)),
        ]);
    }
    let or_none = |found: Option<String>| found.unwrap_or_else(|| "none".to_owned());
    let image = or_none(stacked.image().await);
    rows.extend([
        row("image of web", &image),
        row("api answers", &or_none(stacked.answer().await)),
    ]);
    let mut told = stacked.published().await;
    for name in TOLD {
        let value = told.remove(name);
        let value = value.map(|it| it.rsplit('/').next().unwrap().to_owned());
        rows.push(row(&format!("told: {name}"), &or_none(value)));
    }
    assert!(told.is_empty(), "{told:?}");
    rows
}

/// What others are told of an application with stacks.
const TOLD: [&str; 4] = [
    "stacks/data/Note",
    "web/web/image",
    "web/task-definition",
    "release/version",
];

async fn kept(world: &World, name: &str, released: bool) -> Rows {
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
    let newest = if released {
        let newest = ledger.newest_releases(name, ENVIRONMENT).await.unwrap();
        let newest = newest.newest.map(|mark| mark.age.version);
        row("newest release asked for", &listed(newest))
    } else {
        let newest = state.newest.iter();
        let newest = newest.map(|(component, newest)| format!("{component} {}", newest.digest));
        row("newest images asked for", &listed(newest))
    };
    let holds = holds
        .iter()
        .map(|hold| format!("{}, by {}", hold.digest, hold.owner));
    let on_hold = if released {
        "artifacts on hold"
    } else {
        "images on hold"
    };
    vec![
        row("lock", &holder),
        row("queue", &listed(queue)),
        newest,
        row("verified release", &listed(label(current))),
        row("verified before that", &listed(label(previous))),
        row(on_hold, &listed(holds)),
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
