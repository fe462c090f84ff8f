//! One look at an uploaded release.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::record::{DeploymentRef, ReleaseRequest};
use lockstep::release::ZipArtifact;
use lockstep::release_file::{ReleaseFile, ReleasedArtifact};
use lockstep_handler::{environment_of, no_record, parse};
use lockstep_ledger::Ledger;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::archive::Archive;
use crate::bucket::{Bucket, Object};
use crate::locate::{Located, locate, read_release_file};
use crate::placing::Placing;
use crate::progress::{Budget, Progress, Tally};
use crate::{files, zipped};

/// How long a look waits for what may still be on its way, in seconds.
const WAIT_FOR_UPLOADS: u32 = 2;

/// The payload of the Release state.
#[derive(Debug, Deserialize)]
struct Request {
    deployment: DeploymentRef,
    progress: Option<Progress>,
}

/// Reads and checks releases.
#[derive(Debug)]
pub(crate) struct Releaser {
    pub(crate) ledger: Ledger,
    pub(crate) bucket: Bucket,
}

/// What one look came to.
enum Look {
    /// The record says what goes where.
    Passed(String),
    /// Look again after so many seconds.
    Again(u32, String),
}

impl Releaser {
    /// One invocation: one look.
    pub(crate) async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let request: Request = parse(payload)?;
        let now = Timestamp::now();
        let progress = request.progress.unwrap_or(Progress { since: now });
        let look = self.look(&request.deployment, progress, now).await?;
        let (status, progress, wait_seconds, note) = match look {
            Look::Passed(note) => ("passed", None, 0, note),
            Look::Again(wait_seconds, note) => ("running", Some(progress), wait_seconds, note),
        };
        let deployment = request.deployment.id.as_str();
        tracing::info!(deployment, status, "{note}");
        Ok(
            json!({"status": status, "wait_seconds": wait_seconds, "progress": progress, "note": note}),
        )
    }

    async fn look(
        &self,
        deployment: &DeploymentRef,
        progress: Progress,
        now: Timestamp,
    ) -> Result<Look, PhaseError> {
        let standing = self.ledger.stored_record(&deployment.id).await?;
        let standing = standing.ok_or_else(|| no_record(deployment))?;
        let record = &standing.record;
        let is_read = record.requested.values().any(|it| it.as_file().is_some());
        let Some(request) = record.release.as_ref().filter(|_| !is_read) else {
            return Ok(Look::Passed("the release was read before".to_owned()));
        };
        let environment = environment_of(&self.ledger, deployment, record.manifest_version).await?;
        let located = locate(&self.bucket, &deployment.application, request).await?;
        let budget = Budget::begin();
        let mut archive = None;
        if located.zipped {
            archive = Some(Archive::open(&self.bucket, located.object.clone()).await?);
        }
        let file = self
            .release_file(&located, archive.as_mut(), deployment, request)
            .await?;
        let mut checked = self.ledger.checked(&deployment.id).await?;
        let found = self
            .check(&located, archive.as_mut(), &file, &checked, budget)
            .await?;
        let (missing, bad, not_yet) = (found.missing, found.bad, found.not_yet);
        let released = |(artifact, object): (ReleasedArtifact, Object)| {
            self.artifact(artifact, object, request, &located)
        };
        checked.extend(found.good.into_iter().map(released));
        let may_come = !located.zipped && progress.may_still_come(now);
        let again = not_yet > 0 || (!missing.is_empty() && may_come);
        if !bad.is_empty() || (!missing.is_empty() && !may_come) {
            return Err(self.refuse(&located, &missing, bad));
        }
        if again {
            self.ledger
                .put_checked(&deployment.id, &checked, now)
                .await?;
            return Ok(later(&file, checked.len(), &missing, not_yet));
        }
        let placing = Placing {
            ledger: &self.ledger,
            standing: &standing,
            environment: &environment,
            request,
            file: &file,
            resource: located.object.resource(self.bucket.name()),
            at: located.at,
        };
        Ok(match placing.place(&checked).await? {
            Some(note) => Look::Passed(note),
            None => Look::Again(1, "the record was changed meanwhile".to_owned()),
        })
    }

    /// release.json, which must be about the application and version that its key names.
    async fn release_file(
        &self,
        located: &Located,
        archive: Option<&mut Archive<'_>>,
        deployment: &DeploymentRef,
        request: &ReleaseRequest,
    ) -> Result<ReleaseFile, PhaseError> {
        let text = match archive {
            Some(archive) => archive.release_file().await?,
            None => read_release_file(&self.bucket, &located.object).await?,
        };
        let resource = located.object.resource(self.bucket.name());
        let rejected = |reason: String| PhaseError::Rejected {
            resource: resource.clone(),
            reason,
        };
        let file = ReleaseFile::parse(&text).map_err(|error| rejected(error.to_string()))?;
        let named = [
            ("application", &file.application, &deployment.application),
            ("version", &file.version, &request.version),
        ];
        for (field, found, expected) in named {
            if found != expected {
                return Err(rejected(format!(
                    "{field}: found `{found}`, and its key says `{expected}`; upload it where it belongs"
                )));
            }
        }
        Ok(file)
    }

    /// Looks at every artifact that was not checked at an earlier look.
    async fn check(
        &self,
        located: &Located,
        archive: Option<&mut Archive<'_>>,
        file: &ReleaseFile,
        checked: &[ZipArtifact],
        budget: Budget,
    ) -> Result<Tally<(ReleasedArtifact, Object)>, PhaseError> {
        let done: BTreeSet<_> = checked.iter().map(|artifact| &artifact.path).collect();
        let open: Vec<_> = file
            .artifacts
            .iter()
            .filter(|artifact| !done.contains(&artifact.path))
            .collect();
        let looked = match archive {
            Some(archive) => zipped::look(&self.bucket, archive, &open, budget).await?,
            None => files::look(&self.bucket, &located.folder, &open, budget).await?,
        };
        Ok(looked.into_iter().collect())
    }

    fn artifact(
        &self,
        artifact: ReleasedArtifact,
        object: Object,
        request: &ReleaseRequest,
        located: &Located,
    ) -> ZipArtifact {
        ZipArtifact {
            bucket: self.bucket.name().to_owned(),
            key: object.key,
            version_id: object.version_id,
            sha256: artifact.sha256,
            size: object.size,
            path: artifact.path,
            release: request.version.clone(),
            released_at: located.at,
        }
    }

    fn refuse(&self, located: &Located, missing: &[String], mut bad: Vec<String>) -> PhaseError {
        bad.extend(missing.iter().map(|path| format!("{path} is missing")));
        PhaseError::Rejected {
            resource: located.object.resource(self.bucket.name()),
            reason: format!(
                "{}; upload the release again, release.json last",
                bad.join("; ")
            ),
        }
    }
}

fn later(file: &ReleaseFile, checked: usize, missing: &[String], not_yet: usize) -> Look {
    let all = file.artifacts.len();
    let mut note = format!("{checked} of {all} artifacts checked");
    if let Some(first) = missing.first() {
        let _ = write!(note, "; {first} is not uploaded yet");
    }
    let wait_seconds = if not_yet > 0 { 1 } else { WAIT_FOR_UPLOADS };
    Look::Again(wait_seconds, note)
}

#[cfg(test)]
mod tests;
