//! Everything about one deployment.

use jiff::Timestamp;
use lockstep::image_build::FIRST;
use lockstep::plan::Step;
use lockstep::question::Question;
use lockstep::record::{Conclusion, DeploymentRecord, StepJournal};
use lockstep::verdict::Verdict;
use serde::Serialize;

use super::duration::{moment, words};
use super::question::ShownQuestion;
use super::{Report, table};
use crate::watch::Look;
use crate::watch::timeline::PhaseSpan;

/// `lockstep show --json`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// The deployment's record: `id`, `application`, `environment`, `execution`, `source`,
    /// `manifest_version`, `requested`, `conclusion`.
    #[serde(flatten)]
    pub record: DeploymentRecord,
    /// The phases with their times; empty when Step Functions has forgotten the execution.
    pub phases: Vec<PhaseSpan>,
    /// What the running phase waits for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub waits_for: String,
    /// What people were asked, and what became of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<ShownQuestion>,
    /// The steps of the plan.
    pub steps: Vec<ShownStep>,
    /// The messages that went out.
    pub messages: Vec<Message>,
}

/// One step and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownStep {
    /// Its number, from 0.
    pub number: u32,
    /// The target, such as `service hello/web`.
    pub target: String,
    /// What the target ran before.
    pub before: String,
    /// What it was to run afterwards.
    pub after: String,
    /// What changes of it, one line each, where that is known: of a stack.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// `waiting`, `running`, `ended`, `putting back`, `put back`, or `not put back` where that
    /// failed and a person is needed.
    pub state: &'static str,
    /// The times.
    #[serde(flatten)]
    pub journal: StepJournal,
}

/// A message that went out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `started`, `asking`, `rolling_back` or `concluded`.
    pub moment: &'static str,
    /// When.
    pub sent_at: Timestamp,
}

impl Shown {
    /// What a look and the ledger know of a deployment.
    pub fn of(
        record: DeploymentRecord,
        look: &Look,
        steps: Vec<(Step, StepJournal)>,
        questions: &[Question],
    ) -> Self {
        let verdict = record
            .conclusion
            .as_ref()
            .map(|conclusion| conclusion.verdict);
        let id = &record.deployment.id;
        let questions = questions.iter();
        let questions = questions.map(|it| {
            let shown = ShownQuestion::of(id, it, look.at);
            let commands = shown.commands.clone().filter(|_| verdict.is_none());
            ShownQuestion { commands, ..shown }
        });
        let dirty = verdict == Some(Verdict::FailedDirty);
        Self {
            questions: questions.collect(),
            record,
            phases: look.phases.clone(),
            waits_for: look.waits_for.clone(),
            steps: steps
                .into_iter()
                .map(|it| ShownStep::of(it, dirty))
                .collect(),
            messages: look.messages.iter().filter_map(Message::of).collect(),
        }
    }

    fn head(&self) -> String {
        let record = &self.record;
        let mut facts = table::new(&[]);
        let deployment = &record.deployment;
        facts.add_row(["deployment", deployment.id.as_str()]);
        facts.add_row([
            "of",
            &format!(
                "{} in {}, manifest version {}",
                deployment.application, deployment.environment, record.manifest_version
            ),
        ]);
        facts.add_row(["asked for by", &record.source.label()]);
        facts.add_row(["began", &moment(record.execution.started_at)]);
        if let Some(only) = record.only.words() {
            facts.add_row(["about", &only]);
        }
        if let Some(left_out) = record.only.left_out_words() {
            facts.add_row(["", &left_out]);
        }
        for (component, image) in &record.requested {
            facts.add_row([
                component.as_str(),
                &format!("{}, {}", image.label(), image.id()),
            ]);
        }
        facts.add_row(["execution", &record.execution.arn]);
        table::text(&mut facts, 0)
    }

    fn phases(&self) -> String {
        if self.phases.is_empty() {
            return "phases: Step Functions does not know the execution (it keeps it for 90 days)"
                .to_owned();
        }
        let mut all = table::new(&["PHASE", "BEGAN", "TOOK", ""]);
        let last = self.phases.len() - 1;
        for (at, phase) in self.phases.iter().enumerate() {
            let took = phase
                .finished_at
                .map(|end| words(end.duration_since(phase.started_at)));
            let note = if at == last && !self.waits_for.is_empty() {
                &self.waits_for
            } else {
                &phase.note
            };
            let began = phase.started_at.strftime("%H:%M:%S").to_string();
            all.add_row([
                phase.phase,
                &began,
                took.as_deref().unwrap_or("running"),
                note,
            ]);
        }
        table::text(&mut all, 0)
    }

