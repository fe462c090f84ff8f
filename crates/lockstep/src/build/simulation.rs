//! Whatever CodeBuild does, and however late it shows it: the change ends, its undo ends with the
//! world as it was, and the ledger never says what is not so.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::identity::Purpose;
use super::testing::{build, change, step, texts};
use super::{
    Action, Build, BuildRecord, BuildStatus, BuildStep, Do, InfrastructureChange, Looked, Next,
    next, undo_next,
};

/// What is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Old,
    Half,
    New,
}

/// One build, while and after it runs.
#[derive(Debug, Clone)]
struct Run {
    build: Build,
    /// How many looks pass before it ends, and before it is seen.
    ends_in: u8,
    seen_in: u8,
    changes: Vec<InfrastructureChange>,
}

/// A small CodeBuild with one tool and a ledger.
struct Account {
    now: Timestamp,
    content: Content,
    runs: BTreeMap<Purpose, Run>,
    record: BuildRecord,
    luck: VecDeque<u8>,
    applies: usize,
}

impl Account {
    fn new(step: &BuildStep, luck: Vec<u8>) -> Self {
        Self {
            now: Timestamp::UNIX_EPOCH,
            content: Content::Old,
            runs: BTreeMap::new(),
            record: step.before.clone(),
            luck: luck.into(),
            applies: 0,
        }
    }

    fn luck(&mut self) -> u8 {
        self.luck.pop_front().unwrap_or(0)
    }

    /// Builds go on by themselves.
    fn tick(&mut self) {
        self.now += SignedDuration::from_secs(8);
        let purposes: Vec<_> = self.runs.keys().copied().collect();
        for purpose in purposes {
            let fate = self.luck();
            let run = self.runs.get_mut(&purpose).unwrap();
            run.seen_in = run.seen_in.saturating_sub(1);
            if run.build.has_ended() {
                continue;
            }
            run.ends_in = run.ends_in.saturating_sub(1);
            if run.ends_in == 0 {
                self.end(purpose, fate);
            }
        }
    }

    fn end(&mut self, purpose: Purpose, fate: u8) {
        let (status, phase, content) = match (purpose, fate % 5) {
            (Purpose::Apply, 1) => (BuildStatus::Failed, "BUILD", Content::Half),
            (Purpose::Apply, 2) => (BuildStatus::TimedOut, "BUILD", Content::Half),
            (Purpose::Apply, 3) => (BuildStatus::Failed, "DOWNLOAD_SOURCE", self.content),
            (Purpose::Apply, 4) => (BuildStatus::Stopped, "BUILD", Content::New),
            (Purpose::Apply, _) => (BuildStatus::Succeeded, "COMPLETED", Content::New),
            (Purpose::UndoApply, _) => (BuildStatus::Succeeded, "COMPLETED", Content::Old),
            _ => (BuildStatus::Succeeded, "COMPLETED", self.content),
        };
        self.content = content;
        let target = if purpose.is_undo() {
            Content::Old
        } else {
            Content::New
        };
        let changes =
            (content != target).then(|| change("aws_vpc.main", "aws_vpc", Action::Update));
        let run = self.runs.get_mut(&purpose).unwrap();
        run.build.status = status;
        run.build.phase = phase.to_owned();
        run.changes = changes.into_iter().collect();
    }

