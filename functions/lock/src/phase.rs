//! One invocation of the lock phase.

use aws_sdk_sfn::Client;
use jiff::Timestamp;
use lockstep::record::DeploymentRecord;
use lockstep::{PhaseError, WakeKey};
use lockstep_handler::{Context, Invocation, Tokens};
use lockstep_ledger::{Acquired, EnvironmentState, Passed, Registration};
use serde_json::{Value, json};

use crate::decide::{Decision, decide};

/// How often one invocation looks again after somebody else was quicker. The next
/// invocation goes on where this one stops.
const LOOKS: usize = 3;

/// Waits for the environment's lock.
pub(crate) struct LockPhase {
    context: Context,
    tokens: Tokens,
}

/// What came of one invocation.
enum Turn {
    Acquired(u64),
    Waiting(String),
    /// The deployment has ended meanwhile: this invocation is a late copy.
    Over,
}

impl LockPhase {
    pub(crate) fn new(context: Context) -> Self {
        let tokens = Tokens::new(Client::new(&context.sdk));
        Self { context, tokens }
    }

    /// Takes the lock, or waits in the queue, or gives way to a newer deployment.
    pub(crate) async fn handle(&self, payload: Value) -> Result<(), PhaseError> {
        let invocation = Invocation::parse(&payload)?;
        let deployment = invocation.deployment.id.as_str();
        match self.take_turn(&invocation, &payload).await {
            Ok(Turn::Acquired(fence)) => {
                tracing::info!(deployment, fence, "the environment is ours");
                self.tokens
                    .succeed(&invocation.task_token, &json!({ "fence": fence }))
                    .await
            }
            Ok(Turn::Waiting(holder)) => {
                tracing::info!(deployment, "waiting for {holder}");
                Ok(())
            }
            Ok(Turn::Over) => {
                tracing::info!(deployment, "the deployment has ended already");
                Ok(())
            }
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                tracing::warn!(deployment, error = error.name(), "{error}");
                self.tokens.fail(&invocation.task_token, &error).await
            }
        }
    }

    async fn take_turn(
        &self,
        invocation: &Invocation,
        payload: &Value,
    ) -> Result<Turn, PhaseError> {
        let me = &invocation.deployment;
        let mut queued = invocation.woken;
        for _ in 0..LOOKS {
            let Some((record, successor)) =
                self.context.ledger.record_and_successor(&me.id).await?
            else {
                let reason = "it has no record; was the ledger table emptied?".to_owned();
                return Err(PhaseError::Rejected {
                    resource: format!("deployment {}", me.id),
                    reason,
                });
            };
            if record.conclusion.is_some() {
                return Ok(Turn::Over);
            }
            if let Some(by) = successor {
                return Err(superseded(format!(
                    "deployment {by}, which took over what this one was to deploy"
                )));
            }
            let state = self
                .context
                .ledger
                .environment(&me.application, &me.environment)
                .await?;
            let now = Timestamp::now();
            match decide(&record, &state, now) {
                Decision::Held(fence) => return Ok(Turn::Acquired(fence)),
                Decision::Superseded(by) => return Err(superseded(by)),
                Decision::Wait(holder) if queued => return Ok(Turn::Waiting(holder)),
                // The lock may become free between that look and the registration, so the
                // queue entry and the registration are followed by another look.
                Decision::Wait(_) => {
                    self.queue_up(&record, invocation, payload, now).await?;
                    queued = true;
                }
                Decision::Take {
                    requested,
                    overtaken,
                    struck,
                } => {
                    warn_of_dead_holder(&state);
                    let record = DeploymentRecord {
                        requested,
                        ..record
                    };
                    let passed = Passed {
                        overtaken: &overtaken,
                        struck: &struck,
                    };
                    let acquired = self
                        .context
                        .ledger
                        .acquire_lock(&record, &state, passed, now)
                        .await?;
                    if let Acquired::Yes { fence } = acquired {
                        return Ok(Turn::Acquired(fence));
                    }
                }
            }
        }
        Ok(Turn::Waiting(
            "another deployment, which was quicker".to_owned(),
        ))
    }

    async fn queue_up(
        &self,
        record: &DeploymentRecord,
        invocation: &Invocation,
        payload: &Value,
        now: Timestamp,
    ) -> Result<(), PhaseError> {
        let me = &invocation.deployment;
        self.context.ledger.enqueue(record).await?;
        let mut payload = payload.clone();
        if let Value::Object(fields) = &mut payload {
            fields.insert("woken".to_owned(), Value::Bool(true));
        }
        let registration = Registration {
            key: WakeKey::lock(&me.application, &me.environment),
            waiter: Registration::waiter(me, None, "lock"),
            function: self.context.function.clone(),
            payload: payload.to_string(),
        };
        Ok(self.context.ledger.register(&registration, now).await?)
    }
}

fn superseded(by: String) -> PhaseError {
    PhaseError::Superseded {
        resource: "This deployment".to_owned(),
        by,
    }
}

fn warn_of_dead_holder(state: &EnvironmentState) {
    if let Some(holder) = state
        .lock
        .as_ref()
        .and_then(|lock| lock.deployment.as_ref())
    {
        tracing::warn!(%holder, "taking over the lock: its holder's lease ran out");
    }
}
