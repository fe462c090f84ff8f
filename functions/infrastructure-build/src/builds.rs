//! The builds of one component: found by who they are, and started with what the contract of
//! `docs/infrastructure-builds.md` says.

use std::collections::{BTreeMap, BTreeSet};

use lockstep::PhaseError;
use lockstep::build::identity::{self, Purpose};
use lockstep::build::{Build, BuildStep, Source};
use lockstep_codebuild::{self as codebuild, BuildRequest, CodeBuild, Started};

/// Finds and starts builds.
#[derive(Debug, Clone)]
pub(crate) struct Builds {
    codebuild: CodeBuild,
}

/// Builds of a component, by what they are for.
pub(crate) type Found = BTreeMap<Purpose, Build>;

impl Builds {
    pub(crate) const fn new(codebuild: CodeBuild) -> Self {
        Self { codebuild }
    }

    /// The builds of the step for these purposes, as far as there are any. Of those that failed
    /// for one of the purposes in `told` the log is read, too.
    pub(crate) async fn find(
        &self,
        step: &BuildStep,
        purposes: &[Purpose],
        told: &[Purpose],
    ) -> Result<Found, PhaseError> {
        let name = |purpose: Purpose| identity::build(&step.deployment, &step.component, purpose);
        let since = codebuild::since(&step.deployment);
        let nothing = BTreeMap::new();
        let project = |purpose| step.build(purpose, &nothing).map(|(project, ..)| project);
        let projects: BTreeSet<_> = purposes.iter().filter_map(|it| project(*it)).collect();
        let mut found = Found::new();
        for one in projects {
            let of_it = purposes.iter().filter(|it| project(**it) == Some(one));
            let names: BTreeMap<_, _> = of_it.map(|it| (name(*it), *it)).collect();
            let wanted: Vec<_> = names.keys().map(String::as_str).collect();
            let mut builds = self.codebuild.find(one, &wanted, since).await?;
            for (name, purpose) in &names {
                if let Some(build) = builds.remove(name) {
                    let is_told = told.contains(purpose);
                    found.insert(*purpose, self.codebuild.told(build, is_told).await);
                }
            }
        }
        Ok(found)
    }

    /// Starts the build for this purpose, with the source and the project that are given. What
    /// CodeBuild says where it takes no more builds at the moment.
    pub(crate) async fn start(
        &self,
        step: &BuildStep,
        purpose: Purpose,
        project: &str,
        source: &Source,
    ) -> Result<Option<String>, PhaseError> {
        let identity = identity::build(&step.deployment, &step.component, purpose);
        let variables = [
            ("LOCKSTEP_APPLICATION", step.application.clone()),
            ("LOCKSTEP_ENVIRONMENT", step.environment.clone()),
            ("LOCKSTEP_COMPONENT", step.component.clone()),
            ("LOCKSTEP_DEPLOYMENT", step.deployment.to_string()),
            ("LOCKSTEP_VERB", purpose.verb().to_owned()),
            ("LOCKSTEP_WORK", step.work_of(purpose.is_undo()).url("")),
        ];
        let named = |(name, value): (&str, String)| (name.to_owned(), value);
        let request = BuildRequest {
            project: project.to_owned(),
            token: identity::token(&identity),
            identity,
            source: Some(codebuild::Source {
                bucket: source.bucket.clone(),
                key: source.key.clone(),
            }),
            source_version: None,
            variables: variables.map(named).into(),
            timeout_minutes: Some(step.timeout_minutes),
        };
        tracing::info!(
            target = step.resource(),
            project,
            build = request.identity,
            "starting a build"
        );
        match self.codebuild.start(&request).await? {
            Started::Build(_) => Ok(None),
            Started::NoRoom(said) => {
                let said = said.trim_end_matches('.');
                Ok(Some(format!(
                    "CodeBuild takes no more builds at the moment ({said})"
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests;
