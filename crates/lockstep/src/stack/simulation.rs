//! Whatever CloudFormation does, and however late its answers are: the change ends, and its undo
//! ends with the world as it was.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::VecDeque;

use proptest::prelude::*;

use super::identity::{Purpose, token};
use super::next::tests::live;
use super::testing::{Events, id, step};
use super::{
    ChangeSetStatus, Do, LiveChangeSet, LiveStack, Looked, Next, StackEvent, StackStep, next,
    undo_next,
};
use crate::PhaseError;

/// One stack of a small CloudFormation. `true` as content is the new one.
struct Account {
    stack: Option<Stack>,
    change_set: Option<ChangeSetStatus>,
    undo_change_set: Option<ChangeSetStatus>,
    events: Vec<(String, Option<Purpose>)>,
    luck: VecDeque<bool>,
    old: Option<LiveStack>,
}

#[derive(Clone)]
struct Stack {
    status: String,
    content: bool,
    protected: bool,
    purpose: Option<Purpose>,
    /// What comes next, and the content with it.
    ahead: VecDeque<(&'static str, bool)>,
}

impl Account {
    fn new(exists: bool, luck: Vec<bool>) -> Self {
        let stack = Stack {
            status: "CREATE_COMPLETE".into(),
            content: false,
            protected: false,
            purpose: None,
            ahead: VecDeque::new(),
        };
        Self {
            stack: exists.then_some(stack),
            change_set: None,
            undo_change_set: None,
            events: Vec::new(),
            luck: luck.into(),
            old: None,
        }
    }

    fn lucky(&mut self) -> bool {
        self.luck.pop_front().unwrap_or(true)
    }

    /// CloudFormation goes on by itself.
    fn tick(&mut self) {
        for set in [&mut self.change_set, &mut self.undo_change_set] {
            if *set == Some(ChangeSetStatus::Pending) {
                *set = Some(ChangeSetStatus::Ready);
            }
        }
        let Some(stack) = &mut self.stack else { return };
        let Some((status, content)) = stack.ahead.pop_front() else {
            return;
        };
        stack.status = status.into();
        stack.content = content;
        self.events.push((status.into(), stack.purpose));
        if status == "DELETE_COMPLETE" {
            self.stack = None;
            self.events.clear();
            self.change_set = None;
        }
    }

