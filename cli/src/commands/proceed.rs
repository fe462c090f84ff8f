//! `lockstep proceed`, and `lockstep stop` where a deployment asks: answers its question.

use jiff::Timestamp;
use lockstep::DeploymentId;
use lockstep::question::{Answer, Choice, Question, time};
use lockstep::record::DeploymentRecord;
use lockstep_ledger::Answered;
use serde::Serialize;

use super::watch::named;
use crate::args::{AnswerArgs, Global};
use crate::aws::Controller;
use crate::commands::show::find;
use crate::error::CliError;
use crate::exit::Exit;
use crate::view::question::is_asked;
use crate::view::{Output, Report};

/// An answer that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Given {
    event: &'static str,
    deployment: String,
    application: String,
    environment: String,
    question: String,
    #[serde(flatten)]
    answer: Answer,
}

impl Report for Given {
    fn text(&self) -> String {
        let Self {
            deployment, answer, ..
        } = self;
        let next = match answer.choice {
            Choice::Proceed => "it goes on",
            Choice::Stop => "everything is put back",
        };
        format!(
            "{}; {next} within a minute. `lockstep watch {deployment}` shows it",
            answer.words()
        )
    }
}

pub(super) async fn run(
    global: &Global,
    args: &AnswerArgs,
    output: Output,
) -> Result<Exit, CliError> {
    let controller = Controller::connect(global).await?;
    let id = named(global, &controller, Some(&args.target)).await?;
    output.report(&proceed(&controller, &id, args).await?)?;
    Ok(Exit::Good)
}

/// Lets a deployment go on that asks whether to.
pub async fn proceed(
    controller: &Controller,
    id: &DeploymentId,
    args: &AnswerArgs,
) -> Result<Given, CliError> {
    let record = find(controller, id).await?;
    match question(controller, &record, args).await? {
        Some(question) => answer(controller, &record, &question, args, Choice::Proceed).await,
        None => Err(asks_nothing(&record)),
    }
}

/// The question that is meant: the one that is named, or the one that is asked now.
pub(super) async fn question(
    controller: &Controller,
    record: &DeploymentRecord,
    args: &AnswerArgs,
) -> Result<Option<Question>, CliError> {
    let id = &record.deployment.id;
    let questions = controller.ledger.questions(id).await;
    let questions = questions
        .map_err(|error| controller.explain(&format!("reading the questions of {id}"), error))?;
    let mut questions = questions.into_iter().rev();
    let Some(name) = &args.question else {
        let now = Timestamp::now();
        return Ok(questions.find(|it| is_asked(it, now)));
    };
    let found = questions.find(|it| it.what == *name);
    found
        .map(Some)
        .ok_or_else(|| refused(record, name, &Answered::NoQuestion))
}

/// Answers a question, or says why that is not possible any more.
pub(super) async fn answer(
    controller: &Controller,
    record: &DeploymentRecord,
    question: &Question,
    args: &AnswerArgs,
    choice: Choice,
) -> Result<Given, CliError> {
    let me = &record.deployment;
    let answer = Answer {
        choice,
        by: args.by.clone(),
        reason: args.reason.clone(),
        at: Timestamp::now(),
    };
    let answered = controller.ledger.answer(me, question, &answer).await;
    let doing = format!("answering question {} of {}", question.what, me.id);
    match answered.map_err(|error| controller.explain(&doing, error))? {
        Answered::Given => Ok(Given {
            event: "answered",
            deployment: me.id.to_string(),
            application: me.application.clone(),
            environment: me.environment.clone(),
            question: question.what.clone(),
            answer,
        }),
        Answered::TooLate => Err(too_late(record, question)),
        other => Err(refused(record, &question.what, &other)),
    }
}

fn too_late(record: &DeploymentRecord, question: &Question) -> CliError {
    let id = &record.deployment.id;
    CliError::invalid(
        format!(
            "too late: question {} of deployment {id} could be answered until {}; without an answer everything is put back",
            question.what,
            question.until()
        ),
        format!("`lockstep watch {id}` shows what becomes of it"),
    )
}

