//! What the phase does to a site; what it means is decided in [`lockstep::site`].

use std::cell::RefCell;
use std::time::Duration;

use lockstep::site::{
    Do, Invalidation, Inventory, Looked, Next, Pointer, SiteStep, Switch, inventory_key,
    marker_key, next, undo_next,
};
use lockstep::{Phase, PhaseError, Progress, WakeKey};
use lockstep_aws::HttpGet;
use lockstep_site::{Bucket, CloudFront, KeyValues};

use crate::check;
use crate::permit::Permit;

/// How often one invocation looks and acts at most: more than any way through takes.
const ROUNDS: usize = 8;

/// Brings a site's release about: files, their list, the switch, what CloudFront forgets, and the
/// look at what is served.
///
/// `start` does whatever can be done until its time is used up, and can be asked again at any
/// point. While something is left to do, `observe` says that the step was not started: CloudFront
/// tells nobody when it is done, so that every invocation looks at everything anyway.
#[derive(Debug)]
pub(crate) struct SitePhase {
    pub(crate) cloudfront: CloudFront,
    pub(crate) key_values: KeyValues,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) http: HttpGet,
    pub(crate) permit: Permit,
    /// What `start` came to, for the `observe` that follows at once.
    pub(crate) seen: RefCell<Option<(String, Progress)>>,
}

impl SitePhase {
    pub(crate) fn bucket(&self, name: &str) -> Bucket {
        Bucket::with_client(self.s3.clone(), name)
    }

    /// Looks and acts by turns until there is nothing to do but to wait.
    async fn go_on(&self, step: &SiteStep, undo: bool) -> Result<Progress, PhaseError> {
        let (mut invalidation, mut made) = (None, None);
        for _ in 0..ROUNDS {
            let seen = self.look(step, invalidation).await?;
            let decided = if undo {
                undo_next(step, &seen)?
            } else {
                next(step, &seen)?
            };
            match decided {
                Next::Act(action) if made.as_ref() == Some(&action) => break,
                Next::Act(action) => {
                    tracing::info!(target = step.resource(), action = ?action, "acting");
                    match &action {
                        Do::Upload => {
                            if let Some(note) = self.upload(step, &seen).await? {
                                return Ok(Progress::Running { note });
                            }
                        }
                        Do::Keep => {
                            if let Some(note) = self.keep(step, &seen).await? {
                                return Ok(Progress::Running { note });
                            }
                        }
                        Do::Replace | Do::Restore => {
                            let Some(list) = &seen.replaced else { break };
                            let left = if undo {
                                self.restore(step, list).await?
                            } else {
                                self.replace(step, list, &seen).await?
                            };
                            if let Some(note) = left {
                                return Ok(Progress::Running { note });
                            }
                        }
                        Do::Switch { from, to } => self.switch(step, (from, to)).await?,
                        Do::Invalidate(paths) => {
                            self.permit.holds().await?;
                            let reference = step.caller_reference(undo);
                            let call =
                                self.cloudfront
                                    .invalidate(&step.distribution, &reference, paths);
                            invalidation = Some(call.await?);
                        }
                    }
                    made = Some(action);
                }
                Next::Wait { note } => return Ok(Progress::Running { note }),
                // A page that is not right at once is asked for again, which takes a while.
                Next::Check if made.is_some() && self.permit.is_over() => {
                    return Ok(Progress::Running {
                        note: "it is live, and is looked at next".to_owned(),
                    });
                }
                Next::Check => {
                    let served = check::served(&self.http, step, &seen, &self.permit);
                    if let Some(note) = served.await? {
                        return Ok(Progress::Running { note });
                    }
                    return Ok(Progress::Done {
                        summary: check::summary(step, &seen),
                    });
                }
                Next::Done { summary } => return Ok(Progress::Done { summary }),
            }
        }
        Ok(Progress::Running {
            note: "CloudFront was asked; it does not show it yet".to_owned(),
        })
    }

