//! Golden stories: for every verdict, and for every push that leads to no deployment, what happened as one readable
//! text in `tests/stories/`: the states it went through, what became of the world, and what people were told.
//!
//! After a change that is meant to be seen, write them anew and read the diff:
//! `LOCKSTEP_BLESS=1 cargo test -p lockstep-tests --test golden_stories`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may stop at the first surprise, and says so on the terminal"
)]

mod builds;
mod dirty;
mod files;
mod functions;
mod functions_failed;
mod functions_ignored;
mod functions_traffic;
mod functions_traffic_asked;
mod gates;
mod ignored;
mod image_builds;
mod migrations;
mod only;
mod rejected;
mod releases;
mod stacks;
mod stacks_parameters;
mod stopped;
mod story;
mod superseded;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Instant;

use lockstep_tests::{World, run, shared_as};

/// A story's name, which is that of its file, and its teller.
type Tale = (&'static str, fn(&'static World) -> String);

/// The stories of services. Those that wait longest come first.
const TALES: [Tale; 15] = [
    ("stopped-by-name", |world| run(stopped::by_name(world))),
    ("failed-dirty-undo-refused", |world| {
        run(dirty::undo_refused(world))
    }),
    ("succeeded", |world| run(releases::succeeded(world))),
    ("no-change", |world| run(releases::no_change(world))),
    ("rolled-back", |world| run(releases::rolled_back(world))),
    ("failed-dirty-still-unhealthy", |world| {
        run(dirty::still_unhealthy(world))
    }),
    ("superseded", |world| run(superseded::superseded(world))),
    ("only-one-of-two", |world| run(only::one_of_two(world))),
    ("after-order", |world| run(only::after_order(world))),
    ("rejected-by-checks", |world| run(rejected::checks(world))),
    ("rejected-image-missing", |world| {
        run(rejected::image_missing(world))
    }),
    ("rejected-unreadable", |world| {
        run(rejected::unreadable(world))
    }),
    ("stopped", |world| run(stopped::stopped(world))),
    ("ignored-pushes", |world| run(ignored::pushes(world))),
    ("ignored-repeats", |world| run(ignored::repeats(world))),
];

/// The stories of functions. They are told after the others: dozens of functions start in each of them.
const TALES_OF_FUNCTIONS: [Tale; 16] = [
    ("traffic-errors", |world| {
        run(functions_traffic::errors(world))
    }),
    ("functions-released", |world| {
        run(functions::released(world))
    }),
    ("functions-no-change", |world| {
        run(functions::no_change(world))
    }),
    ("functions-broken", |world| {
        run(functions_failed::broken(world))
    }),
    ("functions-crashing", |world| {
        run(functions_failed::crashing(world))
    }),
    ("functions-update-failed", |world| {
        run(functions_failed::update_failed(world))
    }),
    ("functions-direct", |world| {
        run(functions_failed::direct(world))
    }),
    ("functions-rejected", |world| {
        run(functions_ignored::rejected(world))
    }),
    ("functions-older", |world| {
        run(functions_ignored::older(world))
    }),
    ("traffic-canary", |world| {
        run(functions_traffic::canary(world))
    }),
    ("traffic-linear", |world| {
        run(functions_traffic::linear(world))
    }),
    ("traffic-alarm", |world| {
        run(functions_traffic::alarm(world))
    }),
    ("traffic-quiet", |world| {
        run(functions_traffic::quiet(world))
    }),
    ("traffic-asked-proceeds", |world| {
        run(functions_traffic_asked::proceeds(world))
    }),
    ("traffic-asked-stops", |world| {
        run(functions_traffic_asked::stops(world))
    }),
    ("traffic-stopped", |world| {
        run(functions_traffic::stopped(world))
    }),
];

/// The stories of stacks.
const TALES_OF_STACKS: [Tale; 11] = [
    ("stacks-created", |world| run(stacks::created(world))),
    ("stacks-updated", |world| run(stacks::updated(world))),
    ("stacks-guarded", |world| run(stacks::guarded(world))),
    ("stacks-undone", |world| run(stacks::undone(world))),
    ("stacks-data-kept", |world| run(stacks::data_kept(world))),
    ("stacks-new-undone", |world| run(stacks::new_undone(world))),
    ("stacks-failed", |world| run(stacks::failed(world))),
    ("stacks-default-role", |world| {
        run(stacks::default_role(world))
    }),
    ("stacks-parameters-read", |world| {
        run(stacks_parameters::read(world))
    }),
    ("stacks-parameters-conflict", |world| {
        run(stacks_parameters::conflict(world))
    }),
    ("stacks-parameters-undone", |world| {
        run(stacks_parameters::undone(world))
    }),
];

/// The stories of infrastructure that CodeBuild builds.
const TALES_OF_BUILDS: [Tale; 7] = [
    ("infrastructure-build-created", |world| {
        run(builds::created(world))
    }),
    ("infrastructure-build-updated", |world| {
        run(builds::updated(world))
    }),
    ("infrastructure-build-guarded", |world| {
        run(builds::guarded(world))
    }),
    ("infrastructure-build-plan-failed", |world| {
        run(builds::plan_failed(world))
    }),
    ("infrastructure-build-apply-failed", |world| {
        run(builds::apply_failed(world))
    }),
    ("infrastructure-build-undone", |world| {
        run(builds::undone(world))
    }),
    ("infrastructure-build-first-failed", |world| {
        run(builds::first_failed(world))
    }),
];

