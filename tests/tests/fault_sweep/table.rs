//! The table of calls and faults.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::fault::{Kind, Target};
use crate::scenario::Scenario;

/// Verdicts by scenario, call and fault.
#[derive(Debug, Default)]
pub struct Table {
    cells: BTreeMap<(Scenario, usize, Kind), String>,
}

const HEAD: &str = "# The fault sweep

Every AWS call that the functions make in a deployment, hit by every fault, on the local engine. After each of these
deployments the service, or every function, runs exactly what it ran before, or exactly the new release, as the verdict
says, and a stack has exactly the template, parameters, outputs and tags of before, or the new ones; the lock is free, the queue is empty, and exactly one final message went out (a second one, with the same id, only
where the answer of that very `sns:Publish` was lost). `+1` means that the execution ended and the watchdog started a
recovery.

The deployments have one service, or two functions whose code and settings change, or a service and one stack, two health
checks and no settle time. Of the looks that are made again and again, at a function and at whose the lock is, only the first ones are hit.
What the calls of two kinds of deployments have in common is hit in one of them. The table is written by
`LOCKSTEP_UPDATE=1 cargo test -p lockstep-tests --test fault_sweep`. Without that, a run hits every call by one of the
seven faults, another one from call to call; `LOCKSTEP_SWEEP=all` does them all. Every run fails on a deployment that went
wrong, and leaves its table in `target/fault-sweep/table.md`. `-` is what cannot be: while the watchdog decides, nothing runs that
could be stopped. `not reached` is a call that was not repeated as often as without faults.

Of a stack that was only planned, a change set may stay when the deployment is rejected or stopped there; nothing executes
it, and the next plan deletes it (`docs/adr/0017-stacks-first-in-two-plans.md`). Once anything was begun, no change set of the
deployment stays, and a stack is never left as nothing but a name. The stack that is stuck has a resource which fails to be put back, once:
where its update could not be cancelled in time, it fails the way back, so that the deployment ends `FAILED_DIRTY` on what it made.
`LOCKSTEP_SWEEP_SCENARIOS=stack,new-stack` runs these
kinds of deployments only.

| fault | meaning |
|---|---|
| refused | AWS answers `AccessDenied` once and does not act |
| server error | AWS answers 500 and does not act, for as long as the SDK tries in one invocation |
| answer lost | AWS acts, and the connection closes without an answer |
| throttled | AWS throttles for as long as the SDK tries in one invocation |
| killed before | the function is killed (SIGKILL), AWS does not act |
| killed after | AWS acts, then the function is killed |
| stopped | a person stops the execution during the call; the function goes on |
";

impl Table {
    /// Notes what came of one fault.
    pub fn set(&mut self, scenario: Scenario, row: usize, kind: Kind, text: String) {
        self.cells.insert((scenario, row, kind), text);
    }

    /// The document.
    pub fn render(&self, rows: &BTreeMap<Scenario, Vec<Target>>) -> String {
        let mut out = HEAD.to_owned();
        for (scenario, targets) in rows {
            let titles: Vec<_> = Kind::ALL.iter().map(|kind| kind.title()).collect();
            let _ = write!(
                out,
                "\n## {}\n\n| call | {} |\n|---{}|\n",
                scenario.title(),
                titles.join(" | "),
                "|---".repeat(titles.len())
            );
            for (row, target) in targets.iter().enumerate() {
                let cell = |kind: &Kind| {
                    self.cells
                        .get(&(*scenario, row, *kind))
                        .map_or("-", String::as_str)
                };
                let cells: Vec<_> = Kind::ALL.iter().map(cell).collect();
                let _ = writeln!(out, "| {} | {} |", target.label(), cells.join(" | "));
            }
        }
        out
    }
}
