//! One environment with nothing left to look up: defaults, overrides and placeholders
//! are applied.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::builds::{ImageBuild, ResolvedImageBuild};
use super::functions::{CodeSource, Function, FunctionConfiguration, ResolvedFunction};
use super::gates::{Gate, ResolvedGate};
use super::infrastructure::{EachProject, Infrastructure, ProjectSource, SourceFrom};
use super::migrations::{Migration, ResolvedMigration};
use super::names::nearest;
use super::placeholders::Placeholders;
use super::places::join;
use super::resolved_infrastructure::ResolvedInfrastructure;
use super::resolved_stack::{ResolvedStack, StackTemplate, in_order};
use super::sites::{ResolvedSite, Site};
use super::stacks::{ParameterFrom, ParameterSource, ReleasedTemplate, Stack, TemplateSource};
use super::stored::StoredManifest;
use super::traffic::{ResolvedTraffic, Traffic};
use super::types::{Environment, HttpCheck, Manifest, Rollout, Service, Trigger, Verify};
use crate::release::Component;

/// An application in one environment, ready to be planned with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolvedEnvironment {
    /// The application's name.
    pub application: String,
    /// The environment's name.
    pub environment: String,
    /// The services by the manifest's name for them.
    pub services: BTreeMap<String, ResolvedService>,
    /// The functions, and the groups of them, by the manifest's name for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub functions: BTreeMap<String, ResolvedFunction>,
    /// The CloudFormation stacks by the manifest's name for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stacks: BTreeMap<String, ResolvedStack>,
    /// The infrastructure that CodeBuild builds, by the manifest's name for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub infrastructure: BTreeMap<String, ResolvedInfrastructure>,
    /// The migrations by the manifest's name for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub migrations: BTreeMap<String, ResolvedMigration>,
    /// The front ends by the manifest's name for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sites: BTreeMap<String, ResolvedSite>,
    /// The gates by the manifest's name for them, without those that are switched off.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gates: BTreeMap<String, ResolvedGate>,
    /// The builds of images by the manifest's name for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub builds: BTreeMap<String, ResolvedImageBuild>,
    /// What is rolled out after which others, by the manifest's names; who waits for nothing is
    /// not there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub after: BTreeMap<String, BTreeSet<String>>,
    /// Whether what is live is published although there are no stacks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parameters: bool,
    /// How new versions of functions take over their traffic in stages; `None` is all at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<ResolvedTraffic>,
    /// What must be true before a release counts as good.
    pub verify: Verify,
    /// Which image pushes deploy by themselves; `None` when only people deploy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// The SNS topic's name or ARN; `None` is the controller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
}

/// One ECS service in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolvedService {
    /// The ECS cluster's name.
    pub cluster: String,
    /// The ECS service's name.
    pub service: String,
    /// Container name to ECR repository name.
    pub containers: BTreeMap<String, String>,
    /// The manifest's own task definition, as `RegisterTaskDefinition` takes it; `None`
    /// takes the one that the service runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<Value>,
    /// How new tasks replace old ones.
    pub rollout: Rollout,
}

/// Why a stored manifest has no such environment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// The manifest does not have the environment.
    #[error(
        "application {application} has no environment `{environment}`; it has: {known}{suggestion}"
    )]
    UnknownEnvironment {
        /// The application.
        application: String,
        /// The environment that was asked for.
        environment: String,
        /// The environments there are, separated by commas.
        known: String,
        /// `; did you mean ...?`, or nothing.
        suggestion: String,
    },
    /// The stored manifest lacks the content of a task definition file. `lockstep apply`
    /// never stores such a one.
    #[error(
        "the stored manifest of {application} lacks the task definition {path}; apply it again"
    )]
    MissingTaskDefinition {
        /// The application.
        application: String,
        /// The file's path as the manifest names it.
        path: String,
    },
    /// The stored manifest does not know where a template is. `lockstep apply` never stores such
    /// a one.
    #[error(
        "the stored manifest of {application} does not know where the template {path} is; apply it again"
    )]
    MissingTemplate {
        /// The application.
        application: String,
        /// The file's path as the manifest names it.
        path: String,
    },
    /// The stored manifest does not know where the source of infrastructure is. `lockstep apply`
    /// never stores such a one.
    #[error(
        "the stored manifest of {application} does not know where the source {path} is; apply it again"
    )]
    MissingSource {
        /// The application.
        application: String,
        /// The folder's path as the manifest names it.
        path: String,
    },
}

