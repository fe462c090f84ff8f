//! `lockstep doctor`: what is wrong with the stacks of an environment, why, and the way out.

use std::collections::BTreeSet;
use std::time::Duration;

use lockstep::manifest::ResolvedEnvironment;
use lockstep::stack::{APPLICATION_TAG, ENVIRONMENT_TAG, LiveStack};
use lockstep::{DeploymentId, PhaseError};
use lockstep_cloudformation::CloudFormation;

use crate::account::Account;
use crate::application;
use crate::args::{DoctorArgs, Global};
use crate::aws::{Controller, config};
use crate::commands::deploy::{manifest_in_force, resolve};
use crate::confirm::confirm;
use crate::doctor::{Case, Treatment, deletion, examine, treatment};
use crate::error::CliError;
use crate::exit::Exit;
use crate::view::Output;
use crate::view::doctor::{Examined, Treated};

/// How often is looked how far an operation is, and how often on this very machine.
const INTERVAL: Duration = Duration::from_secs(3);
const NEARBY: Duration = Duration::from_millis(300);

/// What the command looks at and acts on.
#[derive(Debug)]
struct Practice<'a> {
    controller: Controller,
    cloudformation: CloudFormation,
    environment: ResolvedEnvironment,
    args: &'a DoctorArgs,
    output: Output,
}

pub(super) async fn run(
    global: &Global,
    args: &DoctorArgs,
    output: Output,
) -> Result<Exit, CliError> {
    let application = application::name(global)?;
    let config = config(global).await?;
    let controller = Controller::over(&config, &global.stack);
    let (_, manifest) = manifest_in_force(&controller, &application).await?;
    let practice = Practice {
        cloudformation: Account::new(&config).cloudformation,
        environment: resolve(&manifest, &args.environment)?,
        controller,
        args,
        output,
    };
    let cases = practice.cases().await?;
    let report = Examined::of(&application, &args.environment, &cases);
    output.report(&report)?;
    if args.delete || args.heal {
        return practice.treat(&cases, &global.stack).await;
    }
    Ok(report.exit())
}

impl Practice<'_> {
    /// The stacks that are meant, each looked at.
    async fn cases(&self) -> Result<Vec<Case>, CliError> {
        let skip = self.args.skip.iter().cloned().collect();
        let mut cases = Vec::new();
        for (component, stack) in meant(&self.environment, self.args.component.as_deref())? {
            cases.push(self.examine(component, stack, &skip).await?);
        }
        Ok(cases)
    }

    async fn examine(
        &self,
        component: &str,
        stack: &str,
        skip: &BTreeSet<String>,
    ) -> Result<Case, CliError> {
        let environment = &self.environment.environment;
        let case = examine(&self.cloudformation, environment, (component, stack), skip).await;
        case.map_err(|error| unreachable(&error))
    }

    /// Takes the ways out, one stack after the other.
    async fn treat(&self, cases: &[Case], controller: &str) -> Result<Exit, CliError> {
        let treatments = if self.args.delete {
            let retain = self.args.retain.iter().cloned().collect();
            let deletions = cases.iter().map(|case| deletion(case, &retain));
            deletions.collect::<Result<Vec<_>, _>>()?
        } else {
            cases.iter().filter_map(treatment).collect()
        };
        if treatments.is_empty() {
            return self.nothing_to_do(cases);
        }
        for case in cases {
            self.check_owner(case, controller)?;
        }
        self.check_lock().await?;
        let mut exit = Exit::Good;
        for treatment in &treatments {
            if !self.output.is_json() {
                let words = treatment.words.join("\n  ");
                self.output
                    .line(&format!("\n{}:\n  {words}", treatment.stack))?;
            }
            let question = format!("do this to stack {}?", treatment.stack);
            if !confirm(&question, self.args.yes, self.output)? {
                return Err(CliError::Failed {
                    message: format!("stack {} was left as it is", treatment.stack),
                    help: None,
                });
            }
            if !self.carry_out(treatment).await? {
                exit = Exit::Bad;
            }
        }
        Ok(exit)
    }

    fn nothing_to_do(&self, cases: &[Case]) -> Result<Exit, CliError> {
        let report = Examined::of("", &self.environment.environment, cases);
        if !self.output.is_json() {
            self.output.line("\nnothing can be healed here")?;
        }
        Ok(report.exit())
    }

    async fn carry_out(&self, treatment: &Treatment) -> Result<bool, CliError> {
        let every = if self.controller.is_nearby() {
            NEARBY
        } else {
            INTERVAL
        };
        let output = self.output;
        let told = |status: &str| {
            if !output.is_json() {
                // A terminal that went away stops nothing.
                let _ = output.line(&format!("  {status}"));
            }
        };
        let ending = treatment
            .carry_out(&self.cloudformation, every, told)
            .await?;
        let message = ending.cause.map(|cause| cause.words());
        self.output.report(&Treated {
            event: if self.args.delete {
                "deleted"
            } else {
                "healed"
            },
            component: treatment.component.clone(),
            stack: treatment.stack.clone(),
            status: ending.status.to_string(),
            good: ending.good,
            message,
        })?;
        Ok(ending.good)
    }

    /// Nobody else's stack is touched, and not the controller's own.
    fn check_owner(&self, case: &Case, controller: &str) -> Result<(), CliError> {
        let Some(live) = &case.live else {
            return Ok(());
        };
        if live.name == controller {
            return Err(CliError::invalid(
                format!("stack {controller} is the controller's own"),
                "update it with `sam deploy`, and name another stack in the manifest",
            ));
        }
        match other_owner(live, &self.environment) {
            None => Ok(()),
            Some(owner) => Err(CliError::invalid(
                format!("stack {} belongs to {owner}, by its tags", live.name),
                "name the stack of this environment in the manifest",
            )),
        }
    }

    /// A deployment heals by itself, and does not like to be disturbed.
    async fn check_lock(&self) -> Result<(), CliError> {
        let holder = holder(&self.controller, &self.environment).await?;
        let environment = &self.environment.environment;
        holder.map_or(Ok(()), |holder| Err(locked(environment, holder.as_str())))
    }
}

