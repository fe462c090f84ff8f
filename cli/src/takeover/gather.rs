//! Looking at what runs. Nothing is changed.

use std::collections::{BTreeMap, BTreeSet};

use aws_types::SdkConfig;
use lockstep::PhaseError;
use lockstep::ecs::{Arn, ImageReference, LiveService, Revision, containers, register_input};
use lockstep::stack::{LiveStack, StackResource};
use lockstep_aws::{AwsError, Exchange};
use lockstep_cloudformation::CloudFormation;
use lockstep_ecs::Ecs;
use lockstep_site::CloudFront;
use serde_json::{Value, json};

use super::backup::Backup;
use super::draft::{Draft, DraftFunction, DraftService, DraftSite, DraftStack};
use super::names::Names;
use super::site;

/// What a person wants to take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A stack, with the services, functions and distributions in it.
    Stack(String),
    /// A service.
    Service {
        /// Its cluster.
        cluster: String,
        /// Its name.
        service: String,
    },
    /// A function.
    Function(String),
    /// The site that a distribution serves, by the distribution's id.
    Site(String),
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gathered {
    /// What the manifest will say.
    pub draft: Draft,
    /// What AWS said.
    pub backup: Backup,
    /// What cannot be taken over, or has to be known, each with what to do.
    pub remarks: Vec<String>,
}

/// Looks at everything that is named.
///
/// # Errors
/// When something is not there, or AWS could not be asked.
pub async fn gather(
    config: &SdkConfig,
    application: &str,
    environment: &str,
    sources: &[Source],
) -> Result<Gathered, PhaseError> {
    let mut gatherer = Gatherer {
        cloudfront: CloudFront::new(config),
        cloudformation: CloudFormation::new(aws_sdk_cloudformation::Client::new(config)),
        services: aws_sdk_ecs::Client::new(config),
        ecs: Ecs::new(aws_sdk_ecs::Client::new(config)),
        lambda: aws_sdk_lambda::Client::new(config),
        prefixes: vec![
            format!("{application}-{environment}-"),
            format!("{application}-"),
        ],
        names: Names::default(),
        seen: BTreeSet::new(),
        found: Gathered::default(),
    };
    gatherer.found.draft.application = application.to_owned();
    gatherer.found.draft.environment = environment.to_owned();
    for source in sources {
        match source {
            Source::Stack(name) => gatherer.stack(name).await?,
            Source::Service { cluster, service } => gatherer.service(cluster, service).await?,
            Source::Function(name) => gatherer.function(name, None).await?,
            Source::Site(id) => gatherer.site(id).await?,
        }
    }
    Ok(gatherer.found)
}

struct Gatherer {
    cloudfront: CloudFront,
    cloudformation: CloudFormation,
    services: aws_sdk_ecs::Client,
    ecs: Ecs,
    lambda: aws_sdk_lambda::Client,
    prefixes: Vec<String>,
    names: Names,
    seen: BTreeSet<String>,
    found: Gathered,
}

fn absent(resource: String) -> PhaseError {
    PhaseError::Rejected {
        resource,
        reason: "there is none; check the name and --region".to_owned(),
    }
}

impl Gatherer {
    fn remark(&mut self, text: impl Into<String>) {
        self.found.remarks.push(text.into());
    }

    /// Whether something is met for the first time: what a stack has may be named again.
    fn is_new(&mut self, resource: &str) -> bool {
        self.seen.insert(resource.to_owned())
    }

    async fn stack(&mut self, name: &str) -> Result<(), PhaseError> {
        let live = self.cloudformation.stack(name).await?;
        let live = live.filter(|it| !it.status.is_deleted());
        let live = live.ok_or_else(|| absent(format!("stack {name}")))?;
        if !self.is_new(&live.id) {
            return Ok(());
        }
        let template = self.cloudformation.template(&live.id).await?;
        let component = self.names.give(&live.name, &self.prefixes, "stack");
        if !live.status.is_healthy() {
            self.remark(format!(
                "stack {} is {}: `lockstep doctor` says the way out once the manifest is applied",
                live.name, live.status
            ));
        }
        if live.role.is_none() {
            self.remark(format!(
                "stack {} has no role of its own: give the controller's parameter StackRoleArn, or name one as `role:` \
                 (examples/stack-role.yaml)",
                live.name
            ));
        }
        let stack = drafted(&live, &component, template.unwrap_or_default());
        for kept in &stack.kept {
            self.remark(format!(
                "parameter {kept} of stack {} keeps its value: it is not shown, or has `${{` in it",
                live.name
            ));
        }
        self.found.draft.stacks.push(stack);
        let resources = self.cloudformation.resources(&live.id).await?;
        for resource in resources.iter().filter(|it| it.exists()) {
            self.resource(resource, &component).await?;
        }
        Ok(())
    }

