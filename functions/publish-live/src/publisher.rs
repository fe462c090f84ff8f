//! One invocation: all functions that a deployment changed.

use futures_util::future::join;
use futures_util::{StreamExt as _, stream};
use lockstep::PhaseError;
use lockstep::live::{ParameterChange, live_files, live_key, seeds};
use lockstep::plan::{Change, Plan};
use lockstep::record::DeploymentRef;
use lockstep::release::{Artifacts, ZipArtifact};
use lockstep_aws::Mandate;
use lockstep_handler::{environment_of, hold_lock, mandate, parse, record_of};
use lockstep_lambda::Lambda;
use lockstep_ledger::Ledger;
use lockstep_parameters::Parameters;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::objects::Objects;
use crate::serving::still_serve;
use crate::shared::{By, Shared};

/// How many files are worked on at the same time: a copy inside S3 takes some tenths of a
/// second, and S3 takes thousands of them in a second.
const AT_ONCE: usize = 32;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verb {
    /// Code for the functions that a stack is about to create, where none is live yet.
    Seed,
    /// What is live, after it was verified.
    Do,
    /// What was live before it.
    Undo,
    /// Nothing, where [`Self::Seed`] put something.
    Unseed,
    /// What other stacks read, as it was before [`Self::Do`].
    Withdraw,
}

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
    pub(crate) shared: Shared,
}

impl Publisher {
    /// Publishes the code of every changed function, or puts back what was published before.
    /// What is as it should be is left alone, so it can be asked again at any point. Whether it
    /// may still act is asked before every single change: it may outlive its execution.
    pub(crate) async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let request: Request = parse(payload)?;
        let deployment = &request.deployment;
        let undo = request.verb.is_undo();
        hold_lock(&self.ledger, deployment, request.fence, undo).await?;
        let verified = self
            .ledger
            .current_release(&deployment.application, &deployment.environment)
            .await?;
        let verified = verified.map(|current| current.release.artifacts);
        let verified = verified.unwrap_or_default();
        let work = Work {
            publisher: self,
            request: &request,
            mandate: mandate(&self.ledger, deployment, request.fence, undo),
        };
        match request.verb {
            Verb::Seed | Verb::Unseed => return work.seeds(&verified).await,
            Verb::Withdraw => return work.withdraw().await,
            Verb::Do | Verb::Undo => {}
        }
        let Some(plan) = self.ledger.plan(&deployment.id).await? else {
            return Ok(answer(&request, 0, 0));
        };
        if !undo {
            still_serve(&self.lambda, &plan).await?;
        }
        work.all(&plan, &verified).await
    }
}

impl Verb {
    const fn is_undo(self) -> bool {
        matches!(self, Self::Undo | Self::Unseed | Self::Withdraw)
    }

    /// As people read it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::Do => "do",
            Self::Undo => "undo",
            Self::Unseed => "unseed",
            Self::Withdraw => "withdraw",
        }
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
        let (files, images) = join(self.files(files), self.images(&images)).await;
        let changed = files? + images?;
        if plan.publishes && self.request.verb == Verb::Do {
            let shared = &self.publisher.shared;
            self.tell(shared.publish(self.by(), verified).await?);
        }
        Ok(answer(self.request, all, changed))
    }

    /// What other stacks read, as it was before.
    async fn withdraw(&self) -> Result<Value, PhaseError> {
        let changed = Shared::withdraw(self.by()).await?;
        self.tell(changed);
        Ok(json!({ "parameters": changed }))
    }

    fn by(&self) -> By<'_> {
        By {
            deployment: &self.request.deployment,
            ledger: &self.publisher.ledger,
            parameters: &self.publisher.parameters,
            mandate: &self.mandate,
        }
    }

    fn tell(&self, parameters: usize) {
        tracing::info!(
            deployment = self.request.deployment.id.as_str(),
            verb = self.request.verb.as_str(),
            "{parameters} parameters were written for other stacks"
        );
    }

    /// The code of every function that a stack may be about to create.
    async fn seeds(&self, verified: &Artifacts) -> Result<Value, PhaseError> {
        let (ledger, deployment) = (&self.publisher.ledger, &self.request.deployment);
        let record = record_of(ledger, deployment).await?;
        let environment = environment_of(ledger, deployment, record.manifest_version).await?;
        let seeds = seeds(&environment, &record.requested, verified);
        let files = seeds
            .iter()
            .map(|(component, zip)| (component.as_str(), *zip));
        let changed = self.files(files.collect()).await?;
        Ok(answer(self.request, seeds.len(), changed))
    }

    /// How many of these files were changed.
    async fn files(&self, files: Vec<(&str, &ZipArtifact)>) -> Result<usize, PhaseError> {
        let files =
            stream::iter(files).map(async |(component, zip)| self.file(component, zip).await);
        let files: Vec<_> = files.buffer_unordered(AT_ONCE).collect().await;
        let files = files.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(files.into_iter().filter(|changed| *changed).count())
    }

    async fn file(&self, component: &str, zip: &ZipArtifact) -> Result<bool, PhaseError> {
        let (objects, deployment) = (&self.publisher.objects, &self.request.deployment);
        let (key, id) = (live_key(deployment, component), deployment.id.as_str());
        match self.request.verb {
            Verb::Do => objects.publish(&key, zip, id, &self.mandate).await,
            Verb::Undo => objects.put_back(&key, id, &self.mandate).await,
            Verb::Seed => objects.seed(&key, zip, id, &self.mandate).await,
            Verb::Unseed => objects.take_away(&key, id, &self.mandate).await,
            // That is about parameters alone.
            Verb::Withdraw => Ok(false),
        }
    }

    async fn images(&self, changes: &[ParameterChange]) -> Result<usize, PhaseError> {
        let (parameters, owner) = (&self.publisher.parameters, &self.request.deployment);
        match self.request.verb {
            Verb::Do => parameters.publish(owner, changes, &self.mandate).await,
            Verb::Undo => parameters.put_back(owner, changes, &self.mandate).await,
            // Nobody asks for the image of a function before it is live: see `live_image`.
            Verb::Seed | Verb::Unseed | Verb::Withdraw => Ok(0),
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
