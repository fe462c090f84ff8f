//! `lockstep release`: uploads a release, and watches what it starts.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use lockstep::DeploymentId;
use lockstep::manifest::StoredManifest;
use lockstep::release_file::{ReleaseFile, ReleasedArtifact, SYNCED};
use lockstep::release_order::ReleaseAge;
use lockstep_ledger::upload_id;
use serde::Serialize;

use crate::application;
use crate::args::{Global, ReleaseArgs};
use crate::aws::Controller;
use crate::commands::deploy::manifest_in_force;
use crate::error::CliError;
use crate::exit::Exit;
use crate::release::{Artifact, Uploaded, collect, upload};
use crate::templates;
use crate::view::{Output, Report};
use crate::watch::Watcher;

/// How long the event of an upload may take to become a deployment.
const BEGINS_WITHIN: Duration = Duration::from_mins(2);
/// How often is looked whether it has.
const INTERVAL: Duration = Duration::from_millis(500);

/// `lockstep release --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Released {
    event: &'static str,
    application: String,
    version: String,
    bucket: String,
    key: String,
    artifacts: usize,
    unchanged: usize,
    /// The environments that deploy it by themselves.
    environments: Vec<String>,
    /// Those that would, had they not deployed a newer release already.
    newer_there: Vec<String>,
}

impl Report for Released {
    fn text(&self) -> String {
        let Self {
            application,
            version,
            ..
        } = self;
        let mut text = format!(
            "release {version} of {application} is uploaded: {} artifacts, {} of them were there already",
            self.artifacts, self.unchanged
        );
        if !self.newer_there.is_empty() {
            let _ = write!(
                text,
                "\nnot deployed where a newer release was deployed before: {}; to go back on purpose: lockstep deploy \
                 ENV --release {version} --allow-older",
                self.newer_there.join(", ")
            );
        }
        let next = if self.environments.is_empty() {
            format!("no environment deploys it by itself: lockstep deploy ENV --release {version}")
        } else {
            format!("deployed by itself to {}", self.environments.join(", "))
        };
        format!("{text}\n{next}")
    }
}

pub(super) async fn run(
    global: &Global,
    args: &ReleaseArgs,
    output: Output,
) -> Result<Exit, CliError> {
    let mut artifacts = collect(args)?;
    let application = application::name(global)?;
    let apply = args.apply.then(|| application::load_to_apply(global));
    let embedded = apply.transpose()?;
    let controller = Controller::connect(global).await?;
    let mut manifest = match &embedded {
        Some(embedded) => embedded.manifest.clone(),
        None => manifest_in_force(&controller, &application).await?.1,
    };
    let folder = global.file.parent().unwrap_or(Path::new(""));
    artifacts.extend(templates::released(&manifest, folder, &artifacts)?);
    let file = release_file(application, args, &artifacts)?;
    if let Some(embedded) = embedded {
        manifest = super::apply::apply_first(&controller, embedded, &args.by, output).await?;
    }
    let wanting = wanting(&manifest);
    let uploaded = upload(&controller, &file, &artifacts).await?;
    let (environments, newer_there) = split(&controller, &file, wanting).await?;
    output.report(&Released {
        event: "released",
        application: file.application.clone(),
        version: file.version.clone(),
        bucket: uploaded.bucket.clone(),
        key: uploaded.key.clone(),
        artifacts: artifacts.len(),
        unchanged: uploaded.unchanged,
        environments: environments.clone(),
        newer_there,
    })?;
    if !args.wait {
        return Ok(Exit::Good);
    }
    watch(
        &controller,
        &file.application,
        &uploaded,
        &environments,
        output,
    )
    .await
}

