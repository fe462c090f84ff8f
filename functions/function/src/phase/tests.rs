//! The phase against a small Lambda that can fail at every call, before and after it acts.

mod back;
mod checks;
mod faults;
mod pace;
mod pruning;
mod releases;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use lockstep::lambda::{
    FunctionChange, FunctionInputs, FunctionsStep, LiveAlias, LiveFunction, plan_function,
};
use lockstep::manifest::{CodeSource, FunctionConfiguration, FunctionTarget, ResolvedFunction};
use lockstep::release::{Artifact, ZipArtifact};
use lockstep::{Phase, PhaseError, Progress};
use lockstep_lambda::Lambda;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::FunctionsPhase;
use crate::fleet::Permit;
use world::FakeLambda;

/// More rounds than any ending takes.
const ROUNDS: usize = 60;

/// What the template gives an invocation.
const TIMEOUT: Duration = Duration::from_secs(50);

/// Functions with an alias get new code, `configured` new configuration as well, `direct` has
/// no alias.
const FLEET: [(&str, bool, bool); 4] = [
    ("api", true, false),
    ("configured", true, true),
    ("direct", false, true),
    ("worker", true, false),
];

fn zip(key: &str) -> Artifact {
    Artifact::Zip(ZipArtifact {
        bucket: "releases".into(),
        key: key.into(),
        version_id: Some("o1".into()),
        sha256: format!("{:x}", Sha256::digest(key)),
        size: 3,
        path: "api.zip".into(),
        release: "v2".into(),
        released_at: jiff::Timestamp::UNIX_EPOCH,
    })
}

/// A Lambda with these functions, all with code `old`.
fn lambda(fleet: &[(&str, bool, bool)]) -> FakeLambda {
    let fake = FakeLambda::default();
    for (name, ..) in fleet {
        fake.add(name, "old");
    }
    fake
}

fn change(fake: &FakeLambda, name: &str, alias: bool, configured: bool) -> FunctionChange {
    let environment = [("LOG_LEVEL".to_owned(), "info".to_owned())];
    let resolved = ResolvedFunction {
        target: FunctionTarget::One(name.into()),
        code: CodeSource::Zip("api.zip".into()),
        alias: alias.then(|| "live".to_owned()),
        keep: 2,
        check: None,
        configuration: FunctionConfiguration {
            memory_mb: configured.then_some(512),
            environment: environment.into_iter().filter(|_| configured).collect(),
            ..FunctionConfiguration::default()
        },
    };
    let latest = LiveFunction::parse(&fake.show(name));
    let live = LiveAlias::parse(&fake.show(&format!("{name}/aliases/live")));
    let serving = fake.show(&format!("{name}?Qualifier={}", live.version));
    let serving = LiveFunction::parse(&serving);
    let inputs = FunctionInputs {
        component: name,
        resolved: &resolved,
        artifact: Some(&zip("new")),
        verified: Some(&zip("old")),
        latest: &latest,
        alias: alias.then_some(&live),
        serving: alias.then_some(&serving),
    };
    plan_function(&inputs).unwrap().unwrap()
}

fn step(fake: &FakeLambda, fleet: &[(&str, bool, bool)]) -> FunctionsStep {
    let change =
        |(name, alias, configured): &(&str, bool, bool)| change(fake, name, *alias, *configured);
    FunctionsStep {
        deployment: "01D".into(),
        application: "shop".into(),
        environment: "production".into(),
        release: Some("v2".into()),
        functions: fleet.iter().map(change).collect(),
        checks: BTreeMap::new(),
        traffic: None,
        parameters: Vec::new(),
        rate_per_second: 15,
        deadline_seconds: 900,
    }
}

fn phase(fake: &FakeLambda) -> FunctionsPhase {
    phase_of(Lambda::new(fake.client(), None))
}

fn phase_of(lambda: Lambda) -> FunctionsPhase {
    let phase = FunctionsPhase::new(lambda, Permit::default());
    phase.permit.begin(TIMEOUT, None);
    phase
}

/// What the runner does with a phase.
async fn run(phase: &FunctionsPhase, step: &FunctionsStep) -> Result<String, PhaseError> {
    for _ in 0..ROUNDS {
        phase.permit.begin(TIMEOUT, None);
        let seen = match phase.observe(step).await {
            Ok(Progress::NotStarted) => match phase.start(step).await {
                Ok(()) => phase.observe(step).await,
                Err(error) => Err(error),
            },
            seen => seen,
        };
        match seen {
            Ok(Progress::Done { summary }) => return Ok(summary),
            Err(error) if !error.is_transient() => return Err(error),
            _ => {}
        }
    }
    panic!("no end after {ROUNDS} rounds");
}

async fn put_back(phase: &FunctionsPhase, step: &FunctionsStep) -> Result<String, PhaseError> {
    for _ in 0..ROUNDS {
        phase.permit.begin(TIMEOUT, None);
        match phase.undo(step).await {
            Ok(Progress::Done { summary }) => return Ok(summary),
            Err(error) if !error.is_transient() => return Err(error),
            _ => {}
        }
    }
    panic!("not put back after {ROUNDS} rounds");
}

fn serving(fake: &FakeLambda, fleet: &[(&str, bool, bool)]) -> Vec<Value> {
    let serving = |(name, alias, _): &(&str, bool, bool)| fake.serving(name, *alias);
    fleet.iter().map(serving).collect()
}

/// Code, memory, environment and version of what serves after the release.
fn released() -> Vec<Value> {
    let new = world::code_sha256(b"new");
    let plain = json!({"Variables": {"SECRET": "hush"}});
    let merged = json!({"Variables": {"SECRET": "hush", "LOG_LEVEL": "info"}});
    vec![
        json!([[new, 128, plain, "2"], null]),
        json!([[new, 512, merged, "2"], null]),
        json!([new, 512, merged, "$LATEST"]),
        json!([[new, 128, plain, "2"], null]),
    ]
}
