//! One stack: what it is, what it is to be, and everything that is in the way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use lockstep::manifest::{
    ResolvedEnvironment, ResolvedStack, ResolvedSwitch, StackParameter, StackTemplate,
};
use lockstep::stack::{
    APPLICATION_TAG, Diagnosis, ENVIRONMENT_TAG, Heal, LiveStack, ParameterValue, Preview,
    ResourceChange, Served, StackBefore, StackStep, Template, approved, guard, identity,
};
use lockstep::{Check, PhaseError};
use lockstep_cloudformation::TemplateSummary;
use lockstep_sources::{About, Found, Known, Sources, or_check};

use crate::bucket::sha256;
use crate::change::{Compared, compare};
use crate::health::health;
use crate::leftovers::tidy;
use crate::parameters::parameters;
use crate::planner::Planner;
use crate::progress::Progress;

/// How many changes of a stack the plan keeps, which is one item of the ledger.
const KEPT: usize = 100;

/// What one look at one stack came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is as it should be.
    Unchanged(BTreeMap<String, String>),
    /// It is to be changed.
    Step(Box<Planned>),
    /// It cannot be changed.
    Failed(Vec<Check>),
    /// It cannot be told yet; what is waited for.
    NotYet(String),
}

/// The change of one stack, with what people are told of it.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) step: StackStep,
    /// What is wrong with the stack and will be done about it first, in one sentence.
    pub(crate) cure: Option<String>,
}

/// A way out of a state in which a stack cannot be changed, with the words for it.
type Cure = Option<(Heal, String)>;

/// One stack of the manifest, and what it is planned with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) component: &'a str,
    pub(crate) resolved: &'a ResolvedStack,
    pub(crate) sources: Sources<'a>,
    pub(crate) progress: &'a Progress,
    pub(crate) now: Timestamp,
}

/// What a look came to early: a check that failed, or waiting.
type Early<T> = Result<Result<T, Outcome>, PhaseError>;

fn failed<T>(check: Check) -> Result<T, Outcome> {
    Err(Outcome::Failed(vec![check]))
}

/// Goes on with an answer, or ends the look with what it came to.
macro_rules! settled {
    ($answer:expr) => {
        match $answer {
            Ok(value) => value,
            Err(outcome) => return Ok(outcome),
        }
    };
}

/// Goes on with an answer, or ends the look with a failed check.
macro_rules! allowed {
    ($answer:expr) => {
        match or_check($answer)? {
            Ok(value) => value,
            Err(check) => return Ok(Outcome::Failed(vec![check])),
        }
    };
}

impl Planner {
    /// One look at one stack.
    pub(crate) async fn look(&self, wanted: Wanted<'_>) -> Result<Outcome, PhaseError> {
        let (resolved, resource) = (wanted.resolved, wanted.resource());
        if let Some(check) = self.own_stack(&resource, &resolved.stack) {
            return Ok(Outcome::Failed(vec![check]));
        }
        let live = allowed!(
            self.cloudformation
                .stack_with_operation(&resolved.stack)
                .await
        );
        let live = live.filter(|live| !live.status.is_deleted());
        if let Some(check) = live.as_ref().and_then(|live| wanted.of_others(live)) {
            return Ok(Outcome::Failed(vec![check]));
        }
        if let Some(live) = live.as_ref().filter(|_| wanted.is_unchanged()) {
            return Ok(Outcome::Unchanged(live.outputs.clone()));
        }
        let (live, cure) = settled!(self.healthy(&wanted, live).await?);
        let template = settled!(self.template(&wanted).await?);
        let summary = self.cloudformation.summary(&resource, &template.url);
        let summary = allowed!(summary.await);
        let mut step = settled!(
            self.step(&wanted, template, &summary, live.as_ref(), &cure)
                .await?
        );
        let Some(live) = live else {
            return Ok(planned(step, cure));
        };
        let text = allowed!(self.cloudformation.template(&live.id).await).unwrap_or_default();
        let told_by_values = !depends_on_more(&summary);
        if step.heal.is_none() && told_by_values && is_as_wanted(&step, &live, &text) {
            return Ok(Outcome::Unchanged(live.outputs));
        }
        step.before = Some(self.before(&wanted, &step, &summary, live, &text).await?);
        if step.heal.is_some() || waits(&step) {
            return Ok(planned(step, cure));
        }
        self.compared(&wanted, step).await
    }

