//! `lockstep sync`: for development, deploys what is built as soon as it is built.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use lockstep::manifest::ResolvedEnvironment;
use lockstep::release_file::{ReleaseFile, ReleasedArtifact, SYNCED};
use lockstep::trigger::ManualRequest;
use serde::Serialize;

use crate::application;
use crate::args::{Global, SyncArgs};
use crate::aws::Controller;
use crate::commands::deploy::{begin, manifest_in_force, resolve};
use crate::error::CliError;
use crate::exit::Exit;
use crate::release::{Artifact, upload};
use crate::sync::{Built, Folder, Known, Look, functions, taken};
use crate::view::duration::words;
use crate::view::{Output, Report};
use crate::watch::display::Display;
use crate::watch::{Ending, Watcher, follow};

/// How often the folder is looked at.
const INTERVAL: Duration = Duration::from_millis(200);
/// How long a file may be no whole zip file until a person is told.
const BROKEN_AFTER: Duration = Duration::from_secs(5);
/// How long to wait after AWS could not be asked.
const PAUSE: Duration = Duration::from_secs(5);

/// One deployment, in one line.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Synced {
    event: &'static str,
    at: Timestamp,
    deployment: String,
    functions: Vec<String>,
    /// A verdict, or what `lockstep deploy` says where there is none.
    outcome: String,
    /// From the last change of a file until the verdict.
    seconds: f64,
    /// Why it went wrong, and what runs now; empty when nothing did.
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
}

impl Report for Synced {
    fn text(&self) -> String {
        let millis = Duration::from_secs_f64(self.seconds.max(0.0)).as_millis();
        let took = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        let line = format!(
            "{}  {}  {} in {}",
            self.at.strftime("%H:%M:%S"),
            self.functions.join(", "),
            self.outcome,
            words(took)
        );
        if self.message.is_empty() {
            line
        } else {
            format!("{line}\n  {}", self.message.replace('\n', "\n  "))
        }
    }
}

/// What is synced, and where.
struct Sync {
    controller: Controller,
    environment: ResolvedEnvironment,
    by: String,
    known: Known,
    /// What no function takes was told of these.
    ignored: Vec<String>,
    output: Output,
}

pub(super) async fn run(global: &Global, args: SyncArgs, output: Output) -> Result<Exit, CliError> {
    let application = application::name(global)?;
    let controller = Controller::connect(global).await?;
    let (_, manifest) = manifest_in_force(&controller, &application).await?;
    let environment = resolve(&manifest, &args.environment)?;
    let written = manifest.manifest.environments.get(&args.environment);
    if written.is_some_and(|environment| environment.protected) {
        return Err(protected(&args.environment));
    }
    let live = controller
        .ledger
        .current_release(&application, &args.environment)
        .await
        .map_err(|error| controller.explain(&format!("looking at {}", args.environment), error))?;
    let live = live.map(|live| live.release.artifacts).unwrap_or_default();
    let sync = Sync {
        controller,
        environment,
        by: args.by,
        known: Known::of(&live),
        ignored: Vec::new(),
        output,
    };
    sync.watch(args.from).await
}

fn protected(environment: &str) -> CliError {
    CliError::invalid(
        format!("environment {environment} is protected: nothing is tried out there"),
        format!(
            "sync to another environment, or release it: lockstep release VERSION --directory FOLDER; whether it is protected \
             is said by `protected` of {environment} in lockstep.yaml"
        ),
    )
}

impl Sync {
    /// Goes on until Ctrl-C.
    async fn watch(mut self, from: PathBuf) -> Result<Exit, CliError> {
        let mut folder = Folder::new(from.clone());
        // A wrong folder is told at once.
        folder.look()?;
        if !self.output.is_json() {
            self.output.line(&format!(
                "watching {} for {} of {}; Ctrl-C ends it",
                from.display(),
                self.environment.environment,
                self.environment.application
            ))?;
        }
        tokio::select! {
            ended = self.go_on(&mut folder) => ended,
            _ = tokio::signal::ctrl_c() => Ok(Exit::Good),
        }
    }

