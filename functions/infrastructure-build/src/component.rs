//! One component: what was applied of it, what is to be, and everything that is in the way.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lockstep::build::identity::Purpose;
use lockstep::build::{
    Build, BuildRecord, BuildStep, Planned as PlannedChanges, Source, Variable, Work, failed_plan,
    guard,
};
use lockstep::manifest::{InfrastructureSource, ResolvedInfrastructure};
use lockstep::stack::approved;
use lockstep::{Check, PhaseError};
use lockstep_sources::{About, Found, Sources, or_check};

use crate::planner::{Planner, Seen, Standing};
use crate::progress::Progress;

/// How many builds of a step may come one after the other, so that its time is as many times
/// that of a build: the change's plan or the end of its apply, and the way back.
const BUILDS: u64 = 3;
/// What is added to that for everything in between, in seconds.
const BETWEEN: u64 = 600;

/// What one look at one component came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is as it should be, with these outputs.
    Unchanged(BTreeMap<String, String>),
    /// It is to be changed.
    Step(Box<Planned>),
    /// It cannot be changed.
    Failed(Vec<Check>),
    /// It cannot be told yet; what is waited for.
    NotYet(String),
}

/// The change of one component, with what people are told of it.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) step: BuildStep,
    /// What it is afterwards, in a few words.
    pub(crate) after: String,
}