    /// Has CloudFormation compare, and asks the guard.
    async fn compared(
        &self,
        wanted: &Wanted<'_>,
        mut step: StackStep,
    ) -> Result<Outcome, PhaseError> {
        let me = &step.deployment;
        tidy(&self.cloudformation, &self.ledger, me, &step.stack).await?;
        let compared = allowed!(compare(&self.cloudformation, &step).await);
        let before = step.before.as_ref();
        let protected = before.is_some_and(|it| it.termination_protection);
        Ok(match compared {
            Compared::Changes(changes) => {
                let violations = guard(&step, &changes);
                if !violations.is_empty() {
                    self.forget(&step).await?;
                    let checks = violations.iter().map(|it| it.check(&step));
                    return Ok(Outcome::Failed(checks.collect()));
                }
                step.preview = Some(Preview {
                    change_set: identity::change_set(&step.deployment, false),
                    // All were looked at; the plan keeps what people read of them.
                    changes: changes
                        .into_iter()
                        .take(KEPT)
                        .map(ResourceChange::shortened)
                        .collect(),
                });
                planned(step, None)
            }
            Compared::Nothing if protected == step.termination_protection => {
                let outputs = step.before.map(|before| before.outputs);
                Outcome::Unchanged(outputs.unwrap_or_default())
            }
            Compared::Nothing => planned(step, None),
            Compared::NotYet => wanted.wait(format!(
                "CloudFormation compares {} with its new template",
                step.resource()
            )),
            Compared::Impossible(check) => Outcome::Failed(vec![check]),
        })
    }

    /// Whether the stack can be changed, and what has to be done for that first. `None` for a
    /// stack that is not there, or that is deleted first.
    async fn healthy(
        &self,
        wanted: &Wanted<'_>,
        live: Option<LiveStack>,
    ) -> Early<(Option<LiveStack>, Cure)> {
        let Some(live) = live else {
            return Ok(Ok((None, None)));
        };
        Ok(
            match or_check(health(&self.cloudformation, wanted, &live).await)? {
                Ok(Diagnosis::Healthy) => Ok((Some(live), None)),
                // Only a copy of an invocation that comes late finds the deployment at work.
                Ok(Diagnosis::Ours) => Err(wanted.wait(format!(
                    "{} is {} for this very deployment",
                    wanted.resource(),
                    live.status
                ))),
                Ok(Diagnosis::Busy { note }) => Err(wanted.wait(note)),
                Ok(Diagnosis::Curable { heal, words }) => {
                    let anew = matches!(heal, Heal::DeleteAndCreate | Heal::DropShell);
                    Ok(((!anew).then_some(live), Some((heal, words))))
                }
                Ok(Diagnosis::Stuck(check)) | Err(check) => Err(Outcome::Failed(vec![check])),
            },
        )
    }

    async fn template(&self, wanted: &Wanted<'_>) -> Early<Template> {
        let path = match &wanted.resolved.template {
            StackTemplate::Stored(template) => return Ok(Ok(template.clone())),
            StackTemplate::Released(path) => path,
        };
        let sources = wanted.sources;
        let released = |component: &str| {
            let asked = sources.record.requested.get(component);
            asked
                .or_else(|| sources.verified.get(component))?
                .as_template()
                .cloned()
        };
        let Some(artifact) = released(wanted.component) else {
            return Ok(failed(wanted.no_template(path)));
        };
        let application = &sources.deployment.application;
        match or_check(self.bucket.released(application, &artifact).await)? {
            Ok(template) => Ok(Ok(template)),
            Err(check) => Ok(failed(check)),
        }
    }