    async fn go_on(&mut self, folder: &mut Folder) -> Result<Exit, CliError> {
        let mut broken: Option<(Instant, bool)> = None;
        loop {
            match folder.look()? {
                Look::Unchanged | Look::Writing => {}
                Look::Broken(path) => {
                    let (since, told) = broken.unwrap_or((Instant::now(), false));
                    let tell = !told && since.elapsed() > BROKEN_AFTER;
                    if tell {
                        self.say(&format!("{} is no whole zip file (yet)", path.display()))?;
                    }
                    broken = Some((since, told || tell));
                }
                Look::Built(built) => {
                    broken = None;
                    if let Err(error) = self.deploy(built).await {
                        self.output.failure(&error);
                        folder.again();
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Deploys what of a build is new, and tells in one line what came of it.
    async fn deploy(&mut self, built: Built) -> Result<(), CliError> {
        let Built { artifacts, since } = built;
        let (artifacts, rest) = taken(artifacts, &self.environment);
        self.tell_ignored(&rest)?;
        let changed = self.known.to_release(artifacts);
        if changed.is_empty() {
            return Ok(());
        }
        let functions = functions(&changed, &self.environment);
        let (deployment, ending) = self.release(&changed, &functions).await?;
        let seconds = (since.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        let good = ending.exit() == Exit::Good;
        self.known.note(&changed, good);
        let (outcome, message) = said(&ending);
        self.output.report(&Synced {
            event: "synced",
            at: Timestamp::now(),
            deployment,
            functions,
            outcome,
            seconds,
            message: if good { String::new() } else { message },
        })
    }

    /// Uploads what changed, and nothing else, and deploys it here alone.
    async fn release(
        &self,
        changed: &[Artifact],
        functions: &[String],
    ) -> Result<(String, Ending), CliError> {
        let ResolvedEnvironment {
            application,
            environment,
            ..
        } = &self.environment;
        let version = Timestamp::now().strftime("%Y%m%d-%H%M%S-%3f").to_string();
        let version = format!("{SYNCED}{version}");
        let released = |artifact: &Artifact| ReleasedArtifact {
            path: artifact.path.clone(),
            sha256: artifact.sha256.clone(),
        };
        let file = ReleaseFile {
            application: application.clone(),
            version: version.clone(),
            branch: None,
            commit: None,
            author: Some(self.by.clone()),
            rollback_floor: None,
            artifacts: changed.iter().map(released).collect(),
        };
        upload(&self.controller, &file, changed).await?;
        let request = ManualRequest {
            application: application.clone(),
            environment: environment.clone(),
            images: std::collections::BTreeMap::default(),
            release: Some(version),
            commit: None,
            by: Some(self.by.clone()),
            reason: Some(format!("sync of {}", functions.join(", "))),
            // What is tried out here must not stand in the way of the next real release.
            allow_older: true,
            approve: Vec::new(),
            only: Vec::new(),
        };
        let (id, execution) = begin(&self.controller, &request).await?;
        let mut watcher = Watcher::new(self.controller.clone(), id.clone(), &execution);
        let ending = follow(&mut watcher, &mut Display::silent()).await?;
        Ok((id.to_string(), ending))
    }

    fn tell_ignored(&mut self, rest: &[Artifact]) -> Result<(), CliError> {
        for Artifact { path, .. } in rest {
            if !self.ignored.contains(path) {
                let environment = &self.environment.environment;
                self.say(&format!("{path} is for no function of {environment}"))?;
                self.ignored.push(path.clone());
            }
        }
        Ok(())
    }

    /// A remark for people.
    fn say(&self, text: &str) -> Result<(), CliError> {
        if self.output.is_json() {
            return Ok(());
        }
        let now = Timestamp::now().strftime("%H:%M:%S").to_string();
        self.output.line(&format!("{now}  {text}"))
    }
}

/// The ending in one word, and in a sentence.
fn said(ending: &Ending) -> (String, String) {
    match ending {
        Ending::Verdict { conclusion, .. } => {
            (conclusion.verdict.to_string(), conclusion.message.clone())
        }
        Ending::Ignored { reason } => ("IGNORED".to_owned(), reason.clone()),
        Ending::NeverBegan { reason } => ("NEVER_BEGAN".to_owned(), reason.clone()),
        Ending::Abandoned { status } => (
            "ABANDONED".to_owned(),
            format!(
                "its execution ended as {status} without a verdict; look at it: lockstep status"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Synced, protected};
    use crate::view::Report as _;

    fn synced(outcome: &str, message: &str) -> Synced {
        Synced {
            event: "synced",
            at: Timestamp::UNIX_EPOCH,
            deployment: "01JD5Q6Z8G0000000000000000".to_owned(),
            functions: vec!["api".to_owned(), "mail".to_owned()],
            outcome: outcome.to_owned(),
            seconds: 3.21,
            message: message.to_owned(),
        }
    }

    #[test]
    fn a_good_deployment_is_one_line() {
        assert_eq!(
            synced("SUCCEEDED", "").text(),
            "00:00:00  api, mail  SUCCEEDED in 3.2 s"
        );
    }

    #[test]
    fn a_bad_one_says_why() {
        assert_eq!(
            synced("ROLLED_BACK", "503.\nPut back.").text(),
            "00:00:00  api, mail  ROLLED_BACK in 3.2 s\n  503.\n  Put back."
        );
    }

    #[test]
    fn a_protected_environment_is_refused_with_the_way_to_release_there() {
        let error = protected("production");
        assert_eq!(error.exit().code(), 2);
        assert!(error.to_string().contains("production is protected"));
        assert!(error.help().unwrap().contains("lockstep release VERSION"));
    }
}
