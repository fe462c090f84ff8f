//! What the phase does for one build; what a look at it means is decided in
//! [`lockstep::image_build`].
//!
//! A build is begun in the ledger before CodeBuild is asked for it, and carries a name. So it is
//! found again after every lost answer, and none begins behind the back of whoever stops it. Its image
//! is in the deployment's record before the step is done.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lockstep::gate::{GateBuild, build_page, report_page};
use lockstep::image_build::{Decision, ImageBuildStep, built_words, decide, extra_tags, missing};
use lockstep::{Phase, PhaseError, Progress, WakeKey};
use lockstep_codebuild::{Build, BuildRequest, CodeBuild, Started, since};
use lockstep_ledger::{Ledger, TakenImage};

use crate::images::{Found, Images};

/// How long everything around a build may take: until CodeBuild takes it, and until it has stopped.
const AROUND: Duration = Duration::from_mins(10);

/// No call of this function takes longer: a build that was not closed when it began and is not
/// shown by then was never asked for.
const LONGEST_CALL: SignedDuration = SignedDuration::from_secs(30);

/// Builds images.
#[derive(Debug)]
pub(crate) struct BuildPhase {
    codebuild: CodeBuild,
    ledger: Ledger,
    images: Images,
    /// What is waited for, as the start knows it that was made just now, until somebody asks.
    held_up: Mutex<Option<String>>,
}

impl BuildPhase {
    pub(crate) const fn new(codebuild: CodeBuild, ledger: Ledger, images: Images) -> Self {
        Self {
            codebuild,
            ledger,
            images,
            held_up: Mutex::new(None),
        }
    }

    /// The build, where there is one.
    async fn find(&self, step: &ImageBuildStep) -> Result<Option<Build>, PhaseError> {
        let (identity, since) = (step.identity(), since(&step.deployment.id));
        let wanted = [identity.as_str()];
        let mut found = self.codebuild.find(&step.project, &wanted, since).await?;
        Ok(found.remove(&identity))
    }

    /// The build for people: with the page that shows its log and its reports.
    async fn read(&self, build: Build) -> GateBuild {
        let (ended_at, page) = (build.ended_at, build_page(&build.arn));
        let reports = build.reports.iter().map(|arn| report_page(arn));
        let reports = reports.filter(|it| !it.is_empty()).collect();
        let mut told = self.codebuild.told(build, true).await;
        if !page.is_empty() {
            told.link = page;
        }
        GateBuild {
            build: told,
            ended_at,
            reports,
        }
    }

    /// The image where somebody else made it meanwhile: another environment, or a person.
    async fn without_a_build(&self, step: &ImageBuildStep) -> Result<Progress, PhaseError> {
        let found = self.images.find(&step.repository, &step.commit).await?;
        match found {
            None => Ok(Progress::NotStarted),
            Some(found) => {
                let note = "was not built, because it exists meanwhile";
                self.take(step, &found, note).await
            }
        }
    }

    /// Takes the image of a build that succeeded: with its tags, by its digest.
    async fn take_built(
        &self,
        step: &ImageBuildStep,
        seen: &GateBuild,
    ) -> Result<Progress, PhaseError> {
        // A late copy of an invocation must not move tags of an environment that is another's.
        self.ledger.still_runs(&step.deployment).await?;
        let found = self.images.find(&step.repository, &step.commit).await?;
        let found = found.ok_or_else(|| missing(step, seen))?;
        let (me, now) = (&step.deployment, Timestamp::now());
        self.ledger
            .note_built(me, &step.commit, &found.image, now)
            .await?;
        let tags = extra_tags(step, seen.build.started_at);
        let tagged = self.images.tag(&found, &tags).await?;
        self.take(step, &found, &built_words(seen, &tagged)).await
    }

    async fn take(
        &self,
        step: &ImageBuildStep,
        found: &Found,
        note: &str,
    ) -> Result<Progress, PhaseError> {
        let taken = TakenImage {
            build: &step.component,
            commit: &step.commit,
            image: &found.image,
            note,
        };
        let now = Timestamp::now();
        self.ledger
            .take_built(&step.deployment, &taken, now)
            .await?;
        Ok(done(&format!("{} {note}", found.image.label())))
    }

