//! Starting executions and waiting for their end.

use std::time::{Duration, Instant};

use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use lockstep::DeploymentId;
use lockstep::record::DeploymentRecord;
use serde_json::{Value, json};

use crate::application::ENVIRONMENT;
use crate::wait::PAUSE;
use crate::{Application, World, eventually, within};

/// How long a whole deployment may take here; every wait in it is a second or two.
const LIMIT: Duration = Duration::from_mins(2);

/// How soon the watchdog starts a recovery, if it does.
const WATCHDOG: Duration = Duration::from_secs(6);

/// One execution of the state machine.
#[derive(Debug, Clone)]
pub struct Execution<'w> {
    world: &'w World,
    /// Its ARN.
    pub arn: String,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// `SUCCEEDED`, `FAILED`, `ABORTED`.
    pub status: String,
    /// The error, which is the verdict where the execution concluded a deployment badly.
    pub error: Option<String>,
    /// What happened.
    pub cause: Option<String>,
    /// The output of one that succeeded.
    pub output: Value,
}

impl World {
    /// Starts an execution with this input. Its name is a new ULID, which thereby is the deployment's id.
    pub async fn start_execution(&self, input: &Value) -> Execution<'_> {
        let name = ulid::Ulid::generate().to_string();
        let start = self
            .clients()
            .sfn
            .start_execution()
            .state_machine_arn(self.state_machine())
            .name(name);
        let started = start.input(input.to_string()).send().await.unwrap();
        Execution {
            world: self,
            arn: started.execution_arn().to_owned(),
        }
    }

    /// The execution of this ARN.
    pub fn execution(&self, arn: &str) -> Execution<'_> {
        Execution {
            world: self,
            arn: arn.to_owned(),
        }
    }

    /// The executions whose input contains `text`, oldest first.
    pub async fn executions_with(&self, text: &str) -> Vec<Execution<'_>> {
        let list = self
            .clients()
            .sfn
            .list_executions()
            .state_machine_arn(self.state_machine())
            .max_results(200);
        let list = list.send().await.unwrap();
        let mut found = Vec::new();
        for item in list.executions() {
            let execution = self.execution(item.execution_arn());
            if execution.input().await.contains(text) {
                found.push(execution);
            }
        }
        found.reverse();
        found
    }
}

impl<'w> Application<'w> {
    /// Starts a deployment of this digest by hand.
    pub async fn deploy(&self, digest: &str) -> Execution<'w> {
        self.deploy_with(&json!({ "images": { &self.service: digest } }))
            .await
    }

    /// Starts a deployment by hand with these fields in its input.
    pub async fn deploy_with(&self, fields: &Value) -> Execution<'w> {
        let mut input =
            json!({ "application": self.name, "environment": ENVIRONMENT, "by": "a test" });
        for (name, value) in fields.as_object().into_iter().flatten() {
            input[name] = value.clone();
        }
        self.world.start_execution(&input).await
    }

    /// The execution that the push of this digest started.
    pub async fn execution_of_push(&self, digest: &str) -> Execution<'w> {
        eventually("the push starts an execution", async || {
            self.world.executions_with(digest).await.into_iter().next()
        })
        .await
    }

    /// The records of all deployments of the application, oldest first.
    pub async fn records(&self) -> Vec<DeploymentRecord> {
        let ledger = &self.world.clients().ledger;
        let history = ledger.history(&self.name, ENVIRONMENT, 100).await.unwrap();
        let mut records = Vec::new();
        for line in history.iter().rev() {
            records.extend(ledger.record(&line.id).await.unwrap());
        }
        records
    }
}

impl<'w> Execution<'w> {
    /// Its name.
    pub fn name(&self) -> &str {
        self.arn.rsplit(':').next().unwrap_or_default()
    }

    /// The deployment it runs, if it created one.
    pub async fn deployment(&self) -> Option<DeploymentId> {
        self.world
            .clients()
            .ledger
            .deployment_of_execution(self.name())
            .await
            .unwrap()
    }

    /// The deployment's record, if there is one.
    pub async fn record(&self) -> Option<DeploymentRecord> {
        let id = self.deployment().await?;
        self.world.clients().ledger.record(&id).await.unwrap()
    }

    /// Its input.
    pub async fn input(&self) -> String {
        let known = |arn: &str| self.world.inputs.lock().unwrap().get(arn).cloned();
        if let Some(input) = known(&self.arn) {
            return input;
        }
        let sfn = &self.world.clients().sfn;
        let described = sfn.describe_execution().execution_arn(&self.arn).send();
        let described = described.await.unwrap();
        let input = described.input().unwrap_or_default().to_owned();
        let mut inputs = self.world.inputs.lock().unwrap();
        inputs.insert(self.arn.clone(), input.clone());
        input
    }

