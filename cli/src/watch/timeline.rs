//! From an execution's history to the phases a person knows. Pure.

use jiff::Timestamp;
use serde::Serialize;

/// What the history says happened, reduced to what phases are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number in the history, from 1.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A state was entered.
    Entered {
        /// The state's name.
        state: String,
    },
    /// A state was left.
    Exited {
        /// The state's name.
        state: String,
        /// What it passed on, as JSON.
        output: String,
    },
    /// The execution is over.
    Ended(Ended),
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// `SUCCEEDED`, `FAILED`, `ABORTED` or `TIMED_OUT`.
    pub status: &'static str,
    /// What it returned, as JSON; empty unless it succeeded.
    #[serde(skip)]
    pub output: String,
    /// The error's name; empty when it succeeded.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// The error's text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cause: String,
}

/// A phase of a deployment, with its times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhaseSpan {
    /// The phase: `trigger`, `release`, `lock`, `plan`, `infrastructure`, `rollout`, `verify`,
    /// `undo`, `verify restored`, `conclude`, `notify`.
    pub phase: &'static str,
    /// When its first state was entered.
    pub started_at: Timestamp,
    /// When its last state was left; `None` while it is the current one.
    pub finished_at: Option<Timestamp>,
    /// What it last said of itself; empty when nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// The phases of one execution, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The phases, oldest first.
    pub phases: Vec<PhaseSpan>,
    /// How the execution ended; `None` while it runs.
    pub ended: Option<Ended>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The messages that went out: the state's name and when.
    pub messages: Vec<(String, Timestamp)>,
    /// The number of the last event it knows.
    pub last_event: i64,
}

/// The states of each phase, as `state-machine/deploy.asl.json` names them.
const PHASES: [(&str, &[&str]); 18] = [
    ("trigger", &["Trigger", "Route"]),
    ("release", &["Release", "Released", "ReleaseWait"]),
    ("lock", &["Lock"]),
    (
        "builds",
        &["PlanBuilds", "Builds", "BuildsSettled", "StopBuilds"],
    ),
    (
        "plan",
        &[
            "Plan",
            "HasSteps",
            "PlanFunctions",
            "PlanInfrastructure",
            "InfrastructurePlanned",
            "PlanInfrastructureWait",
            "PlanStacks",
            "StacksPlanned",
            "PlanStacksWait",
            "PlanRollout",
            "RolloutPlanned",
            "PlanRolloutFunctions",
        ],
    ),
    ("gates", &["GatesBefore", "GatesBeforeSettled", "StopGates"]),
    ("infrastructure", &["SeedLive", "Stacks", "StacksSettled"]),
    ("migrate", &["Migrations", "MigrationsSettled"]),
    ("rollout", &["Rollout", "RolloutSettled"]),
    (
        "traffic",
        &[
            "Traffic",
            "TrafficShifted",
            "AnnounceQuestion",
            "TrafficWait",
        ],
    ),
    ("verify", &["Verify", "Verified", "VerifyWait"]),
    ("gates after", &["GatesAfter", "GatesAfterSettled"]),
    ("publish live", &["PublishLive", "PublishLiveFirst"]),
    ("contract", &["Contracts"]),
    ("undo", &["UndoRollout"]),
    (
        "verify restored",
        &["VerifyRestored", "Restored", "VerifyRestoredWait"],
    ),
    ("conclude", &["Conclude"]),
    ("notify", &["Notify", "WakeNext", "Verdict", "Prune"]),
];

/// The states that send a message.
const MESSAGES: [&str; 6] = [
    "AnnounceInfrastructure",
    "AnnounceMigrations",
    "AnnounceStart",
    "AnnounceQuestion",
    "AnnounceUndo",
    "Notify",
];

fn phase_of(state: &str) -> Option<&'static str> {
    PHASES
        .iter()
        .find(|(_, states)| states.contains(&state))
        .map(|(phase, _)| *phase)
}

impl Timeline {
    /// Takes in events in the order of their numbers; those it knows already change nothing.
    pub fn extend(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            if event.id > self.last_event {
                self.last_event = event.id;
                self.take(event);
            }
        }
    }

    /// Says that everything up to the event of this number was read, so that it is not
    /// read again.
    pub const fn read_up_to(&mut self, id: i64) {
        if id > self.last_event {
            self.last_event = id;
        }
    }

    /// The phase the execution is in; `None` before the first and after the end.
    pub fn current(&self) -> Option<&PhaseSpan> {
        self.phases.last().filter(|_| self.ended.is_none())
    }

    fn take(&mut self, event: Event) {
        match event.kind {
            EventKind::Entered { state } => self.enter(&state, event.at),
            EventKind::Exited { state, output } => self.exit(&state, &output, event.at),
            EventKind::Ended(ended) => {
                self.close(event.at);
                self.ended = Some(ended);
                self.ended_at = Some(event.at);
            }
        }
    }

    fn enter(&mut self, state: &str, at: Timestamp) {
        let Some(phase) = phase_of(state) else { return };
        if self.phases.last().is_none_or(|last| last.phase != phase) {
            self.close(at);
            self.phases.push(PhaseSpan {
                phase,
                started_at: at,
                finished_at: None,
                note: String::new(),
            });
        }
    }

    /// A phase is over when the next one begins: what lies between belongs to it.
    fn close(&mut self, at: Timestamp) {
        if let Some(last) = self.phases.last_mut() {
            last.finished_at.get_or_insert(at);
        }
    }

    fn exit(&mut self, state: &str, output: &str, at: Timestamp) {
        let output: serde_json::Value = serde_json::from_str(output).unwrap_or_default();
        let text = |field: &str| output.get(field).and_then(|value| value.as_str());
        if MESSAGES.contains(&state) && text("id").is_some() {
            self.messages.push((state.to_owned(), at));
        }
        let (Some(note), Some(phase)) = (text("note").or(text("summary")), phase_of(state)) else {
            return;
        };
        if let Some(last) = self.phases.last_mut().filter(|last| last.phase == phase) {
            note.clone_into(&mut last.note);
        }
    }
}

#[cfg(test)]
mod tests;