    /// Notes what is waited for, or takes the note away.
    fn hold_up(&self, note: Option<String>) -> Option<String> {
        let mut held_up = self.held_up.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *held_up, note)
    }

    /// Stops a build whose answer nobody waits for. Where that is refused, it ends by itself: it
    /// changes nothing that would have to be put back.
    async fn stop(&self, step: &ImageBuildStep, build: &Build) -> Result<Progress, PhaseError> {
        let (resource, id) = (step.resource(), &build.id);
        match self.codebuild.stop(build).await {
            Ok(()) => Ok(running(format!("its build {id} is being stopped"))),
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                tracing::error!(target = resource, build = id, "cannot be stopped: {error}");
                let minutes = step.timeout_minutes.max(5);
                Ok(done(&format!(
                    "its build {id} could not be stopped and ends by itself within {minutes} min: {error}"
                )))
            }
        }
    }
}

impl Phase for BuildPhase {
    type Step = ImageBuildStep;

    /// The build's own time is watched by [`Phase::observe`], which stops it; this one is for a
    /// build that never begins, or does not even stop.
    fn deadline(&self, step: &ImageBuildStep) -> Duration {
        step.timeout() + AROUND
    }

    fn wake_keys(&self, step: &ImageBuildStep) -> Vec<WakeKey> {
        vec![WakeKey::builds(&step.project)]
    }

    async fn start(&self, step: &ImageBuildStep) -> Result<(), PhaseError> {
        let (id, run) = (&step.deployment.id, step.run_name());
        if !self.ledger.begin_build(id, &run, Timestamp::now()).await? {
            return Err(PhaseError::Halted {
                by: "the end of the same deployment".to_owned(),
            });
        }
        let request = BuildRequest {
            project: step.project.clone(),
            identity: step.identity(),
            token: step.token(),
            source: None,
            source_version: Some(step.commit.clone()),
            variables: step.variables.clone(),
            timeout_minutes: Some(step.timeout_minutes),
        };
        tracing::info!(
            target = step.resource(),
            build = request.identity,
            "starting its build"
        );
        if let Started::NoRoom(said) = self.codebuild.start(&request).await? {
            let said = said.trim_end_matches('.');
            self.hold_up(Some(format!(
                "CodeBuild takes no more builds at the moment ({said})"
            )));
        }
        Ok(())
    }

    /// Looks at the build. One whose time is over is told to stop, and the image of one that succeeded
    /// is taken: neither changes anything of what is deployed, and nobody else would.
    async fn observe(&self, step: &ImageBuildStep) -> Result<Progress, PhaseError> {
        let held_up = self.hold_up(None);
        let Some(build) = self.find(step).await? else {
            if let Some(note) = held_up {
                return Ok(running(note));
            }
            return self.without_a_build(step).await;
        };
        let seen = self.read(build.clone()).await;
        match decide(step, &seen, Timestamp::now())? {
            Decision::Wait { note } => Ok(running(note)),
            Decision::Take => self.take_built(step, &seen).await,
            Decision::Stop => {
                self.codebuild.stop(&build).await?;
                let id = &build.id;
                Ok(running(format!(
                    "its time is over, and its build {id} is being stopped"
                )))
            }
        }
    }

    /// Makes sure that its build does not begin any more, or is over.
    async fn undo(&self, step: &ImageBuildStep) -> Result<Progress, PhaseError> {
        let (id, run, now) = (&step.deployment.id, step.run_name(), Timestamp::now());
        let run = self.ledger.close_build(id, &run, now).await?;
        if run.begun_at.is_none() {
            return Ok(done("it did not begin"));
        }
        let closed_for = run.closed_at.map(|at| now.duration_since(at));
        match self.find(step).await? {
            Some(build) if !build.status.is_over() => self.stop(step, &build).await,
            Some(build) => Ok(done(&format!(
                "its build {} ended as {}",
                build.id, build.status
            ))),
            None if closed_for.is_none_or(|it| it < LONGEST_CALL) => Ok(running(
                "making sure that its build does not start any more".to_owned(),
            )),
            None => Ok(done("its build was never started")),
        }
    }
}

fn done(summary: &str) -> Progress {
    Progress::Done {
        summary: summary.to_owned(),
    }
}

const fn running(note: String) -> Progress {
    Progress::Running { note }
}

#[cfg(test)]
mod tests;