    /// Sends viewers to another release, where nobody else did meanwhile.
    async fn switch(&self, step: &SiteStep, (from, to): (&str, &str)) -> Result<(), PhaseError> {
        let mandate = self.permit.mandate();
        let taken = match &step.switch {
            Switch::OriginPath => {
                let call =
                    self.cloudfront
                        .switch(&step.distribution, &step.origin, (from, to), &mandate);
                call.await?
            }
            Switch::KeyValueStore { arn, key } => {
                self.key_values
                    .switch(arn, key, (from, to), &mandate)
                    .await?
            }
        };
        if !taken {
            tracing::info!(
                target = step.resource(),
                "it changed meanwhile; looking again"
            );
        }
        Ok(())
    }

    /// What the mark or the key says, where one does.
    async fn pointer(&self, step: &SiteStep) -> Result<Pointer, PhaseError> {
        if step.in_place().is_some() {
            let mark = self
                .bucket(&step.bucket)
                .read(&marker_key(&step.scope))
                .await?;
            let path = String::from_utf8_lossy(&mark.unwrap_or_default()).into_owned();
            return Ok(Pointer {
                path,
                settling: false,
            });
        }
        let Switch::KeyValueStore { arn, key } = &step.switch else {
            return Ok(Pointer::default());
        };
        let pointer = self.key_values.pointer(arn, key).await?;
        pointer.ok_or_else(|| PhaseError::Rejected {
            resource: step.resource(),
            reason: format!("the KeyValueStore {arn} does not exist any more; somebody deleted it"),
        })
    }

    /// Looks at the distribution and at the lists of both releases.
    async fn look(
        &self,
        step: &SiteStep,
        invalidation: Option<Invalidation>,
    ) -> Result<Looked, PhaseError> {
        let distribution = self.cloudfront.distribution(&step.distribution).await?;
        let distribution = distribution.ok_or_else(|| PhaseError::Rejected {
            resource: step.resource(),
            reason: format!(
                "the distribution {} does not exist any more; somebody deleted it",
                step.distribution
            ),
        })?;
        let before = match step.release_before() {
            Some(release) => self.inventory(step, release).await?,
            None => None,
        };
        Ok(Looked {
            distribution,
            inventory: self.inventory(step, &step.release).await?,
            before,
            pointer: self.pointer(step).await?,
            replaced: match step.in_place() {
                Some(_) => self.list(step, &step.replaced_key()).await?,
                None => None,
            },
            invalidation,
        })
    }

    pub(crate) async fn inventory(
        &self,
        step: &SiteStep,
        release: &str,
    ) -> Result<Option<Inventory>, PhaseError> {
        self.list(step, &inventory_key(&step.scope, release)).await
    }

    async fn list<T: serde::de::DeserializeOwned>(
        &self,
        step: &SiteStep,
        key: &str,
    ) -> Result<Option<T>, PhaseError> {
        let Some(bytes) = self.bucket(&step.bucket).read(key).await? else {
            return Ok(None);
        };
        let inventory = serde_json::from_slice(&bytes);
        inventory.map(Some).map_err(|error| PhaseError::Rejected {
            resource: format!("s3://{}/{key}", step.bucket),
            reason: format!(
                "the list of the release's files cannot be read: {error}; delete it, and deploy again: it is written anew"
            ),
        })
    }
}

impl Phase for SitePhase {
    type Step = SiteStep;

    fn deadline(&self, step: &SiteStep) -> Duration {
        Duration::from_secs(step.deadline_seconds)
    }

    /// CloudFront tells nobody when it is done: the state asks again after some seconds.
    fn wake_keys(&self, _step: &SiteStep) -> Vec<WakeKey> {
        Vec::new()
    }

    async fn start(&self, step: &SiteStep) -> Result<(), PhaseError> {
        let progress = self.go_on(step, false).await?;
        self.seen.replace(Some((step.deployment.clone(), progress)));
        Ok(())
    }

    async fn observe(&self, step: &SiteStep) -> Result<Progress, PhaseError> {
        if let Some((deployment, progress)) = self.seen.take()
            && deployment == step.deployment
        {
            return Ok(progress);
        }
        Ok(Progress::NotStarted)
    }

    async fn undo(&self, step: &SiteStep) -> Result<Progress, PhaseError> {
        self.go_on(step, true).await
    }
}

#[cfg(test)]
mod tests;