/// The stories of migrations.
const TALES_OF_MIGRATIONS: [Tale; 10] = [
    ("migration-timed-out", |world| {
        run(migrations::timed_out(world))
    }),
    ("migration-ran", |world| run(migrations::ran(world))),
    ("migration-failed", |world| run(migrations::failed(world))),
    ("migration-answer-lost", |world| {
        run(migrations::answer_lost(world))
    }),
    ("migration-undone", |world| run(migrations::undone(world))),
    ("migration-stopped", |world| run(migrations::stopped(world))),
    ("migration-contract-failed", |world| {
        run(migrations::contract_failed(world))
    }),
    ("migration-built", |world| run(migrations::built(world))),
    ("migration-build-failed", |world| {
        run(migrations::build_failed(world))
    }),
    ("rollback-floor", |world| {
        run(migrations::below_the_floor(world))
    }),
];

/// The stories of gates.
const TALES_OF_GATES: [Tale; 6] = [
    ("gates-passed", |world| run(gates::passed(world))),
    ("gate-before-failed", |world| {
        run(gates::before_failed(world))
    }),
    ("gate-after-failed", |world| run(gates::after_failed(world))),
    ("gate-timed-out", |world| run(gates::timed_out(world))),
    ("gate-stopped", |world| run(gates::stopped(world))),
    ("gate-commit", |world| run(gates::commit_unknown(world))),
];

/// The stories of builds of images.
const TALES_OF_IMAGES: [Tale; 8] = [
    ("image-build-timed-out", |world| {
        run(image_builds::timed_out(world))
    }),
    ("image-build-ran", |world| run(image_builds::ran(world))),
    ("image-build-skipped", |world| {
        run(image_builds::skipped(world))
    }),
    ("image-build-failed", |world| {
        run(image_builds::failed(world))
    }),
    ("image-build-stopped", |world| {
        run(image_builds::stopped(world))
    }),
    ("image-build-idle", |world| run(image_builds::idle(world))),
    ("image-build-part", |world| run(image_builds::part(world))),
    ("image-builds-parallel", |world| {
        run(image_builds::parallel(world))
    }),
];

/// How many stories of functions are told at once: each starts dozens of them.
const FLEETS: usize = 5;

#[test]
fn every_story_is_told_as_it_is_written() {
    let parameters = &[("StackRoleArn", stacks::DEFAULT_ROLE)];
    let Some(world) = run(shared_as("golden-stories", parameters)) else {
        return;
    };
    let mut wrong = told(world, &TALES, TALES.len());
    wrong.extend(told(world, &TALES_OF_FUNCTIONS, FLEETS));
    wrong.extend(told(world, &TALES_OF_STACKS, FLEETS));
    wrong.extend(told(world, &TALES_OF_BUILDS, FLEETS));
    run(migrations::choose_endings(world));
    wrong.extend(told(world, &TALES_OF_MIGRATIONS, FLEETS));
    wrong.extend(told(world, &TALES_OF_GATES, FLEETS));
    wrong.extend(told(world, &TALES_OF_IMAGES, FLEETS));
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), files::HOW);
}

/// The stories that are not told as they are written. With `LOCKSTEP_STORY=functions-` only those are told whose name
/// contains it.
fn told(world: &'static World, tales: &[Tale], at_once: usize) -> Vec<String> {
    let only = std::env::var("LOCKSTEP_STORY").unwrap_or_default();
    let tales: Vec<_> = tales
        .iter()
        .filter(|(name, _)| name.contains(&only))
        .collect();
    // Each story has an application of its own, and most of its time is waiting.
    let (left, wrong) = (Mutex::new(tales.into_iter()), Mutex::new(Vec::new()));
    let tell = || {
        loop {
            let next = left.lock().unwrap().next();
            let Some(&(name, tell)) = next else { break };
            let begun = Instant::now();
            let text = catch_unwind(AssertUnwindSafe(|| tell(world)));
            eprintln!("{name}: {:.1} s", begun.elapsed().as_secs_f64());
            let difference = match text {
                Ok(text) => files::difference(name, &text),
                Err(_) => Some(format!("{name}: the story broke off; see above")),
            };
            wrong.lock().unwrap().extend(difference);
        }
    };
    std::thread::scope(|threads| {
        for _ in 0..at_once {
            threads.spawn(tell);
        }
    });
    wrong.into_inner().unwrap()
}

#[test]
fn every_file_is_told_by_a_story() {
    let tales = TALES.iter();
    let tales = tales.chain(&TALES_OF_FUNCTIONS).chain(&TALES_OF_STACKS);
    let tales = tales.chain(&TALES_OF_BUILDS);
    let tales = tales.chain(&TALES_OF_MIGRATIONS).chain(&TALES_OF_GATES);
    let tales = tales.chain(&TALES_OF_IMAGES);
    let names: Vec<_> = tales.map(|(name, _)| *name).collect();
    assert_eq!(files::untold(&names), Vec::<String>::new());
}
