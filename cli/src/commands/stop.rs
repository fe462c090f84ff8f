//! `lockstep stop`: everything that a deployment changed is put back.

use lockstep::DeploymentId;
use lockstep::question::Choice;
use lockstep::record::DeploymentRecord;
use serde::Serialize;

use super::proceed::{Given, answer, question};
use super::watch::named;
use crate::args::{AnswerArgs, Global};
use crate::aws::Controller;
use crate::commands::show::find;
use crate::error::CliError;
use crate::exit::Exit;
use crate::view::{Output, Report};
use crate::watch::{Look, Watcher};

/// The phases in which a deployment is on its way back, or at its end.
const ENDING: [&str; 4] = ["undo", "verify restored", "conclude", "notify"];

/// What stopping came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Stopped {
    /// It had asked, and puts everything back by itself.
    Answered(Given),
    /// Its execution was stopped; a recovery puts everything back.
    Execution(StoppedExecution),
}

/// An execution that was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoppedExecution {
    event: &'static str,
    deployment: String,
    application: String,
    environment: String,
    execution: String,
}

impl Report for Stopped {
    fn text(&self) -> String {
        match self {
            Self::Answered(given) => given.text(),
            Self::Execution(stopped) => {
                let id = &stopped.deployment;
                format!(
                    "deployment {id} was stopped; its recovery puts everything back within seconds. `lockstep watch {id}` \
                     shows it"
                )
            }
        }
    }
}

pub(super) async fn run(
    global: &Global,
    args: &AnswerArgs,
    output: Output,
) -> Result<Exit, CliError> {
    let controller = Controller::connect(global).await?;
    let id = named(global, &controller, Some(&args.target)).await?;
    output.report(&stop(&controller, &id, args).await?)?;
    Ok(Exit::Good)
}

/// Stops a deployment: by the answer to its question, where it asks one, or else its execution.
/// Who names a question only answers that one.
pub async fn stop(
    controller: &Controller,
    id: &DeploymentId,
    args: &AnswerArgs,
) -> Result<Stopped, CliError> {
    let record = find(controller, id).await?;
    if let Some(question) = question(controller, &record, args).await? {
        let given = answer(controller, &record, &question, args, Choice::Stop).await?;
        return Ok(Stopped::Answered(given));
    }
    let execution = record.execution.arn.clone();
    let look = Watcher::new(controller.clone(), id.clone(), &execution)
        .look()
        .await?;
    may_be_stopped(&record, &look)?;
    let reason = args
        .reason
        .as_ref()
        .map_or_else(String::new, |it| format!(": {it}"));
    let cause = format!("stopped by {}{reason}", args.by);
    controller.stop(&execution, &cause).await?;
    let deployment = &record.deployment;
    Ok(Stopped::Execution(StoppedExecution {
        event: "stopped",
        deployment: id.to_string(),
        application: deployment.application.clone(),
        environment: deployment.environment.clone(),
        execution,
    }))
}

fn may_be_stopped(record: &DeploymentRecord, look: &Look) -> Result<(), CliError> {
    let id = &record.deployment.id;
    let help = format!("`lockstep show {id}` has all of it");
    if let Some(conclusion) = &record.conclusion {
        let message = format!(
            "deployment {id} is over: {}: {}",
            conclusion.verdict, conclusion.message
        );
        return Err(CliError::invalid(message, help));
    }
    let ending = look.current().is_some_and(|it| ENDING.contains(&it.phase));
    if look.recovering || ending || look.timeline.ended.is_some() {
        let message = format!("deployment {id} is ending already; there is nothing left to stop");
        return Err(CliError::invalid(message, help));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::may_be_stopped;
    use crate::view::history::tests::{conclusion, record, start};
    use crate::watch::Look;
    use crate::watch::timeline::{PhaseSpan, Timeline};

    fn look(phase: &'static str) -> Look {
        let phase = PhaseSpan {
            phase,
            started_at: start(),
            finished_at: None,
            note: String::new(),
        };
        Look {
            at: start(),
            record: None,
            phases: Vec::new(),
            messages: Vec::new(),
            waits_for: String::new(),
            question: None,
            timeline: Timeline {
                phases: vec![phase],
                ..Timeline::default()
            },
            recovering: false,
        }
    }

    #[test]
    fn what_ends_already_is_not_stopped() {
        assert!(may_be_stopped(&record(None), &look("rollout")).is_ok());
        assert!(may_be_stopped(&record(None), &look("traffic")).is_ok());
        for phase in ["undo", "conclude"] {
            let error = may_be_stopped(&record(None), &look(phase)).unwrap_err();
            assert!(error.to_string().contains("ending already"), "{error}");
        }
        let over = may_be_stopped(&record(Some(conclusion())), &look("notify"));
        assert!(over.unwrap_err().to_string().contains("ROLLED_BACK"));
        let recovering = Look {
            recovering: true,
            ..look("undo")
        };
        assert!(may_be_stopped(&record(None), &recovering).is_err());
    }
}
