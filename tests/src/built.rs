//! An application whose infrastructure a CodeBuild project builds, with a stack and a service on top.

use std::fs;

use jiff::Timestamp;
use lockstep::build::BuildRecord;
use lockstep::manifest::{Manifest, PackedSource, trigger_index};
use lockstep_cli::aws::Controller;
use lockstep_cli::local::emulator::ACCOUNT;
use lockstep_cli::local::{sam, sdk};
use lockstep_cli::release::pack_source;
use lockstep_cli::templates;
use serde_json::json;

use crate::{Application, ENVIRONMENT, Execution, World};

/// The tool that a build runs: what Terraform is to others.
const TOOL: &str = include_str!("built.py");

const BUILDSPEC: &str =
    "version: 0.2\nphases:\n  build:\n    commands:\n      - python3 built.py\n";

/// The template of the stack: it takes what the build gives.
const TEMPLATE: &str = "\
Parameters:
  Note: { Type: String }
  Name: { Type: String }
Resources:
  Noted:
    Type: AWS::SSM::Parameter
    Properties: { Name: !Ref Name, Type: String, Value: !Ref Note }
Outputs:
  Note: { Value: !Ref Note }
";

/// An application with `platform`, which CodeBuild builds, the stack `data`, which takes its output, and the service
/// `web`.
#[derive(Debug, Clone)]
pub struct Built<'w> {
    world: &'w World,
    /// Its service.
    pub application: Application<'w>,
}

/// What the manifest and the source say.
#[derive(Debug, Clone, Copy)]
pub struct Platform {
    /// A variable, which the tool puts into a parameter and gives as its output.
    pub note: &'static str,
    /// The table's key, in the source: another one replaces the table, none deletes it.
    pub key: Option<&'static str>,
    /// Where the tool fails: in its `plan` or half-way through its `apply`.
    pub fails: Option<&'static str>,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            note: "first",
            key: Some("id"),
            fails: None,
        }
    }
}

/// What there is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlatformSnapshot {
    /// The parameter's value.
    pub note: Option<String>,
    /// The table's key.
    pub key: Option<String>,
    /// What the ledger says.
    pub record: BuildRecord,
}

impl World {
    /// An application of which a service runs, and a CodeBuild project that has built nothing yet.
    pub async fn built(&self, name: &str, platform: &Platform) -> Built<'_> {
        let built = Built {
            world: self,
            application: self.application(name).await,
        };
        built.create_project().await;
        built.apply(platform).await;
        built
    }
}

impl<'w> Built<'w> {
    /// The application's name.
    pub fn name(&self) -> &str {
        &self.application.name
    }

    /// The CodeBuild project.
    pub fn project(&self) -> String {
        format!("lockstep-{}", self.name())
    }

    /// The name of its stack in CloudFormation.
    pub fn stack(&self) -> String {
        format!("{}-{ENVIRONMENT}-data", self.name())
    }

    async fn create_project(&self) {
        use aws_sdk_codebuild::types::{
            ArtifactsType, ComputeType, EnvironmentType, ProjectArtifacts, ProjectEnvironment,
            ProjectSource, SourceType,
        };
        let source = ProjectSource::builder()
            .r#type(SourceType::S3)
            .location(format!("lockstep-releases-{ACCOUNT}/sources/none.zip"));
        let artifacts = ProjectArtifacts::builder().r#type(ArtifactsType::NoArtifacts);
        let environment = ProjectEnvironment::builder()
            .r#type(EnvironmentType::LinuxContainer)
            .image("aws/codebuild/standard:7.0")
            .compute_type(ComputeType::BuildGeneral1Small);
        let codebuild = &self.world.clients().codebuild;
        let create = codebuild
            .create_project()
            .name(self.project())
            .source(source.build().unwrap())
            .artifacts(artifacts.build().unwrap())
            .environment(environment.build().unwrap())
            .service_role(format!("arn:aws:iam::{ACCOUNT}:role/builds"));
        create.send().await.unwrap();
    }

