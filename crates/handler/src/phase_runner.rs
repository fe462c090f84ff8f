//! The token protocol: how one [`Phase`] is run by many short invocations.

use aws_sdk_sfn::Client;
use jiff::Timestamp;
use lockstep::plan::Change;
use lockstep::record::StepJournal;
use lockstep::{Phase, PhaseError, Progress};
use lockstep_ledger::{Finished, Registration, TakeUpRequest};
use serde_json::{Value, json};

use crate::standing::unless_halted;
use crate::{Context, Invocation, StartError, Tokens, Verb};

/// Runs one phase.
pub struct PhaseRunner<P> {
    phase: P,
    context: Context,
    tokens: Tokens,
}

/// Everything one invocation works with.
struct Work<S> {
    invocation: Invocation,
    number: u32,
    step: S,
    journal: StepJournal,
    registrations: Vec<Registration>,
}

impl<P: Phase> PhaseRunner<P> {
    /// A runner for `phase`.
    pub fn new(phase: P, context: Context) -> Self {
        let tokens = Tokens::new(Client::new(&context.sdk));
        Self {
            phase,
            context,
            tokens,
        }
    }

    /// Serves invocations until Lambda ends the process. `extract` takes the phase's
    /// step out of the plan's; `None` for one that is another phase's work.
    ///
    /// # Errors
    /// When the Lambda runtime API cannot be reached any more.
    pub async fn run(&self, extract: impl Fn(Change) -> Option<P::Step>) -> Result<(), StartError> {
        crate::run(async |payload| self.handle(payload, &extract).await.map(|()| Value::Null)).await
    }

    /// One invocation. A transient error is returned, so that Step Functions (or, for a
    /// woken invocation, Lambda) asks again; every other end is answered by token. A phase
    /// that runs and that no event wakes is asked again at once.
    ///
    /// # Errors
    /// [`PhaseError::InvalidRequest`] for a payload that is not one, and
    /// [`PhaseError::Transient`].
    pub async fn handle(
        &self,
        payload: Value,
        extract: impl Fn(Change) -> Option<P::Step>,
    ) -> Result<(), PhaseError> {
        let invocation = Invocation::parse(&payload)?;
        let token = invocation.task_token.clone();
        let Some(number) = invocation.step else {
            return Err(PhaseError::InvalidRequest {
                field: "step".to_owned(),
                reason: "null; this phase works on one step of the plan".to_owned(),
            });
        };
        let id = &invocation.deployment.id;
        let (step, journal) = self.context.ledger.step_and_journal(id, number).await?;
        let Some(step) = step else {
            let error = PhaseError::InvalidRequest {
                field: "step".to_owned(),
                reason: format!("deployment {id} has no step {number}"),
            };
            return self.tokens.fail(&token, &error).await;
        };
        if let (Verb::Do, Some(failure)) = (invocation.verb, &journal.failure) {
            tracing::info!(
                deployment = id.as_str(),
                step = number,
                "answering again: {failure}"
            );
            return self.tokens.fail(&token, failure).await;
        }
        let target = step.target.clone();
        let Some(step) = extract(step.change) else {
            let error = PhaseError::InvalidRequest {
                field: "step".to_owned(),
                reason: format!("step {number} ({target}) is the work of another phase"),
            };
            return self.tokens.fail(&token, &error).await;
        };
        let registrations = self.registrations(&invocation, &step, payload);
        let work = Work {
            invocation,
            number,
            step,
            journal,
            registrations,
        };
        let result = again(&work, self.advance(&work).await);
        log(&work, &target, &result);
        match result {
            Ok(Progress::Done { summary }) => self.succeed(&work, &summary).await,
            Ok(Progress::Running { note }) => {
                self.wait(&work, &note).await?;
                if work.registrations.is_empty() {
                    self.tokens.go_on(&token, &note).await?;
                }
                Ok(())
            }
            Ok(Progress::NotStarted) => Ok(()),
            Err(error) if error.is_transient() => Err(error),
            Err(error) => self.fail(&work, &error).await,
        }
    }