    fn look(&self, step: &BuildStep, undo: bool) -> Looked {
        let seen = |purpose| self.runs.get(&purpose).filter(|run| run.seen_in == 0);
        let shown = |purpose| seen(purpose).map(|run| run.build.clone());
        let left = |purpose| seen(purpose).filter(|run| run.build.has_succeeded());
        let changes = |purpose| left(purpose).map(|run| Ok(run.changes.clone()));
        let outputs = |purpose, url| left(purpose).map(|_| Ok(texts(&[("url", url)])));
        let only = |wanted: bool, it: Option<Build>| it.filter(|_| wanted);
        Looked {
            now: self.now,
            plan: only(step.planned.is_none(), shown(Purpose::Plan)),
            apply: shown(Purpose::Apply),
            undo_plan: only(undo, shown(Purpose::UndoPlan)),
            undo_apply: only(undo, shown(Purpose::UndoApply)),
            changes: changes(Purpose::Plan),
            outputs: outputs(Purpose::Apply, "new"),
            undo_changes: changes(Purpose::UndoPlan),
            undo_outputs: outputs(Purpose::UndoApply, "old"),
            variables: texts(&[("size", "large")]),
            record: self.record.clone(),
        }
    }

    /// A call. It may be refused, and it may act and lose its answer, which nobody reads anyway.
    fn act(&mut self, looked: &Looked, action: &Do) {
        if self.luck() % 4 == 3 {
            return;
        }
        match action {
            // The same token gives the same build.
            Do::Start(purpose) if !self.runs.contains_key(purpose) => {
                self.applies += usize::from(*purpose == Purpose::Apply);
                let (ends_in, seen_in) = (1 + self.luck() % 4, self.luck() % 3);
                let run = Run {
                    build: build(purpose.as_str(), BuildStatus::InProgress),
                    ends_in,
                    seen_in,
                    changes: Vec::new(),
                };
                self.runs.insert(*purpose, run);
            }
            Do::Record(record) if self.record == looked.record => self.record = (**record).clone(),
            Do::Start(_) | Do::Record(_) => {}
        }
    }

    /// What the ledger is sure of is so.
    fn is_true(&self, step: &BuildStep) -> bool {
        let Some(certain) = self.record.certain() else {
            return true;
        };
        let content = if certain.source == step.source {
            Content::New
        } else {
            Content::Old
        };
        content == self.content
    }
}

/// Looks and acts until it ends, or for so many rounds. Two may act on one look.
fn run(account: &mut Account, step: &BuildStep, undo: bool, rounds: usize) -> Option<Next> {
    for _ in 0..rounds {
        let looked = account.look(step, undo);
        let decided = if undo {
            undo_next(step, &looked)
        } else {
            next(step, &looked)
        };
        match decided {
            Ok(Next::Act(action)) => {
                account.act(&looked, &action);
                if account.luck() % 2 == 1 {
                    account.act(&looked, &action);
                }
            }
            Ok(Next::Wait { .. }) => {}
            Ok(done) => return Some(done),
            Err(error) => {
                assert!(!undo, "the way back failed: {error}");
                return None;
            }
        }
        account.tick();
        assert!(account.is_true(step), "{:?}", account.record);
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_change_ends_and_is_put_back(
        planned in any::<bool>(),
        luck in prop::collection::vec(any::<u8>(), 0..120),
        rounds in 0usize..40,
        goes_on in any::<bool>(),
    ) {
        let mut step = step();
        if !planned {
            step.planned = None;
        }
        let mut account = Account::new(&step, luck);
        let done = run(&mut account, &step, false, rounds);
        if done.is_some() {
            prop_assert_eq!(account.content, Content::New);
            let applied = account.record.certain().unwrap();
            prop_assert_eq!(&applied.deployment, &step.deployment);
        }
        prop_assert!(account.applies <= 1);
        if done.is_some() && goes_on {
            return Ok(());
        }
        let back = run(&mut account, &step, true, 400);
        prop_assert!(back.is_some(), "it never ends");
        prop_assert_eq!(account.content, Content::Old);
        let applied = account.record.certain().unwrap();
        prop_assert_eq!(&applied.source, &step.before.applied.as_ref().unwrap().source);
        // It is put back again by a recovery, which changes nothing.
        let again = run(&mut account, &step, true, 10);
        prop_assert!(again.is_some());
        prop_assert_eq!(account.content, Content::Old);
        prop_assert!(account.applies <= 1);
    }
}
