//! The CodeBuild projects that build infrastructure and images, migrate and run gates, and the task definitions
//! of migrations.

use std::collections::BTreeMap;

use lockstep::ecs::short_name;
use lockstep::manifest::MigrationWork;
use lockstep_ecs::ServiceLookup;

use super::look::Scope;
use super::resource::Resource;

impl Scope<'_> {
    /// The projects, each once, under the first component that names it.
    pub(super) async fn projects(&self) -> Vec<Resource> {
        let named = self.named_projects();
        let wanted: Vec<_> = named.keys().copied().collect();
        let resource = |(name, component): (&&str, &&str)| {
            Resource::new("CodeBuild project", *name, Some(component))
        };
        if wanted.is_empty() {
            return Vec::new();
        }
        match self.account.projects(&wanted).await {
            Ok(there) => {
                let look = |(name, component): (&&str, &&str)| {
                    let is_there = there.contains(*name);
                    resource((name, component)).looked(Ok(is_there))
                };
                named.iter().map(look).collect()
            }
            Err(error) => named
                .iter()
                .map(|it| resource(it).unknown(&error))
                .collect(),
        }
    }

    /// The projects that the manifest names, with a component that does.
    fn named_projects(&self) -> BTreeMap<&str, &str> {
        let of_infrastructure = self.environment.infrastructure.iter();
        let of_infrastructure = of_infrastructure.flat_map(|(component, it)| {
            let projects = [it.project.plan.as_str(), it.project.apply.as_str()];
            projects.map(|project| (project, component.as_str()))
        });
        let of_migrations = self.environment.migrations.iter();
        let of_migrations = of_migrations.filter_map(|(component, it)| match &it.work {
            MigrationWork::Build { project, .. } => Some((project.as_str(), component.as_str())),
            MigrationWork::Task { .. } => None,
        });
        let of_gates = self.environment.gates.iter();
        let of_gates =
            of_gates.map(|(component, gate)| (gate.project.as_str(), component.as_str()));
        let of_builds = self.environment.builds.iter();
        let of_builds =
            of_builds.map(|(component, build)| (build.project.as_str(), component.as_str()));
        let all = of_infrastructure.chain(of_migrations).chain(of_gates);
        let mut named = BTreeMap::new();
        for (project, component) in all.chain(of_builds) {
            named.entry(project).or_insert(component);
        }
        named
    }

    /// The one-shot task definitions. The first run registers them, so that none is missing.
    pub(super) async fn migrations(&self) -> Vec<Resource> {
        let mut all = Vec::new();
        for (component, migration) in &self.environment.migrations {
            if matches!(migration.work, MigrationWork::Build { .. }) {
                continue;
            }
            let Some(service) = self.environment.services.get(&migration.service) else {
                continue;
            };
            // What is wrong with the service is told with the service.
            let (cluster, name) = (&service.cluster, &service.service);
            let found = self.account.ecs.find_service(cluster, name).await;
            let Ok(ServiceLookup::Found(live)) = found else {
                continue;
            };
            let family = short_name(&live.task_definition);
            let family = family.split(':').next().unwrap_or(family);
            let family = format!("{family}-migration-{component}");
            let resource = Resource::new("task definition", &family, Some(component));
            all.push(match self.account.ecs.revision(&family).await {
                Ok(Some(revision)) if revision.is_active() => resource.found("of the last run"),
                Ok(_) => continue,
                Err(error) => resource.unknown(&error),
            });
        }
        all
    }
}