    async fn advance(&self, work: &Work<P::Step>) -> Result<Progress, PhaseError> {
        if acts(&work.invocation) {
            self.take_up(work).await?;
        }
        let progress = match work.invocation.verb {
            Verb::Do => self.do_step(work).await?,
            Verb::Undo => self.phase.undo(&work.step).await?,
        };
        match progress {
            Progress::Running { ref note } => self.check_deadline(work, note).map(|()| progress),
            other => Ok(other),
        }
    }

    /// An event only ever looks. Starting is left to the state's own invocations, which
    /// prove first that the lock is still ours.
    async fn do_step(&self, work: &Work<P::Step>) -> Result<Progress, PhaseError> {
        let seen = self.phase.observe(&work.step).await?;
        if seen != Progress::NotStarted || work.invocation.woken {
            return Ok(seen);
        }
        self.phase.start(&work.step).await?;
        Ok(match self.phase.observe(&work.step).await? {
            Progress::NotStarted => Progress::Running {
                note: "started; AWS does not show it yet".to_owned(),
            },
            seen => seen,
        })
    }

    async fn take_up(&self, work: &Work<P::Step>) -> Result<(), PhaseError> {
        let invocation = &work.invocation;
        let request = TakeUpRequest {
            deployment: &invocation.deployment,
            fence: invocation.fence,
            step: Some(work.number),
            undo: invocation.verb == Verb::Undo,
            registrations: &work.registrations,
        };
        let ledger = &self.context.ledger;
        unless_halted(ledger.take_up(&request, Timestamp::now()).await?)
    }

    fn check_deadline(&self, work: &Work<P::Step>, note: &str) -> Result<(), PhaseError> {
        let what = match work.invocation.verb {
            Verb::Do => "the rollout",
            Verb::Undo => "putting back what was there before",
        };
        let begun = begun(&work.invocation, &work.journal);
        let after = self.phase.deadline(&work.step);
        let used = begun.map(|begun| Timestamp::now().duration_since(begun).unsigned_abs());
        if used.is_some_and(|used| used > after) {
            return Err(PhaseError::DeadlineExceeded {
                what: format!("{what} (last seen: {note})"),
                after,
            });
        }
        Ok(())
    }

    async fn succeed(&self, work: &Work<P::Step>, summary: &str) -> Result<(), PhaseError> {
        self.context
            .ledger
            .finish(&work.finished(summary), Timestamp::now())
            .await?;
        let output = json!({ "step": work.number, "summary": summary });
        self.tokens
            .succeed(&work.invocation.task_token, &output)
            .await
    }

    async fn fail(&self, work: &Work<P::Step>, error: &PhaseError) -> Result<(), PhaseError> {
        let note = error.to_string();
        let now = Timestamp::now();
        let finished = Finished {
            failure: Some(error),
            ..work.finished(&note)
        };
        if work.invocation.verb == Verb::Do {
            self.context
                .ledger
                .fail(
                    &work.invocation.deployment,
                    work.invocation.fence,
                    &finished,
                    now,
                )
                .await?;
        }
        self.tokens.fail(&work.invocation.task_token, error).await
    }

    async fn wait(&self, work: &Work<P::Step>, note: &str) -> Result<(), PhaseError> {
        if work.journal.note != note {
            self.context
                .ledger
                .note(&work.invocation.deployment.id, work.number, note)
                .await?;
        }
        Ok(())
    }

    /// Where events find this invocation again. The payload is kept as it came, marked
    /// so that the next one knows that it only has to look.
    fn registrations(
        &self,
        invocation: &Invocation,
        step: &P::Step,
        mut payload: Value,
    ) -> Vec<Registration> {
        if let Value::Object(fields) = &mut payload {
            fields.insert("woken".to_owned(), Value::Bool(true));
        }
        let payload = payload.to_string();
        let waiter = Registration::waiter(
            &invocation.deployment,
            invocation.step,
            invocation.verb.as_str(),
        );
        self.phase
            .wake_keys(step)
            .into_iter()
            .map(|key| Registration {
                key,
                waiter: waiter.clone(),
                function: self.context.function.clone(),
                payload: payload.clone(),
            })
            .collect()
    }
}