fn asks_nothing(record: &DeploymentRecord) -> CliError {
    let deployment = &record.deployment;
    let id = &deployment.id;
    if let Some(conclusion) = &record.conclusion {
        let answered = Answered::Concluded(Box::new(conclusion.clone()));
        return refused(record, "", &answered);
    }
    CliError::invalid(
        format!(
            "deployment {id} of {} to {} asks nothing now",
            deployment.application, deployment.environment
        ),
        format!(
            "`lockstep watch {id}` shows what it waits for, `lockstep show {id}` what it asked before"
        ),
    )
}

/// Why an answer does not count.
fn refused(record: &DeploymentRecord, what: &str, answered: &Answered) -> CliError {
    let id = &record.deployment.id;
    let message = match answered {
        Answered::NoQuestion => format!("deployment {id} never asked a question {what:?}"),
        Answered::Before(answer) => format!(
            "question {what} is answered already: {}, at {}",
            answer.words(),
            time(answer.at)
        ),
        Answered::Withdrawn(withdrawn) => format!(
            "question {what} is no longer asked since {}: {}",
            time(withdrawn.at),
            withdrawn.words()
        ),
        Answered::Concluded(conclusion) => format!(
            "deployment {id} is over: {}: {}",
            conclusion.verdict, conclusion.message
        ),
        Answered::Unwinding | Answered::Given | Answered::TooLate => {
            format!("deployment {id} was stopped, and is being put back")
        }
    };
    let help = match answered {
        Answered::NoQuestion => format!("`lockstep show {id}` has its questions"),
        Answered::Before(answer) if answer.choice == Choice::Proceed => format!(
            "`lockstep watch {id}` shows it; to put everything back all the same: `lockstep stop {id}`"
        ),
        _ => format!("`lockstep show {id}` has all of it"),
    };
    CliError::invalid(message, help)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use lockstep::question::{Answer, Choice, Withdrawn};
    use lockstep_ledger::Answered;

    use super::{Given, asks_nothing, refused, too_late};
    use crate::view::Report;
    use crate::view::history::tests::{conclusion, record, start};
    use crate::view::question::tests::question;

    fn answer(choice: Choice) -> Answer {
        Answer {
            choice,
            by: "ann".into(),
            reason: Some("seen enough".into()),
            at: start() + SignedDuration::from_mins(5),
        }
    }

    #[test]
    fn every_way_not_to_count_is_told_apart() {
        let running = record(None);
        let withdrawn = Withdrawn {
            at: start(),
            failure: None,
        };
        let all = [
            refused(&running, "traffic-30", &Answered::NoQuestion),
            refused(
                &running,
                "traffic-20",
                &Answered::Before(answer(Choice::Proceed)),
            ),
            refused(
                &running,
                "traffic-20",
                &Answered::Before(answer(Choice::Stop)),
            ),
            refused(&running, "traffic-20", &Answered::Withdrawn(withdrawn)),
            refused(&running, "traffic-20", &Answered::Unwinding),
            too_late(&running, &question()),
            asks_nothing(&running),
            asks_nothing(&record(Some(conclusion()))),
        ];
        let told: Vec<_> = all
            .iter()
            .map(|it| {
                assert_eq!(it.exit().code(), 2);
                format!("{it}\n  help: {}", it.help().unwrap_or_default())
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn an_answer_that_counts_says_what_happens_now() {
        let given = Given {
            event: "answered",
            deployment: "01JD5Q6Z8G0000000000000000".into(),
            application: "hello".into(),
            environment: "local".into(),
            question: "traffic-20".into(),
            answer: answer(Choice::Stop),
        };
        insta::assert_snapshot!(given.text());
        insta::assert_json_snapshot!(given);
    }
}
