//! An application whose cluster, service, function and table belong to CloudFormation stacks of its manifest.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use lockstep::manifest::{Manifest, trigger_index};
use lockstep_cli::aws::Controller;
use lockstep_cli::local::emulator::{ACCOUNT, REGION};
use lockstep_cli::local::{registry, sam, sdk};
use lockstep_cli::templates;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::images::image;
use crate::{ENVIRONMENT, Execution, Fleet, FleetSnapshot, Shape, World, releases_bucket};

/// The role that CloudFormation uses for the stacks of tests.
const STACK_ROLE: &str = "stacks";

/// An application with two stacks: `data` has what lasts, `app` what runs.
#[derive(Debug, Clone)]
pub struct Stacked<'w> {
    world: &'w World,
    /// Its one function, which the stack creates, and its releases.
    pub fleet: Fleet<'w>,
    /// The application's name, also that of its cluster.
    pub name: String,
}

/// What the manifest and the templates of an application say.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// A parameter of the stack `data`, which `app` gets as its output.
    pub note: &'static str,
    /// The table's key: another one replaces the table.
    pub key: &'static str,
    /// The type of one more resource of the stack `data`.
    pub more: Option<&'static str>,
    /// Whether the manifest names a role for its stacks.
    pub role: bool,
    /// Whether there is only the stack `app`, with the code and the image of the deployment that creates it.
    pub seeded: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            note: "first",
            key: "id",
            more: None,
            role: true,
            seeded: false,
        }
    }
}

/// One stack as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackSnapshot {
    /// Its ARN.
    pub id: String,
    /// Its status; empty when there is none.
    pub status: String,
    /// The SHA-256 of its template.
    pub template: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
}

impl World {
    /// An application of which nothing exists but its manifest and its image repository.
    pub async fn stacked(&self, name: &str, wanted: &Wanted) -> Stacked<'_> {
        let fleet = self.fleet_of_others(name, Shape::direct(1)).await;
        let stacked = Stacked {
            world: self,
            name: name.to_owned(),
            fleet,
        };
        registry::ensure_repository(&self.endpoint(), &stacked.repository())
            .await
            .unwrap();
        self.health().watch(name, name, "web");
        stacked.apply(wanted).await;
        stacked
    }

    /// What others are told of an application's environment, by name without the path that all of
    /// it has in common.
    pub async fn published(&self, application: &str) -> BTreeMap<String, String> {
        self.published_below(&format!("/lockstep/{application}/{ENVIRONMENT}"))
            .await
    }

    /// All parameters below a path, by name without it.
    pub async fn published_below(&self, path: &str) -> BTreeMap<String, String> {
        let get = self.clients().ssm.get_parameters_by_path();
        let mut pages = get.path(path).recursive(true).into_paginator().send();
        let mut all = BTreeMap::new();
        while let Some(page) = pages.next().await {
            for parameter in page.unwrap().parameters.unwrap_or_default() {
                let name = parameter.name.unwrap_or_default();
                let name = name.trim_start_matches(path).trim_start_matches('/');
                all.insert(name.to_owned(), parameter.value.unwrap_or_default());
            }
        }
        all
    }

    /// A stack now; without a status when there is none.
    pub async fn stack_now(&self, name: &str) -> StackSnapshot {
        let cloudformation = &self.clients().cloudformation;
        let described = cloudformation.describe_stacks().stack_name(name);
        let Ok(described) = described.send().await else {
            return StackSnapshot::default();
        };
        let stack = described.stacks().first().expect("the stack is described");
        let template = cloudformation.get_template().stack_name(name);
        let template = template.send().await.unwrap();
        let pair = |key: Option<&str>, value: Option<&str>| {
            let own = |text: Option<&str>| text.unwrap_or_default().to_owned();
            (own(key), own(value))
        };
        let parameters = stack.parameters().iter();
        let outputs = stack.outputs().iter();
        StackSnapshot {
            id: stack.stack_id().unwrap_or_default().to_owned(),
            status: stack.stack_status().unwrap().as_str().to_owned(),
            template: sha256(template.template_body().unwrap_or_default()),
            parameters: parameters
                .map(|it| pair(it.parameter_key(), it.parameter_value()))
                .collect(),
            outputs: outputs
                .map(|it| pair(it.output_key(), it.output_value()))
                .collect(),
        }
    }
}

