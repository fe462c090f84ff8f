//! Plans: the ordered steps of one deployment, computed before anything is changed.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Check;
use crate::build::{BuildStep, InfrastructureChange, Variable};
use crate::ecs::ServiceStep;
use crate::gate::{GateStep, PlannedGates};
use crate::image_build::ImageBuildStep;
use crate::lambda::FunctionsStep;
use crate::manifest::ResolvedTraffic;
use crate::migration::MigrationStep;
use crate::release::Release;
use crate::site::SiteStep;
use crate::stack::{ParameterValue, ResourceChange, StackStep};

/// How many changes of one stack are told before a deployment begins.
const DETAILS: usize = 20;

/// What a deployment will do: a pure function of manifest, release and observed world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What will run afterwards.
    pub release: Release,
    /// The steps in order; empty when the environment already runs the release.
    pub steps: Vec<Step>,
    /// How much of the deployment the steps are.
    #[serde(default, skip_serializing_if = "Stage::is_whole")]
    pub stage: Stage,
    /// Whether what is live is published for other stacks to read, as SSM parameters, once it is
    /// verified.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub publishes: bool,
}

/// How much of a deployment its plan holds. What runs on a stack's resources can be planned
/// only once they are there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// All of it: no step will be added.
    #[default]
    Whole,
    /// The stacks only. What runs on them is planned, and added, after they were changed.
    Infrastructure,
}

impl Stage {
    /// Whether no step will be added.
    // serde asks by reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_whole(&self) -> bool {
        *self == Self::Whole
    }
}

/// One target's change. Immutable once written, and all that a phase may know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The position in the plan, from 0.
    pub number: u32,
    /// The target, such as `service live-quiz/websocket`.
    pub target: String,
    /// What the target runs before, in a few words.
    pub before: String,
    /// What it runs afterwards, in a few words.
    pub after: String,
    /// The wave of the rollout that it belongs to, from 0: it begins when all earlier ones are done.
    #[serde(default, skip_serializing_if = "is_first")]
    pub wave: u32,
    /// The change itself.
    pub change: Change,
}

/// Whether a wave is the first one, which is not written down.
// serde asks by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_first(wave: &u32) -> bool {
    *wave == 0
}

/// The change of one kind of target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Change {
    /// A new revision of an ECS service.
    Service(Box<ServiceStep>),
    /// New code or configuration of Lambda functions.
    Functions(Box<FunctionsStep>),
    /// A CloudFormation stack.
    Stack(Box<StackStep>),
    /// Infrastructure that a CodeBuild project builds.
    #[serde(rename = "infrastructure-build")]
    InfrastructureBuild(Box<BuildStep>),
    /// A database's schema, before anything of the release is rolled out.
    Migrate(Box<MigrationStep>),
    /// What a schema needs no more, after the release was verified.
    Contract(Box<MigrationStep>),
    /// A new release of a front end.
    Site(Box<SiteStep>),
    /// A build that must succeed before anything is changed.
    #[serde(rename = "gate-before")]
    GateBefore(Box<GateStep>),
    /// A build that must succeed once the release was verified.
    #[serde(rename = "gate-after")]
    GateAfter(Box<GateStep>),
    /// A build that makes an image, before anything else is planned. No plan has such a step: what
    /// is planned is planned with its image.
    #[serde(rename = "image-build")]
    ImageBuild(Box<ImageBuildStep>),
}

/// What the planner of one kind of target found: its steps, or why there can be none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The steps in order, not yet numbered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<PartStep>,
    /// Every check that failed; the deployment is rejected when there is any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Check>,
}

/// One step of a part: a [`Step`] without its number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartStep {
    /// The target, such as `service live-quiz/websocket`.
    pub target: String,
    /// What the target runs before, in a few words.
    pub before: String,
    /// What it runs afterwards, in a few words.
    pub after: String,
    /// The change itself.
    pub change: Change,
}

impl Part {
    /// Everything that the planners of all kinds found, in their order.
    #[must_use]
    pub fn merged(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut merged = Self::default();
        for part in parts {
            merged.steps.extend(part.steps);
            merged.failed.extend(part.failed);
        }
        merged
    }

    /// The plan, its steps numbered from 0.
    ///
    /// # Errors
    /// Every check of every part that failed.
    pub fn plan(self, release: Release) -> Result<Plan, Vec<Check>> {
        let nothing = Plan {
            release,
            steps: Vec::new(),
            stage: Stage::Infrastructure,
            publishes: false,
        };
        nothing.extended(self)
    }
}

impl PartStep {
    /// The step at a position of the plan.
    pub fn numbered(self, number: u32) -> Step {
        let Self {
            target,
            before,
            after,
            change,
        } = self;
        Step {
            number,
            target,
            before,
            after,
            wave: 0,
            change,
        }
    }
}

impl Plan {
    /// The plan's hash: what an approval binds to, and what tells two plans apart.
    ///
    /// # Errors
    /// Only when a step cannot be written as JSON, which no step built by this crate does.
    pub fn hash(&self) -> Result<String, serde_json::Error> {
        let bytes = serde_json::to_vec(self)?;
        Ok(format!("{:x}", Sha256::digest(bytes)))
    }