    async fn resource(&mut self, resource: &StackResource, stack: &str) -> Result<(), PhaseError> {
        let physical = resource.physical.clone().unwrap_or_default();
        match resource.resource_type.as_str() {
            "AWS::ECS::Service" => {
                if let Some((cluster, service)) = service_of(&physical) {
                    return self.service(&cluster, &service).await;
                }
                self.remark(format!(
                    "service {physical} was left out, because its name does not say in which cluster it is: add it with \
                     --from-service CLUSTER/SERVICE"
                ));
                Ok(())
            }
            "AWS::Lambda::Function" => self.function(&physical, Some(stack)).await,
            "AWS::CloudFront::Distribution" => self.site(&physical).await,
            _ => Ok(()),
        }
    }

    async fn service(&mut self, cluster: &str, service: &str) -> Result<(), PhaseError> {
        let resource = format!("service {cluster}/{service}");
        if !self.is_new(&resource) {
            return Ok(());
        }
        let exchange = Exchange::reading();
        let call = self.services.describe_services();
        let call = call.cluster(cluster).services(service);
        let sent = call.customize().interceptor(exchange.clone()).send().await;
        let answer = match exchange.answer("ecs:DescribeServices", sent) {
            Err(error) if error.code == "ClusterNotFoundException" => {
                return Err(absent(format!("cluster {cluster}")));
            }
            answer => answer.map_err(|error| error.about(&resource))?,
        };
        let raw = answer.pointer("/services/0").cloned();
        let raw = raw.ok_or_else(|| absent(resource.clone()))?;
        let live = LiveService::parse(&raw);
        if live.status != "ACTIVE" {
            return Err(absent(resource));
        }
        self.found
            .backup
            .keep("services", &format!("{cluster}.{service}"), raw);
        if live.controller != "ECS" {
            self.remark(format!(
                "{resource} was left out: its deployment controller is {}. Lockstep deploys with ECS's own rolling update: \
                 create the service anew with the controller ECS",
                live.controller
            ));
            return Ok(());
        }
        let revision = self.ecs.revision(&live.task_definition).await?;
        let revision =
            revision.ok_or_else(|| absent(format!("task definition {}", live.task_definition)))?;
        self.keep_definition(&revision);
        let (own, others) = images(&revision, &live.arn);
        for (name, image) in &others {
            self.remark(format!(
                "container {name} of {resource} keeps its image {image}: it is not in this account's ECR in this region. To \
                 deploy it, push it there and add it to `containers`"
            ));
        }
        if own.is_empty() {
            self.remark(format!(
                "{resource} was left out: none of its images is in this account's ECR in this region"
            ));
            return Ok(());
        }
        let component = self.names.give(service, &self.prefixes, "service");
        let percent = |field: &str, default: u64| {
            let value = live.deployment_configuration.get(field)?.as_u64()?;
            (value != default).then_some(value)
        };
        let grace = live.health_check_grace_seconds;
        self.found.draft.services.push(DraftService {
            component,
            cluster: live.cluster.clone(),
            service: live.name.clone(),
            containers: own,
            others,
            maximum_percent: percent("maximumPercent", 200).filter(|it| *it >= 100),
            minimum_healthy_percent: percent("minimumHealthyPercent", 100).filter(|it| *it < 100),
            health_check_grace_seconds: grace.filter(|it| live.load_balanced && *it != 60),
        });
        Ok(())
    }

    /// Keeps a task definition as `RegisterTaskDefinition` takes it.
    fn keep_definition(&mut self, revision: &Revision) {
        let mut input = register_input(&revision.definition);
        if let Some(fields) = input.as_object_mut()
            && !revision.tags.is_empty()
        {
            fields.insert("tags".into(), revision.tags.clone().into());
        }
        let number = revision.number().unwrap_or_default();
        let name = format!("{}.{number}", revision.family());
        self.found.backup.keep("task-definitions", &name, input);
    }