impl<'w> Stacked<'w> {
    /// Its ECR repository.
    pub fn repository(&self) -> String {
        format!("{}/web", self.name)
    }

    /// The name of a stack in CloudFormation.
    pub fn stack(&self, component: &str) -> String {
        format!("{}-{ENVIRONMENT}-{component}", self.name)
    }

    /// Stores manifest and templates as `lockstep apply` does.
    pub async fn apply(&self, wanted: &Wanted) {
        let app = if wanted.seeded {
            self.seeded_template()
        } else {
            self.app_template()
        };
        let data = self.data_template(wanted);
        let load = |path: &str| match path {
            "data.yaml" => Ok(data.clone()),
            "app.yaml" => Ok(app.clone()),
            other => Err(std::io::Error::other(format!("no file {other} in tests"))),
        };
        let embedded = Manifest::parse("lockstep.yaml", &self.manifest(wanted))
            .unwrap()
            .embed_all(load)
            .unwrap();
        let state = self.world.engine().state();
        let direct = format!("http://127.0.0.1:{}", state.emulator_port);
        let controller = Controller::over(&sdk::config(&direct), sam::STACK);
        let stored = templates::store(&controller, embedded).await.unwrap();
        let index = trigger_index(&stored);
        let ledger = &self.world.clients().ledger;
        let version = ledger.manifest_version(&self.name).await.unwrap();
        let old = match version {
            Some(version) => ledger.manifest(&self.name, version).await.unwrap(),
            None => None,
        };
        let old = old.map(|old| trigger_index(&old));
        let replaced = version.zip(old.as_deref());
        ledger
            .apply_manifest(&stored, &index, replaced, "a test", Timestamp::now())
            .await
            .unwrap();
    }

