//! One invocation: all functions that a deployment changed.

use futures_util::{StreamExt as _, stream};
use lockstep::PhaseError;
use lockstep::live::{live_artifacts, live_image, live_key, live_parameter};
use lockstep::plan::Plan;
use lockstep::record::{DeploymentRef, Execution};
use lockstep::release::{Artifact, Artifacts};
use lockstep_handler::{Verb, hold_lock, parse};
use lockstep_lambda::Lambda;
use lockstep_ledger::Ledger;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::objects::Objects;
use crate::parameters::Parameters;
use crate::serving::still_serve;

/// How many functions are worked on at the same time: a copy inside S3 takes some tenths of a
/// second, and S3 takes thousands of them in a second.
const AT_ONCE: usize = 32;

/// The payload of the PublishLive states.
#[derive(Debug, Deserialize)]
struct Request {
    deployment: DeploymentRef,
    execution: Execution,
    fence: u64,
    verb: Verb,
}

/// Publishes what is live.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) lambda: Lambda,
    pub(crate) ledger: Ledger,
    pub(crate) objects: Objects,
    pub(crate) parameters: Parameters,
}

impl Publisher {
    /// Publishes the code of every changed function, or puts back what was published before.
    /// What is as it should be is left alone, so it can be asked again at any point.
    pub(crate) async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let request: Request = parse(payload)?;
        let deployment = &request.deployment;
        let undo = request.verb == Verb::Undo;
        hold_lock(&self.ledger, deployment, request.fence, undo).await?;
        let plan = self.ledger.plan(&deployment.id).await?;
        if let (Some(plan), Verb::Do) = (&plan, request.verb) {
            still_serve(&self.lambda, plan).await?;
        }
        let verified = self
            .ledger
            .current_release(&deployment.application, &deployment.environment)
            .await?;
        let verified = verified.map(|current| current.release.artifacts);
        let verified = verified.unwrap_or_default();
        let (all, changed) = match &plan {
            Some(plan) => self.all(&request, plan, &verified).await?,
            None => (0, 0),
        };
        tracing::info!(
            deployment = deployment.id.as_str(),
            verb = request.verb.as_str(),
            "what templates read was changed for {changed} of {all} functions"
        );
        Ok(json!({"functions": all, "changed": changed}))
    }

    /// How many functions there are, and for how many something had to be done. Tries them all
    /// before it tells the first failure.
    async fn all(
        &self,
        request: &Request,
        plan: &Plan,
        verified: &Artifacts,
    ) -> Result<(usize, usize), PhaseError> {
        let live = live_artifacts(plan, verified);
        let all = live.len();
        let work = stream::iter(live).map(async |(component, artifact)| match request.verb {
            Verb::Do => self.publish(request, component, artifact).await,
            Verb::Undo => {
                let before = lockstep::lambda::artifact_of(verified, component);
                self.put_back(request, component, artifact, before).await
            }
        });
        let done: Vec<_> = work.buffer_unordered(AT_ONCE).collect().await;
        let done = done.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok((all, done.into_iter().filter(|changed| *changed).count()))
    }

    async fn publish(
        &self,
        request: &Request,
        component: &str,
        artifact: &Artifact,
    ) -> Result<bool, PhaseError> {
        let deployment = &request.deployment;
        match artifact {
            Artifact::Zip(zip) => {
                let key = live_key(deployment, component);
                self.objects
                    .publish(&key, zip, deployment.id.as_str())
                    .await
            }
            Artifact::Image(image) => {
                let image = live_image(image, &request.execution.arn);
                let name = live_parameter(deployment, component);
                self.parameters.publish(&name, &image).await
            }
        }
    }

    /// `before` is the artifact of the last verified release.
    async fn put_back(
        &self,
        request: &Request,
        component: &str,
        after: &Artifact,
        before: Option<&Artifact>,
    ) -> Result<bool, PhaseError> {
        let deployment = &request.deployment;
        match after {
            Artifact::Zip(_) => {
                let key = live_key(deployment, component);
                self.objects.put_back(&key, deployment.id.as_str()).await
            }
            Artifact::Image(after) => {
                let arn = &request.execution.arn;
                let before = before.and_then(Artifact::as_image);
                let before = before.map(|image| live_image(image, arn));
                let name = live_parameter(deployment, component);
                self.parameters
                    .put_back(&name, &live_image(after, arn), before.as_deref())
                    .await
            }
        }
    }
}

#[cfg(test)]
mod tests;
