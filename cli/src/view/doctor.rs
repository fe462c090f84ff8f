//! What `lockstep doctor` says.

use lockstep::stack::{Diagnosis, Heal};
use serde::Serialize;

use super::Report;
use super::table::hanging;
use crate::doctor::{Case, treatment};
use crate::exit::Exit;

/// `lockstep doctor --json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// The application.
    pub application: String,
    /// The environment.
    pub environment: String,
    /// Its stacks, in the order in which they are changed.
    pub stacks: Vec<ExaminedStack>,
}

/// One stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExaminedStack {
    /// The manifest's name of it.
    pub component: String,
    /// Its name in CloudFormation.
    pub stack: String,
    /// Its status; `null` when there is no such stack.
    pub status: Option<String>,
    /// In which state that is.
    pub state: StackState,
    /// What failed first in its last change, if that failed.
    pub cause: Option<String>,
    /// What the state means, and the way out.
    pub words: String,
}

/// What can be done about a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StackState {
    /// There is none: a deployment creates it.
    Absent,
    /// It can be changed.
    Healthy,
    /// It is at work.
    Busy,
    /// It cannot be changed, and there is a way out, which `--heal` takes.
    Curable,
    /// It cannot be changed, and a person has to decide.
    Stuck,
}

impl ExaminedStack {
    fn of(case: &Case, environment: &str) -> Self {
        let component = &case.component;
        let (state, words) = match (&case.live, &case.diagnosis) {
            (None, _) => (
                StackState::Absent,
                format!("there is none: `lockstep deploy {environment}` creates it"),
            ),
            (_, Diagnosis::Healthy | Diagnosis::Ours) => {
                (StackState::Healthy, "it can be changed".to_owned())
            }
            (_, Diagnosis::Busy { note }) => {
                (StackState::Busy, format!("{note}; wait until it is done"))
            }
            (_, Diagnosis::Curable { words, heal }) if *heal == Heal::RollBack => {
                let words = format!(
                    "{words} by `lockstep doctor {environment} {component} --heal`, which shows what goes with that. No \
                     deployment does it by itself"
                );
                (StackState::Curable, words)
            }
            (_, Diagnosis::Curable { words, .. }) => {
                let now = treatment(case).map_or_else(String::new, |_| {
                    format!("; without one: `lockstep doctor {environment} {component} --heal`")
                });
                let words = format!("{words}. The next deployment does that by itself{now}");
                (StackState::Curable, words)
            }
            (_, Diagnosis::Stuck(check)) => (StackState::Stuck, check.to_string()),
        };
        Self {
            component: component.clone(),
            stack: case.stack.clone(),
            status: case.live.as_ref().map(|live| live.status.to_string()),
            state,
            cause: case.cause.as_ref().map(lockstep::stack::RootCause::words),
            words,
        }
    }

    fn text(&self) -> String {
        let status = self.status.as_deref().unwrap_or("none");
        let mut text = format!("  {} ({}): {status}", self.component, self.stack);
        if let Some(cause) = &self.cause {
            text.push_str("\n    failed first: ");
            text.push_str(&hanging(cause, 4));
        }
        text.push_str("\n    ");
        text.push_str(&hanging(&self.words, 4));
        text
    }
}

impl Examined {
    /// The report of what was found.
    pub fn of(application: &str, environment: &str, cases: &[Case]) -> Self {
        Self {
            application: application.to_owned(),
            environment: environment.to_owned(),
            stacks: cases
                .iter()
                .map(|case| ExaminedStack::of(case, environment))
                .collect(),
        }
    }

    /// 1 when a stack cannot be changed as it is.
    pub fn exit(&self) -> Exit {
        let ill = |it: &ExaminedStack| matches!(it.state, StackState::Curable | StackState::Stuck);
        if self.stacks.iter().any(ill) {
            Exit::Bad
        } else {
            Exit::Good
        }
    }
}

impl Report for Examined {
    fn text(&self) -> String {
        let Self {
            application,
            environment,
            stacks,
        } = self;
        if stacks.is_empty() {
            return format!("{environment} of {application} has no stacks");
        }
        let stacks: Vec<_> = stacks.iter().map(ExaminedStack::text).collect();
        format!("{environment} of {application}\n{}", stacks.join("\n"))
    }
}

/// What was done, with `--heal` and `--delete`: a line a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Treated {
    /// `healed` or `deleted`.
    pub event: &'static str,
    /// The manifest's name of the stack.
    pub component: String,
    /// Its name in CloudFormation.
    pub stack: String,
    /// Its status now.
    pub status: String,
    /// Whether it did what it was to do.
    pub good: bool,
    /// What failed first, and what to do.
    pub message: Option<String>,
}

impl Report for Treated {
    fn text(&self) -> String {
        let Self {
            component,
            stack,
            status,
            ..
        } = self;
        match &self.message {
            Some(message) => format!("{component} ({stack}): {status}\n  {}", hanging(message, 2)),
            None => format!("{component} ({stack}): {status}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use lockstep::Check;
    use lockstep::stack::{Diagnosis, Heal, LiveStack, RootCause};

    use super::Examined;
    use crate::doctor::Case;
    use crate::exit::Exit;
    use crate::view::Report;

    fn case(component: &str, status: Option<&str>, diagnosis: Diagnosis) -> Case {
        let stack = format!("shop-production-{component}");
        let live = |status: &str| LiveStack {
            name: stack.clone(),
            status: status.into(),
            ..LiveStack::default()
        };
        Case {
            component: component.into(),
            live: status.map(live),
            stack: stack.clone(),
            diagnosis,
            cause: None,
            resources: vec![],
            made: [].into(),
        }
    }

    #[test]
    fn every_state_says_what_it_means_and_the_way_out() {
        let mut curable = case(
            "data",
            Some("UPDATE_ROLLBACK_FAILED"),
            Diagnosis::Curable {
                heal: Heal::ContinueRollback { skip: [].into() },
                words: "UPDATE_ROLLBACK_FAILED: its rollback is continued first".into(),
            },
        );
        curable.cause = Some(RootCause {
            path: "Queue".into(),
            resource_type: "AWS::SQS::Queue".into(),
            reason: "no such key".into(),
            stack: "arn:aws:cloudformation:eu-west-1:111122223333:stack/s/1".into(),
            is_unhealthy: false,
        });
        let stuck = Diagnosis::Stuck(Check {
            what: "stack".into(),
            resource: "stack shop-production-old".into(),
            found: "DELETE_FAILED: Bucket".into(),
            expected: "a stack, or none".into(),
            todo: "mend what is named".into(),
            curable: false,
        });
        let busy = Diagnosis::Busy {
            note: "stack shop-production-net is UPDATE_IN_PROGRESS".into(),
        };
        let cases = [
            case("app", None, Diagnosis::Healthy),
            curable,
            case("net", Some("UPDATE_IN_PROGRESS"), busy),
            case("ok", Some("UPDATE_COMPLETE"), Diagnosis::Healthy),
            case("old", Some("DELETE_FAILED"), stuck),
            case(
                "half",
                Some("UPDATE_FAILED"),
                Diagnosis::Curable {
                    heal: Heal::RollBack,
                    words: "UPDATE_FAILED: it is rolled back to what it was before".into(),
                },
            ),
        ];
        let report = Examined::of("shop", "production", &cases);
        assert_eq!(report.exit(), Exit::Bad);
        insta::assert_snapshot!(report.text());
        insta::assert_json_snapshot!(report);
        assert_eq!(
            Examined::of("shop", "production", &cases[2..4]).exit(),
            Exit::Good
        );
    }
}
