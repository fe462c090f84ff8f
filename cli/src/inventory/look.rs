//! Looking at everything that one environment of a manifest needs.

use std::collections::{BTreeMap, BTreeSet};

use lockstep::DeploymentId;
use lockstep::ecs::{needed_log_groups, short_name};
use lockstep::lambda::{Member, members, needs_listing};
use lockstep::live::{lasting_names, live_key, live_path, output_name};
use lockstep::manifest::{
    CodeSource, ResolvedEnvironment, ResolvedFunction, ResolvedService, ResolvedStack,
    StackParameter, StackTemplate,
};
use lockstep::record::DeploymentRef;
use lockstep::release::Artifacts;
use lockstep_ecs::ServiceLookup;
use serde_json::Value;

use super::resource::{Creators, Resource, State};
use crate::account::{Account, RoleLook, alarm_name};

/// Who assumes a role.
struct User {
    /// What the role is called in the report.
    kind: &'static str,
    /// How AWS calls it in trust policies.
    service: &'static str,
    /// What is wrong where it may not.
    refused: &'static str,
    /// What else mends that.
    mend: &'static str,
}

const TASKS: User = User {
    kind: "role",
    service: "ecs-tasks.amazonaws.com",
    refused: "ECS tasks may not assume it",
    mend: "correct the task definition",
};

const FUNCTIONS: User = User {
    kind: "function role",
    service: "lambda.amazonaws.com",
    refused: "Lambda may not assume it",
    mend: "give the function another role",
};

/// One environment, and what the controller has for it.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The account.
    pub account: &'a Account,
    /// The environment.
    pub environment: &'a ResolvedEnvironment,
    /// What the last verified release consists of.
    pub verified: &'a Artifacts,
    /// The name of the controller's releases bucket.
    pub bucket: &'a str,
    /// The ARN of the topic that people are told by.
    pub topic: &'a str,
}

/// Everything that the environment needs, in the order in which it is created.
pub async fn inventory(scope: Scope<'_>) -> Vec<Resource> {
    let (stacks, services, functions, sites, alarms, shared, parameters) = tokio::join!(
        scope.stacks(),
        scope.services(),
        scope.functions(),
        scope.sites(),
        scope.alarms(),
        scope.shared(),
        scope.parameters()
    );
    let mut seen = BTreeSet::new();
    let all = [
        stacks, services, functions, sites, alarms, shared, parameters,
    ];
    let all = all.into_iter().flatten();
    let mut all: Vec<_> = all
        // Sites of one distribution have origins of their own there.
        .filter(|it| it.kind == "distribution" || seen.insert((it.kind, it.name.clone())))
        .collect();
    if all.iter().any(|it| it.state == State::Missing) {
        let creators = scope.creators().await;
        for resource in &mut all {
            resource.advise(&scope.environment.environment, &creators);
        }
    }
    all
}