    fn steps(&self) -> String {
        let texts: Vec<_> = self.steps.iter().map(ShownStep::text).collect();
        texts.join("\n")
    }
}

impl ShownStep {
    fn of((step, journal): (Step, StepJournal), dirty: bool) -> Self {
        Self {
            number: step.number,
            changes: step.details(),
            target: step.target,
            before: step.before,
            after: step.after,
            state: state(&journal, dirty),
            journal,
        }
    }

    fn text(&self) -> String {
        let journal = &self.journal;
        let span = |from: Option<Timestamp>, to: Option<Timestamp>| match (from, to) {
            (Some(from), Some(to)) => format!(" in {}", words(to.duration_since(from))),
            _ => String::new(),
        };
        let took = match self.state {
            "put back" => span(journal.undo_started_at, journal.undone_at),
            _ => span(journal.started_at, journal.finished_at),
        };
        // Builds come before the plan, whose steps are counted.
        let counted = match self.number {
            FIRST.. => String::new(),
            number => format!("step {number}: "),
        };
        let mut lines = vec![
            format!("{counted}{}: {}{took}", self.target, self.state),
            format!("  before  {}", table::hanging(&self.before, 10)),
            format!("  after   {}", table::hanging(&self.after, 10)),
        ];
        for change in &self.changes {
            lines.push(format!("  change  {}", table::hanging(change, 10)));
        }
        if !journal.note.is_empty() {
            lines.push(format!("  note    {}", table::hanging(&journal.note, 10)));
        }
        lines.join("\n")
    }
}

/// What a step's journal amounts to.
const fn state(journal: &StepJournal, dirty: bool) -> &'static str {
    match journal {
        StepJournal {
            undone_at: Some(_), ..
        } => "put back",
        StepJournal {
            undo_started_at: Some(_),
            ..
        } if dirty => "not put back",
        StepJournal {
            undo_started_at: Some(_),
            ..
        } => "putting back",
        StepJournal {
            finished_at: Some(_),
            ..
        } => "ended",
        StepJournal {
            started_at: Some(_),
            ..
        } => "running",
        _ => "waiting",
    }
}

impl Message {
    fn of((state, sent_at): &(String, Timestamp)) -> Option<Self> {
        let moment = match state.as_str() {
            "AnnounceInfrastructure" | "AnnounceStart" => "started",
            "AnnounceQuestion" => "asking",
            "AnnounceUndo" => "rolling_back",
            "Notify" => "concluded",
            _ => return None,
        };
        Some(Self {
            moment,
            sent_at: *sent_at,
        })
    }
}

fn conclusion(conclusion: &Conclusion, started_at: Timestamp) -> String {
    let took = words(conclusion.concluded_at.duration_since(started_at));
    let mut text = format!(
        "{} after {took}: {}",
        conclusion.verdict, conclusion.message
    );
    for step in &conclusion.next_steps {
        text.push_str("\n  next: ");
        text.push_str(step);
    }
    text
}

impl Report for Shown {
    fn text(&self) -> String {
        let mut parts = vec![self.head(), self.phases()];
        if !self.steps.is_empty() {
            parts.push(self.steps());
        }
        parts.extend(self.questions.iter().map(ShownQuestion::block));
        if !self.messages.is_empty() {
            let sent = self.messages.iter().map(|it| {
                format!(
                    "{} {}",
                    it.moment.replace('_', " "),
                    it.sent_at.strftime("%H:%M:%S")
                )
            });
            parts.push(format!(
                "messages sent: {}",
                sent.collect::<Vec<_>>().join(", ")
            ));
        }
        parts.push(match &self.record.conclusion {
            Some(it) => conclusion(it, self.record.execution.started_at),
            None => "It is still running.".to_owned(),
        });
        parts.join("\n\n")
    }
}

#[cfg(test)]
mod tests;
