//! `lockstep deploy`: a deployment that a person or a pipeline asks for.

use lockstep::DeploymentId;
use lockstep::manifest::{ResolvedEnvironment, StoredManifest};
use lockstep::trigger::ManualRequest;
use serde::Serialize;
use serde_json::json;
use ulid::Ulid;

use crate::application;
use crate::args::{DeployArgs, Global};
use crate::aws::Controller;
use crate::error::CliError;
use crate::exit::Exit;
use crate::view::{Output, Report};
use crate::watch::Watcher;

/// `lockstep deploy --no-wait --json`, and the first line of `lockstep deploy --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Begun {
    event: &'static str,
    deployment: String,
    application: String,
    environment: String,
    execution: String,
}

impl Begun {
    /// The deployment that was asked for by `request`.
    pub(super) fn of(request: &ManualRequest, id: &DeploymentId, execution: &str) -> Self {
        Self {
            event: "begun",
            deployment: id.to_string(),
            application: request.application.clone(),
            environment: request.environment.clone(),
            execution: execution.to_owned(),
        }
    }
}

impl Report for Begun {
    fn text(&self) -> String {
        let Self {
            deployment,
            application,
            environment,
            ..
        } = self;
        format!(
            "deployment {deployment} of {application} to {environment} has begun; `lockstep watch {deployment}` shows it"
        )
    }
}

pub(super) async fn run(
    global: &Global,
    args: DeployArgs,
    output: Output,
) -> Result<Exit, CliError> {
    let wait = !args.no_wait;
    let apply = args.apply.then(|| application::load_to_apply(global));
    let embedded = apply.transpose()?;
    let by = args.by.clone();
    let request = request(application::name(global)?, args);
    let controller = Controller::connect(global).await?;
    if let Some(embedded) = embedded {
        // What the trigger would refuse is refused before anything is applied.
        let environment = resolve(&embedded.manifest, &request.environment)?;
        check(&request, &environment)?;
        super::apply::apply_first(&controller, embedded, &by, output).await?;
    } else {
        let (_, manifest) = manifest_in_force(&controller, &request.application).await?;
        check(&request, &resolve(&manifest, &request.environment)?)?;
    }
    let (id, execution) = begin(&controller, &request).await?;
    output.report(&Begun::of(&request, &id, &execution))?;
    if !wait {
        return Ok(Exit::Good);
    }
    super::watch::until_ended(Watcher::new(controller, id, &execution), output).await
}

fn request(application: String, args: DeployArgs) -> ManualRequest {
    ManualRequest {
        application,
        environment: args.environment,
        images: args.images.into_iter().collect(),
        release: args.release,
        commit: args.commit,
        by: Some(args.by),
        reason: args.reason,
        allow_older: args.allow_older,
        approve: args.approve,
        only: args.only,
    }
}

/// What the trigger would refuse is refused here, before an execution is started.
fn check(request: &ManualRequest, environment: &ResolvedEnvironment) -> Result<(), CliError> {
    let checked = request.components(environment).and_then(|named| {
        let only = request.only(environment)?;
        request.of_commit(environment, &only, &named).map(drop)
    });
    checked.map_err(|error| CliError::Invalid {
        message: error.to_string(),
        help: None,
    })
}

/// Starts the deployment. The execution's name is the deployment's id.
pub(super) async fn begin(
    controller: &Controller,
    request: &ManualRequest,
) -> Result<(DeploymentId, String), CliError> {
    let name = Ulid::generate().to_string();
    let execution = controller.start(&name, &json!(request)).await?;
    Ok((DeploymentId::for_execution(&name, &execution, 0), execution))
}

/// The newest manifest of an application, and its version.
pub(super) async fn manifest_in_force(
    controller: &Controller,
    application: &str,
) -> Result<(u64, StoredManifest), CliError> {
    let doing = format!("reading the manifest of {application}");
    let explain = |error| controller.explain(&doing, error);
    let never = || {
        CliError::invalid(
            format!("no manifest of application {application} was ever applied"),
            "apply it with `lockstep apply`, add --apply to `lockstep deploy` or `lockstep release`, or check the \
             application's name",
        )
    };
    let ledger = &controller.ledger;
    let version = ledger
        .manifest_version(application)
        .await
        .map_err(explain)?
        .ok_or_else(never)?;
    let manifest = ledger
        .manifest(application, version)
        .await
        .map_err(explain)?
        .ok_or_else(never)?;
    Ok((version, manifest))
}

