//! Gates and builds of images, with every call of their functions hit by faults: what the fault sweep is to the others. Each call is
//! hit by one fault of eight, another one from call to call; `LOCKSTEP_SWEEP=all` does all of them,
//! `LOCKSTEP_SWEEP_ONLY=StartBuild,killed` those whose lines contain all of these.

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

use aws_sdk_codebuild::types::{Build, StatusType};
use fault::{Kind, Target, install};
use lockstep::verdict::Verdict;
use lockstep_cli::local::gateway::Delivery;
use lockstep_tests::{Application, Execution, Gate, ImageBuild, World, run};
use serde_json::json;

/// So often each look is made at least, however soon a build ends.
const SURE: usize = 2;
/// One fault of so many.
const SAMPLE: usize = 8;

/// What is built, and what every deployment may end as.
struct Course {
    name: &'static str,
    builds: Builds,
    endings: &'static [Verdict],
}

/// What is built.
enum Builds {
    Gates([Gate; 2]),
    Image(ImageBuild),
}

impl Builds {
    /// The function whose calls are hit.
    const fn caller(&self) -> &'static str {
        match self {
            Self::Gates(_) => "lockstep-gate",
            Self::Image(_) => "lockstep-image-build",
        }
    }

    /// How many builds a deployment has at most.
    const fn count(&self) -> usize {
        match self {
            Self::Gates(gates) => gates.len(),
            Self::Image(_) => 1,
        }
    }
}

#[test]
fn gates_that_pass_survive_faults() {
    // A call that is refused is no answer of a gate: before, nothing is changed; afterwards everything is put back.
    sweep(&Course {
        name: "faults-of-gates",
        builds: Builds::Gates([Gate::before("unit", "true"), Gate::after("e2e", "true")]),
        endings: &[
            Verdict::Succeeded,
            Verdict::Rejected,
            Verdict::RolledBack,
            Verdict::Stopped,
        ],
    });
}

#[test]
fn gates_that_fail_and_those_that_are_stopped_survive_faults() {
    sweep(&Course {
        name: "faults-of-failing-gates",
        builds: Builds::Gates([
            Gate::before("unit", "sleep 4; exit 1"),
            Gate::before("slow", "sleep 600"),
        ]),
        endings: &[Verdict::Rejected, Verdict::Stopped, Verdict::RolledBack],
    });
}

#[test]
fn builds_of_images_survive_faults() {
    sweep(&Course {
        name: "faults-of-image-builds",
        builds: Builds::Image(ImageBuild::of_example("web")),
        endings: &[Verdict::Succeeded, Verdict::Rejected, Verdict::Stopped],
    });
}

fn sweep(course: &Course) {
    let Some(world) = run(World::hurried(course.name)) else {
        return;
    };
    run(hit_all(&world, course));
    run(world.stop());
}

