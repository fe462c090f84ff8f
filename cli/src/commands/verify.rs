//! `lockstep verify`: whether everything that an environment needs is there. Only looks.

use lockstep::manifest::{ResolvedEnvironment, StoredManifest};
use lockstep::release::Artifacts;

use crate::account::Account;
use crate::application;
use crate::args::{Global, VerifyArgs};
use crate::aws::{Controller, config};
use crate::commands::deploy::resolve;
use crate::error::CliError;
use crate::exit::Exit;
use crate::inventory::{Resource, Scope, inventory};
use crate::view::Output;
use crate::view::verified::Verified;

pub(super) async fn run(
    global: &Global,
    args: &VerifyArgs,
    output: Output,
) -> Result<Exit, CliError> {
    let application = application::name(global)?;
    let config = config(global).await?;
    let controller = Controller::over(&config, &global.stack);
    let account = Account::new(&config);
    let (version, manifest) = manifest(global, &controller, &application).await?;
    let environment = resolve(&manifest, &args.environment)?;
    let verified = verified(&controller, &application, &args.environment).await?;
    let bucket = controller.releases_bucket().await?;
    let topic = controller.topic(environment.topic.as_deref()).await?;
    let mut resources = inventory(Scope {
        account: &account,
        environment: &environment,
        verified: &verified,
        bucket: &bucket,
        topic: &topic,
    })
    .await;
    resources.extend(owed(&controller, &environment).await?);
    let report = Verified::of(&application, &args.environment, version, resources);
    output.report(&report)?;
    Ok(report.exit())
}

/// The manifest in force and its version; where none was ever applied, the file.
async fn manifest(
    global: &Global,
    controller: &Controller,
    application: &str,
) -> Result<(Option<u64>, StoredManifest), CliError> {
    let doing = format!("reading the manifest of {application}");
    let version = controller.ledger.manifest_version(application).await;
    let version = version.map_err(|error| controller.explain(&doing, error))?;
    if version.is_none() && global.application.is_none() {
        return Ok((None, application::load(&global.file)?));
    }
    let (version, manifest) = super::deploy::manifest_in_force(controller, application).await?;
    Ok((Some(version), manifest))
}

/// What the last verified release consists of.
pub(super) async fn verified(
    controller: &Controller,
    application: &str,
    environment: &str,
) -> Result<Artifacts, CliError> {
    let doing = format!("reading the release of {environment}");
    let ledger = &controller.ledger;
    let current = ledger.current_release(application, environment).await;
    let current = current.map_err(|error| controller.explain(&doing, error))?;
    Ok(current.map(|it| it.release.artifacts).unwrap_or_default())
}

/// The contracts of migrations that began and are not known to have succeeded: the release is
/// live, and its schema is neither as before nor as after.
async fn owed(
    controller: &Controller,
    environment: &ResolvedEnvironment,
) -> Result<Vec<Resource>, CliError> {
    let ResolvedEnvironment {
        application,
        environment: name,
        migrations,
        ..
    } = environment;
    let mut owed = Vec::new();
    for component in migrations.keys() {
        let doing = format!("reading what ran of migration {component}");
        let ledger = &controller.ledger;
        let ran = ledger.migrated(application, name, component).await;
        let ran = ran.map_err(|error| controller.explain(&doing, error))?;
        if let Some(open) = ran.open {
            let resource = Resource::new("contract", component, Some(component));
            owed.push(resource.faulty(
                format!("began for {} and did not succeed", open.image),
                format!("once its cause is gone, `lockstep deploy {name}` runs it again"),
            ));
        }
    }
    Ok(owed)
}