    /// The step as far as the manifest, the template and the stack itself tell it.
    async fn step(
        &self,
        wanted: &Wanted<'_>,
        template: Template,
        summary: &TemplateSummary,
        live: Option<&LiveStack>,
        cure: &Cure,
    ) -> Early<StackStep> {
        let (resolved, sources) = (wanted.resolved, wanted.sources);
        let resource = wanted.resource();
        let mut checks = Vec::new();
        let named = match self.values(wanted).await? {
            Ok(named) => parameters(&resource, &summary.parameters, named, live),
            Err(failed) => Err(failed),
        };
        let parameters = named.unwrap_or_else(|failed| {
            checks.extend(failed);
            BTreeMap::new()
        });
        checks.extend(wanted.capabilities(summary));
        let role = resolved.role.clone().or_else(|| self.role.clone());
        if role.is_none() && live.is_none_or(|live| live.role.is_none()) {
            checks.push(wanted.no_role());
        }
        if !checks.is_empty() {
            return Ok(Err(Outcome::Failed(checks)));
        }
        let approvals = &sources.record.approved;
        let for_this_one = approved(approvals, wanted.component, false);
        // Tags that people gave the stack by hand stay.
        let tags = live.map_or_else(BTreeMap::new, |live| live.tags.clone());
        let arn = &sources.record.execution.arn;
        Ok(Ok(StackStep {
            deployment: sources.deployment.id.clone(),
            application: sources.deployment.application.clone(),
            environment: sources.deployment.environment.clone(),
            component: wanted.component.to_owned(),
            stack: resolved.stack.clone(),
            role,
            template,
            parameters,
            capabilities: resolved.capabilities.clone(),
            tags: tags.into_iter().chain(resolved.tags.clone()).collect(),
            alarms: resolved.alarms.iter().map(|it| alarm(it, arn)).collect(),
            monitoring_minutes: resolved.monitoring_minutes,
            termination_protection: resolved.termination_protection,
            approved: resolved
                .replaceable
                .iter()
                .cloned()
                .chain(for_this_one)
                .collect(),
            serves: serves(sources.environment, wanted.component),
            skip: approved(approvals, wanted.component, true),
            before: None,
            heal: cure.as_ref().map(|(heal, _)| heal.clone()),
            preview: None,
            deadline_seconds: resolved.timeout_seconds,
        }))
    }

    /// The values that the manifest names, or why there are none.
    async fn values(
        &self,
        wanted: &Wanted<'_>,
    ) -> Result<Result<BTreeMap<String, ParameterValue>, Vec<Check>>, PhaseError> {
        let resource = wanted.resource();
        let (mut named, mut failed) = (BTreeMap::new(), Vec::new());
        for (parameter, from) in &wanted.resolved.parameters {
            let about = About {
                resource: &resource,
                kind: "parameter",
                name: parameter,
            };
            let value = self.value(wanted, &about, from).await?;
            match value {
                Ok(value) => drop(named.insert(parameter.clone(), value)),
                Err(check) => failed.push(check),
            }
        }
        Ok(if failed.is_empty() {
            Ok(named)
        } else {
            Err(failed)
        })
    }

    async fn value(
        &self,
        wanted: &Wanted<'_>,
        about: &About<'_>,
        from: &StackParameter,
    ) -> Result<Result<ParameterValue, Check>, PhaseError> {
        let sources = wanted.sources;
        let value = self.values.value(sources, about, from).await;
        let value = or_check(value)?.and_then(|value| value);
        Ok(value.map(|value| match value {
            Found::Text(text) => ParameterValue::Text(text),
            Found::Output { component, output } => {
                // Infrastructure that CodeBuild builds is no stack.
                let stack = sources.environment.stacks.get(&component);
                ParameterValue::Output {
                    stack: stack.map_or_else(String::new, |it| it.stack.clone()),
                    component,
                    output,
                }
            }
        }))
    }

