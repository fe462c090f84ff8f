//! Which builds a deployment needs, written down before the first one begins.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::image_build::{plan_builds, wanted};
use lockstep::plan::Step;
use lockstep::record::DeploymentRef;
use lockstep_handler::{environment_of, parse, record_of};
use lockstep_ledger::Ledger;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::images::Images;

/// The payload of the state that asks which builds there are.
#[derive(Debug, Deserialize)]
struct Request {
    deployment: DeploymentRef,
}

/// Plans builds.
#[derive(Debug)]
pub(crate) struct Planner {
    ledger: Ledger,
    images: Images,
}

impl Planner {
    pub(crate) const fn new(ledger: Ledger, images: Images) -> Self {
        Self { ledger, images }
    }

    /// One invocation: answers with the builds. A copy of it gets the same answer: what was written
    /// down first holds.
    pub(crate) async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let Request { deployment } = parse(payload)?;
        let mut steps = self.ledger.build_steps(&deployment.id).await?;
        if steps.is_empty() {
            steps = self.plan(&deployment).await?;
        }
        let builds: Vec<_> = steps.iter().map(Step::reference).collect();
        let words: Vec<_> = steps.iter().map(Step::summary).collect();
        tracing::info!(
            deployment = deployment.id.as_str(),
            builds = builds.len(),
            "to build: {}",
            words.join("; ")
        );
        Ok(json!({ "builds": builds }))
    }

    async fn plan(&self, deployment: &DeploymentRef) -> Result<Vec<Step>, PhaseError> {
        let record = record_of(&self.ledger, deployment).await?;
        let wanted = wanted(&record.requested)?;
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let version = record.manifest_version;
        let environment = environment_of(&self.ledger, deployment, version).await?;
        let mut addresses = BTreeMap::new();
        for image in wanted.values() {
            let address = self.images.address(&image.repository).await?;
            addresses.insert(image.repository.clone(), address);
        }
        let steps = plan_builds(deployment, &environment, &wanted, &addresses)?;
        let now = Timestamp::now();
        Ok(self.ledger.put_build_steps(deployment, steps, now).await?)
    }
}

#[cfg(test)]
mod tests;