impl ResolvedEnvironment {
    /// Whether what is live is published for other stacks to read.
    pub fn publishes(&self) -> bool {
        self.parameters || !self.stacks.is_empty()
    }

    /// The stacks whose templates come with uploaded releases, each with its template's path.
    pub fn released_templates(&self) -> impl Iterator<Item = (&str, &str)> {
        self.stacks
            .iter()
            .filter_map(|(name, stack)| match &stack.template {
                StackTemplate::Released(path) => Some((name.as_str(), path.as_str())),
                StackTemplate::Stored(_) => None,
            })
    }

    /// The stacks in the order in which they are changed: each after those it depends on.
    pub fn stacks_in_order(&self) -> Vec<(&str, &ResolvedStack)> {
        let after = self.stacks.iter();
        let after = after
            .map(|(name, stack)| (name.clone(), stack.after.clone()))
            .collect();
        // A manifest with a circle was refused; nothing is better than half of it.
        let order = in_order(&after).unwrap_or_default();
        let stack = |name: &str| self.stacks.get_key_value(name);
        let stacks = order.into_iter().filter_map(stack);
        stacks.map(|(name, stack)| (name.as_str(), stack)).collect()
    }

    /// The components whose images come from an ECR repository: containers as `service/container`,
    /// and functions.
    pub fn components_of(&self, repository: &str) -> Vec<Component> {
        let containers = self.services.iter().flat_map(|(service, resolved)| {
            let names = resolved.containers.keys();
            names.map(move |container| format!("{service}/{container}"))
        });
        let all = containers.chain(self.functions.keys().cloned());
        all.filter(|component| self.repository(component) == Some(repository))
            .collect()
    }

    /// The ECR repository that a component's images come from; `None` where there is no such
    /// component, or its code comes from uploaded releases.
    pub fn repository(&self, component: &str) -> Option<&str> {
        if let Some((service, container)) = component.split_once('/') {
            let service = self.services.get(service)?;
            return service.containers.get(container).map(String::as_str);
        }
        match &self.functions.get(component)?.code {
            CodeSource::Image(repository) => Some(repository),
            CodeSource::Zip(_) => None,
        }
    }
}

impl StoredManifest {
    /// One environment with defaults, overrides and placeholders applied.
    pub fn resolve(&self, environment: &str) -> Result<ResolvedEnvironment, ResolveError> {
        let named = NamedEnvironment::find(&self.manifest, environment)?;
        let services = named.services().map(|(name, service)| {
            let service = self.resolve_service(name, service)?;
            Ok((name.to_owned(), service))
        });
        Ok(ResolvedEnvironment {
            application: self.manifest.application.clone(),
            environment: environment.to_owned(),
            services: services.collect::<Result<_, _>>()?,
            functions: named
                .functions()
                .map(|(name, function)| (name.to_owned(), function.resolve(name)))
                .collect(),
            stacks: named
                .stacks()
                .map(|(name, stack)| {
                    let settings = (environment, named.environment);
                    Ok((name.to_owned(), self.resolve_stack(settings, name, stack)?))
                })
                .collect::<Result<_, _>>()?,
            infrastructure: named
                .infrastructure()
                .map(|(name, it)| Ok((name.to_owned(), self.resolve_infrastructure(it)?)))
                .collect::<Result<_, _>>()?,
            migrations: named
                .migrations()
                .map(|(name, migration)| {
                    let only = named.only_container(&migration.service);
                    (name.to_owned(), migration.resolve(only.as_ref()))
                })
                .collect(),
            sites: named
                .sites()
                .map(|(name, site)| (name.to_owned(), site.resolve()))
                .collect(),
            gates: named
                .gates()
                .filter_map(|(name, gate)| Some((name.to_owned(), gate.resolve()?)))
                .collect(),
            builds: named
                .builds()
                .map(|(name, build)| (name.to_owned(), build.resolve()))
                .collect(),
            after: named.after(),
            parameters: self.manifest.parameters,
            traffic: named.traffic().and_then(|traffic| traffic.resolve()),
            verify: named.verify(),
            trigger: named.trigger(),
            topic: named.topic(),
        })
    }