    /// What undo restores. The live template is kept for it.
    async fn before(
        &self,
        wanted: &Wanted<'_>,
        step: &StackStep,
        summary: &TemplateSummary,
        live: LiveStack,
        text: &str,
    ) -> Result<StackBefore, PhaseError> {
        let application = &wanted.sources.deployment.application;
        let template = self.bucket.keep(application, text).await?;
        let of_live = if template.sha256 == step.template.sha256 {
            summary
        } else {
            &self
                .cloudformation
                .summary(&wanted.resource(), &template.url)
                .await?
        };
        let declared = of_live.parameters.iter();
        let hidden: BTreeSet<_> = declared
            .filter(|it| it.no_echo)
            .map(|it| it.name.clone())
            .collect();
        let shown = live.parameters.into_iter();
        Ok(StackBefore {
            id: live.id,
            template,
            parameters: shown.filter(|(name, _)| !hidden.contains(name)).collect(),
            hidden,
            tags: live.tags,
            outputs: live.outputs,
            capabilities: live.capabilities,
            role: live.role,
            alarms: live.alarms,
            monitoring_minutes: live.monitoring_minutes,
            termination_protection: live.termination_protection,
            last_operation: live.last_operation,
        })
    }

    /// Lockstep updates itself by its own means: half way through, nobody would be there to go on.
    fn own_stack(&self, resource: &str, stack: &str) -> Option<Check> {
        (stack == self.controller).then(|| Check {
            what: "stack".into(),
            resource: resource.to_owned(),
            found: "the stack of Lockstep itself".into(),
            expected: "another one".into(),
            todo: "deploy the controller with `lockstep bootstrap` or sam deploy, and take it out of lockstep.yaml".into(),
            curable: false,
        })
    }
}

impl Wanted<'_> {
    pub(crate) fn resource(&self) -> String {
        format!("stack {}", self.resolved.stack)
    }

    fn is_unchanged(&self) -> bool {
        self.progress.unchanged.contains(self.component)
    }

    /// Waits, as long as the manifest gives the stack time.
    fn wait(&self, note: String) -> Outcome {
        let seconds = self.resolved.timeout_seconds;
        if !self.progress.is_over(seconds, self.now) {
            return Outcome::NotYet(note);
        }
        Outcome::Failed(vec![Check {
            what: "stack".into(),
            resource: self.resource(),
            found: match seconds / 60 {
                1 => format!("that after a minute {note}"),
                minutes => format!("that after {minutes} minutes {note}"),
            },
            expected: "a stack that can be changed".into(),
            todo: "wait until that is over, or see to it in the console; then deploy again".into(),
            curable: false,
        }])
    }

    /// A stack that is tagged as another application's, or as that of another environment.
    fn of_others(&self, live: &LiveStack) -> Option<Check> {
        let me = self.sources.deployment;
        let tag = |name: &str| live.tags.get(name).map(String::as_str);
        let (application, environment) = (tag(APPLICATION_TAG), tag(ENVIRONMENT_TAG));
        let is_mine = application.is_none_or(|it| it == me.application)
            && environment.is_none_or(|it| it == me.environment);
        (!is_mine).then(|| Check {
            what: "owner".into(),
            resource: self.resource(),
            found: format!(
                "the tags of {} in {}",
                application.unwrap_or("no application"),
                environment.unwrap_or("no environment")
            ),
            expected: format!("{} in {}", me.application, me.environment),
            todo: "correct the stack's name in lockstep.yaml, or, if it changed hands, remove its lockstep: tags".into(),
            curable: false,
        })
    }

    fn capabilities(&self, summary: &TemplateSummary) -> Option<Check> {
        let acknowledged = &self.resolved.capabilities;
        let wider = "CAPABILITY_NAMED_IAM".to_owned();
        let has = |it: &String| {
            // The named one includes the other.
            acknowledged.contains(it) || (it == "CAPABILITY_IAM" && acknowledged.contains(&wider))
        };
        let missing: Vec<_> = summary.capabilities.iter().filter(|it| !has(it)).collect();
        let names: Vec<_> = missing.iter().map(|it| it.as_str()).collect();
        let reason = summary.capabilities_reason.trim_end_matches('.');
        (!missing.is_empty()).then(|| Check {
            what: "capabilities".into(),
            resource: self.resource(),
            found: match reason {
                "" => "a template that needs more than the manifest acknowledges".to_owned(),
                reason => reason.to_owned(),
            },
            expected: format!("{} in the manifest", names.join(" and ")),
            todo: format!(
                "if that is meant, add `capabilities: [{}]` to the stack in lockstep.yaml and apply it",
                names.join(", ")
            ),
            curable: false,
        })
    }

    fn no_role(&self) -> Check {
        Check {
            what: "role".into(),
            resource: self.resource(),
            found: "none".into(),
            expected: "a role that CloudFormation uses for the stack: Lockstep itself may not create resources".into(),
            todo: "deploy examples/stack-role.yaml and name its role in the controller's parameter StackRoleArn, or in \
                   the stack's `role`"
                .into(),
            curable: false,
        }
    }

    fn no_template(&self, path: &str) -> Check {
        Check {
            what: "template".into(),
            resource: self.resource(),
            found: format!("no release with {path}"),
            expected: "the template, in this release or the last verified one".into(),
            todo: format!(
                "upload a release that names {path} in its release.json: lockstep release"
            ),
            curable: false,
        }
    }
}

