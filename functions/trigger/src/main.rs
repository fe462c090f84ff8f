//! The trigger phase: reads what started the execution and decides what it means.

mod answer;
mod fan_out;
mod images;
mod manual;
mod push;
mod recover;
mod release;

use lockstep::PhaseError;
use lockstep::record::Execution;
use lockstep::trigger::TriggerInput;
use lockstep_aws::variable;
use lockstep_handler::{Context, StartError, parse, run};
use lockstep_ledger::Ledger;
use serde::Deserialize;
use serde_json::{Value, json};

/// What the trigger works with.
pub(crate) struct Trigger {
    pub(crate) ledger: Ledger,
    pub(crate) ecr: aws_sdk_ecr::Client,
    pub(crate) sfn: aws_sdk_sfn::Client,
    pub(crate) state_machine: String,
}

#[derive(Deserialize)]
struct Request {
    execution: Execution,
    input: Value,
}

impl Trigger {
    async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let Request { execution, input } = parse(payload)?;
        let answer = match TriggerInput::parse(&input)? {
            TriggerInput::EcrPush(push) => self.push(&execution, &push, &input).await?,
            TriggerInput::S3Release(release) => self.release(&execution, &release, &input).await?,
            TriggerInput::OtherUpload(upload) => self.other_upload(&execution, &upload).await?,
            TriggerInput::Manual(request) => self.manual(&execution, &request).await?,
            TriggerInput::Recover(recover) => self.recover(&execution, &recover).await?,
        };
        tracing::info!(
            execution = execution.name,
            action = answer.action(),
            "{}",
            answer.reason()
        );
        Ok(json!(answer))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let context = Context::start()?;
    let trigger = Trigger {
        ecr: aws_sdk_ecr::Client::new(&context.sdk),
        sfn: aws_sdk_sfn::Client::new(&context.sdk),
        ledger: context.ledger,
        state_machine: variable("LOCKSTEP_STATE_MACHINE_ARN")?,
    };
    run(async |payload| trigger.handle(payload).await).await
}
