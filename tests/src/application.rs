//! What one test case deploys.

use aws_sdk_ecs::types::{
    AwsVpcConfiguration, Compatibility, ContainerDefinition, DeploymentConfiguration, LaunchType,
    LogConfiguration, LogDriver, NetworkConfiguration, NetworkMode,
};
use jiff::Timestamp;
use lockstep::manifest::{Manifest, StoredManifest, trigger_index};
use lockstep_cli::local::emulator::{ACCOUNT, REGION};
use lockstep_cli::local::registry;

use crate::World;

/// The one environment of every test application.
pub const ENVIRONMENT: &str = "test";

/// An application of its own: repository, cluster, service, log group and manifest carry its name.
#[derive(Debug, Clone)]
pub struct Application<'w> {
    pub(crate) world: &'w World,
    /// The application's name, also that of its cluster.
    pub name: String,
    /// The ECS service, which is also what the manifest and the container are called.
    pub service: String,
    /// Its ECR repository.
    pub repository: String,
    /// The image that its service runs in the beginning. Usually it is not in ECR any more, as old images are not.
    pub first_image: String,
}

impl World {
    /// Creates an application whose service runs, with nothing deployed by the controller yet.
    pub async fn application(&self, name: &str) -> Application<'_> {
        let digest = format!("sha256:{:064}", 1);
        self.application_on(name, &digest).await
    }

    /// Creates an application whose service runs the image of this digest.
    pub async fn application_on(&self, name: &str, digest: &str) -> Application<'_> {
        let repository = format!("{name}/web");
        let registry = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com");
        let application = Application {
            world: self,
            name: name.to_owned(),
            service: "web".to_owned(),
            first_image: format!("{registry}/{repository}@{digest}"),
            repository,
        };
        registry::ensure_repository(&self.endpoint(), &application.repository)
            .await
            .unwrap();
        application.create_service().await;
        self.health().watch(name, name, "web");
        let manifest = application.manifest(&self.health_url(name));
        application.apply(&manifest).await;
        application
    }
}

impl World {
    /// Stores a manifest of `application` as `lockstep apply` does.
    pub async fn apply(&self, application: &str, text: &str) -> u64 {
        let ledger = &self.clients().ledger;
        let no_files = |_: &str| Err(std::io::Error::other("no files in tests"));
        let stored: StoredManifest = Manifest::parse("lockstep.yaml", text)
            .unwrap()
            .embed(no_files)
            .unwrap();
        let index = trigger_index(&stored);
        let version = ledger.manifest_version(application).await.unwrap();
        let old = match version {
            Some(version) => ledger
                .manifest(application, version)
                .await
                .unwrap()
                .map(|old| trigger_index(&old)),
            None => None,
        };
        let replaced = version.zip(old.as_deref());
        ledger
            .apply_manifest(&stored, &index, replaced, "a test", Timestamp::now())
            .await
            .unwrap()
    }
}

impl Application<'_> {
    /// A manifest with one service, two quick health checks and no settle time.
    pub fn manifest(&self, health_url: &str) -> String {
        let Self {
            name, repository, ..
        } = self;
        format!(
            "application: {name}\n\
             services:\n  web:\n    cluster: {name}\n    containers: {{ web: {repository} }}\n\
             environments:\n  {ENVIRONMENT}:\n    trigger: {{ tags: [\"v*\"] }}\n    verify:\n      \
             http: [{{ url: \"{health_url}\", attempts: 2, interval_seconds: 1, timeout_seconds: 2 }}]\n      \
             settle_seconds: 0\n"
        )
    }

    /// Stores a manifest as `lockstep apply` does.
    pub async fn apply(&self, text: &str) -> u64 {
        self.world.apply(&self.name, text).await
    }

    async fn create_service(&self) {
        let ecs = &self.world.clients().ecs;
        self.create_log_group().await;
        ecs.create_cluster()
            .cluster_name(&self.name)
            .send()
            .await
            .unwrap();
        self.add_service().await;
    }

    /// Creates the service in the cluster that is there.
    pub(crate) async fn add_service(&self) {
        let ecs = &self.world.clients().ecs;
        let revision = self.register(&self.first_image).await;
        let subnets = AwsVpcConfiguration::builder()
            .subnets("subnet-00000001")
            .build()
            .unwrap();
        let settings = DeploymentConfiguration::builder()
            .maximum_percent(150)
            .minimum_healthy_percent(50)
            .build();
        let create = ecs
            .create_service()
            .cluster(&self.name)
            .service_name(&self.service)
            .task_definition(revision)
            .desired_count(1)
            .launch_type(LaunchType::Fargate)
            .deployment_configuration(settings)
            .network_configuration(
                NetworkConfiguration::builder()
                    .awsvpc_configuration(subnets)
                    .build(),
            );
        create.send().await.unwrap();
    }

    /// Deletes the service: what nobody looks at any more makes the emulator slow.
    pub async fn delete(self) {
        let delete = self.world.clients().ecs.delete_service();
        let delete = delete
            .cluster(&self.name)
            .service(&self.service)
            .force(true);
        delete.send().await.unwrap();
    }

    async fn create_log_group(&self) {
        let create = self
            .world
            .clients()
            .logs
            .create_log_group()
            .log_group_name(format!("/ecs/{}", self.name));
        create.send().await.unwrap();
    }

    /// Registers a revision of the application's task definition with this image; returns its ARN.
    pub async fn register(&self, image: &str) -> String {
        let logs = LogConfiguration::builder()
            .log_driver(LogDriver::Awslogs)
            .options("awslogs-group", format!("/ecs/{}", self.name))
            .options("awslogs-region", REGION)
            .options("awslogs-stream-prefix", &self.service);
        let container = ContainerDefinition::builder()
            .name(&self.service)
            .image(image)
            .essential(true)
            .log_configuration(logs.build().unwrap());
        let register = self
            .world
            .clients()
            .ecs
            .register_task_definition()
            .family(format!("{}-{}", self.name, self.service))
            .requires_compatibilities(Compatibility::Fargate)
            .network_mode(NetworkMode::Awsvpc)
            .cpu("256")
            .memory("512")
            .execution_role_arn(World::task_role())
            .task_role_arn(World::task_role())
            .container_definitions(container.build());
        let registered = register.send().await.unwrap();
        registered
            .task_definition()
            .and_then(|definition| definition.task_definition_arn())
            .unwrap()
            .to_owned()
    }
}