    fn resolve_service(
        &self,
        name: &str,
        service: Service,
    ) -> Result<ResolvedService, ResolveError> {
        let embedded = |path: String| match self.task_definitions.get(&path) {
            Some(content) => Ok(content.clone()),
            None => Err(ResolveError::MissingTaskDefinition {
                application: self.manifest.application.clone(),
                path,
            }),
        };
        let task_definition = service.task_definition.map(embedded).transpose()?;
        Ok(ResolvedService {
            cluster: service.cluster,
            service: service.service.unwrap_or_else(|| name.to_owned()),
            containers: service.containers,
            task_definition,
            rollout: service.rollout,
        })
    }
}

/// One environment of a manifest, read with its placeholders replaced.
pub(super) struct NamedEnvironment<'a> {
    manifest: &'a Manifest,
    name: &'a str,
    environment: &'a Environment,
}

impl<'a> NamedEnvironment<'a> {
    /// The environment of that name.
    fn find(manifest: &'a Manifest, name: &str) -> Result<Self, ResolveError> {
        let known = || manifest.environments.keys().map(String::as_str);
        let meant = || nearest(name, known()).map(|meant| format!("; did you mean `{meant}`?"));
        Self::all(manifest)
            .find(|it| it.name == name)
            .ok_or_else(|| ResolveError::UnknownEnvironment {
                application: manifest.application.clone(),
                environment: name.to_owned(),
                known: known().collect::<Vec<_>>().join(", "),
                suggestion: meant().unwrap_or_default(),
            })
    }

    /// Every environment.
    pub(super) fn all(manifest: &'a Manifest) -> impl Iterator<Item = Self> {
        manifest
            .environments
            .iter()
            .map(move |(name, environment)| Self {
                manifest,
                name,
                environment,
            })
    }

    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// The services with this environment's overrides, by the manifest's name for them.
    pub(super) fn services(&self) -> impl Iterator<Item = (&'a str, Service)> {
        self.manifest.services.iter().map(|(name, service)| {
            let changed = self
                .environment
                .services
                .get(name)
                .map(|it| it.apply(service));
            let service = changed.unwrap_or_else(|| service.clone());
            (name.as_str(), self.replace_in(service))
        })
    }

    /// The functions with this environment's overrides, by the manifest's name for them.
    pub(super) fn functions(&self) -> impl Iterator<Item = (&'a str, Function)> {
        self.manifest.functions.iter().map(|(name, function)| {
            let changed = self.environment.functions.get(name);
            let function = changed.map_or_else(|| function.clone(), |it| it.apply(function));
            (name.as_str(), self.replace_in_function(function))
        })
    }

    /// The stacks with this environment's overrides, by the manifest's name for them.
    pub(super) fn stacks(&self) -> impl Iterator<Item = (&'a str, Stack)> {
        self.manifest.stacks.iter().map(|(name, stack)| {
            let changed = self.environment.stacks.get(name);
            let stack = changed.map_or_else(|| stack.clone(), |it| it.apply(stack));
            (name.as_str(), self.replace_in_stack(stack))
        })
    }

    /// The infrastructure with this environment's overrides, by the manifest's name for it.
    pub(super) fn infrastructure(&self) -> impl Iterator<Item = (&'a str, Infrastructure)> {
        self.manifest.infrastructure.iter().map(|(name, own)| {
            let here = self.environment.infrastructure.get(name);
            let here = here.map_or_else(|| own.clone(), |it| it.apply(own));
            (name.as_str(), self.replace_in_infrastructure(here))
        })
    }