    /// The plan in one line a step, as it is shown to people.
    pub fn summary(&self) -> String {
        let lines: Vec<_> = self.steps.iter().map(Step::summary).collect();
        lines.join("\n")
    }

    /// The plan as people are told of it before it begins: each step, and what is known of its
    /// changes.
    pub fn told(&self) -> String {
        let mut lines = Vec::new();
        for step in &self.steps {
            lines.push(step.summary());
            let details = step.details();
            let more = details.len().saturating_sub(DETAILS);
            lines.extend(
                details
                    .into_iter()
                    .take(DETAILS)
                    .map(|it| format!("- {it}")),
            );
            if more > 0 {
                lines.push(format!("- and {more} more: lockstep show"));
            }
        }
        if self.stage == Stage::Infrastructure {
            lines.push("What runs on it is planned afterwards.".to_owned());
        }
        lines.join("\n")
    }
}

/// A step as the states carry it: its number, and whose work it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StepRef {
    /// The position in the plan, from 0.
    pub step: u32,
    /// `service`, `functions`, `stack`, `infrastructure-build`, `migrate`, `contract`, `site`,
    /// `gate-before`, `gate-after` or `image-build`.
    pub phase: &'static str,
    /// The wave of the rollout that it belongs to; left out where it is the first one.
    #[serde(skip_serializing_if = "is_first")]
    pub wave: u32,
    /// Whether traffic is shifted in stages after the rollout; left out where it is not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub traffic: bool,
    /// Whether parameters are published once everything is verified; said with the first step only,
    /// and left out where none are.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub parameters: bool,
}

impl Change {
    /// Whose work it is, as its JSON says in `phase`.
    pub const fn phase(&self) -> &'static str {
        match self {
            Self::Service(_) => "service",
            Self::Functions(_) => "functions",
            Self::Stack(_) => "stack",
            Self::InfrastructureBuild(_) => "infrastructure-build",
            Self::Migrate(_) => "migrate",
            Self::Contract(_) => "contract",
            Self::Site(_) => "site",
            Self::GateBefore(_) => "gate-before",
            Self::GateAfter(_) => "gate-after",
            Self::ImageBuild(_) => "image-build",
        }
    }

    /// How traffic is shifted in stages after the rollout, and of which functions.
    pub fn in_stages(&self) -> Option<(&FunctionsStep, &ResolvedTraffic)> {
        match self {
            Self::Functions(step) => Some((step, step.traffic.as_ref()?)),
            Self::Service(_)
            | Self::Stack(_)
            | Self::InfrastructureBuild(_)
            | Self::Migrate(_)
            | Self::Contract(_)
            | Self::Site(_)
            | Self::GateBefore(_)
            | Self::GateAfter(_)
            | Self::ImageBuild(_) => None,
        }
    }

    /// The stack's change; `None` for everything else.
    pub fn as_stack(&self) -> Option<&StackStep> {
        match self {
            Self::Stack(step) => Some(step),
            _ => None,
        }
    }

    /// The run of a migration; `None` for everything else.
    pub fn as_migration(&self) -> Option<&MigrationStep> {
        match self {
            Self::Migrate(step) | Self::Contract(step) => Some(step),
            _ => None,
        }
    }

    /// The gate; `None` for everything else.
    pub fn as_gate(&self) -> Option<&GateStep> {
        match self {
            Self::GateBefore(step) | Self::GateAfter(step) => Some(step),
            _ => None,
        }
    }

    /// Whether it is changed before what runs on it.
    pub const fn is_infrastructure(&self) -> bool {
        matches!(self, Self::Stack(_) | Self::InfrastructureBuild(_))
    }

    /// The change of infrastructure that CodeBuild builds; `None` for everything else.
    pub fn as_build(&self) -> Option<&BuildStep> {
        match self {
            Self::InfrastructureBuild(step) => Some(step),
            _ => None,
        }
    }
}

impl Plan {
    /// The whole plan: these steps as they are, then those of the part, numbered on.
    ///
    /// # Errors
    /// Every check of the part that failed.
    pub fn extended(mut self, part: Part) -> Result<Self, Vec<Check>> {
        if !part.failed.is_empty() {
            return Err(part.failed);
        }
        let next = self.steps.last().map_or(0, |step| step.number + 1);
        let added = (next..).zip(part.steps);
        self.steps
            .extend(added.map(|(number, step)| step.numbered(number)));
        self.stage = Stage::Whole;
        Ok(self)
    }

    /// The same with its gates, numbered anew: so only a plan that nobody has seen yet. One that
    /// changes nothing has none.
    #[must_use]
    pub fn with_gates(mut self, gates: PlannedGates) -> Self {
        if self.steps.is_empty() {
            return self;
        }
        let before = gates.before.into_iter().map(|it| it.numbered(0));
        let after = gates.after.into_iter().map(|it| it.numbered(0));
        let steps = before.chain(self.steps).chain(after);
        let numbered = |(number, step)| Step { number, ..step };
        self.steps = (0..).zip(steps).map(numbered).collect();
        self
    }

