//! Writing a checked release into its deployment's record.

use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::manifest::{ResolvedEnvironment, SOURCE_LIMIT};
use lockstep::record::ReleaseRequest;
use lockstep::release::{Artifact, Artifacts, ZipArtifact};
use lockstep::release_file::ReleaseFile;
use lockstep::release_order::ReleaseAge;
use lockstep_ledger::{Ledger, ReleaseMark, Released, StoredRecord};

/// The largest template that CloudFormation reads, in bytes.
const TEMPLATE_LIMIT: u64 = 1_048_576;

/// A checked release and where it goes.
pub(crate) struct Placing<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) standing: &'a StoredRecord,
    pub(crate) environment: &'a ResolvedEnvironment,
    pub(crate) request: &'a ReleaseRequest,
    pub(crate) file: &'a ReleaseFile,
    /// The release as it is named in messages.
    pub(crate) resource: String,
    /// When it was uploaded.
    pub(crate) at: Timestamp,
}

impl Placing<'_> {
    /// Writes what goes where. Says what was written; `None` when somebody else changed the
    /// record or the marks in between, so that all has to be looked at again.
    ///
    /// # Errors
    /// [`PhaseError::Rejected`] when nothing of the release belongs to the environment, when
    /// all of it is held, and when it is older than what was asked for before.
    pub(crate) async fn place(
        &self,
        checked: &[ZipArtifact],
    ) -> Result<Option<String>, PhaseError> {
        let record = &self.standing.record;
        let me = &record.deployment;
        let artifacts = self.artifacts(checked)?;
        if !record.source.is_manual() {
            self.refuse_held(&artifacts).await?;
        }
        let marks = self
            .ledger
            .newest_releases(&me.application, &me.environment)
            .await?;
        let mine = ReleaseMark {
            age: ReleaseAge {
                version: self.request.version.clone(),
                at: self.at,
                sequencer: None,
            },
            deployment: me.id.clone(),
        };
        let mut raised = marks.clone();
        if !self.request.allow_older {
            if record.source.is_manual() {
                self.refuse_older(&mine, marks.newest.as_ref())?;
            }
            raised = marks.with(&mine, artifacts.keys());
        }
        let count = artifacts.len();
        let mut changed = record.clone();
        changed.requested.extend(artifacts);
        if let Some(release) = &mut changed.release {
            release.rollback_floor.clone_from(&self.file.rollback_floor);
        }
        Ok(
            match self
                .ledger
                .put_release(self.standing, &changed, &raised)
                .await?
            {
                Released::Now => Some(format!(
                    "release {} is checked; {count} components get an artifact of it",
                    self.request.version
                )),
                Released::Changed => None,
            },
        )
    }

    /// What goes where. What nothing takes was checked all the same, and is left alone.
    fn artifacts(&self, checked: &[ZipArtifact]) -> Result<Artifacts, PhaseError> {
        let assigned = self.file.assign(self.environment);
        let find = |path: &str| checked.iter().find(|artifact| artifact.path == path);
        let placed = assigned.components.into_iter();
        let artifacts: Artifacts = placed
            .filter_map(|(component, artifact)| {
                let file = find(&artifact.path)?.clone();
                Some((component.clone(), self.kind(&component, file)))
            })
            .collect();
        let mut sources = artifacts.values().filter_map(Artifact::as_source);
        if let Some(large) = sources.find(|it| it.size > SOURCE_LIMIT as u64) {
            return Err(self.rejected(format!(
                "the source {} has {} bytes, and at most {SOURCE_LIMIT} (50 MiB) are taken; what a build downloads itself \
                 need not be in it",
                large.path, large.size
            )));
        }
        let large = artifacts.values().filter_map(Artifact::as_template);
        if let Some(large) = large.into_iter().find(|it| it.size > TEMPLATE_LIMIT) {
            return Err(self.rejected(format!(
                "the template {} has {} bytes; CloudFormation reads at most {TEMPLATE_LIMIT} (1 MB)",
                large.path, large.size
            )));
        }
        if artifacts.is_empty() {
            return Err(self.rejected(format!(
                "nothing in {} takes any of its artifacts: {}; the manifest's `artifact` says which path a function, \
                 a stack, infrastructure or a site takes",
                self.environment.environment,
                assigned.unused.join(", ")
            )));
        }
        Ok(artifacts)
    }

    fn kind(&self, component: &str, file: ZipArtifact) -> Artifact {
        if self.environment.stacks.contains_key(component) {
            return Artifact::Template(file);
        }
        if self.environment.infrastructure.contains_key(component) {
            return Artifact::Source(file);
        }
        if self.environment.sites.contains_key(component) {
            return Artifact::Site(file);
        }
        Artifact::Zip(file)
    }

    /// Refuses what failed before, all of it and unchanged. One fixed artifact is enough to try
    /// again: holds say nothing about which of the others was to blame.
    async fn refuse_held(&self, artifacts: &Artifacts) -> Result<(), PhaseError> {
        let me = &self.standing.record.deployment;
        let holds = self.ledger.holds(&me.application, &me.environment).await?;
        let on = |artifact: &Artifact| {
            let id = artifact.id();
            holds.iter().find(|hold| hold.digest == id)
        };
        let all: Option<Vec<_>> = artifacts.values().map(on).collect();
        let Some(hold) = all.as_deref().and_then(<[_]>::first) else {
            return Ok(());
        };
        Err(self.rejected(format!(
            "all that it brings failed in deployment {} ({}) and is held since {}; to deploy it all the same: lockstep \
             deploy {} --release {}",
            hold.deployment, hold.reason, hold.since, me.environment, self.request.version
        )))
    }

    /// What is older by its event was refused by the trigger, and what was overtaken since then
    /// gives way at the lock. The age of a release that a person named is known only here;
    /// naming the newest version again is fine.
    fn refuse_older(
        &self,
        mine: &ReleaseMark,
        newest: Option<&ReleaseMark>,
    ) -> Result<(), PhaseError> {
        let older = newest.filter(|newest| {
            let again = newest.age.version == mine.age.version;
            !again && mine.age.is_older_than(&newest.age)
        });
        let Some(newest) = older else {
            return Ok(());
        };
        Err(self.rejected(format!(
            "it is older than release {}, uploaded at {}, which deployment {} brought; to go back on purpose, add \
             --allow-older (`allow_older` in the input)",
            newest.age.version, newest.age.at, newest.deployment
        )))
    }

    fn rejected(&self, reason: String) -> PhaseError {
        PhaseError::Rejected {
            resource: self.resource.clone(),
            reason,
        }
    }
}