    /// The migrations with this environment's overrides, by the manifest's name for them.
    pub(super) fn migrations(&self) -> impl Iterator<Item = (&'a str, Migration)> {
        self.manifest.migrations.iter().map(|(name, migration)| {
            let changed = self.environment.migrations.get(name);
            let migration = changed.map_or_else(|| migration.clone(), |it| it.apply(migration));
            (
                name.as_str(),
                migration.replaced(&|text: String| self.replace(&text)),
            )
        })
    }

    /// The gates with this environment's overrides, by the manifest's name for them.
    pub(super) fn gates(&self) -> impl Iterator<Item = (&'a str, Gate)> {
        self.manifest.gates.iter().map(|(name, gate)| {
            let changed = self.environment.gates.get(name);
            let gate = changed.map_or_else(|| gate.clone(), |it| it.apply(gate));
            (
                name.as_str(),
                gate.replaced(&|text: String| self.replace(&text)),
            )
        })
    }

    /// The builds of images with this environment's overrides, by the manifest's name for them.
    pub(super) fn builds(&self) -> impl Iterator<Item = (&'a str, ImageBuild)> {
        self.manifest.builds.iter().map(|(name, build)| {
            let changed = self.environment.builds.get(name);
            let build = changed.map_or_else(|| build.clone(), |it| it.apply(build));
            let build = build.replaced(&|text: String| self.replace(&text));
            (name.as_str(), build)
        })
    }

    /// The container of a service that has only one.
    fn only_container(&self, service: &str) -> Option<String> {
        let (_, service) = self.services().find(|(name, _)| *name == service)?;
        let mut names = service.containers.into_keys();
        names.next().filter(|_| names.next().is_none())
    }

    /// The sites with this environment's overrides, by the manifest's name for them.
    pub(super) fn sites(&self) -> impl Iterator<Item = (&'a str, Site)> {
        self.manifest.sites.iter().map(|(name, site)| {
            let changed = self.environment.sites.get(name);
            let site = changed.map_or_else(|| site.clone(), |it| it.apply(site));
            (name.as_str(), site.replaced(&|text| self.replace(&text)))
        })
    }

    /// The paths at which a service's fields may be written, the environment's own first.
    pub(super) fn written(&self, service: &str, fields: &[&str]) -> Vec<String> {
        self.written_in("services", service, fields)
    }

    /// The paths at which the fields of a service or a function may be written.
    pub(super) fn written_in(&self, kind: &str, name: &str, fields: &[&str]) -> Vec<String> {
        let bases = [
            format!("environments.{}.{kind}.{name}", self.name),
            format!("{kind}.{name}"),
        ];
        bases
            .iter()
            .flat_map(|base| fields.iter().map(move |field| join(base, field)))
            .collect()
    }

    /// What is rolled out after which others. A site that says nothing waits for all services and
    /// functions.
    pub(super) fn after(&self) -> BTreeMap<String, BTreeSet<String>> {
        let services = self.services().map(|(name, it)| (name, it.after));
        let functions = self.functions().map(|(name, it)| (name, it.after));
        let behind: Vec<_> = services.chain(functions).collect();
        let everything = || behind.iter().map(|(name, _)| (*name).to_owned()).collect();
        let sites = self.sites();
        let sites = sites.map(|(name, it)| (name, it.after.unwrap_or_else(everything)));
        let sites: Vec<_> = sites.collect();
        let all = behind.into_iter().chain(sites);
        all.filter(|(_, after)| !after.is_empty())
            .map(|(name, after)| (name.to_owned(), after.into_iter().collect()))
            .collect()
    }

    pub(super) fn trigger(&self) -> Option<Trigger> {
        let trigger = self.environment.trigger.as_ref()?;
        Some(Trigger {
            tags: trigger.tags.iter().map(|tag| self.replace(tag)).collect(),
            releases: trigger.releases,
        })
    }

    pub(super) fn traffic(&self) -> Option<Traffic> {
        let traffic = self.environment.traffic.as_ref()?;
        Some(Traffic {
            alarms: traffic.alarms.iter().map(|it| self.replace(it)).collect(),
            ..traffic.clone()
        })
    }