    /// The source of `platform`, as `lockstep apply` packs it.
    pub fn source(platform: &Platform) -> PackedSource {
        let folder = tempfile::tempdir().unwrap();
        let Platform { key, fails, .. } = platform;
        let files = [
            ("built.py", TOOL.to_owned()),
            ("buildspec.yml", BUILDSPEC.to_owned()),
            (
                "infrastructure.json",
                json!({ "key": key, "fails": fails }).to_string(),
            ),
        ];
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        pack_source(folder.path()).unwrap()
    }

    /// Stores manifest, source and template as `lockstep apply` does.
    pub async fn apply(&self, platform: &Platform) {
        let embedded = Manifest::parse("lockstep.yaml", &self.manifest(platform))
            .unwrap()
            .embed_with_sources(|_| Ok(TEMPLATE.to_owned()), |_| Ok(Self::source(platform)))
            .unwrap();
        let state = self.world.engine().state();
        let direct = format!("http://127.0.0.1:{}", state.emulator_port);
        let controller = Controller::over(&sdk::config(&direct), sam::STACK);
        let stored = templates::store(&controller, embedded).await.unwrap();
        let index = trigger_index(&stored);
        let ledger = &self.world.clients().ledger;
        let version = ledger.manifest_version(self.name()).await.unwrap();
        let old = match version {
            Some(version) => ledger.manifest(self.name(), version).await.unwrap(),
            None => None,
        };
        let old = old.map(|old| trigger_index(&old));
        let replaced = version.zip(old.as_deref());
        ledger
            .apply_manifest(&stored, &index, replaced, "a test", Timestamp::now())
            .await
            .unwrap();
    }

    fn manifest(&self, platform: &Platform) -> String {
        let (name, project, note) = (self.name(), self.project(), platform.note);
        let (health, repository) = (self.world.health_url(name), &self.application.repository);
        format!(
            "application: {name}\n\
             infrastructure:\n  platform:\n    engine: codebuild\n    project: {project}\n    source: infra\n    \
             variables: {{ note: {note} }}\n    timeout_minutes: 5\n\
             stacks:\n  data:\n    template: data.yaml\n    role: arn:aws:iam::{ACCOUNT}:role/stacks\n    \
             parameters: {{ Note: {{ output: platform.note }}, Name: /{name}/noted }}\n\
             services:\n  web: {{ cluster: {name}, containers: {{ web: {repository} }} }}\n\
             environments:\n  {ENVIRONMENT}:\n    verify:\n      \
             http: [{{ url: \"{health}\", attempts: 2, interval_seconds: 1, timeout_seconds: 2 }}]\n      \
             settle_seconds: 0\n"
        )
    }

    /// Asks for a deployment of whatever the manifest says, with these fields in the input.
    pub async fn deploy(&self, fields: &serde_json::Value) -> Execution<'w> {
        let mut input =
            json!({ "application": self.name(), "environment": ENVIRONMENT, "by": "a test" });
        for (name, value) in fields.as_object().into_iter().flatten() {
            input[name] = value.clone();
        }
        self.world.start_execution(&input).await
    }

    /// What there is of `platform` now.
    pub async fn snapshot(&self) -> PlatformSnapshot {
        let clients = self.world.clients();
        let note = clients.ssm.get_parameter();
        let note = note.name(format!("/{}/platform", self.name())).send().await;
        let table = clients.dynamodb.describe_table();
        let table = table.table_name(format!("{}-orders", self.name()));
        let table = table.send().await.ok().and_then(|it| it.table);
        let record = clients
            .ledger
            .build_record(self.name(), ENVIRONMENT, "platform");
        PlatformSnapshot {
            note: note.ok().and_then(|it| it.parameter?.value),
            key: table.and_then(|it| Some(it.key_schema().first()?.attribute_name().to_owned())),
            record: record.await.unwrap(),
        }
    }

    /// The ids of all builds, the oldest first, without the project's name.
    pub async fn builds(&self) -> Vec<String> {
        let codebuild = &self.world.clients().codebuild;
        let builds = codebuild.list_builds_for_project();
        let builds = builds.project_name(self.project()).send().await.unwrap();
        let ids = builds.ids().iter().rev();
        let ids = ids.filter_map(|id| id.rsplit(':').next());
        ids.map(str::to_owned).collect()
    }
}