    async fn site(&mut self, id: &str) -> Result<(), PhaseError> {
        let resource = format!("distribution {id}");
        if !self.is_new(&resource) {
            return Ok(());
        }
        let live = self.cloudfront.distribution(id).await?;
        let live = live.ok_or_else(|| absent(resource.clone()))?;
        self.found.backup.keep("distributions", id, json!(live));
        match site::drafted(&live) {
            Ok(draft) => {
                let component = self.names.give(&draft.bucket, &self.prefixes, "site");
                self.found
                    .draft
                    .sites
                    .push(DraftSite { component, ..draft });
            }
            Err(why) => self.remark(format!("{resource} was left out: {why}")),
        }
        Ok(())
    }

    async fn function(&mut self, name: &str, stack: Option<&str>) -> Result<(), PhaseError> {
        let resource = format!("function {name}");
        if !self.is_new(&resource) {
            return Ok(());
        }
        let exchange = Exchange::reading();
        let call = self.lambda.get_function().function_name(name);
        let sent = call.customize().interceptor(exchange.clone()).send().await;
        let mut raw = match exchange.answer("lambda:GetFunction", sent) {
            Err(error) if error.code == "ResourceNotFoundException" => {
                return Err(absent(resource));
            }
            answer => answer.map_err(|error| error.about(&resource))?,
        };
        let image = raw.pointer("/Code/ImageUri").and_then(Value::as_str);
        let image = image.map(str::to_owned);
        // An address that is good for ten minutes, and for everybody who has it.
        if let Some(code) = raw.get_mut("Code").and_then(Value::as_object_mut) {
            code.remove("Location");
        }
        let arn = raw.pointer("/Configuration/FunctionArn");
        let arn = arn.and_then(Value::as_str).unwrap_or_default().to_owned();
        let aliases = self.aliases(name, &resource).await?;
        let kept = json!({ "function": raw, "aliases": aliases });
        self.found.backup.keep("functions", name, kept);
        let repository = match &image {
            None => None,
            Some(image) => {
                let Some(repository) = own_repository(image, &arn) else {
                    self.remark(format!(
                        "{resource} was left out: its image {image} is not in this account's ECR in this region"
                    ));
                    return Ok(());
                };
                Some(repository)
            }
        };
        let alias = match aliases.as_slice() {
            [one] => one.get("Name").and_then(Value::as_str).map(str::to_owned),
            _ => None,
        };
        if aliases.len() > 1 {
            self.remark(format!(
                "{resource} has {} aliases: name the one that serves as `alias:`, or the function itself is updated",
                aliases.len()
            ));
        }
        if let Some(stack) = stack
            && repository.is_none()
        {
            self.remark(format!(
                "{resource} belongs to stack {stack}, whose template brings code of its own: before you release it, let the \
                 template read the live code (docs/cloudformation.md), or the next change of the stack brings the old code back"
            ));
        }
        let component = self.names.give(name, &self.prefixes, "function");
        self.found.draft.functions.push(DraftFunction {
            component,
            function: name.to_owned(),
            image: repository,
            alias,
            stack: stack.map(str::to_owned),
        });
        Ok(())
    }

    async fn aliases(&self, name: &str, resource: &str) -> Result<Vec<Value>, PhaseError> {
        let mut aliases = Vec::new();
        let mut marker = None;
        loop {
            let exchange = Exchange::reading();
            let call = self.lambda.list_aliases().function_name(name);
            let call = call.set_marker(marker);
            let sent = call.customize().interceptor(exchange.clone()).send().await;
            let answer = exchange.answer("lambda:ListAliases", sent);
            let answer = answer.map_err(|error: AwsError| error.about(resource))?;
            let page = answer.get("Aliases").and_then(Value::as_array);
            aliases.extend(page.cloned().unwrap_or_default());
            let next = answer.get("NextMarker").and_then(Value::as_str);
            marker = next.filter(|it| !it.is_empty()).map(str::to_owned);
            if marker.is_none() {
                return Ok(aliases);
            }
        }
    }
}