    pub(super) fn verify(&self) -> Verify {
        let http = self.environment.verify.http.iter().map(|check| HttpCheck {
            url: self.replace(&check.url),
            ..check.clone()
        });
        Verify {
            http: http.collect(),
            settle_seconds: self.environment.verify.settle_seconds,
        }
    }

    pub(super) fn topic(&self) -> Option<String> {
        let notifications = self.manifest.notifications.as_ref()?;
        Some(self.replace(&notifications.topic))
    }

    fn replace(&self, text: &str) -> String {
        Placeholders {
            application: &self.manifest.application,
            environment: self.name,
        }
        .replace(text)
    }

    fn replace_in_function(&self, function: Function) -> Function {
        let replace = |text: String| self.replace(&text);
        let replace_all = |texts: BTreeMap<String, String>| -> BTreeMap<String, String> {
            let texts = texts.into_iter();
            texts.map(|(name, text)| (name, replace(text))).collect()
        };
        Function {
            function: function.function.map(replace),
            pattern: function.pattern.map(replace),
            tags: replace_all(function.tags),
            artifact: function.artifact.map(replace),
            image: function.image.map(replace),
            alias: function.alias.map(replace),
            keep: function.keep,
            configuration: FunctionConfiguration {
                handler: function.configuration.handler.map(replace),
                runtime: function.configuration.runtime.map(replace),
                environment: replace_all(function.configuration.environment),
                ..function.configuration
            },
            check: function.check.map(|check| check.replaced(&replace)),
            after: function.after,
        }
    }

    fn replace_in_parameters(
        &self,
        parameters: BTreeMap<String, ParameterSource>,
    ) -> BTreeMap<String, ParameterSource> {
        let replace = |text: String| self.replace(&text);
        let parameter = |source| match source {
            ParameterSource::Text(text) => ParameterSource::Text(replace(text)),
            ParameterSource::From(from) => ParameterSource::From(ParameterFrom {
                ssm: from.ssm.map(replace),
                fallback: from.fallback.map(replace),
                ..from
            }),
        };
        let parameters = parameters.into_iter();
        parameters.map(|(key, it)| (key, parameter(it))).collect()
    }

    fn replace_in_infrastructure(&self, infrastructure: Infrastructure) -> Infrastructure {
        let replace = |text: String| self.replace(&text);
        Infrastructure {
            project: match infrastructure.project {
                ProjectSource::One(name) => ProjectSource::One(replace(name)),
                ProjectSource::Each(each) => ProjectSource::Each(EachProject {
                    plan: replace(each.plan),
                    apply: replace(each.apply),
                }),
            },
            source: match infrastructure.source {
                SourceFrom::Folder(path) => SourceFrom::Folder(replace(path)),
                SourceFrom::Released(it) => SourceFrom::Released(ReleasedTemplate {
                    artifact: replace(it.artifact),
                }),
            },
            variables: self.replace_in_parameters(infrastructure.variables),
            ..infrastructure
        }
    }

    fn replace_in_stack(&self, stack: Stack) -> Stack {
        let replace = |text: String| self.replace(&text);
        let tags = stack.tags.into_iter();
        Stack {
            stack: stack.stack.map(replace),
            template: match stack.template {
                TemplateSource::File(path) => TemplateSource::File(replace(path)),
                TemplateSource::Released(it) => TemplateSource::Released(ReleasedTemplate {
                    artifact: replace(it.artifact),
                }),
            },
            parameters: self.replace_in_parameters(stack.parameters),
            tags: tags.map(|(key, value)| (key, replace(value))).collect(),
            role: stack.role.map(replace),
            alarms: stack.alarms.into_iter().map(replace).collect(),
            ..stack
        }
    }

    fn replace_in(&self, service: Service) -> Service {
        let replace = |text: String| self.replace(&text);
        Service {
            cluster: replace(service.cluster),
            service: service.service.map(replace),
            containers: service
                .containers
                .into_iter()
                .map(|(name, it)| (name, replace(it)))
                .collect(),
            task_definition: service.task_definition.map(replace),
            rollout: service.rollout,
            after: service.after,
        }
    }
}