    /// Asks for a deployment of whatever the manifest says, with these fields in the input.
    pub async fn deploy(&self, fields: &serde_json::Value) -> Execution<'w> {
        let mut input =
            json!({ "application": self.name, "environment": ENVIRONMENT, "by": "a test" });
        for (name, value) in fields.as_object().into_iter().flatten() {
            input[name] = value.clone();
        }
        self.world.start_execution(&input).await
    }

    /// Pushes an image and returns its digest.
    pub async fn push(&self, tag: &str) -> String {
        let content = format!("{}:{tag}", self.repository());
        let endpoint = self.world.engine().endpoint();
        registry::push(&endpoint, &image(&content), &self.repository(), tag)
            .await
            .unwrap()
    }

    /// Pushes an image whose tasks never become healthy.
    pub async fn push_bad(&self, tag: &str) -> String {
        let content = format!("{}:{tag}", self.repository());
        self.world
            .health()
            .spoil(&self.name, &image(&content).digest());
        self.push(tag).await
    }

    /// One of its stacks now.
    pub async fn snapshot(&self, component: &str) -> StackSnapshot {
        self.world.stack_now(&self.stack(component)).await
    }

    /// The role that CloudFormation uses for one of its stacks.
    pub async fn role(&self, component: &str) -> Option<String> {
        let cloudformation = &self.world.clients().cloudformation;
        let described = cloudformation.describe_stacks();
        let described = described.stack_name(self.stack(component)).send().await;
        Some(described.ok()?.stacks().first()?.role_arn()?.to_owned())
    }

    /// What others are told, by name without the path that all of it has in common.
    pub async fn published(&self) -> BTreeMap<String, String> {
        self.world.published(&self.name).await
    }

    /// The image that the service runs; `None` when there is no service.
    pub async fn image(&self) -> Option<String> {
        let ecs = &self.world.clients().ecs;
        let services = ecs.describe_services().cluster(&self.name).services("web");
        let services = services.send().await.ok()?;
        let service = services.services().first()?;
        if service.status() != Some("ACTIVE") {
            return None;
        }
        let definition = ecs
            .describe_task_definition()
            .task_definition(service.task_definition()?)
            .send()
            .await
            .unwrap();
        let containers = definition.task_definition()?.container_definitions();
        Some(containers.first()?.image()?.to_owned())
    }

    /// The hash of the code that its function runs, in hex; `None` when there is no function.
    pub async fn code(&self) -> Option<String> {
        let lambda = &self.world.clients().lambda;
        let found = lambda.get_function().function_name(self.fleet.function(1));
        let found = found.send().await.ok()?.configuration?;
        let code = STANDARD.decode(found.code_sha256()?).unwrap();
        let hex = |text: String, byte: &u8| format!("{text}{byte:02x}");
        Some(code.iter().fold(String::new(), hex))
    }

    /// The hash of the code that stacks read; `None` where there is none.
    pub async fn live_code(&self) -> Option<String> {
        let key = format!("live/{}/{ENVIRONMENT}/api.zip", self.name);
        let get = self.world.clients().s3.get_object();
        let object = get.bucket(releases_bucket()).key(key).send().await.ok()?;
        let bytes = object.body.collect().await.unwrap().into_bytes();
        Some(format!("{:x}", Sha256::digest(&bytes)))
    }

    /// The change sets of one of its stacks that deployments made and that were not executed.
    pub async fn change_sets(&self, component: &str) -> Vec<String> {
        let cloudformation = &self.world.clients().cloudformation;
        let list = cloudformation.list_change_sets();
        let Ok(list) = list.stack_name(self.stack(component)).send().await else {
            return Vec::new();
        };
        let left = list.summaries().iter().filter(|it| {
            let status = it.execution_status();
            status.is_some_and(|it| it.as_str() != "EXECUTE_COMPLETE")
        });
        let names = left.filter_map(|it| it.change_set_name());
        let names = names.filter(|name| name.starts_with("lockstep-"));
        names.map(str::to_owned).collect()
    }

    /// What the ledger keeps of its environment.
    pub async fn kept(&self) -> FleetSnapshot {
        let partition = format!("env#{}#{ENVIRONMENT}", self.name);
        FleetSnapshot {
            functions: BTreeMap::new(),
            environment: self.world.ledger_items(&partition).await,
        }
    }

    /// What the function answers; `None` when there is no function.
    pub async fn answer(&self) -> Option<String> {
        let function = self.fleet.function(1);
        let lambda = &self.world.clients().lambda;
        let found = lambda.get_function().function_name(function);
        found.send().await.ok()?;
        self.fleet.labels().await.remove(function)
    }

    /// The SHA-256 of the template of the stack `data` that this asks for.
    pub fn data_hash(&self, wanted: &Wanted) -> String {
        sha256(&self.data_template(wanted))
    }

    /// The SHA-256 of the template of the stack `app`.
    pub fn app_hash(&self) -> String {
        sha256(&self.app_template())
    }

    fn manifest(&self, wanted: &Wanted) -> String {
        let (name, repository) = (&self.name, self.repository());
        let (health, function) = (self.world.health_url(name), self.fleet.function(1));
        let role = format!("    role: arn:aws:iam::{ACCOUNT}:role/{STACK_ROLE}\n");
        let role = if wanted.role { role } else { String::new() };
        let note = wanted.note;
        let stacks = if wanted.seeded {
            format!(
                "  app:\n    template: app.yaml\n{role}    parameters:\n      ApiKey: {{ code: api }}\n      \
                 Image: {{ image: web/web, fallback: \"public.ecr.aws/nginx/nginx:1.27\" }}\n"
            )
        } else {
            format!(
                "  data:\n    template: data.yaml\n{role}    parameters: {{ Note: {note} }}\n  \
                 app:\n    template: app.yaml\n{role}    parameters:\n      Note: {{ output: data.Note }}\n    \
                 after: [data]\n"
            )
        };
        format!(
            "application: {name}\n\
             stacks:\n{stacks}services:\n  web:\n    cluster: {name}\n    service: web\n    containers: {{ web: {repository} }}\n\
             functions:\n  api: {{ function: {function}, artifact: {function}.zip }}\n\
             environments:\n  {ENVIRONMENT}:\n    verify:\n      \
             http: [{{ url: \"{health}\", attempts: 2, interval_seconds: 1, timeout_seconds: 2 }}]\n      \
             settle_seconds: 0\n"
        )
    }

    fn data_template(&self, wanted: &Wanted) -> String {
        let (name, key) = (&self.name, wanted.key);
        let more = wanted
            .more
            .map(|kind| format!("  More: {{ Type: {kind} }}\n"));
        let more = more.unwrap_or_default();
        format!(
            "Parameters:\n  Note: {{ Type: String }}\n\
             Resources:\n{more}  \
             Orders:\n    Type: AWS::DynamoDB::Table\n    Properties:\n      BillingMode: PAY_PER_REQUEST\n      \
             AttributeDefinitions: [{{ AttributeName: {key}, AttributeType: S }}]\n      \
             KeySchema: [{{ AttributeName: {key}, KeyType: HASH }}]\n  \
             Noted:\n    Type: AWS::SSM::Parameter\n    Properties: {{ Name: /{name}/note, Type: String, Value: !Ref Note }}\n\
             Outputs:\n  Note: {{ Value: !Ref Note }}\n"
        )
    }

    fn app_template(&self) -> String {
        let (name, role, function) = (&self.name, World::task_role(), self.fleet.function(1));
        let runs = self.runs("public.ecr.aws/nginx/nginx:1.27");
        format!(
            "Parameters:\n  Note: {{ Type: String }}\n\
             Resources:\n{runs}  \
             Api:\n    Type: AWS::Lambda::Function\n    Properties:\n      FunctionName: {function}\n      \
             Runtime: python3.12\n      Handler: index.handler\n      Role: {role}\n      Code:\n        ZipFile: |\n          \
             def handler(event, context):\n              return {{\"label\": \"placeholder\", \"version\": \
             context.function_version, \"variables\": {{}}}}\n  \
             Noted:\n    Type: AWS::SSM::Parameter\n    Properties: {{ Name: /{name}/app, Type: String, Value: !Ref Note }}\n"
        )
    }

    /// The code is read from where Lockstep keeps what is live, and the image is given.
    fn seeded_template(&self) -> String {
        let (role, function) = (World::task_role(), self.fleet.function(1));
        let (runs, bucket) = (self.runs("!Ref Image"), releases_bucket());
        format!(
            "Parameters:\n  ApiKey: {{ Type: String }}\n  Image: {{ Type: String }}\n\
             Resources:\n{runs}  \
             Api:\n    Type: AWS::Lambda::Function\n    Properties:\n      FunctionName: {function}\n      \
             Runtime: python3.12\n      Handler: index.handler\n      Role: {role}\n      \
             Code: {{ S3Bucket: {bucket}, S3Key: !Ref ApiKey }}\n\
             Outputs:\n  ClusterName: {{ Value: !Ref Cluster }}\n"
        )
    }

    /// A cluster with a service of this image.
    fn runs(&self, image: &str) -> String {
        let (name, role) = (&self.name, World::task_role());
        format!(
            "  \
             Cluster: {{ Type: AWS::ECS::Cluster, Properties: {{ ClusterName: {name} }} }}\n  \
             Logs: {{ Type: AWS::Logs::LogGroup, Properties: {{ LogGroupName: /ecs/{name} }} }}\n  \
             Task:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n      Family: {name}-web\n      \
             RequiresCompatibilities: [FARGATE]\n      NetworkMode: awsvpc\n      Cpu: \"256\"\n      Memory: \"512\"\n      \
             ExecutionRoleArn: {role}\n      TaskRoleArn: {role}\n      ContainerDefinitions:\n        \
             - Name: web\n          Image: {image}\n          Essential: true\n          \
             LogConfiguration: {{ LogDriver: awslogs, Options: {{ awslogs-group: !Ref Logs, awslogs-region: {REGION}, \
             awslogs-stream-prefix: web }} }}\n  \
             Web:\n    Type: AWS::ECS::Service\n    Properties:\n      ServiceName: web\n      Cluster: !Ref Cluster\n      \
             TaskDefinition: !Ref Task\n      DesiredCount: 1\n      LaunchType: FARGATE\n      NetworkConfiguration: \
             {{ AwsvpcConfiguration: {{ Subnets: [subnet-00000001] }} }}\n"
        )
    }
}

pub(crate) fn sha256(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}