/// A stack as the manifest says it.
fn drafted(live: &LiveStack, component: &str, template: String) -> DraftStack {
    let json = template.trim_start().starts_with('{');
    let extension = if json { "json" } else { "yaml" };
    // What is hidden comes as asterisks; `${` would be a placeholder.
    let is_known = |value: &str| !value.contains("${") && !is_hidden(value);
    let (known, kept): (BTreeMap<_, _>, BTreeMap<_, _>) = live
        .parameters
        .clone()
        .into_iter()
        .partition(|(_, value)| is_known(value));
    let is_own = |key: &str, value: &str| {
        !key.starts_with("aws:") && !key.starts_with("lockstep:") && !value.contains("${")
    };
    let tags = live.tags.clone().into_iter();
    DraftStack {
        component: component.to_owned(),
        stack: live.name.clone(),
        file: format!("infra/{component}.{extension}"),
        template,
        parameters: known,
        kept: kept.into_keys().collect(),
        capabilities: live.capabilities.clone(),
        tags: tags.filter(|(key, value)| is_own(key, value)).collect(),
        role: live.role.clone(),
        alarms: live.alarms.clone(),
        monitoring_minutes: live.monitoring_minutes,
        termination_protection: live.termination_protection,
    }
}

fn is_hidden(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c == '*')
}

/// The cluster and the service of a service's long ARN.
fn service_of(arn: &str) -> Option<(String, String)> {
    let resource = Arn::parse(arn)?.resource;
    let (cluster, service) = resource.strip_prefix("service/")?.split_once('/')?;
    Some((cluster.to_owned(), service.to_owned()))
}

/// The containers whose images are in the account's own ECR, with their repositories; and the
/// others with their images.
fn images(revision: &Revision, arn: &str) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let (mut own, mut others) = (BTreeMap::new(), BTreeMap::new());
    for container in containers(&revision.definition) {
        let text = |key| {
            container
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (name, image) = (text("name").to_owned(), text("image"));
        match own_repository(image, arn) {
            Some(repository) => drop(own.insert(name, repository)),
            None => drop(others.insert(name, image.to_owned())),
        }
    }
    (own, others)
}

/// The repository of an image, if that is in the ECR of the account and region of `arn`.
fn own_repository(image: &str, arn: &str) -> Option<String> {
    let (image, arn) = (ImageReference::parse(image), Arn::parse(arn)?);
    let mut host = image.host.split('.');
    let own = host.next() == Some(arn.account)
        && host.next().is_some_and(|it| it.starts_with("dkr"))
        && host.any(|part| part == arn.region);
    own.then(|| image.repository.to_owned())
}

#[cfg(test)]
mod tests {
    use lockstep::stack::LiveStack;

    use super::{drafted, own_repository, service_of};

    #[test]
    fn services_are_found_by_their_long_arns() {
        let arn = "arn:aws:ecs:eu-west-1:111122223333:service/shop/web";
        assert_eq!(service_of(arn), Some(("shop".into(), "web".into())));
        let old = "arn:aws:ecs:eu-west-1:111122223333:service/web";
        assert_eq!(service_of(old), None);
    }

    #[test]
    fn only_images_of_the_own_registry_can_be_deployed() {
        let arn = "arn:aws:ecs:eu-west-1:111122223333:service/shop/web";
        let found = |host: &str| own_repository(&format!("{host}/shop/web:v1"), arn);
        assert_eq!(
            found("111122223333.dkr.ecr.eu-west-1.amazonaws.com").as_deref(),
            Some("shop/web")
        );
        assert_eq!(found("111122223333.dkr.ecr.us-east-1.amazonaws.com"), None);
        assert_eq!(found("999922223333.dkr.ecr.eu-west-1.amazonaws.com"), None);
        assert_eq!(own_repository("nginx:1.27", arn), None);
    }

    #[test]
    fn values_that_are_hidden_or_would_mean_something_else_are_kept_by_the_stack() {
        let pairs = |all: &[(&str, &str)]| {
            let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            all.iter().map(own).collect()
        };
        let live = LiveStack {
            name: "shop-data".into(),
            parameters: pairs(&[
                ("Size", "1"),
                ("Secret", "****"),
                ("Text", "${x}"),
                ("Empty", ""),
            ]),
            tags: pairs(&[
                ("team", "quiz"),
                ("aws:x", "1"),
                ("lockstep:application", "shop"),
            ]),
            ..LiveStack::default()
        };
        let draft = drafted(&live, "data", "{\"Resources\": {}}".into());
        assert_eq!(draft.file, "infra/data.json");
        assert_eq!(draft.kept, ["Secret", "Text"]);
        assert_eq!(draft.parameters, pairs(&[("Empty", ""), ("Size", "1")]));
        assert_eq!(draft.tags, pairs(&[("team", "quiz")]));
    }
}