    /// The same plan, to which steps will be added once its stacks were changed.
    #[must_use]
    pub fn of_infrastructure(mut self) -> Self {
        self.stage = Stage::Infrastructure;
        self
    }

    /// The steps as the states carry them.
    pub fn references(&self) -> Vec<StepRef> {
        let mut steps: Vec<_> = self.steps.iter().map(Step::reference).collect();
        if let Some(first) = steps.first_mut() {
            first.parameters = self.publishes;
        }
        steps
    }
}

impl Step {
    /// The step as the states carry it.
    pub fn reference(&self) -> StepRef {
        StepRef {
            step: self.number,
            phase: self.change.phase(),
            wave: self.wave,
            traffic: self.change.in_stages().is_some(),
            parameters: false,
        }
    }

    /// What would change, one line each, before and after, where that is known: of
    /// infrastructure.
    pub fn details(&self) -> Vec<String> {
        if let Some(build) = self.change.as_build() {
            return details_of_build(build);
        }
        let Some(stack) = self.change.as_stack() else {
            return Vec::new();
        };
        if let Some(preview) = &stack.preview {
            return preview.changes.iter().map(ResourceChange::words).collect();
        }
        let values = stack.parameters.iter();
        let waits = values.filter_map(|(name, value)| match value {
            ParameterValue::Output {
                component, output, ..
            } => Some(format!("{name}: what {component} gives as {output}")),
            _ => None,
        });
        waits.collect()
    }

    /// The step in one line; where something is rolled out before it, that is said.
    pub fn summary(&self) -> String {
        if self.change.as_gate().is_some() {
            return format!("{} {}", self.target, self.after);
        }
        let wave = match self.wave {
            0 => String::new(),
            wave => format!("then, in wave {}: ", wave + 1),
        };
        format!("{wave}{}: {} -> {}", self.target, self.before, self.after)
    }
}

fn details_of_build(build: &BuildStep) -> Vec<String> {
    if let Some(planned) = &build.planned {
        let changes = planned.changes.iter();
        let mut words: Vec<_> = changes.map(InfrastructureChange::words).collect();
        if planned.more > 0 {
            words.push(format!("and {} more", planned.more));
        }
        return words;
    }
    let values = build.variables.iter();
    let waits = values.filter_map(|(name, value)| match value {
        Variable::Output { component, output } => {
            Some(format!("{name}: what {component} gives as {output}"))
        }
        Variable::Text(_) => None,
    });
    waits.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use serde_json::json;

    use super::{Part, PartStep};
    use crate::lambda::missing_function;
    use crate::release::{Artifacts, Release};

    fn part(target: &str) -> Part {
        let step = json!({
            "deployment": "d", "application": "a", "environment": "e", "functions": [], "rate_per_second": 15,
            "deadline_seconds": 60, "phase": "functions",
        });
        let step = json!({"target": target, "before": "x", "after": "y", "change": step});
        let step: PartStep = serde_json::from_value(step).unwrap();
        Part {
            steps: vec![step],
            failed: vec![],
        }
    }

    #[test]
    fn a_change_is_named_as_in_its_json() {
        let step = part("functions").steps.remove(0).numbered(7);
        assert_eq!(json!(step.change)["phase"], step.change.phase());
        assert_eq!(
            json!(step.reference()),
            json!({"step": 7, "phase": "functions"})
        );
    }

    fn release() -> Release {
        Release {
            manifest_version: 1,
            artifacts: Artifacts::new(),
        }
    }

    #[test]
    fn that_parameters_are_published_is_said_with_the_first_step() {
        let parts = || Part::merged([part("one"), part("two")]);
        let mut plan = parts().plan(release()).unwrap();
        let said = |plan: &super::Plan| json!(plan.references());
        let step = |number: u32| json!({"step": number, "phase": "functions"});
        assert_eq!(said(&plan), json!([step(0), step(1)]));
        plan.publishes = true;
        let first = json!({"step": 0, "phase": "functions", "parameters": true});
        assert_eq!(said(&plan), json!([first, step(1)]));
        let longer = plan.extended(part("three")).unwrap();
        assert_eq!(said(&longer), json!([first, step(1), step(2)]));
    }

    #[test]
    fn steps_of_all_parts_are_numbered_in_order() {
        let plan = Part::merged([part("one"), Part::default(), part("two")])
            .plan(release())
            .unwrap();
        let numbered: Vec<_> = plan
            .steps
            .iter()
            .map(|step| (step.number, step.target.as_str()))
            .collect();
        assert_eq!(numbered, [(0, "one"), (1, "two")]);
    }

    #[test]
    fn failed_checks_of_all_parts_are_told_together() {
        let failed = |name| Part {
            steps: vec![],
            failed: vec![missing_function(name)],
        };
        let checks = Part::merged([failed("a"), part("one"), failed("b")])
            .plan(release())
            .unwrap_err();
        assert_eq!(checks, [missing_function("a"), missing_function("b")]);
    }
}