/// One component of the manifest, and what it is planned with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) component: &'a str,
    pub(crate) resolved: &'a ResolvedInfrastructure,
    pub(crate) sources: Sources<'a>,
    pub(crate) seen: &'a Seen,
    pub(crate) progress: &'a Progress,
    pub(crate) now: Timestamp,
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
    /// One look at one component.
    pub(crate) async fn look(&self, wanted: &Wanted<'_>) -> Result<Outcome, PhaseError> {
        let before = self.record(wanted).await?;
        let standing = wanted.of_dependencies();
        if let Some(early) = wanted.held_up(&standing) {
            return Ok(early);
        }
        let source = settled!(self.source(wanted).await?);
        let variables = settled!(self.variables(wanted).await?);
        let step = self.step(wanted, source, variables, before);
        if let Some(applied) = step.unchanged() {
            return Ok(Outcome::Unchanged(applied));
        }
        // What it depends on changes first: what would change here is known only afterwards.
        if standing.iter().any(|(_, it)| *it == Standing::Changes) {
            return Ok(planned(step));
        }
        let Ok(values) = step.resolved(&BTreeMap::new()) else {
            return Ok(planned(step));
        };
        self.planned(wanted, step, values).await
    }

    /// Has a build say what would change, and asks the guard.
    async fn planned(
        &self,
        wanted: &Wanted<'_>,
        mut step: BuildStep,
        values: BTreeMap<String, String>,
    ) -> Result<Outcome, PhaseError> {
        let plan = [Purpose::Plan];
        let found = allowed!(self.builds.find(&step, &plan, &plan).await);
        let Some(build) = found.get(&Purpose::Plan) else {
            return self.begin(wanted, &step, &values).await;
        };
        if !build.has_ended() {
            return Ok(wanted.wait(at_work(&step, build)));
        }
        if !build.has_succeeded() {
            return Ok(failed(failed_plan(&step, build, None)));
        }
        let work = step.work_of(false);
        let changes = match allowed!(self.store.changes(&work).await) {
            Ok(changes) => changes,
            Err(why) => return Ok(failed(failed_plan(&step, build, Some(&why)))),
        };
        if changes.is_empty()
            && let Some(outcome) = self.unchanged(wanted, &step, &values).await?
        {
            return Ok(outcome);
        }
        let violations = guard(&changes, &step.approved);
        if !violations.is_empty() {
            let checks = violations.iter().map(|it| it.check(&step));
            return Ok(Outcome::Failed(checks.collect()));
        }
        step.planned = Some(PlannedChanges::of(build.id.clone(), changes));
        Ok(planned(step))
    }

    async fn begin(
        &self,
        wanted: &Wanted<'_>,
        step: &BuildStep,
        values: &BTreeMap<String, String>,
    ) -> Result<Outcome, PhaseError> {
        if wanted.seen.has_failed() {
            // The deployment is rejected: nobody needs to know what else would change.
            return Ok(Outcome::Failed(Vec::new()));
        }
        let Some((project, source, values)) = step.build(Purpose::Plan, values) else {
            return Ok(Outcome::Failed(Vec::new()));
        };
        let work = step.work_of(false);
        allowed!(self.store.put_variables(&work, values).await);
        let begun = self
            .builds
            .start(step, Purpose::Plan, project, source)
            .await;
        let note = allowed!(begun);
        Ok(wanted.wait(
            note.unwrap_or_else(|| {
                format!("a build says what would change of {}", step.resource())
            }),
        ))
    }

    /// Nothing would change: the ledger is told that this is what is applied, where the outputs
    /// are known. Where they are not, the plan of nothing is applied, which tells them.
    async fn unchanged(
        &self,
        wanted: &Wanted<'_>,
        step: &BuildStep,
        values: &BTreeMap<String, String>,
    ) -> Result<Option<Outcome>, PhaseError> {
        let left = self.store.outputs(&step.work_of(false)).await?;
        let known = step.before.certain().map(|it| it.outputs.clone());
        let Some(outputs) = left.ok().or(known) else {
            return Ok(None);
        };
        let after = step.after(values.clone(), outputs.clone());
        let (deployment, component) = (wanted.sources.deployment, wanted.component);
        let ledger = &self.ledger;
        let put = ledger.put_build_record(deployment, component, &step.before, &after);
        if !put.await?.is_written()? {
            return Ok(Some(Outcome::NotYet(format!(
                "what is known of {} changed just now",
                step.resource()
            ))));
        }
        Ok(Some(Outcome::Unchanged(outputs)))
    }

    async fn record(&self, wanted: &Wanted<'_>) -> Result<BuildRecord, PhaseError> {
        let me = wanted.sources.deployment;
        let (application, environment) = (&me.application, &me.environment);
        let ledger = &self.ledger;
        let record = ledger.build_record(application, environment, wanted.component);
        Ok(record.await?)
    }

    async fn source(&self, wanted: &Wanted<'_>) -> Result<Result<Source, Outcome>, PhaseError> {
        let path = match &wanted.resolved.source {
            InfrastructureSource::Stored(source) => {
                let mut source = source.clone();
                self.store.bucket().clone_into(&mut source.bucket);
                return Ok(Ok(source));
            }
            InfrastructureSource::Released(path) => path,
        };
        let sources = wanted.sources;
        let asked = sources.record.requested.get(wanted.component);
        let artifact = asked.or_else(|| sources.verified.get(wanted.component));
        let Some(file) = artifact.and_then(|it| it.as_file()) else {
            return Ok(Err(failed(wanted.no_source(path))));
        };
        let application = &sources.deployment.application;
        let kept = or_check(self.store.keep(application, file).await)?;
        Ok(kept.map_err(failed))
    }

    /// The variables that the manifest names, or why there are none.
    async fn variables(
        &self,
        wanted: &Wanted<'_>,
    ) -> Result<Result<BTreeMap<String, Variable>, Outcome>, PhaseError> {
        let resource = wanted.resource();
        let (mut named, mut failed) = (BTreeMap::new(), Vec::new());
        for (variable, from) in &wanted.resolved.variables {
            let about = About {
                resource: &resource,
                kind: "variable",
                name: variable,
            };
            let value = self.values.value(wanted.sources, &about, from).await;
            match or_check(value)?.and_then(|value| value) {
                Ok(Found::Text(text)) => {
                    named.insert(variable.clone(), Variable::Text(text));
                }
                Ok(Found::Output { component, output }) => {
                    named.insert(variable.clone(), Variable::Output { component, output });
                }
                Err(check) => failed.push(check),
            }
        }
        Ok(if failed.is_empty() {
            Ok(named)
        } else {
            Err(Outcome::Failed(failed))
        })
    }

    fn step(
        &self,
        wanted: &Wanted<'_>,
        source: Source,
        variables: BTreeMap<String, Variable>,
        before: BuildRecord,
    ) -> BuildStep {
        let (resolved, sources) = (wanted.resolved, wanted.sources);
        let me = sources.deployment;
        let component = wanted.component;
        let for_this_one = approved(&sources.record.approved, component, false);
        let bucket = self.store.bucket();
        let work = Work::of(bucket, &me.application, &me.environment, &me.id, component);
        BuildStep {
            deployment: me.id.clone(),
            application: me.application.clone(),
            environment: me.environment.clone(),
            component: component.to_owned(),
            project: resolved.project.clone(),
            source,
            variables,
            work,
            planned: None,
            before,
            approved: resolved
                .replaceable
                .iter()
                .cloned()
                .chain(for_this_one)
                .collect(),
            timeout_minutes: resolved.timeout_minutes,
            deadline_seconds: wanted.seconds(),
        }
    }
}