/// release.json, held to the same rules as the controller holds it to.
fn release_file(
    application: String,
    args: &ReleaseArgs,
    artifacts: &[Artifact],
) -> Result<ReleaseFile, CliError> {
    if artifacts.is_empty() {
        return Err(CliError::invalid(
            "there is no zip file, no folder and no template to release",
            "build first, or name what to release",
        ));
    }
    let released = |artifact: &Artifact| ReleasedArtifact {
        path: artifact.path.clone(),
        sha256: artifact.sha256.clone(),
    };
    let file = ReleaseFile {
        application,
        version: args.release.clone(),
        branch: args.branch.clone(),
        commit: args.commit.clone(),
        author: args.author.clone(),
        rollback_floor: args.rollback_floor.clone(),
        artifacts: artifacts.iter().map(released).collect(),
    };
    if file.version.starts_with(SYNCED) {
        return Err(CliError::invalid(
            format!(
                "versions that begin with `{SYNCED}` are those of `lockstep sync`, and no environment deploys them by itself"
            ),
            "give the release another version",
        ));
    }
    let text = serde_json::to_vec(&file).unwrap_or_default();
    ReleaseFile::parse(&text).map_err(|error| {
        CliError::invalid(
            format!("this cannot be released: {error}"),
            "correct the version or the paths, and release again",
        )
    })
}

/// The environments that deploy releases by themselves.
fn wanting(manifest: &StoredManifest) -> Vec<String> {
    let names = manifest.manifest.environments.keys();
    names
        .filter(|name| {
            let resolved = manifest.resolve(name).ok();
            resolved
                .and_then(|environment| environment.trigger)
                .is_some_and(|trigger| trigger.releases)
        })
        .cloned()
        .collect()
}

/// Those that will deploy this release, and those where it is older than what was asked for.
async fn split(
    controller: &Controller,
    file: &ReleaseFile,
    wanting: Vec<String>,
) -> Result<(Vec<String>, Vec<String>), CliError> {
    let mine = ReleaseAge {
        version: file.version.clone(),
        at: Timestamp::now(),
        sequencer: None,
    };
    let (mut deploying, mut newer_there) = (Vec::new(), Vec::new());
    for environment in wanting {
        let marks = controller
            .ledger
            .newest_releases(&file.application, &environment)
            .await
            .map_err(|error| controller.explain(&format!("looking at {environment}"), error))?;
        let older = marks
            .newest
            .is_some_and(|newest| mine.is_older_than(&newest.age));
        let list = if older {
            &mut newer_there
        } else {
            &mut deploying
        };
        list.push(environment);
    }
    Ok((deploying, newer_there))
}

/// Watches one deployment after the other; they run at the same time. The worst ending counts.
async fn watch(
    controller: &Controller,
    application: &str,
    uploaded: &Uploaded,
    environments: &[String],
    output: Output,
) -> Result<Exit, CliError> {
    let version = uploaded.version_id.as_deref().unwrap_or_default();
    let upload = upload_id(&uploaded.bucket, &uploaded.key, version);
    let mut worst = Exit::Good;
    for environment in environments {
        let (id, execution) = begun(controller, &upload, application, environment).await?;
        if !output.is_json() {
            output.line(&format!("{environment}: deployment {id}"))?;
        }
        let watcher = Watcher::new(controller.clone(), id, &execution);
        let exit = super::watch::until_ended(watcher, output).await?;
        if exit == Exit::Interrupted {
            return Ok(exit);
        }
        if exit != Exit::Good {
            worst = exit;
        }
    }
    Ok(worst)
}

/// The deployment that the upload's event started, and the ARN of its execution.
async fn begun(
    controller: &Controller,
    upload: &str,
    application: &str,
    environment: &str,
) -> Result<(DeploymentId, String), CliError> {
    let ledger = &controller.ledger;
    let explain = |error| controller.explain(&format!("looking at {environment}"), error);
    let deadline = std::time::Instant::now() + BEGINS_WITHIN;
    loop {
        let found = ledger
            .deployment_of_upload(upload, application, environment)
            .await
            .map_err(explain)?;
        if let Some(id) = found
            && let Some(record) = ledger.record(&id).await.map_err(explain)?
        {
            return Ok((id, record.execution.arn));
        }
        if std::time::Instant::now() > deadline {
            return Err(CliError::Failed {
                message: format!(
                    "the release is uploaded, and no deployment to {environment} has begun within two minutes"
                ),
                help: Some(format!(
                    "look at the controller's executions and its alarms, or deploy by hand: lockstep deploy {environment} \
                     --release VERSION"
                )),
            });
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