    /// Waits for its end.
    pub async fn ended(&self) -> Ended {
        let limit = Instant::now() + LIMIT;
        loop {
            if let Some(ended) = self.status().await {
                return ended;
            }
            assert!(
                Instant::now() <= limit,
                "{} does not end; its path: {:?}; the last calls:\n{}",
                self.name(),
                self.path().await,
                self.world.last_calls()
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// How it ended; `None` while it runs.
    pub async fn status(&self) -> Option<Ended> {
        let found = self
            .world
            .clients()
            .sfn
            .describe_execution()
            .execution_arn(&self.arn)
            .send()
            .await
            .unwrap();
        (*found.status() != ExecutionStatus::Running).then(|| Ended {
            status: found.status().as_str().to_owned(),
            error: found.error().map(str::to_owned),
            cause: found.cause().map(str::to_owned),
            output: serde_json::from_str(found.output().unwrap_or("null")).unwrap_or_default(),
        })
    }

    /// Waits for the end of the deployment: of this execution and, where it was cut off, of its recoveries.
    pub async fn concluded(&self) -> (DeploymentRecord, Vec<Execution<'w>>) {
        let mut executions = vec![self.clone()];
        let mut ended = self.ended().await;
        let id = self
            .deployment()
            .await
            .expect("the execution created a deployment");
        while !was_concluded(&ended) {
            let Some(recovery) = self.recovery(&id, executions.len()).await else {
                break;
            };
            ended = recovery.ended().await;
            executions.push(recovery);
        }
        let record = self.record_of(&id).await;
        assert!(
            record.conclusion.is_some(),
            "deployment {id} has no conclusion"
        );
        (record, executions)
    }

    /// A recovery of the deployment; `None` when it concluded and the watchdog found nothing left to do.
    async fn recovery(&self, id: &DeploymentId, number: usize) -> Option<Execution<'w>> {
        let suffix = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let (prefix, _) = self.arn.rsplit_once(':').unwrap();
        let arn = format!("{prefix}:{id}-recovery{suffix}");
        let begun = Instant::now();
        loop {
            let sfn = &self.world.clients().sfn;
            if sfn
                .describe_execution()
                .execution_arn(&arn)
                .send()
                .await
                .is_ok()
            {
                return Some(self.world.execution(&arn));
            }
            if begun.elapsed() > WATCHDOG && self.record_of(id).await.conclusion.is_some() {
                return None;
            }
            assert!(
                begun.elapsed() < LIMIT,
                "no recovery {number} of {id}; the last calls:\n{}",
                self.world.last_calls()
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn record_of(&self, id: &DeploymentId) -> DeploymentRecord {
        let record = self.world.clients().ledger.record(id).await.unwrap();
        record.expect("the deployment has a record")
    }

    /// The states it entered, in order.
    pub async fn path(&self) -> Vec<String> {
        self.history()
            .await
            .iter()
            .filter_map(entered)
            .map(str::to_owned)
            .collect()
    }

    /// Every event so far.
    pub async fn history(&self) -> Vec<HistoryEvent> {
        let history = self
            .world
            .clients()
            .sfn
            .get_execution_history()
            .execution_arn(&self.arn)
            .max_results(1000);
        history.send().await.unwrap().events().to_vec()
    }

    /// Waits until it is in this state.
    pub async fn reaches(&self, state: &str) {
        let what = format!("{} reaches {state}", self.name());
        within(LIMIT, &what, async || {
            self.path()
                .await
                .iter()
                .any(|name| name == state)
                .then_some(())
        })
        .await;
    }

    /// Stops it, as a person does in the console.
    pub async fn stop(&self) {
        let stop = self
            .world
            .clients()
            .sfn
            .stop_execution()
            .execution_arn(&self.arn)
            .cause("stopped by a test");
        stop.send().await.unwrap();
    }
}

fn entered(event: &HistoryEvent) -> Option<&str> {
    event
        .state_entered_event_details()
        .map(aws_sdk_sfn::types::StateEnteredEventDetails::name)
}

/// A verdict as error, or a success: then nothing is left to recover.
fn was_concluded(ended: &Ended) -> bool {
    let verdict = |error: &String| {
        lockstep::verdict::Verdict::ALL
            .iter()
            .any(|verdict| verdict.as_str() == error)
    };
    ended.status == "SUCCEEDED" || ended.error.as_ref().is_some_and(verdict)
}