impl Scope<'_> {
    async fn stacks(&self) -> Vec<Resource> {
        let mut all = Vec::new();
        for (name, stack) in self.environment.stacks_in_order() {
            all.push(self.stack(name, stack).await);
        }
        all
    }

    async fn stack(&self, component: &str, stack: &ResolvedStack) -> Resource {
        let environment = &self.environment.environment;
        let resource = Resource::new("stack", &stack.stack, Some(component));
        let live = match self.account.cloudformation.stack(&stack.stack).await {
            Ok(live) => live.filter(|live| !live.status.is_deleted()),
            Err(error) => return resource.unknown(&error),
        };
        let Some(live) = live else {
            let mut resource = resource.missing();
            resource.todo = Some(format!("`lockstep deploy {environment}` creates it"));
            return resource;
        };
        let status = live.status.to_string();
        if live.status.is_healthy() || live.status.is_in_progress() {
            return resource.found(status);
        }
        let todo = format!("`lockstep doctor {environment} {component}` says why, and the way out");
        resource.faulty(status, todo)
    }

    /// What the templates of the stacks declare, as far as they can be read.
    async fn creators(&self) -> Creators {
        let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, stack) in &self.environment.stacks {
            let StackTemplate::Stored(template) = &stack.template else {
                continue;
            };
            let cloudformation = &self.account.cloudformation;
            // Only advice hangs on it: a template that cannot be read declares nothing.
            let Ok(summary) = cloudformation.summary(&stack.stack, &template.url).await else {
                continue;
            };
            for resource_type in summary.resource_types {
                types.entry(resource_type).or_default().insert(name.clone());
            }
        }
        Creators(types)
    }

    async fn services(&self) -> Vec<Resource> {
        let services = self.environment.services.iter();
        let looks = services.map(|(name, service)| self.service(name, service));
        let looks = futures_util::future::join_all(looks).await;
        looks.into_iter().flatten().collect()
    }

    async fn service(&self, component: &str, resolved: &ResolvedService) -> Vec<Resource> {
        let of = |kind, name: &str| Resource::new(kind, name, Some(component));
        let (cluster, service) = (
            of("cluster", &resolved.cluster),
            of("service", &resolved.service),
        );
        let account = self.account;
        let mut all = Vec::new();
        let mut running = None;
        match account
            .ecs
            .find_service(&resolved.cluster, &resolved.service)
            .await
        {
            Ok(ServiceLookup::NoCluster) => all.extend([cluster.missing(), service.missing()]),
            Ok(ServiceLookup::NoService) => all.extend([cluster.found(""), service.missing()]),
            Ok(ServiceLookup::Found(live)) if live.status != "ACTIVE" => {
                all.extend([cluster.found(""), service.missing()]);
            }
            Ok(ServiceLookup::Found(live)) => {
                let note = format!("{} of {} tasks run", live.running, live.desired);
                all.extend([cluster.found(""), service.found(note)]);
                running = Some(live.task_definition);
            }
            Err(error) => all.push(service.unknown(&error)),
        }
        let (definition, note) = match &running {
            Some(running) => self.task_definition(component, running).await,
            None => (None, None),
        };
        all.extend(note);
        let definition = resolved.task_definition.as_ref().or(definition.as_ref());
        if let Some(definition) = definition {
            all.extend(self.needs(component, definition).await);
        }
        for repository in resolved.containers.values() {
            let look = account.has_repository(repository).await;
            all.push(of("repository", repository).looked(look));
        }
        all
    }

    /// The task definition that a service runs.
    async fn task_definition(
        &self,
        component: &str,
        running: &str,
    ) -> (Option<Value>, Option<Resource>) {
        let resource = Resource::new("task definition", short_name(running), Some(component));
        match self.account.ecs.revision(running).await {
            Ok(Some(revision)) if revision.is_active() => {
                (Some(revision.definition), Some(resource.found("")))
            }
            Ok(Some(revision)) => {
                let todo =
                    "the service could not be put back on it: deploy, so that it runs another one";
                let resource = resource.faulty("it was deregistered", todo);
                (Some(revision.definition), Some(resource))
            }
            Ok(None) => (None, Some(resource.missing())),
            Err(error) => (None, Some(resource.unknown(&error))),
        }
    }

    /// What a task needs to start: roles and log groups.
    async fn needs(&self, component: &str, definition: &Value) -> Vec<Resource> {
        let of = |kind, name: &str| Resource::new(kind, name, Some(component));
        let mut all = Vec::new();
        for field in ["executionRoleArn", "taskRoleArn"] {
            let role = definition.get(field).and_then(Value::as_str);
            let Some(role) = role.filter(|it| !it.is_empty()) else {
                continue;
            };
            all.push(self.role(component, role, &TASKS).await);
        }
        for log in needed_log_groups(definition) {
            let look = self.account.has_log_group(&log.group).await;
            all.push(of("log group", &log.group).looked(look));
        }
        all
    }

    async fn role(&self, component: &str, role: &str, user: &User) -> Resource {
        let resource = Resource::new(user.kind, short_name(role), Some(component));
        match self.account.role(role, user.service).await {
            Ok(RoleLook::Good) => resource.found(""),
            Ok(RoleLook::Missing) => resource.missing(),
            Ok(RoleLook::NotAssumable) => {
                let todo = format!(
                    "name {} in its trust policy, or {}",
                    user.service, user.mend
                );
                resource.faulty(user.refused, todo)
            }
            Err(error) => resource.unknown(&error),
        }
    }

    /// The alarms that roll back stacks, and the shifting of traffic.
    async fn alarms(&self) -> Vec<Resource> {
        let stacks = self.environment.stacks.iter();
        let of_stacks = stacks.flat_map(|(name, stack)| {
            let alarms = stack.alarms.iter();
            alarms.map(move |alarm| (alarm, Some(name.as_str())))
        });
        let traffic = self.environment.traffic.iter();
        let of_traffic = traffic.flat_map(|it| it.alarms.iter().map(|alarm| (alarm, None)));
        let mut all = Vec::new();
        for (alarm, component) in of_stacks.chain(of_traffic) {
            let resource = Resource::new("alarm", alarm_name(alarm), component);
            all.push(match self.account.alarm(alarm).await {
                Ok(None) => resource.missing(),
                Ok(Some(state)) if state == "ALARM" => resource.faulty(
                    "it is in ALARM",
                    "see to what it says: as long as it is in ALARM, what it watches is put back",
                ),
                Ok(Some(state)) => resource.found(state),
                Err(error) => resource.unknown(&error),
            });
        }
        all
    }

    async fn functions(&self) -> Vec<Resource> {
        let (known, mut all) = self.known().await;
        let (members, failed) = members(self.environment, &known);
        for check in failed {
            let mut resource = Resource::new("function", check.resource, None).missing();
            resource.todo = Some(check.todo);
            all.push(resource);
        }
        for (component, member) in members {
            all.extend(self.function(&component, member).await);
        }
        for function in &self.environment.functions {
            all.extend(self.image(function).await);
        }
        all
    }

    /// The account's functions, where groups need them.
    async fn known(&self) -> (lockstep::lambda::Known, Vec<Resource>) {
        let mut known = lockstep::lambda::Known::new();
        let (listed, tagged) = needs_listing(self.environment);
        if !listed {
            return (known, Vec::new());
        }
        let unknown = |error| {
            let resource = Resource::new("function", "those that groups match", None);
            vec![resource.unknown(&error)]
        };
        let names = match self.account.lambda.names().await {
            Ok(names) => names,
            Err(error) => return (known, unknown(error)),
        };
        for name in names {
            if !tagged {
                known.insert(name, BTreeMap::new());
                continue;
            }
            match self.account.lambda.tagged(&name).await {
                Ok(live) => known.extend(live.map(|live| (live.name, live.tags))),
                Err(error) => return (known, unknown(error)),
            }
        }
        (known, Vec::new())
    }

    async fn function(&self, component: &str, member: Member<'_>) -> Vec<Resource> {
        let resource = Resource::new("function", member.function, Some(component));
        let lambda = &self.account.lambda;
        let mut all = Vec::new();
        match lambda.function(member.function, None).await {
            Ok(Some(live)) => {
                all.push(resource.found(""));
                if !live.role().is_empty() {
                    all.push(self.role(component, live.role(), &FUNCTIONS).await);
                }
            }
            Ok(None) => all.push(resource.missing()),
            Err(error) => all.push(resource.unknown(&error)),
        }
        if let Some(alias) = &member.resolved.alias {
            let name = format!("{}:{alias}", member.function);
            let resource = Resource::new("alias", name, Some(component));
            all.push(match lambda.alias(member.function, alias).await {
                Ok(Some(_)) => resource.found(""),
                Ok(None) => resource.missing(),
                Err(error) => resource.unknown(&error),
            });
        }
        all
    }

    async fn image(&self, (name, function): (&String, &ResolvedFunction)) -> Option<Resource> {
        let CodeSource::Image(repository) = &function.code else {
            return None;
        };
        let look = self.account.has_repository(repository).await;
        Some(Resource::new("repository", repository, Some(name)).looked(look))
    }

    /// What no component has for itself: the releases bucket, the code that templates read from
    /// it, the topic.
    async fn shared(&self) -> Vec<Resource> {
        let (account, environment) = (self.account, self.environment);
        let bucket = account.has_bucket(self.bucket).await;
        let mut all = vec![Resource::new("bucket", self.bucket, None).looked(bucket)];
        for component in self.live_code() {
            let key = live_key(&self.any_deployment(), &component);
            let look = account.has_object(self.bucket, &key).await;
            let mut resource = Resource::new("live key", key, Some(&component)).looked(look);
            if resource.state == State::Missing {
                resource.todo = Some(format!(
                    "the first verified deployment that changes {component} puts it there: `lockstep release VERSION`, or \
                     `lockstep deploy {} --release VERSION`",
                    environment.environment
                ));
            }
            all.push(resource);
        }
        let topic = account.has_topic(self.topic).await;
        all.push(Resource::new("topic", self.topic, None).looked(topic));
        all
    }

    /// The names of what is kept are the same for all deployments.
    pub(super) fn any_deployment(&self) -> DeploymentRef {
        DeploymentRef {
            id: DeploymentId::for_execution("", "", 0),
            application: self.environment.application.clone(),
            environment: self.environment.environment.clone(),
        }
    }

    /// The parameters by which other stacks know what is live. What a stack that does not exist
    /// yet will give is not known.
    async fn parameters(&self) -> Vec<Resource> {
        if !self.environment.publishes() {
            return Vec::new();
        }
        let deployment = self.any_deployment();
        let path = live_path(&deployment);
        let there = match self.account.parameters.names(&path).await {
            Ok(there) => there,
            Err(error) => return vec![Resource::new("parameter", path, None).unknown(&error)],
        };
        let mut names = Vec::new();
        for (component, stack) in self.environment.stacks_in_order() {
            // A stack that cannot be looked at is told as such, with the stacks.
            let live = self.account.cloudformation.stack(&stack.stack).await;
            let outputs = live.ok().flatten().map(|live| live.outputs);
            let outputs = outputs.unwrap_or_default().into_iter();
            let outputs = outputs.filter(|(_, value)| !value.is_empty());
            names.extend(outputs.map(|(output, _)| output_name(&deployment, component, &output)));
        }
        names.extend(lasting_names(&deployment, self.environment, self.verified));
        let parameter = |name: String| {
            let resource = Resource::new("parameter", &*name, None);
            if there.contains(&name) {
                return resource.found("");
            }
            let mut resource = resource.missing();
            resource.todo = Some(format!(
                "the next deployment of {} that changes something puts it there, once it is verified",
                self.environment.environment
            ));
            resource
        };
        names.into_iter().map(parameter).collect()
    }

    /// The functions whose code has to be at its live key: a template reads it there, or a
    /// verified release brought it.
    fn live_code(&self) -> BTreeSet<String> {
        let parameters = self.environment.stacks.values();
        let named = parameters
            .flat_map(|stack| stack.parameters.values())
            .filter_map(|parameter| match parameter {
                StackParameter::Code(component) => Some(component),
                _ => None,
            });
        let verified = self.verified.iter();
        let verified = verified
            .filter(|(_, artifact)| artifact.as_zip().is_some())
            .map(|(component, _)| component)
            .filter(|it| self.environment.functions.contains_key(it.as_str()));
        named.chain(verified).cloned().collect()
    }
}
