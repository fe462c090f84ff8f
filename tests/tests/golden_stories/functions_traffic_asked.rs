//! Releases of functions that nobody calls, where a person is asked whether to go on.

use lockstep::DeploymentId;
use lockstep::question::Question;
use lockstep::verdict::Verdict;
use lockstep_cli::args::AnswerArgs;
use lockstep_cli::aws::Controller;
use lockstep_cli::commands;
use lockstep_cli::error::CliError;
use lockstep_cli::local::sdk;
use lockstep_cli::view::Report;
use lockstep_tests::{Execution, Shape, World, eventually};

use crate::functions::{begin, end};
use crate::functions_traffic::{reached, release, shift, unweighted, warm};
use crate::story::Story;

pub async fn proceeds(world: &World) -> String {
    let fleet = world.fleet("asked-proceeds", Shape::aliased(2)).await;
    shift(
        &fleet,
        "strategy: canary, percent: 20, seconds: 5, when_quiet: ask, ask_minutes: 5",
    )
    .await;
    let headline = "Nobody calls the functions, and the manifest says `when_quiet: ask`. Ann says to go on; Bob, who \
                    answers after her, is told so.";
    let mut story = begin(world, &fleet, headline).await;
    let execution = release(&fleet).await;
    reached(&fleet, 20).await;
    warm(world, &fleet).await;
    let person = Person::of(world, &execution).await;
    let question = person.asked("traffic-20").await;
    person.name_times(&mut story, &question);
    story.heading("Ann, and then Bob, read the message");
    let ann = person.says("ann", Some("checked by hand"), &question.what);
    story.line(&person.proceed(&ann).await);
    let bob = person.says("bob", None, &question.what);
    story.line(&person.stop(&bob).await);
    let verdict = story
        .deployment("The upload of 1.1.0", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::Succeeded);
    assert!(unweighted(&fleet).await);
    end(story, fleet).await
}

pub async fn stops(world: &World) -> String {
    let fleet = world.fleet("asked-stops", Shape::aliased(2)).await;
    shift(
        &fleet,
        "strategy: linear, percent: 40, seconds: 5, when_quiet: ask, ask_minutes: 5",
    )
    .await;
    let headline = "Nobody calls the functions. In the first stage Ann says to go on, in the second to stop: everything \
                    is as before. What Bob answers to the first question is not taken for an answer to the second.";
    let mut story = begin(world, &fleet, headline).await;
    let before = fleet.snapshot().await;
    let execution = release(&fleet).await;
    let person = Person::of(world, &execution).await;
    let first = person.asked("traffic-40").await;
    person.name_times(&mut story, &first);
    story.heading("The first question");
    let ann = person.says("ann", None, &first.what);
    story.line(&person.proceed(&ann).await);
    let second = person.asked("traffic-80").await;
    person.name_times(&mut story, &second);
    story.heading("The second question");
    let bob = person.says("bob", None, &first.what);
    story.line(&person.proceed(&bob).await);
    let ann = AnswerArgs {
        question: None,
        ..person.says("ann", Some("nobody is awake"), "")
    };
    story.line(&person.stop(&ann).await);
    let verdict = story
        .deployment("The upload of 1.1.0", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::Stopped);
    assert!(fleet.snapshot().await.runs_the_same_as(&before));
    story.heading("Somebody who comes too late");
    let late = person.says("bob", None, &second.what);
    story.line(&person.proceed(&late).await);
    end(story, fleet).await
}

/// Somebody with the command line.
struct Person<'w> {
    world: &'w World,
    controller: Controller,
    id: DeploymentId,
}

impl<'w> Person<'w> {
    /// Somebody who sees a deployment.
    async fn of(world: &'w World, execution: &Execution<'_>) -> Self {
        let id = eventually("the execution creates a deployment", async || {
            execution.deployment().await
        })
        .await;
        Self {
            world,
            controller: Controller::over(&sdk::config(&world.endpoint()), "lockstep"),
            id,
        }
    }

    /// Waits for a question, and for its message.
    async fn asked(&self, what: &str) -> Question {
        let told = format!("{}-asking-{what}", self.id);
        eventually(&format!("{} asks {what}", self.id), async || {
            let messages = self.world.messages(self.id.as_str());
            let ledger = &self.world.clients().ledger;
            let question = ledger.question(&self.id, what).await.unwrap();
            question.filter(|_| messages.iter().any(|it| it.id == told))
        })
        .await
    }

    fn says(&self, by: &str, reason: Option<&str>, question: &str) -> AnswerArgs {
        AnswerArgs {
            target: self.id.to_string(),
            question: Some(question.to_owned()),
            reason: reason.map(str::to_owned),
            by: by.to_owned(),
        }
    }

    async fn proceed(&self, args: &AnswerArgs) -> String {
        said(
            "proceed",
            args,
            commands::proceed(&self.controller, &self.id, args).await,
        )
    }

    async fn stop(&self, args: &AnswerArgs) -> String {
        said(
            "stop",
            args,
            commands::stop(&self.controller, &self.id, args).await,
        )
    }

    /// Times differ from run to run.
    fn name_times(&self, story: &mut Story<'_>, question: &Question) {
        story.call(self.id.as_str(), "deployment");
        story.call(&question.until(), "five minutes later");
    }
}

/// What a person typed, and what the command said.
fn said(command: &str, args: &AnswerArgs, came: Result<impl Report, CliError>) -> String {
    let question = args
        .question
        .as_ref()
        .map_or_else(String::new, |it| format!(" --question {it}"));
    let came = match came {
        Ok(report) => report.text(),
        Err(error) => format!("refused: {error}"),
    };
    let came = came.split(", at ").next().unwrap_or_default().to_owned();
    format!(
        "{}: lockstep {command} {}{question}\n    {came}",
        args.by, args.target
    )
}