async fn hit_all(world: &World, course: &Course) {
    // The same calls in every run: nothing is woken early, everything is asked for again by the clock.
    world.engine().gateway().set_delivery(Delivery::Never);
    let name = course.name;
    let app = match &course.builds {
        Builds::Gates(gates) => world.gated(name, gates).await,
        Builds::Image(build) => world.imaged(name, build).await,
    };
    let mut asking = Asking {
        world,
        app,
        course,
        count: 0,
    };
    let (targets, mut wrong) = (asking.record().await, Vec::new());
    let jobs = jobs(&targets);
    eprintln!("{name}: {} deployments", jobs.len());
    for (target, kind) in jobs {
        let begun = Instant::now();
        let told = asking.attempt(&target, kind).await;
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

/// What is deployed again and again, with another image each time.
struct Asking<'w> {
    world: &'w World,
    app: Application<'w>,
    course: &'w Course,
    count: usize,
}

impl Asking<'_> {
    /// Another image is wanted, by hand: what failed before is on hold for pushes. Or another commit, whose
    /// image has to be built.
    async fn next(&mut self) -> String {
        self.count += 1;
        match self.course.builds {
            Builds::Gates(_) => self.app.push(&format!("release-{}", self.count)).await,
            Builds::Image(_) => format!("{:07x}", 0x00c0_ffe0 + self.count),
        }
    }

    async fn deploy(&self, wish: &str) -> Execution<'_> {
        match self.course.builds {
            Builds::Gates(_) => self.app.deploy(wish).await,
            Builds::Image(_) => self.app.deploy_with(&json!({ "commit": wish })).await,
        }
    }

    /// The calls of a deployment without a fault.
    async fn record(&mut self) -> Vec<Target> {
        let wish = self.next().await;
        let gateway = self.world.engine().gateway();
        let mark = gateway.last_call();
        let (record, _) = self.deploy(&wish).await.concluded().await;
        self.world.idle().await;
        let conclusion = record.conclusion.unwrap();
        assert_eq!(conclusion.verdict, self.course.endings[0], "{conclusion:?}");
        let mut targets: Vec<Target> = Vec::new();
        for call in gateway.calls_since(mark) {
            let operation = format!("{}:{}", call.name.service, call.name.operation);
            let same = |it: &&Target| it.operation == operation;
            let nth = targets.iter().filter(same).count() + 1;
            let is_look = ["Get", "List"].iter().any(|it| operation.contains(it));
            let caller = self.course.builds.caller();
            if call.name.caller == caller && (!is_look || nth <= SURE) {
                targets.push(Target {
                    caller: caller.to_owned(),
                    operation,
                    nth,
                });
            }
        }
        targets
    }

    /// One deployment with one fault: it comes to an end that says what there is.
    async fn attempt(&mut self, target: &Target, kind: Kind) -> Result<Verdict, String> {
        let before = self.app.snapshot().await;
        let wish = self.next().await;
        let asked = self.asked().await;
        let installed = install(self.world, target, kind);
        let execution = self.deploy(&wish).await;
        let (record, _) = execution.concluded().await;
        self.world.idle().await;
        self.world.engine().gateway().clear_faults();
        let conclusion = record.conclusion.unwrap();
        let after = self.app.snapshot().await;
        if !installed.struck() {
            return Err("the fault never struck".to_owned());
        }
        if !self.course.endings.contains(&conclusion.verdict) {
            return Err(format!("{conclusion:?}"));
        }
        let is_new = match self.course.builds {
            Builds::Gates(_) => after.images.values().any(|image| image.ends_with(&wish)),
            // Each commit has an image of its own.
            Builds::Image(_) => after.images != before.images,
        };
        let is_right = if conclusion.verdict == Verdict::Succeeded {
            is_new
        } else {
            after.images == before.images
        };
        if !is_right {
            let verdict = conclusion.verdict;
            return Err(format!(
                "the world does not agree with {verdict}: {before:#?} {after:#?}"
            ));
        }
        if !after.is_unlocked() {
            return Err("the lock is held".to_owned());
        }
        let built: Vec<_> = self.asked().await.into_iter().skip(asked.len()).collect();
        if built.len() > self.course.builds.count() {
            return Err(format!("{} builds", built.len()));
        }
        // Only a build that may not be stopped goes on.
        let runs = |build: &Build| build.build_status() == Some(&StatusType::InProgress);
        if kind != Kind::Refused && built.iter().any(runs) {
            return Err(format!("a build goes on: {built:#?}"));
        }
        Ok(conclusion.verdict)
    }

    /// All builds so far, those of one deployment after those of the one before.
    async fn asked(&self) -> Vec<Build> {
        let mut builds = Vec::new();
        match &self.course.builds {
            Builds::Gates(gates) => {
                for gate in gates {
                    builds.extend(self.app.gate_builds(gate.name).await);
                }
            }
            Builds::Image(build) => builds.extend(self.app.image_builds(build.name).await),
        }
        builds.sort_by_key(|build| {
            build
                .start_time()
                .map(aws_sdk_codebuild::primitives::DateTime::as_nanos)
        });
        builds
    }
}
