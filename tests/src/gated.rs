//! Applications with gates: builds that must succeed.

use aws_sdk_codebuild::types::{
    ArtifactsType, Build, ComputeType, EnvironmentType, ProjectArtifacts, ProjectEnvironment,
    ProjectSource, SourceType,
};
use lockstep_cli::local::emulator::ACCOUNT;

use crate::{Application, World};

/// One gate: a project of its own, whose build runs one command.
#[derive(Debug, Clone, Copy)]
pub struct Gate {
    /// Its name in the manifest.
    pub name: &'static str,
    /// `before` or `after`.
    pub when: &'static str,
    /// What its build runs.
    pub command: &'static str,
    /// More fields of the manifest, each as `, name: value`.
    pub more: &'static str,
}

impl Gate {
    /// A gate that runs this command before anything is changed.
    pub const fn before(name: &'static str, command: &'static str) -> Self {
        Self {
            name,
            when: "before",
            command,
            more: "",
        }
    }

    /// A gate that runs this command once the release is verified.
    pub const fn after(name: &'static str, command: &'static str) -> Self {
        Self {
            when: "after",
            ..Self::before(name, command)
        }
    }

    /// The same with more fields of the manifest.
    #[must_use]
    pub const fn with(self, more: &'static str) -> Self {
        Self { more, ..self }
    }
}

impl World {
    /// Creates an application with these gates.
    pub async fn gated(&self, name: &str, gates: &[Gate]) -> Application<'_> {
        let application = self.application(name).await;
        let mut manifest = application.manifest(&self.health_url(name));
        manifest.push_str("gates:\n");
        for gate in gates {
            let Gate {
                name, when, more, ..
            } = gate;
            let project = application.gate_project(name);
            let text = format!("  {name}: {{ project: {project}, when: {when}{more} }}\n");
            manifest.push_str(&text);
            application.create_gate(gate).await;
        }
        application.apply(&manifest).await;
        application
    }
}

impl Application<'_> {
    /// The CodeBuild project of a gate.
    pub fn gate_project(&self, gate: &str) -> String {
        format!("lockstep-{}-{gate}", self.name)
    }

    async fn create_gate(&self, gate: &Gate) {
        let buildspec = format!(
            "version: 0.2\nphases:\n  build:\n    commands:\n      - |\n        {}\nreports:\n  tests:\n    files: [\"*.xml\"]\n",
            gate.command
        );
        let source = ProjectSource::builder()
            .r#type(SourceType::NoSource)
            .buildspec(buildspec);
        let artifacts = ProjectArtifacts::builder().r#type(ArtifactsType::NoArtifacts);
        let environment = ProjectEnvironment::builder()
            .r#type(EnvironmentType::LinuxContainer)
            .image("aws/codebuild/standard:7.0")
            .compute_type(ComputeType::BuildGeneral1Small);
        let create = self.world.clients().codebuild.create_project();
        let create = create
            .name(self.gate_project(gate.name))
            .source(source.build().unwrap())
            .artifacts(artifacts.build().unwrap())
            .environment(environment.build().unwrap())
            .service_role(format!("arn:aws:iam::{ACCOUNT}:role/builds"));
        create.send().await.unwrap();
    }

    /// All builds of a gate, the oldest first.
    pub async fn gate_builds(&self, gate: &str) -> Vec<Build> {
        let codebuild = &self.world.clients().codebuild;
        let list = codebuild.list_builds_for_project();
        let list = list.project_name(self.gate_project(gate));
        let mut ids = list.send().await.unwrap().ids.unwrap_or_default();
        if ids.is_empty() {
            return Vec::new();
        }
        ids.reverse();
        let builds = codebuild.batch_get_builds().set_ids(Some(ids));
        let mut builds = builds.send().await.unwrap().builds.unwrap_or_default();
        builds.sort_by_key(Build::build_number);
        builds
    }
}