/// Whether an invocation may change something, so that it has to prove first that the lock is
/// still ours. A woken `do` only looks; a woken `undo` puts back what it finds, and may come
/// so late that the environment belongs to another deployment.
fn acts(invocation: &Invocation) -> bool {
    !invocation.woken || invocation.verb == Verb::Undo
}

/// Since when the step's time counts. A recovery has all of the time again: what an execution
/// that was stopped used up says nothing about it.
fn begun(invocation: &Invocation, journal: &StepJournal) -> Option<Timestamp> {
    match invocation.verb {
        Verb::Do => journal.started_at,
        Verb::Undo => journal
            .undo_started_at
            .map(|begun| begun.max(invocation.execution.started_at)),
    }
}

impl<S> Work<S> {
    fn finished<'a>(&'a self, note: &'a str) -> Finished<'a> {
        Finished {
            deployment: &self.invocation.deployment.id,
            step: self.number,
            undo: self.invocation.verb == Verb::Undo,
            note,
            failure: None,
            registrations: &self.registrations,
        }
    }
}

/// What an undo came to. A recovery puts back again what was put back before its execution was
/// stopped; what was a part of a new stack may have gone with it since then, and needs nothing.
fn again<S>(work: &Work<S>, result: Result<Progress, PhaseError>) -> Result<Progress, PhaseError> {
    let was_undone = work.invocation.verb == Verb::Undo && work.journal.undone_at.is_some();
    match result {
        Err(PhaseError::Rejected { .. }) if was_undone => Ok(Progress::Done {
            summary: work.journal.note.clone(),
        }),
        result => result,
    }
}

fn log<S>(work: &Work<S>, target: &str, result: &Result<Progress, PhaseError>) {
    let deployment = work.invocation.deployment.id.as_str();
    let (verb, woken) = (work.invocation.verb.as_str(), work.invocation.woken);
    match result {
        Ok(Progress::Done { summary }) => {
            tracing::info!(deployment, target, verb, woken, "{summary}");
        }
        Ok(Progress::Running { note }) => {
            tracing::info!(deployment, target, verb, woken, "waiting: {note}");
        }
        Ok(Progress::NotStarted) => {
            tracing::info!(deployment, target, verb, woken, "not started yet");
        }
        Err(error) => tracing::error!(
            deployment,
            target,
            verb,
            woken,
            error = error.name(),
            "{error}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use lockstep::record::StepJournal;
    use serde_json::json;

    use super::{acts, begun};
    use crate::Invocation;

    fn invocation(verb: &str, woken: bool) -> Invocation {
        let payload = json!({
            "deployment": {"id": "01JD5Q6Z8G0000000000000000", "application": "quiz", "environment": "production"},
            "execution": {"name": "x", "arn": "arn", "started_at": at(40)},
            "fence": 7, "step": 0, "verb": verb, "task_token": "t", "woken": woken,
        });
        Invocation::parse(&payload).unwrap_or_else(|error| unreachable!("{error}"))
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_mins(minute)
    }

    #[test]
    fn whatever_may_change_something_proves_its_lock_first() {
        assert!(acts(&invocation("do", false)));
        assert!(acts(&invocation("undo", false)));
        assert!(acts(&invocation("undo", true)));
        assert!(!acts(&invocation("do", true)));
    }

    #[test]
    fn a_recovery_has_all_of_the_time_again() {
        let journal = |minute| StepJournal {
            started_at: Some(at(minute)),
            undo_started_at: Some(at(minute)),
            ..StepJournal::default()
        };
        let undo = invocation("undo", false);
        assert_eq!(begun(&undo, &journal(1)), Some(at(40)));
        assert_eq!(begun(&undo, &journal(45)), Some(at(45)));
        assert_eq!(begun(&undo, &StepJournal::default()), None);
        assert_eq!(begun(&invocation("do", false), &journal(1)), Some(at(1)));
    }
}
