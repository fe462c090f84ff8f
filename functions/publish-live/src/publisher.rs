//! One invocation: all functions that a deployment changed.

use futures_util::future::join;
use futures_util::{StreamExt as _, stream};
use lockstep::PhaseError;
use lockstep::live::{ParameterChange, live_files, live_key};
use lockstep::plan::{Change, Plan};
use lockstep::record::DeploymentRef;
use lockstep::release::{Artifacts, ZipArtifact};
use lockstep_aws::Mandate;
use lockstep_handler::{Verb, hold_lock, mandate, parse};
use lockstep_lambda::Lambda;
use lockstep_ledger::Ledger;
use lockstep_parameters::Parameters;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::objects::Objects;
use crate::serving::still_serve;

/// How many files are worked on at the same time: a copy inside S3 takes some tenths of a
/// second, and S3 takes thousands of them in a second.
const AT_ONCE: usize = 32;

/// The payload of the PublishLive states.
#[derive(Debug, Deserialize)]
struct Request {
    deployment: DeploymentRef,
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
    /// What is as it should be is left alone, so it can be asked again at any point. Whether it
    /// may still act is asked before every single change: it may outlive its execution.
    pub(crate) async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let request: Request = parse(payload)?;
        let deployment = &request.deployment;
        let undo = request.verb == Verb::Undo;
        hold_lock(&self.ledger, deployment, request.fence, undo).await?;
        let Some(plan) = self.ledger.plan(&deployment.id).await? else {
            return Ok(answer(&request, 0, 0));
        };
        if !undo {
            still_serve(&self.lambda, &plan).await?;
        }
        let verified = self
            .ledger
            .current_release(&deployment.application, &deployment.environment)
            .await?;
        let verified = verified.map(|current| current.release.artifacts);
        let work = Work {
            publisher: self,
            request: &request,
            mandate: mandate(&self.ledger, deployment, request.fence, undo),
        };
        work.all(&plan, &verified.unwrap_or_default()).await
    }
}

/// One invocation's work.
struct Work<'a> {
    publisher: &'a Publisher,
    request: &'a Request,
    mandate: Mandate,
}

impl Work<'_> {
    /// Tries everything before it tells the first failure.
    async fn all(&self, plan: &Plan, verified: &Artifacts) -> Result<Value, PhaseError> {
        let files = live_files(plan, verified);
        let images: Vec<_> = plan
            .steps
            .iter()
            .flat_map(|it| images(&it.change))
            .collect();
        let all = files.len() + images.len();
        let files =
            stream::iter(files).map(async |(component, zip)| self.file(component, zip).await);
        let files = files.buffer_unordered(AT_ONCE).collect::<Vec<_>>();
        let (files, images) = join(files, self.images(&images)).await;
        let files = files.into_iter().collect::<Result<Vec<_>, _>>()?;
        let changed = files.into_iter().filter(|changed| *changed).count();
        Ok(answer(self.request, all, changed + images?))
    }

    async fn file(&self, component: &str, zip: &ZipArtifact) -> Result<bool, PhaseError> {
        let (objects, deployment) = (&self.publisher.objects, &self.request.deployment);
        let (key, id) = (live_key(deployment, component), deployment.id.as_str());
        match self.request.verb {
            Verb::Do => objects.publish(&key, zip, id, &self.mandate).await,
            Verb::Undo => objects.put_back(&key, id, &self.mandate).await,
        }
    }

    async fn images(&self, changes: &[ParameterChange]) -> Result<usize, PhaseError> {
        let (parameters, owner) = (&self.publisher.parameters, &self.request.deployment);
        match self.request.verb {
            Verb::Do => parameters.publish(owner, changes, &self.mandate).await,
            Verb::Undo => parameters.put_back(owner, changes, &self.mandate).await,
        }
    }
}

/// The parameters of a step.
fn images(change: &Change) -> Vec<ParameterChange> {
    let Change::Functions(step) = change else {
        return Vec::new();
    };
    step.parameters.clone()
}

fn answer(request: &Request, all: usize, changed: usize) -> Value {
    tracing::info!(
        deployment = request.deployment.id.as_str(),
        verb = request.verb.as_str(),
        "what templates read was changed for {changed} of {all} functions"
    );
    json!({"functions": all, "changed": changed})
}

#[cfg(test)]
mod tests;
