//! The phase against a CodeBuild, a bucket and a ledger of which every call can fail, before and after it acts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

use lockstep::build::{Action, BuildRecord, BuildStep, InfrastructureChange, Planned};
use lockstep::{Phase, PhaseError, Progress};

use super::BuildPhase;
use crate::world::{Fault, World, step};

/// More rounds than any ending takes.
const ROUNDS: usize = 40;
/// What plan builds say.
const CHANGES: &str =
    r#"{"changes": [{"resource": "aws_vpc.main", "type": "aws_vpc", "action": "update"}]}"#;
const NOTHING: &str = r#"{"changes": []}"#;
const DESTROYS: &str = r#"{"changes": [{"resource": "aws_s3_bucket.a", "type": "aws_s3_bucket", "action": "delete"}]}"#;

fn world() -> World {
    World {
        changes: CHANGES,
        ..World::default()
    }
}

/// A step whose plan was made with the deployment's.
fn planned() -> BuildStep {
    let change = InfrastructureChange {
        resource: "aws_vpc.main".into(),
        kind: "aws_vpc".into(),
        action: Action::Update,
        detail: None,
    };
    BuildStep {
        planned: Some(Planned::of("shop-plan:0".into(), vec![change])),
        ..step()
    }
}

/// What the runner does with a phase, without the waiting.
async fn run(phase: &BuildPhase, step: &BuildStep) -> Result<String, PhaseError> {
    for _ in 0..ROUNDS {
        let seen = match phase.observe(step).await {
            Ok(Progress::NotStarted) => phase.start(step).await.map(|()| Progress::NotStarted),
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

async fn put_back(phase: &BuildPhase, step: &BuildStep) -> Result<String, PhaseError> {
    for _ in 0..ROUNDS {
        match phase.undo(step).await {
            Ok(Progress::Done { summary }) => return Ok(summary),
            Err(error) if !error.is_transient() => return Err(error),
            _ => {}
        }
    }
    panic!("not put back after {ROUNDS} rounds");
}

/// A world, and the phase that acts in it.
struct Bench {
    world: World,
    phase: BuildPhase,
}

impl Bench {
    fn new(world: World) -> Self {
        let phase = world.phase();
        Self { world, phase }
    }

    /// An untouched world, in which the ledger says what it said when the plan was made.
    async fn begin(&self, step: &BuildStep) {
        self.world.reset();
        let (nothing, reference) = (BuildRecord::default(), super::reference(step));
        let put =
            self.phase
                .ledger
                .put_build_record(&reference, &step.component, &nothing, &step.before);
        put.await.unwrap().is_written().unwrap();
    }

    async fn record(&self, step: &BuildStep) -> BuildRecord {
        self.phase.record(step, &step.component).await.unwrap()
    }

    /// What is known of the component began a while ago.
    fn later(&self) {
        for item in self.world.items.lock().unwrap().values_mut() {
            let text = item["body"]["S"].as_str().unwrap();
            let mut record: BuildRecord = serde_json::from_str(text).unwrap();
            if let Some(begun) = &mut record.begun {
                begun.at = jiff::Timestamp::UNIX_EPOCH;
            }
            item["body"]["S"] = serde_json::to_string(&record).unwrap().into();
        }
    }

    fn calls(&self) -> usize {
        *self.world.calls.lock().unwrap()
    }

    fn started_for(&self, purpose: &str) -> usize {
        let wanted = format!("lockstep-01JD5Q6Z8G0000000000000000-{purpose}-platform");
        let started = self.world.started();
        started.iter().filter(|it| **it == wanted).count()
    }

    /// One change, all of whose calls are counted.
    async fn applied(&self, step: &BuildStep, fault: Option<(usize, Fault)>) -> usize {
        self.begin(step).await;
        self.world.inject(fault);
        let told = run(&self.phase, step).await;
        let calls = self.calls();
        assert!(told.is_ok(), "{fault:?}: {told:?}");
        let plans = usize::from(step.planned.is_none());
        assert_eq!(self.started_for("plan"), plans, "{fault:?}");
        assert_eq!(self.started_for("apply"), 1, "{fault:?}");
        let record = self.record(step).await;
        let now = record.certain().unwrap();
        assert_eq!(now.source, step.source, "{fault:?}");
        assert_eq!(now.variables["size"], "large", "{fault:?}");
        assert!(now.outputs["by"].contains("-apply-"), "{fault:?}");
        calls
    }

    /// One change that fails, and its way back, all of whose calls are counted.
    async fn undone(&self, fault: Option<(usize, Fault)>) -> usize {
        let step = planned();
        self.begin(&step).await;
        *self.world.failing.lock().unwrap() = Some("-apply-platform");
        let failed = run(&self.phase, &step).await.unwrap_err();
        assert_eq!(failed.name(), "Rejected", "{failed}");
        *self.world.failing.lock().unwrap() = None;
        self.world.inject(fault);
        let told = put_back(&self.phase, &step).await;
        let calls = self.calls();
        assert!(told.is_ok(), "{fault:?}: {told:?}");
        assert_eq!(self.started_for("undo-plan"), 1, "{fault:?}");
        assert_eq!(self.started_for("undo-apply"), 1, "{fault:?}");
        self.is_as_before(&step, &format!("{fault:?}")).await;
        calls
    }

    async fn is_as_before(&self, step: &BuildStep, told: &str) {
        let record = self.record(step).await;
        let (now, before) = (record.certain().unwrap(), step.before.certain().unwrap());
        assert_eq!(now.source, before.source, "{told}");
        assert_eq!(now.variables, before.variables, "{told}");
    }
}

const FAULTS: [Fault; 2] = [Fault::BeforeActing, Fault::AfterActing];

#[tokio::test]
async fn every_call_of_a_change_may_fail() {
    let bench = Bench::new(world());
    bench.applied(&planned(), None).await;
    let step = step();
    let calls = bench.applied(&step, None).await;
    for (call, fault) in (0..calls).flat_map(|call| FAULTS.map(|fault| (call, fault))) {
        bench.applied(&step, Some((call, fault))).await;
    }
}

#[tokio::test]
async fn a_build_that_is_not_listed_yet_is_not_started_twice() {
    for unseen in 1..4 {
        let bench = Bench::new(World { unseen, ..world() });
        bench.applied(&step(), None).await;
    }
}

#[tokio::test]
async fn every_call_of_the_way_back_may_fail() {
    let bench = Bench::new(world());
    let calls = bench.undone(None).await;
    for (call, fault) in (0..calls).flat_map(|call| FAULTS.map(|fault| (call, fault))) {
        bench.undone(Some((call, fault))).await;
    }
}

/// The handler is killed at any call, before or after it acted, and never comes back: undo runs.
#[tokio::test]
async fn undo_puts_back_whatever_was_reached() {
    let bench = Bench::new(world());
    let (phase, step) = (&bench.phase, planned());
    let calls = bench.applied(&step, None).await;
    for (call, fault) in (0..calls).flat_map(|call| FAULTS.map(|fault| (call, fault))) {
        bench.begin(&step).await;
        bench.world.inject(Some((call, fault)));
        for _ in 0..ROUNDS {
            let seen = match phase.observe(&step).await {
                Ok(Progress::NotStarted) => phase.start(&step).await,
                seen => seen.map(drop),
            };
            if seen.is_err() {
                break;
            }
        }
        phase.hold_up(None);
        bench.world.inject(None);
        bench.later();
        let told = put_back(phase, &step).await;
        assert!(told.is_ok(), "{call} {fault:?}: {told:?}");
        bench
            .is_as_before(&step, &format!("{call} {fault:?}"))
            .await;
        let (applied, back) = (bench.started_for("apply"), bench.started_for("undo-apply"));
        assert_eq!(applied, back, "{call} {fault:?}");
    }
}

#[tokio::test]
async fn what_was_never_begun_needs_no_build() {
    let (bench, step) = (Bench::new(world()), planned());
    bench.begin(&step).await;
    let told = put_back(&bench.phase, &step).await.unwrap();
    assert_eq!(told, "nothing had been changed");
    assert!(bench.world.started().is_empty());
}

#[tokio::test]
async fn a_plan_of_nothing_is_not_applied() {
    let bench = Bench::new(World {
        changes: NOTHING,
        ..World::default()
    });
    let step = step();
    bench.begin(&step).await;
    let told = run(&bench.phase, &step).await.unwrap();
    assert_eq!(told, "nothing to change");
    assert_eq!(bench.started_for("apply"), 0);
    let record = bench.record(&step).await;
    assert_eq!(record.certain().unwrap().source, step.source);
}

#[tokio::test]
async fn a_plan_of_its_own_is_held_against_the_guard() {
    let bench = Bench::new(World {
        changes: DESTROYS,
        ..World::default()
    });
    let step = step();
    bench.begin(&step).await;
    let told = run(&bench.phase, &step).await.unwrap_err().to_string();
    assert!(told.contains("--approve"), "{told}");
    assert_eq!(bench.started_for("apply"), 0);
}