impl Wanted<'_> {
    fn resource(&self) -> String {
        format!("infrastructure {}", self.component)
    }

    /// How long its builds may take together.
    fn seconds(&self) -> u64 {
        BUILDS * 60 * u64::from(self.resolved.timeout_minutes) + BETWEEN
    }

    fn of_dependencies(&self) -> Vec<(&str, Standing)> {
        let after = self.resolved.after.iter();
        after
            .map(|it| (it.as_str(), self.seen.standing(it)))
            .collect()
    }

    /// What it comes to where something it depends on cannot be told yet, or cannot be changed.
    fn held_up(&self, dependencies: &[(&str, Standing)]) -> Option<Outcome> {
        let find = |standing| dependencies.iter().find(|(_, it)| *it == standing);
        if find(Standing::Failed).is_some() {
            // Why is told there.
            return Some(Outcome::Failed(Vec::new()));
        }
        let (name, _) = find(Standing::Waits)?;
        Some(Outcome::NotYet(format!(
            "{} depends on {name}, of which a build says what would change",
            self.resource()
        )))
    }

    /// Waits, as long as the manifest gives the builds time.
    fn wait(&self, note: String) -> Outcome {
        if !self.progress.is_over(self.seconds(), self.now) {
            return Outcome::NotYet(note);
        }
        Outcome::Failed(vec![Check {
            what: "plan".into(),
            resource: self.resource(),
            found: format!("that after {} minutes {note}", self.seconds() / 60),
            expected: "a build that says what would change".into(),
            todo: "see to it in the CodeBuild console; then deploy again".into(),
            curable: false,
        }])
    }

    fn no_source(&self, path: &str) -> Check {
        Check {
            what: "source".into(),
            resource: self.resource(),
            found: format!("no release with {path}"),
            expected: "the source, in this release or the last verified one".into(),
            todo: format!(
                "upload a release that names {path} in its release.json: lockstep release"
            ),
            curable: false,
        }
    }
}

/// What of a step is told here only.
trait Told {
    fn unchanged(&self) -> Option<BTreeMap<String, String>>;
}

impl Told for BuildStep {
    /// The outputs, where this very source with these very variables is what was applied last, so
    /// that no build is needed to know that nothing changes.
    fn unchanged(&self) -> Option<BTreeMap<String, String>> {
        let applied = self.before.certain()?;
        let values = self.resolved(&BTreeMap::new()).ok()?;
        let is_same = applied.source.sha256 == self.source.sha256
            && applied.project == self.project
            && applied.variables == values;
        is_same.then(|| applied.outputs.clone())
    }
}

fn failed(check: Check) -> Outcome {
    Outcome::Failed(vec![check])
}

fn at_work(step: &BuildStep, build: &Build) -> String {
    let phase = match build.phase.as_str() {
        "" => String::new(),
        phase => format!(" ({phase})"),
    };
    format!(
        "{} says what would change of {}{phase}",
        build.id,
        step.resource()
    )
}

fn planned(step: BuildStep) -> Outcome {
    let label = step.after_label();
    let after = match &step.planned {
        None => format!("{label}, planned when its turn has come"),
        Some(planned) if planned.changes.is_empty() => format!("{label}, nothing to change"),
        // What changes is told one by one.
        Some(_) => label,
    };
    Outcome::Step(Box::new(Planned { step, after }))
}

#[cfg(test)]
mod tests {
    use lockstep::build::{Action, InfrastructureChange, Planned as PlannedChanges};

    use super::{Outcome, Told, planned};
    use crate::world::step;

    fn change(resource: &str) -> InfrastructureChange {
        InfrastructureChange {
            resource: resource.into(),
            kind: "aws_vpc".into(),
            action: Action::Update,
            detail: None,
        }
    }

    #[test]
    fn what_was_applied_last_needs_no_build() {
        let mut step = step();
        assert_eq!(step.unchanged(), None);
        if let Some(applied) = &mut step.before.applied {
            applied.source = step.source.clone();
            applied.project = step.project.clone();
            assert_eq!(step.clone().unchanged(), None, "other variables");
        }
        if let Some(applied) = &mut step.before.applied {
            applied.variables = [("size".to_owned(), "large".to_owned())].into();
        }
        assert_eq!(step.unchanged().unwrap_or_default()["url"], "old");
        let begun = step
            .before
            .begun_by(&step.deployment, step.deployment.began_at());
        step.before = begun;
        assert_eq!(step.unchanged(), None, "somebody has begun something else");
    }

    #[test]
    fn a_plan_says_in_a_few_words_what_it_changes() {
        let after = |changes: Option<Vec<InfrastructureChange>>| {
            let mut step = step();
            step.planned = changes.map(|it| PlannedChanges::of("b:1".into(), it));
            match planned(step) {
                Outcome::Step(planned) => planned.after,
                other => format!("{other:?}"),
            }
        };
        assert_eq!(after(None), "source bb, planned when its turn has come");
        assert_eq!(after(Some(vec![])), "source bb, nothing to change");
        assert_eq!(after(Some(vec![change("aws_vpc.main")])), "source bb");
    }
}
