//! `lockstep repair`: puts services whose running image is gone on one that exists, by a
//! deployment like any other.

use std::collections::{BTreeMap, BTreeSet};

use lockstep::manifest::ResolvedEnvironment;
use lockstep::trigger::{ImageReference, ManualRequest};
use serde::Serialize;

use crate::account::Account;
use crate::application;
use crate::args::{Global, RepairArgs};
use crate::aws::{Controller, config};
use crate::commands::deploy::{Begun, begin, manifest_in_force, resolve};
use crate::commands::doctor::holder;
use crate::commands::verify::verified;
use crate::confirm::confirm;
use crate::error::CliError;
use crate::exit::Exit;
use crate::repair::{Finding, Remedy, Scope, look};
use crate::view::{Output, Report};
use crate::watch::Watcher;

/// The first line of `lockstep repair --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Findings {
    event: &'static str,
    application: String,
    environment: String,
    containers: Vec<Finding>,
}

impl Report for Findings {
    fn text(&self) -> String {
        let lines = self.containers.iter().map(Finding::words);
        let mut lines: Vec<_> = lines.collect();
        lines.extend(self.summary().map(str::to_owned));
        lines.join("\n")
    }
}

impl Findings {
    /// What it comes to, where no deployment follows.
    fn summary(&self) -> Option<&'static str> {
        let mut all = self.containers.iter();
        if self.containers.is_empty() {
            return Some("the environment has no services: nothing to repair");
        }
        if all.clone().any(|it| it.digest().is_some()) {
            return None;
        }
        if all.any(Finding::is_stuck) {
            return Some("nothing was changed");
        }
        Some(
            "no image is gone: nothing to repair. Where tasks do not start all the same, the events of the service say why",
        )
    }
}

pub(super) async fn run(
    global: &Global,
    args: &RepairArgs,
    output: Output,
) -> Result<Exit, CliError> {
    let application = application::name(global)?;
    let config = config(global).await?;
    let controller = Controller::over(&config, &global.stack);
    let (_, manifest) = manifest_in_force(&controller, &application).await?;
    let environment = resolve(&manifest, &args.environment)?;
    let names = meant(&environment, args.service.as_deref())?;
    let findings = Findings {
        event: "looked",
        containers: containers(&controller, &Account::new(&config), &environment, &names).await?,
        application,
        environment: args.environment.clone(),
    };
    output.report(&findings)?;
    let images = images(&findings.containers);
    if images.is_empty() {
        return Ok(stuck(&findings.containers));
    }
    // What was looked at is about to change, and this would put an older image in its place.
    if let Some(holder) = holder(&controller, &environment).await? {
        return Err(busy(&args.environment, holder.as_str()));
    }
    if !confirm("deploy this now?", args.yes, output)? {
        return Err(CliError::Failed {
            message: "nothing was changed".to_owned(),
            help: None,
        });
    }
    let request = request(&findings, images, &args.by);
    let (id, execution) = begin(&controller, &request).await?;
    output.report(&Begun::of(&request, &id, &execution))?;
    let watcher = Watcher::new(controller, id, &execution);
    let exit = super::watch::until_ended(watcher, output).await?;
    Ok(match exit {
        Exit::Good => still_gone(&findings.containers, output)?,
        other => other,
    })
}

/// What all containers of these services run.
async fn containers(
    controller: &Controller,
    account: &Account,
    environment: &ResolvedEnvironment,
    names: &[&str],
) -> Result<Vec<Finding>, CliError> {
    let (application, of) = (&environment.application, &environment.environment);
    let release = verified(controller, application, of).await?;
    let holds = controller.ledger.holds(application, of).await;
    let holds =
        holds.map_err(|error| controller.explain(&format!("reading the holds of {of}"), error))?;
    let held: BTreeSet<_> = holds.into_iter().map(|hold| hold.digest).collect();
    let scope = Scope {
        account,
        environment,
        verified: &release,
        held: &held,
    };
    let mut all = Vec::new();
    for name in names {
        let found = look(scope, name, &environment.services[*name]).await;
        all.extend(found.map_err(|error| CliError::Failed {
            message: error.to_string(),
            help: Some("nothing was changed".to_owned()),
        })?);
    }
    Ok(all)
}

/// The services that are meant.
fn meant<'a>(
    environment: &'a ResolvedEnvironment,
    service: Option<&str>,
) -> Result<Vec<&'a str>, CliError> {
    let all: Vec<_> = environment.services.keys().map(String::as_str).collect();
    let Some(service) = service else {
        return Ok(all);
    };
    let one: Vec<_> = all.iter().copied().filter(|it| *it == service).collect();
    if one.is_empty() {
        let known = if all.is_empty() {
            "none".to_owned()
        } else {
            all.join(", ")
        };
        return Err(CliError::invalid(
            format!(
                "{} of {} has no service `{service}`; it has {known}",
                environment.environment, environment.application
            ),
            "name it as the manifest does",
        ));
    }
    Ok(one)
}

