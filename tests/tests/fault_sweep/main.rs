//! The fault sweep: every AWS call of a deployment, hit by every fault.
//!
//! Thousands of deployments. Without being asked for all of them (`LOCKSTEP_SWEEP=all`) it hits every call by
//! one fault of the seven, another one from call to call, and says so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod attempt;
mod fault;
mod migrated;
mod recovery;
mod scenario;
mod seeded;
mod sited;
mod stacked;
mod subject;
mod table;

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Instant;

use attempt::{Outcome, attempt};
use fault::{Kind, Target};
use lockstep::verdict::Verdict;
use lockstep_tests::{World, project, run};
use scenario::{Scenario, targets};
use table::Table;

/// One deployment of the sweep.
#[derive(Debug, Clone)]
struct Job {
    scenario: Scenario,
    row: usize,
    target: Target,
    kind: Kind,
}

#[test]
fn every_call_survives_every_fault() {
    sweep();
}

fn sweep() {
    let Some(first) = run(World::hurried("fault-sweep-0")) else {
        return;
    };
    let mut recorded: BTreeMap<Scenario, Vec<Target>> = BTreeMap::new();
    let mut rows = BTreeMap::new();
    for scenario in Scenario::ALL.into_iter().filter(|it| is_chosen(*it)) {
        let own = run(record(&first, scenario));
        let hit = scenario.after().and_then(|other| recorded.get(&other));
        let hit = hit.map(Vec::as_slice).unwrap_or_default();
        let mut row = own.clone();
        row.retain(|target| scenario.has_of_its_own(target, hit));
        rows.insert(scenario, row);
        recorded.insert(scenario, own);
    }
    let (jobs, done) = (Mutex::new(jobs(&rows)), Mutex::new(Vec::new()));
    let total = jobs.lock().unwrap().len();
    let coverage = match coverage() {
        Coverage::Sample => {
            "every call by one fault of the seven; LOCKSTEP_SWEEP=all does the others, too"
        }
        Coverage::All => "every call by every fault",
        Coverage::Only(_) => "as LOCKSTEP_SWEEP_ONLY says",
    };
    eprintln!("fault-sweep: {total} deployments: {coverage}");
    let begun = Instant::now();
    let (jobs, done) = (&jobs, &done);
    std::thread::scope(|threads| {
        threads.spawn(|| work(first, 0, jobs, done));
        for number in 1..engines() {
            threads.spawn(move || {
                let world = run(World::hurried(&format!("fault-sweep-{number}")));
                work(
                    world.expect("the first engine started too"),
                    number,
                    jobs,
                    done,
                );
            });
        }
    });
    let mut done = std::mem::take(&mut *done.lock().unwrap());
    eprintln!(
        "fault-sweep: {} deployments in {:.0} s",
        done.len(),
        begun.elapsed().as_secs_f64()
    );
    repeat_wrong(&mut done);
    judge(&rows, &done, total);
}

/// Whether a scenario is among those that `LOCKSTEP_SWEEP_SCENARIOS=stack,bad-stack` names, or none are named. What
/// it has in common with one that is not chosen is hit in it then.
fn is_chosen(scenario: Scenario) -> bool {
    std::env::var("LOCKSTEP_SWEEP_SCENARIOS").map_or(true, |names| {
        names.split(',').any(|name| name == scenario.name())
    })
}

/// The most deployments that are repeated; more than that going wrong is no accident.
const REPEATED: usize = 8;

/// At most one fault of so many may not strike, because its call was not repeated as often as without faults.
const UNREACHED: usize = 50;

/// Hundreds of deployments with timeouts of a second, on a machine that may be busy with
/// something else: what went wrong is done again, alone, and must be right then.
fn repeat_wrong(done: &mut [(Job, Outcome)]) {
    let wrong = done
        .iter()
        .filter(|(_, outcome)| !outcome.faults.is_empty())
        .count();
    if wrong == 0 || wrong > REPEATED {
        return;
    }
    let world = run(World::hurried("fault-sweep-again")).expect("the other engines started too");
    let again = done
        .iter_mut()
        .filter(|(_, outcome)| !outcome.faults.is_empty());
    for (number, (job, outcome)) in again.enumerate() {
        eprintln!("fault-sweep: once {}", line(job, outcome));
        *outcome = surviving(
            &world,
            job,
            format!("{}-again-{number}", job.scenario.name()),
        );
        eprintln!("fault-sweep: again {}", line(job, outcome));
    }
    run(world.stop());
}