    fn begin(&mut self, purpose: Purpose, ahead: &[(&'static str, bool)]) {
        let stack = self.stack.as_mut().unwrap();
        stack.purpose = Some(purpose);
        stack.ahead = ahead.iter().copied().collect();
        self.tick();
    }

    /// A call; what is not possible is refused, and changes nothing.
    fn call(&mut self, call: &Do) {
        let status = self.stack.as_ref().map(|stack| stack.status.clone());
        let status = status.unwrap_or_default();
        let at_rest = self.stack.as_ref().is_some_and(|it| it.ahead.is_empty());
        match call {
            Do::CreateChangeSet { create: true, .. } if self.stack.is_none() => {
                self.change_set = Some(ChangeSetStatus::Pending);
                let mut shell = Self::new(true, vec![]).stack.unwrap();
                shell.status = "REVIEW_IN_PROGRESS".into();
                self.stack = Some(shell);
                self.events.push(("REVIEW_IN_PROGRESS".into(), None));
            }
            Do::CreateChangeSet {
                create: false,
                undo,
            } if at_rest => {
                let set = self.set(*undo);
                *set = set.or(Some(ChangeSetStatus::Pending));
            }
            Do::DeleteChangeSet { undo } if *self.set(*undo) != Some(ChangeSetStatus::Executed) => {
                *self.set(*undo) = None;
            }
            Do::Execute { undo } if *self.set(*undo) == Some(ChangeSetStatus::Ready) => {
                *self.set(*undo) = Some(ChangeSetStatus::Executed);
                self.execute(*undo);
            }
            Do::Delete(purpose) if status != "DELETE_IN_PROGRESS" && self.stack.is_some() => {
                self.begin(
                    *purpose,
                    &[("DELETE_IN_PROGRESS", false), ("DELETE_COMPLETE", false)],
                );
            }
            Do::Cancel if status == "UPDATE_IN_PROGRESS" => self.roll_back(Purpose::Cancel, false),
            Do::ContinueRollback { purpose, .. } if status == "UPDATE_ROLLBACK_FAILED" => {
                let content = self.stack.as_ref().unwrap().content;
                self.roll_back(*purpose, content);
            }
            Do::Protect(on) => {
                if let Some(stack) = &mut self.stack {
                    stack.protected = *on;
                }
            }
            _ => {}
        }
    }

    fn set(&mut self, undo: bool) -> &mut Option<ChangeSetStatus> {
        if undo {
            &mut self.undo_change_set
        } else {
            &mut self.change_set
        }
    }

    fn execute(&mut self, undo: bool) {
        let good = self.lucky();
        let stack = self.stack.as_ref().unwrap();
        let (before, shell) = (stack.content, stack.status == "REVIEW_IN_PROGRESS");
        let purpose = if undo { Purpose::Undo } else { Purpose::Change };
        match (shell, good) {
            (true, true) => self.begin(
                purpose,
                &[("CREATE_IN_PROGRESS", false), ("CREATE_COMPLETE", true)],
            ),
            (true, false) => self.begin(
                purpose,
                &[
                    ("CREATE_IN_PROGRESS", false),
                    ("ROLLBACK_IN_PROGRESS", false),
                    ("ROLLBACK_COMPLETE", false),
                ],
            ),
            (false, true) => self.begin(
                purpose,
                &[
                    ("UPDATE_IN_PROGRESS", before),
                    ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", !undo),
                    ("UPDATE_COMPLETE", !undo),
                ],
            ),
            (false, false) => {
                let end = self.end_of_rollback();
                self.begin(
                    purpose,
                    &[
                        ("UPDATE_IN_PROGRESS", before),
                        ("UPDATE_ROLLBACK_IN_PROGRESS", before),
                        (end, before),
                    ],
                );
            }
        }
    }

    fn end_of_rollback(&mut self) -> &'static str {
        if self.lucky() {
            "UPDATE_ROLLBACK_COMPLETE"
        } else {
            "UPDATE_ROLLBACK_FAILED"
        }
    }

    fn roll_back(&mut self, purpose: Purpose, content: bool) {
        let end = self.end_of_rollback();
        self.begin(
            purpose,
            &[("UPDATE_ROLLBACK_IN_PROGRESS", content), (end, content)],
        );
    }

    /// A look: the events are those of now, the stack may be that of the look before.
    fn look(&mut self, step: &StackStep, stale: bool) -> Looked {
        let now = self.stack.as_ref().map(|stack| {
            let tags = match (stack.content, &step.before) {
                (false, Some(before)) => before.tags.clone(),
                _ => step.tags.clone(),
            };
            LiveStack {
                tags,
                termination_protection: stack.protected,
                ..live(&stack.status)
            }
        });
        let there = self.old.is_some() && now.is_some();
        let seen = if stale && there {
            self.old.take()
        } else {
            now.clone()
        };
        self.old = now;
        let set = |status: Option<ChangeSetStatus>| {
            status.map(|status| LiveChangeSet {
                name: "lockstep".into(),
                status,
                reason: String::new(),
                changes: vec![],
            })
        };
        Looked {
            stack: seen,
            change_set: set(self.change_set),
            undo_change_set: set(self.undo_change_set),
            events: self.told(),
            ..Looked::default()
        }
    }

    fn told(&self) -> Vec<StackEvent> {
        let add = |events: Events, (status, purpose): &(String, Option<Purpose>)| {
            let token = purpose.map(|it| token(&id(), it));
            events.stack(status, token.as_deref())
        };
        self.events
            .iter()
            .fold(Events::default(), add)
            .newest_first()
    }
}

type Decide = fn(&StackStep, &Looked) -> Result<Next, PhaseError>;

/// Looks and calls until it is done, has failed, or the patience is used up.
fn run(
    account: &mut Account,
    step: &StackStep,
    decide: Decide,
    (patience, stale): (usize, &[bool]),
) -> Option<Result<String, PhaseError>> {
    for round in 0..patience {
        let is_stale = stale.get(round).copied().unwrap_or_default();
        let looked = account.look(step, is_stale);
        match decide(step, &looked) {
            Ok(Next::Act(call)) => {
                account.call(&call);
                if is_stale {
                    account.call(&call);
                }
            }
            Ok(Next::Wait { .. }) => account.tick(),
            Ok(Next::Done { summary }) => return Some(Ok(summary)),
            Err(error) => return Some(Err(error)),
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_change_ends_and_so_does_its_undo_with_the_world_as_it_was(
        exists: bool,
        protect: bool,
        luck in prop::collection::vec(any::<bool>(), 0..6),
        patience in 0_usize..20,
        stale in prop::collection::vec(any::<bool>(), 60),
    ) {
        let mut step = StackStep { termination_protection: protect, ..step() };
        if !exists {
            step.before = None;
        }
        let lucky = luck.iter().all(|it| *it);
        let mut account = Account::new(exists, luck);
        let done = run(&mut account, &step, next, (patience, &stale));
        if let Some(Ok(_)) = &done {
            let stack = account.stack.as_ref().unwrap();
            prop_assert!(stack.content && stack.ahead.is_empty() && stack.protected == protect);
        }
        prop_assert!(!matches!(&done, Some(Err(PhaseError::Diverged { .. }))), "{done:?}");
        if lucky {
            prop_assert!(!matches!(&done, Some(Err(_))), "{done:?}");
        }
        let undone = run(&mut account, &step, undo_next, (60, &stale));
        let undone = undone.expect("the undo ends");
        match (&undone, &account.stack) {
            (Ok(_), None) => prop_assert!(!exists),
            (Ok(_), Some(stack)) => {
                prop_assert!(exists && !stack.content && stack.ahead.is_empty(), "{undone:?}");
                prop_assert!(!stack.protected && account.change_set != Some(ChangeSetStatus::Ready));
            }
            (Err(error), _) => {
                let own = matches!(error, PhaseError::Rejected { .. } | PhaseError::Unhealthy { .. });
                prop_assert!(own && !lucky, "{error}");
            }
        }
    }
}