/// What is deployed: digests by `service/container`.
fn images(findings: &[Finding]) -> BTreeMap<String, ImageReference> {
    let images = findings.iter().filter_map(|finding| {
        let image = ImageReference::parse(finding.digest()?).ok()?;
        Some((finding.component.clone(), image))
    });
    images.collect()
}

/// 1 where somebody has to push an image first.
fn stuck(findings: &[Finding]) -> Exit {
    if findings.iter().any(Finding::is_stuck) {
        Exit::Bad
    } else {
        Exit::Good
    }
}

/// After a good verdict: some services may be as bad off as before.
fn still_gone(findings: &[Finding], output: Output) -> Result<Exit, CliError> {
    if !output.is_json() {
        for finding in findings.iter().filter(|it| it.is_stuck()) {
            output.line(&format!("not repaired: {}", finding.words()))?;
        }
    }
    Ok(stuck(findings))
}

fn busy(environment: &str, holder: &str) -> CliError {
    CliError::Failed {
        message: format!(
            "deployment {holder} has the lock of {environment}, and nothing was changed"
        ),
        help: Some(format!(
            "run this again when it has ended: `lockstep watch {holder}` shows it, `lockstep stop {holder}` stops it. If it \
             is dead, `lockstep deploy {environment}` takes the lock over"
        )),
    }
}

fn request(
    findings: &Findings,
    images: BTreeMap<String, ImageReference>,
    by: &str,
) -> ManualRequest {
    let gone = findings.containers.iter();
    let gone: Vec<_> = gone
        .filter(|it| it.digest().is_some())
        .map(|it| {
            let label = lockstep::ecs::ImageReference::parse(&it.image).label();
            match it.remedy {
                Remedy::Newest { .. } => format!("{label} (on the newest image instead)"),
                _ => label,
            }
        })
        .collect();
    ManualRequest {
        application: findings.application.clone(),
        environment: findings.environment.clone(),
        images,
        release: None,
        commit: None,
        by: Some(by.to_owned()),
        reason: Some(format!("repair: gone from ECR: {}", gone.join(", "))),
        // What exists is older than what is gone, more often than not.
        allow_older: true,
        approve: Vec::new(),
        only: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use lockstep::manifest::Manifest;

    use super::{Findings, images, meant, request, stuck};
    use crate::exit::Exit;
    use crate::repair::{Finding, Remedy};
    use crate::view::Report as _;

    fn finding(remedy: Remedy) -> Finding {
        Finding {
            component: "web/web".into(),
            image: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web:v1".into(),
            repository: "shop/web".into(),
            remedy,
        }
    }

    fn findings(containers: Vec<Finding>) -> Findings {
        Findings {
            event: "looked",
            application: "shop".into(),
            environment: "production".into(),
            containers,
        }
    }

    fn push() -> Finding {
        finding(Remedy::Push {
            held: false,
            fallback: None,
        })
    }

    #[test]
    fn a_deployment_like_any_other_is_asked_for() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let verified = Remedy::Verified {
            digest: digest.clone(),
        };
        let findings = findings(vec![finding(verified)]);
        let images = images(&findings.containers);
        let asked = serde_json::json!(request(&findings, images, "ann"));
        assert_eq!(
            asked,
            serde_json::json!({
                "application": "shop", "environment": "production", "images": { "web/web": digest },
                "by": "ann", "reason": "repair: gone from ECR: shop/web:v1", "allow_older": true,
            })
        );
    }

    #[test]
    fn it_is_a_failure_while_an_image_has_to_be_pushed() {
        assert_eq!(stuck(&[finding(Remedy::None)]), Exit::Good);
        assert_eq!(stuck(&[finding(Remedy::None), push()]), Exit::Bad);
    }

    #[test]
    fn what_no_deployment_follows_says_so() {
        let told = |containers| findings(containers).text();
        let fine = told(vec![finding(Remedy::None), finding(Remedy::Elsewhere)]);
        assert!(fine.contains("nothing to repair"), "{fine}");
        assert!(told(vec![push()]).ends_with("nothing was changed"));
        assert!(told(vec![]).contains("no services"));
        let verified = finding(Remedy::Verified {
            digest: "sha256:1".into(),
        });
        assert_eq!(told(vec![verified.clone()]), verified.words());
    }

    #[test]
    fn services_are_named_as_the_manifest_does() {
        let text = "application: shop\nservices:\n  web: { cluster: c, containers: { web: shop/web } }\nenvironments: \
                    { local: {} }\n";
        let manifest = Manifest::parse("lockstep.yaml", text).unwrap();
        let environment = manifest.embed(|_| unreachable!()).unwrap();
        let environment = environment.resolve("local").unwrap();
        assert_eq!(meant(&environment, None).unwrap(), ["web"]);
        assert_eq!(meant(&environment, Some("web")).unwrap(), ["web"]);
        let error = meant(&environment, Some("wbe")).unwrap_err();
        assert!(error.to_string().contains("it has web"), "{error}");
    }
}