/// How many engines run side by side. Most of a deployment with a fault is waiting.
fn engines() -> usize {
    std::env::var("LOCKSTEP_SWEEP_ENGINES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(6)
}

/// The calls of a scenario without faults; also the proof that it takes the course it should.
async fn record(world: &World, scenario: Scenario) -> Vec<Target> {
    let begun = scenario
        .prepare(world, format!("record-{}", scenario.name()))
        .await;
    let before = begun.subject.look().await;
    let gateway = world.engine().gateway();
    let (execution, mark) = begun.start(|| gateway.last_call()).await;
    let (record, _) = execution.concluded().await;
    world.idle().await;
    let calls = gateway.calls_since(mark);
    let after = begun.subject.look().await;
    let verdict = record.conclusion.expect("it is concluded");
    eprintln!(
        "fault-sweep: {}: {:?}, {} calls",
        scenario.name(),
        verdict,
        calls.len()
    );
    assert_eq!(verdict.verdict, scenario.verdict());
    let is_before = after.runs_the_same_as(&before);
    assert_eq!(
        is_before,
        scenario.verdict() != Verdict::Succeeded,
        "{before:#?}\n{after:#?}"
    );
    targets(&calls)
}

/// Which deployments are done.
#[derive(Debug)]
enum Coverage {
    /// Every call by one fault of seven.
    Sample,
    /// Every call by every fault.
    All,
    /// Those whose lines contain every part of one of these choices: `stopped,function|refused`.
    Only(String),
}

fn coverage() -> Coverage {
    let all = ["LOCKSTEP_SWEEP", "LOCKSTEP_UPDATE"].map(|name| std::env::var_os(name).is_some());
    match std::env::var("LOCKSTEP_SWEEP_ONLY") {
        Ok(only) => Coverage::Only(only),
        Err(_) if all.contains(&true) => Coverage::All,
        Err(_) => Coverage::Sample,
    }
}

/// One fault of so many in a sample.
const SAMPLE: usize = Kind::ALL.len();

fn jobs(rows: &BTreeMap<Scenario, Vec<Target>>) -> VecDeque<Job> {
    let coverage = coverage();
    let mut jobs = VecDeque::new();
    for (&scenario, targets) in rows {
        for (row, target) in targets.iter().enumerate() {
            let fits = |number: usize, kind: Kind| match &coverage {
                Coverage::Sample => (row + number).is_multiple_of(SAMPLE),
                Coverage::All => true,
                Coverage::Only(only) => {
                    let line = format!("{} {} {}", scenario.name(), target.label(), kind.title());
                    let mut choices = only.split('|');
                    choices.any(|parts| parts.split(',').all(|part| line.contains(part)))
                }
            };
            let kinds = Kind::ALL.iter().enumerate();
            let chosen =
                kinds.filter(|(number, kind)| fits(*number, **kind) && target.can_be(**kind));
            jobs.extend(chosen.map(|(_, &kind)| Job {
                scenario,
                row,
                target: target.clone(),
                kind,
            }));
        }
    }
    jobs
}

fn work(
    world: World,
    number: usize,
    jobs: &Mutex<VecDeque<Job>>,
    done: &Mutex<Vec<(Job, Outcome)>>,
) {
    let mut count = 0;
    loop {
        let job = jobs.lock().unwrap().pop_front();
        let Some(job) = job else { break };
        count += 1;
        let name = format!("{}-{number}-{count}", job.scenario.name());
        let outcome = surviving(&world, &job, name);
        tell(&job, &outcome);
        done.lock().unwrap().push((job, outcome));
    }
    run(world.stop());
}

/// A line for what went wrong, so that it is not lost among hundreds that went well. `LOCKSTEP_SWEEP_LINES=all` tells
/// every deployment.
fn tell(job: &Job, outcome: &Outcome) {
    if !outcome.faults.is_empty() || std::env::var_os("LOCKSTEP_SWEEP_LINES").is_some() {
        eprintln!("fault-sweep: {}", line(job, outcome));
    }
}

/// One deployment; one that does not come to an end is an outcome too, and makes room for the next.
fn surviving(world: &World, job: &Job, name: String) -> Outcome {
    let deployment =
        AssertUnwindSafe(|| run(attempt(world, job.scenario, name, &job.target, job.kind)));
    catch_unwind(deployment).unwrap_or_else(|panic| {
        world.engine().gateway().clear_faults();
        world.stopper()();
        let text = panic.downcast_ref::<String>().cloned();
        Outcome::lost(text.unwrap_or_else(|| "it panicked".to_owned()))
    })
}

fn line(job: &Job, outcome: &Outcome) -> String {
    let wrong = match outcome.faults.as_slice() {
        [] => String::new(),
        faults => format!(" WRONG: {}", faults.join("; ")),
    };
    format!(
        "{} {} {}: {} in {:.1} s{wrong}",
        job.scenario.name(),
        job.target.label(),
        job.kind.title(),
        outcome.label(job.kind),
        outcome.took.as_secs_f64(),
    )
}

/// Every outcome must be right, and the table must be the one in the documentation.
fn judge(rows: &BTreeMap<Scenario, Vec<Target>>, done: &[(Job, Outcome)], total: usize) {
    let mut table = Table::default();
    let mut wrong = Vec::new();
    for (job, outcome) in done {
        table.set(job.scenario, job.row, job.kind, outcome.label(job.kind));
        if !outcome.faults.is_empty() {
            wrong.push(line(job, outcome));
        }
    }
    let text = table.render(rows);
    let folder = project().join("target/fault-sweep");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("table.md"), &text).unwrap();
    assert!(
        wrong.is_empty(),
        "{} of {total} deployments went wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(done.len(), total);
    let missed = done.iter().filter(|(_, outcome)| !outcome.reached).count();
    eprintln!("fault-sweep: {missed} of {total} calls were not made a second time or more often");
    assert!(
        missed <= 1 + total / UNREACHED,
        "{missed} of {total} faults never struck"
    );
    let document = project().join("docs/fault-sweep.md");
    if std::env::var_os("LOCKSTEP_UPDATE").is_some() {
        std::fs::write(&document, &text).unwrap();
    }
}
