//! SSM parameters that say what is live, for others to read: looked at when a deployment is
//! planned, written once it is verified, and put back exactly.
//!
//! Only parameters with Lockstep's tags of the same application and environment are ever
//! overwritten or deleted. What is done to each is decided in [`lockstep::live`].

mod store;

use aws_sdk_ssm::Client;
use aws_types::SdkConfig;
use futures_util::{StreamExt as _, stream};
use lockstep::live::{ParameterChange, ParameterWrite};
use lockstep::record::DeploymentRef;
use lockstep::{Check, PhaseError};
use lockstep_aws::Mandate;
use store::Store;

/// How many parameters are worked on at the same time; the budgets of calls pace them.
const AT_ONCE: usize = 8;

/// The parameters of an account. Cheap to clone; clones share one budget of calls.
#[derive(Debug, Clone)]
pub struct Parameters {
    store: Store,
}

impl Parameters {
    /// The parameters of the account of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self::with_client(Client::new(config))
    }

    /// The parameters behind a client.
    pub fn with_client(client: Client) -> Self {
        Self {
            store: Store::new(client),
        }
    }

    /// Looks at every parameter that is to have a value: what has to change of them, and every
    /// one that may not be written. Changes nothing.
    ///
    /// # Errors
    /// [`PhaseError::Transient`] when a parameter could not be looked at for now; a look that was
    /// refused is a failed check.
    pub async fn plan(
        &self,
        owner: &DeploymentRef,
        wanted: Vec<(String, String)>,
    ) -> Result<(Vec<ParameterChange>, Vec<Check>), PhaseError> {
        let looks = stream::iter(wanted).map(async |(name, value)| {
            let found = match self.store.look(&name).await {
                Ok(found) => found,
                Err(PhaseError::Rejected { resource, reason }) => {
                    return Ok(Err(access(resource, reason)));
                }
                Err(error) => return Err(error),
            };
            let planned = ParameterChange::plan(owner, name, value, found.as_ref());
            Ok::<_, PhaseError>(planned)
        });
        let looks: Vec<_> = looks.buffered(AT_ONCE).collect().await;
        let (mut changes, mut failed) = (Vec::new(), Vec::new());
        for look in looks {
            match look? {
                Ok(change) => changes.extend(change),
                Err(check) => failed.push(check),
            }
        }
        Ok((changes, failed))
    }

    /// Looks at everything below a path: every parameter there that is to be written and may not
    /// be. Changes nothing. For names of which it is not known yet which of them will be needed.
    ///
    /// # Errors
    /// As [`Self::plan`].
    pub async fn conflicts(
        &self,
        owner: &DeploymentRef,
        path: &str,
        is_written: impl Fn(&str) -> bool,
    ) -> Result<Vec<Check>, PhaseError> {
        let found = match self.store.below(path).await {
            Ok(found) => found,
            Err(PhaseError::Rejected { resource, reason }) => {
                return Ok(vec![access(resource, reason)]);
            }
            Err(error) => return Err(error),
        };
        let written = found.into_iter().filter(|(name, _)| is_written(name));
        let looks = stream::iter(written).map(async |(name, found)| {
            match self.store.with_tags(&name, found).await {
                Ok(found) => Ok(found.and_then(|it| it.is_ours(owner, &name).err())),
                Err(PhaseError::Rejected { resource, reason }) => {
                    Ok(Some(access(resource, reason)))
                }
                Err(error) => Err(error),
            }
        });
        let looks: Vec<Result<Option<Check>, PhaseError>> = looks.buffered(AT_ONCE).collect().await;
        let failed = looks.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(failed.into_iter().flatten().collect())
    }

    /// The names of everything below a path.
    ///
    /// # Errors
    /// When it could not be looked at.
    pub async fn names(&self, path: &str) -> Result<Vec<String>, PhaseError> {
        let found = self.store.below(path).await?;
        Ok(found.into_iter().map(|(name, _)| name).collect())
    }

    /// Gives every parameter its new value. What has it already is left alone, so it can be asked
    /// again at any point. Gives how many were written.
    ///
    /// # Errors
    /// The first one's that could not be written, after all have been tried.
    pub async fn publish(
        &self,
        owner: &DeploymentRef,
        changes: &[ParameterChange],
        mandate: &Mandate,
    ) -> Result<usize, PhaseError> {
        self.each(owner, changes, mandate, |change, found| {
            change.publish(owner, found)
        })
        .await
    }

    /// Puts every parameter back that still has the value which the change gave it. Gives how
    /// many were written.
    ///
    /// # Errors
    /// The first one's that could not be put back, after all have been tried.
    pub async fn put_back(
        &self,
        owner: &DeploymentRef,
        changes: &[ParameterChange],
        mandate: &Mandate,
    ) -> Result<usize, PhaseError> {
        self.each(owner, changes, mandate, |change, found| {
            Ok(change.put_back(owner, found))
        })
        .await
    }

    async fn each(
        &self,
        owner: &DeploymentRef,
        changes: &[ParameterChange],
        mandate: &Mandate,
        decide: impl for<'c> Fn(
            &'c ParameterChange,
            Option<&lockstep::live::FoundParameter>,
        ) -> Result<ParameterWrite<'c>, PhaseError>,
    ) -> Result<usize, PhaseError> {
        let decide = &decide;
        let work = stream::iter(changes).map(async |change| {
            let found = self.store.look(&change.name).await?;
            let write = decide(change, found.as_ref())?;
            if write != ParameterWrite::Nothing {
                self.store
                    .write(owner, &change.name, write, mandate)
                    .await?;
            }
            Ok(write != ParameterWrite::Nothing)
        });
        let done: Vec<Result<bool, PhaseError>> = work.buffer_unordered(AT_ONCE).collect().await;
        let done = done.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(done.into_iter().filter(|written| *written).count())
    }
}

fn access(resource: String, reason: String) -> Check {
    Check {
        what: "access".into(),
        resource,
        found: reason,
        expected: "an answer".into(),
        todo: "allow it in template.yaml, and deploy the lockstep stack".into(),
        curable: false,
    }
}

#[cfg(test)]
mod tests;