/// The deployment that has the lock of an environment.
pub(super) async fn holder(
    controller: &Controller,
    environment: &ResolvedEnvironment,
) -> Result<Option<DeploymentId>, CliError> {
    let ResolvedEnvironment {
        application,
        environment,
        ..
    } = environment;
    let state = controller.ledger.environment(application, environment);
    let state = state.await.map_err(|error| {
        let doing = format!("looking who deploys to {environment}");
        controller.explain(&doing, error)
    })?;
    Ok(state.lock.and_then(|lock| lock.deployment))
}

fn locked(environment: &str, holder: &str) -> CliError {
    CliError::Failed {
        message: format!(
            "deployment {holder} has the lock of {environment}, and nothing was changed"
        ),
        help: Some(format!(
            "a deployment heals by itself: `lockstep watch {holder}` shows it. If it is dead, `lockstep deploy {environment}` \
             takes the lock over and heals"
        )),
    }
}

/// The stacks that are meant: component and name, each after those it depends on.
fn meant<'a>(
    environment: &'a ResolvedEnvironment,
    component: Option<&str>,
) -> Result<Vec<(&'a str, &'a str)>, CliError> {
    let all = environment.stacks_in_order();
    let all: Vec<_> = all
        .into_iter()
        .map(|(name, stack)| (name, stack.stack.as_str()))
        .collect();
    let Some(component) = component else {
        return Ok(all);
    };
    let one = all.iter().find(|(name, _)| *name == component);
    one.map(|one| vec![*one]).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
        let known = if names.is_empty() {
            "it has none".to_owned()
        } else {
            format!("it has {}", names.join(", "))
        };
        CliError::invalid(
            format!(
                "{} of {} has no stack `{component}`; {known}",
                environment.environment, environment.application
            ),
            "name it as the manifest does; the controller's own stack is named by --stack",
        )
    })
}

/// The application and environment that a stack belongs to by its tags, if not this one's.
fn other_owner(live: &LiveStack, environment: &ResolvedEnvironment) -> Option<String> {
    let (application, of) = (
        live.tags.get(APPLICATION_TAG),
        live.tags.get(ENVIRONMENT_TAG),
    );
    let own = application.is_none_or(|it| *it == environment.application)
        && of.is_none_or(|it| *it == environment.environment);
    let words = |tag: Option<&String>, none: &str| tag.map_or(none.to_owned(), String::clone);
    (!own).then(|| {
        let of = words(of, "no environment");
        format!("{of} of {}", words(application, "no application"))
    })
}

fn unreachable(error: &PhaseError) -> CliError {
    CliError::Failed {
        message: format!("looking at the stacks: {error}"),
        help: Some("nothing was changed; run it again when that is mended".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use lockstep::manifest::{Manifest, ResolvedEnvironment};
    use lockstep::stack::{APPLICATION_TAG, ENVIRONMENT_TAG, LiveStack};

    use super::{locked, meant, other_owner};
    use crate::args::Cli;

    fn environment() -> ResolvedEnvironment {
        let text = "application: shop\nstacks:\n  app: { template: { artifact: a.yaml }, after: [data] }\n  data: { \
                    template: { artifact: b.yaml }, stack: orders }\nenvironments: { local: {} }\n";
        let manifest = Manifest::parse("lockstep.yaml", text).unwrap();
        let stored = manifest.embed(|_| unreachable!()).unwrap();
        stored.resolve("local").unwrap()
    }

    #[test]
    fn stacks_are_named_as_the_manifest_does() {
        let environment = environment();
        assert_eq!(
            meant(&environment, None).unwrap(),
            [("data", "orders"), ("app", "shop-local-app")]
        );
        assert_eq!(meant(&environment, Some("app")).unwrap().len(), 1);
        let error = meant(&environment, Some("orders")).unwrap_err();
        assert!(error.to_string().contains("it has data, app"), "{error}");
    }

    #[test]
    fn stacks_of_others_are_told_by_their_tags() {
        let live = |application: &str, of: &str| LiveStack {
            tags: [(APPLICATION_TAG, application), (ENVIRONMENT_TAG, of)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..LiveStack::default()
        };
        let environment = environment();
        assert_eq!(other_owner(&live("shop", "local"), &environment), None);
        assert_eq!(other_owner(&LiveStack::default(), &environment), None);
        assert_eq!(
            other_owner(&live("quiz", "local"), &environment).unwrap(),
            "local of quiz"
        );
    }

    #[test]
    fn a_lock_names_who_has_it_and_what_to_do() {
        let error = locked("production", "01JD5Q6Z8G0000000000000000");
        assert!(error.to_string().contains("01JD5Q6Z8G0000000000000000"));
        assert!(error.help().unwrap().contains("lockstep deploy production"));
    }

    #[test]
    fn resources_are_named_only_where_they_mean_something() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        assert!(parse("lockstep doctor production").is_ok());
        assert!(parse("lockstep doctor production data --heal --skip Queue --yes").is_ok());
        assert!(parse("lockstep doctor production data --delete --retain Topic").is_ok());
        for wrong in ["--heal --delete", "--skip Queue", "--retain Topic"] {
            assert!(
                parse(&format!("lockstep doctor production data {wrong}")).is_err(),
                "{wrong}"
            );
        }
        assert!(parse("lockstep doctor production --delete").is_err());
    }
}