fn planned(step: StackStep, cure: Cure) -> Outcome {
    Outcome::Step(Box::new(Planned {
        step,
        cure: cure.map(|(_, words)| words),
    }))
}

/// Whether it waits for outputs that are not known yet.
fn waits(step: &StackStep) -> bool {
    let mut values = step.parameters.values();
    values.any(|value| matches!(value, ParameterValue::Output { .. }))
}

/// Transforms that make the same of the same template.
const TRANSFORMS: [&str; 2] = ["AWS::Serverless-2016-10-31", "AWS::LanguageExtensions"];

/// Whether the same template and the same values may still mean a change: the SSM parameters that
/// a template's parameters name may have other values, and transforms put in what they like. Only
/// CloudFormation can tell then.
fn depends_on_more(summary: &TemplateSummary) -> bool {
    let of_ssm = "AWS::SSM::Parameter::Value";
    let parameters = summary.parameters.iter();
    let transforms = summary.transforms.iter();
    parameters
        .map(|it| &it.parameter_type)
        .any(|it| it.starts_with(of_ssm))
        || transforms
            .map(String::as_str)
            .any(|it| !TRANSFORMS.contains(&it))
}

/// Whether nothing would change.
fn is_as_wanted(step: &StackStep, live: &LiveStack, text: &str) -> bool {
    let has_value = |(name, value): (&String, &ParameterValue)| match value {
        ParameterValue::Text(text) => live.parameters.get(name) == Some(text),
        ParameterValue::Previous => true,
        ParameterValue::Output { .. } => false,
    };
    let is_tagged = |(name, value): (&String, &String)| {
        name.starts_with("lockstep:") || live.tags.get(name) == Some(value)
    };
    sha256(text.as_bytes()) == step.template.sha256
        && step.parameters.iter().all(has_value)
        && step.tags.iter().all(is_tagged)
        && step.termination_protection == live.termination_protection
}

/// The ARN of an alarm. `arn` is any of the account and region.
/// The front ends whose live release stands in the origin path of a distribution that may be the
/// stack's: by an output of it, or by an id.
fn serves(environment: &ResolvedEnvironment, component: &str) -> Vec<Served> {
    let sites = environment.sites.iter();
    let sites = sites
        .filter(|(_, site)| site.switch == ResolvedSwitch::OriginPath && site.in_place.is_none());
    let served = sites.filter_map(|(name, site)| {
        let distribution = match &site.distribution {
            StackParameter::Text(id) => Some(id.clone()),
            StackParameter::Output { component: it, .. } if it == component => None,
            _ => return None,
        };
        Some(Served {
            site: name.clone(),
            distribution,
        })
    });
    served.collect()
}

fn alarm(alarm: &str, arn: &str) -> String {
    if alarm.starts_with("arn:") {
        return alarm.to_owned();
    }
    let part = |number| arn.split(':').nth(number).unwrap_or_default();
    let (partition, region, account) = (part(1), part(3), part(4));
    format!("arn:{partition}:cloudwatch:{region}:{account}:alarm:{alarm}")
}

impl Outcome {
    /// What others may know of the stack.
    pub(crate) fn known(&self) -> Known {
        match self {
            Self::Unchanged(outputs) => Known::Outputs(outputs.clone()),
            _ => Known::NotYet,
        }
    }
}

#[cfg(test)]
mod tests;
