//! Infrastructure that CodeBuild builds, with every call of the function that has it built hit by faults: what the fault
//! sweep is to the others. Each call is hit by one fault of eight, another one from call to call; `LOCKSTEP_SWEEP=all`
//! does all of them, `LOCKSTEP_SWEEP_ONLY=StartBuild,killed` those whose lines contain all of these.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

#[allow(
    dead_code,
    reason = "what the sweep asks of a target is not asked here"
)]
#[path = "../fault_sweep/fault.rs"]
mod fault;

use std::time::Instant;

use fault::{Kind, Target, install};
use lockstep::verdict::Verdict;
use lockstep_cli::local::gateway::Delivery;
use lockstep_tests::{Built, Platform, PlatformSnapshot, World, run};
use serde_json::json;

/// The function whose calls are hit.
const CALLER: &str = "lockstep-infrastructure-build";
/// So often each look is made at least, however soon a build ends.
const SURE: usize = 2;
/// One fault of so many.
const SAMPLE: usize = 8;
/// What every deployment may end as.
const ENDINGS: [Verdict; 4] = [
    Verdict::Succeeded,
    Verdict::RolledBack,
    Verdict::Rejected,
    Verdict::Stopped,
];

#[test]
fn a_change_survives_faults() {
    sweep("faults-of-change", None);
}

#[test]
fn a_change_that_fails_half_way_and_its_way_back_survive_faults() {
    sweep("faults-of-way-back", Some("apply"));
}

fn sweep(name: &str, fails: Option<&'static str>) {
    let Some(world) = run(World::hurried(name)) else {
        return;
    };
    run(hit_all(&world, name, fails));
    run(world.stop());
}

/// What is deployed again and again, with another variable each time.
struct Changing<'w> {
    world: &'w World,
    built: Built<'w>,
    fails: Option<&'static str>,
    count: usize,
}

async fn hit_all(world: &World, name: &str, fails: Option<&'static str>) {
    // The same calls in every run: nothing is woken early, everything is asked for again by the clock.
    world.engine().gateway().set_delivery(Delivery::Never);
    let built = world.built(name, &Platform::default()).await;
    let (record, _) = built.deploy(&json!({})).await.concluded().await;
    let conclusion = record.conclusion.unwrap();
    assert_eq!(conclusion.verdict, Verdict::Succeeded, "{conclusion:?}");
    let mut changing = Changing {
        world,
        built,
        fails,
        count: 0,
    };
    let (targets, mut wrong) = (changing.record().await, Vec::new());
    let jobs = jobs(&targets);
    eprintln!("{name}: {} deployments", jobs.len());
    for (target, kind) in jobs {
        let begun = Instant::now();
        let told = changing.attempt(&target, kind).await;
        let line = format!("{} {}", target.label(), kind.title());
        let took = begun.elapsed().as_secs_f64();
        eprintln!("{name}: {line}: {told:?} in {took:.1} s");
        if let Err(why) = told {
            wrong.push(format!("{line}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn jobs(targets: &[Target]) -> Vec<(Target, Kind)> {
    let all = std::env::var_os("LOCKSTEP_SWEEP").is_some();
    let only = std::env::var("LOCKSTEP_SWEEP_ONLY").ok();
    let mut jobs = Vec::new();
    for (row, target) in targets.iter().enumerate() {
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            let line = format!("{} {}", target.label(), kind.title());
            let is_chosen = match &only {
                Some(only) => only.split(',').all(|part| line.contains(part)),
                None => all || (row + number).is_multiple_of(SAMPLE),
            };
            if is_chosen {
                jobs.push((target.clone(), kind));
            }
        }
    }
    jobs
}

impl Changing<'_> {
    /// Another variable is wanted.
    async fn next(&mut self) -> String {
        self.count += 1;
        let note = format!("note-{}", self.count);
        let platform = Platform {
            // A few bytes for each deployment of a test.
            note: Box::leak(note.clone().into_boxed_str()),
            fails: self.fails,
            ..Platform::default()
        };
        self.built.apply(&platform).await;
        note
    }

    /// The calls of a deployment without a fault.
    async fn record(&mut self) -> Vec<Target> {
        self.next().await;
        let gateway = self.world.engine().gateway();
        let mark = gateway.last_call();
        let (record, _) = self.built.deploy(&json!({})).await.concluded().await;
        self.world.idle().await;
        let expected = self
            .fails
            .map_or(Verdict::Succeeded, |_| Verdict::RolledBack);
        let conclusion = record.conclusion.unwrap();
        assert_eq!(conclusion.verdict, expected, "{conclusion:?}");
        let mut targets: Vec<Target> = Vec::new();
        for call in gateway.calls_since(mark) {
            let operation = format!("{}:{}", call.name.service, call.name.operation);
            let same = |it: &&Target| it.operation == operation;
            let nth = targets.iter().filter(same).count() + 1;
            let is_look = ["Get", "List", "Head", "SendTaskFailure"]
                .iter()
                .any(|it| call.name.operation.contains(it));
            if call.name.caller == CALLER && (!is_look || nth <= SURE) {
                targets.push(Target {
                    caller: CALLER.to_owned(),
                    operation,
                    nth,
                });
            }
        }
        targets
    }

    /// One deployment with one fault: it comes to an end that says what there is.
    async fn attempt(&mut self, target: &Target, kind: Kind) -> Result<Verdict, String> {
        let before = self.built.snapshot().await;
        let wanted = self.next().await;
        let installed = install(self.world, target, kind);
        let execution = self.built.deploy(&json!({})).await;
        let (record, _) = execution.concluded().await;
        self.world.idle().await;
        self.world.engine().gateway().clear_faults();
        let conclusion = record.conclusion.unwrap();
        let after = self.built.snapshot().await;
        if !installed.struck() {
            return Err("the fault never struck".to_owned());
        }
        // A way back that is refused is left to a person, who is told how; the next deployment goes on from there.
        if conclusion.verdict == Verdict::FailedDirty && kind == Kind::Refused {
            let mut steps = conclusion.next_steps.iter();
            return if after.record.begun.is_some() && steps.any(|it| it.contains("start-build")) {
                Ok(conclusion.verdict)
            } else {
                Err(format!("{conclusion:?} {after:#?}"))
            };
        }
        if !ENDINGS.contains(&conclusion.verdict) {
            return Err(format!("{conclusion:?}"));
        }
        let is_right = if conclusion.verdict == Verdict::Succeeded {
            is_applied(&after, &wanted)
        } else {
            // What was applied last, whatever an earlier deployment left.
            note(&before).is_some_and(|note| is_applied(&after, note))
        };
        if !is_right {
            let verdict = conclusion.verdict;
            return Err(format!(
                "the world does not agree with {verdict}: {before:#?} {after:#?}"
            ));
        }
        if !self.built.application.snapshot().await.is_unlocked() {
            return Err("the lock is held".to_owned());
        }
        Ok(conclusion.verdict)
    }
}

/// The variable that was applied last, as the ledger knows it.
fn note(seen: &PlatformSnapshot) -> Option<&str> {
    let applied = seen.record.applied.as_ref()?;
    applied.variables.get("note").map(String::as_str)
}

fn is_applied(seen: &PlatformSnapshot, wanted: &str) -> bool {
    seen.note.as_deref() == Some(wanted)
        && note(seen) == Some(wanted)
        && seen.record.begun.is_none()
        && seen.key.as_deref() == Some("id")
}