/// One environment of the manifest in force.
pub(super) fn resolve(
    manifest: &StoredManifest,
    environment: &str,
) -> Result<ResolvedEnvironment, CliError> {
    let resolved = manifest.resolve(environment);
    resolved.map_err(|error| {
        CliError::invalid(
            error.to_string(),
            "if it is new in the manifest, apply that first: `lockstep apply`",
        )
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use lockstep::manifest::{Manifest, StoredManifest};
    use serde_json::json;

    use super::{check, request, resolve};
    use crate::args::{Cli, Command};

    fn manifest() -> StoredManifest {
        let text = "application: hello\nservices:\n  web: { cluster: c, containers: { web: hello/web } }\nenvironments: { local: {} }\n";
        Manifest::parse("lockstep.yaml", text)
            .unwrap()
            .embed(|_| unreachable!())
            .unwrap()
    }

    fn asked(arguments: &[&str]) -> lockstep::trigger::ManualRequest {
        let all = ["lockstep", "deploy", "local", "--by", "ann"]
            .iter()
            .chain(arguments);
        match Cli::parse_from(all).command {
            Command::Deploy(args) => request("hello".into(), args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_execution_gets_the_documented_input() {
        let asked = asked(&["--image", "web=v2", "--reason", "hotfix", "--allow-older"]);
        let expected = json!({
            "application": "hello", "environment": "local", "images": { "web": "v2" },
            "by": "ann", "reason": "hotfix", "allow_older": true,
        });
        assert_eq!(json!(asked), expected);
    }

    #[test]
    fn approvals_are_sent_as_they_are_written() {
        let approved = asked(&["--approve", "data/Orders", "--approve", "data/skip:Web"]);
        assert_eq!(
            json!(approved)["approve"],
            json!(["data/Orders", "data/skip:Web"])
        );
        let environment = resolve(&manifest(), "local").unwrap();
        let error = check(&approved, &environment).unwrap_err();
        assert!(error.to_string().contains("hello has no stacks"), "{error}");
        let wrong = [
            "lockstep",
            "deploy",
            "local",
            "--by",
            "ann",
            "--approve",
            "Orders",
        ];
        assert!(Cli::try_parse_from(wrong).is_err());
    }

    #[test]
    fn a_misspelled_service_never_starts_an_execution() {
        let environment = resolve(&manifest(), "local").unwrap();
        assert!(check(&asked(&["--image", "web=v2"]), &environment).is_ok());
        let error = check(&asked(&["--image", "wbe=v2"]), &environment).unwrap_err();
        assert_eq!(error.exit().code(), 2);
        assert!(
            error.to_string().contains("hello has no service `wbe`"),
            "{error}"
        );
    }

    #[test]
    fn a_part_is_named_by_components_that_there_are() {
        let environment = resolve(&manifest(), "local").unwrap();
        let part = asked(&["--only", "web,api", "--only", "mail"]);
        assert_eq!(json!(part)["only"], json!(["web", "api", "mail"]));
        let error = check(&part, &environment).unwrap_err();
        assert_eq!(error.exit().code(), 2);
        assert!(
            error.to_string().contains("hello has no component `api`"),
            "{error}"
        );
        assert!(check(&asked(&["--only", "web"]), &environment).is_ok());
    }

    #[test]
    fn a_commit_is_sent_as_it_is_and_needs_builds() {
        let commit = asked(&["--commit", "3f2a9c1"]);
        assert_eq!(json!(commit)["commit"], json!("3f2a9c1"));
        let environment = resolve(&manifest(), "local").unwrap();
        let error = check(&commit, &environment).unwrap_err();
        assert_eq!(error.exit().code(), 2);
        assert!(error.to_string().contains("no `builds`"), "{error}");
        let wrong = [
            "lockstep", "deploy", "local", "--by", "ann", "--commit", "main",
        ];
        assert!(Cli::try_parse_from(wrong).is_err());
    }

    #[test]
    fn an_unknown_environment_names_those_there_are() {
        let error = resolve(&manifest(), "lokal").unwrap_err();
        assert!(
            error.to_string().contains("did you mean `local`?"),
            "{error}"
        );
        assert!(error.help().unwrap().contains("lockstep apply"));
    }
}
