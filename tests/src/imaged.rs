//! Applications whose images CodeBuild makes of a commit.

use std::path::Path;

use aws_sdk_codebuild::types::{
    ArtifactsType, Build, ComputeType, EnvironmentType, ProjectArtifacts, ProjectEnvironment,
    ProjectSource, SourceType,
};
use aws_sdk_s3::primitives::ByteStream;
use lockstep_cli::local::emulator::ACCOUNT;
use lockstep_cli::local::sdk;
use lockstep_cli::release::pack_source;

use crate::{Application, World, releases_bucket};

/// What is built: the example, in a form that needs no container engine.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/builds/static");

/// One build of images: a project of its own.
#[derive(Debug, Clone, Copy)]
pub struct ImageBuild {
    /// Its name in the manifest.
    pub name: &'static str,
    /// What its build runs; `None` is what the example's buildspec does.
    pub command: Option<&'static str>,
    /// More fields of the manifest, each as `, name: value`.
    pub more: &'static str,
}

impl ImageBuild {
    /// A build of the example.
    pub const fn of_example(name: &'static str) -> Self {
        Self {
            name,
            command: None,
            more: "",
        }
    }

    /// A build that runs this command and pushes nothing.
    pub const fn that_runs(name: &'static str, command: &'static str) -> Self {
        Self {
            command: Some(command),
            ..Self::of_example(name)
        }
    }

    /// The same with more fields of the manifest.
    #[must_use]
    pub const fn with(self, more: &'static str) -> Self {
        Self { more, ..self }
    }
}

impl World {
    /// Creates an application of one service, which deploys every tag by itself, with a build of its
    /// image.
    pub async fn imaged(&self, name: &str, build: &ImageBuild) -> Application<'_> {
        let application = self.application(name).await;
        let manifest = application.manifest(&self.health_url(name));
        let manifest = manifest.replace("[\"v*\"]", "[\"*\"]");
        let builds = [(build, application.repository.as_str())];
        let manifest = application.with_builds(&manifest, &builds).await;
        application.apply(&manifest).await;
        application
    }

    /// Creates an application of two services, each with a build of its image.
    pub async fn imaged_pair(&self, name: &str, builds: [&ImageBuild; 2]) -> [Application<'_>; 2] {
        let pair = self.paired(name, "").await;
        let manifest = self.manifest_of_two(&pair, "");
        let [web, api] = &pair;
        let builds = [
            (builds[0], web.repository.as_str()),
            (builds[1], api.repository.as_str()),
        ];
        let manifest = web.with_builds(&manifest, &builds).await;
        web.apply(&manifest).await;
        pair
    }

    fn ecr(&self) -> aws_sdk_ecr::Client {
        let port = self.engine().state().emulator_port;
        aws_sdk_ecr::Client::new(&sdk::config(&format!("http://127.0.0.1:{port}")))
    }
}

impl Application<'_> {
    /// The manifest with builds, whose projects are created.
    async fn with_builds(&self, manifest: &str, builds: &[(&ImageBuild, &str)]) -> String {
        let mut manifest = format!("{manifest}builds:\n");
        for (build, repository) in builds {
            let ImageBuild { name, more, .. } = build;
            let project = self.build_project(name);
            let text = format!("  {name}: {{ project: {project}, image: {repository}{more} }}\n");
            manifest.push_str(&text);
            self.create_build(build).await;
        }
        manifest
    }

    /// The CodeBuild project of a build.
    pub fn build_project(&self, build: &str) -> String {
        format!("lockstep-{}-image-{build}", self.name)
    }

    async fn create_build(&self, build: &ImageBuild) {
        let source = match build.command {
            Some(command) => ProjectSource::builder()
                .r#type(SourceType::NoSource)
                .buildspec(format!(
                    "version: 0.2\nphases:\n  build:\n    commands:\n      - |\n        {command}\n"
                )),
            None => ProjectSource::builder()
                .r#type(SourceType::S3)
                .location(self.upload_example().await),
        };
        let artifacts = ProjectArtifacts::builder().r#type(ArtifactsType::NoArtifacts);
        let environment = ProjectEnvironment::builder()
            .r#type(EnvironmentType::LinuxContainer)
            .image("aws/codebuild/standard:7.0")
            .compute_type(ComputeType::BuildGeneral1Small);
        let create = self.world.clients().codebuild.create_project();
        let create = create
            .name(self.build_project(build.name))
            .source(source.build().unwrap())
            .artifacts(artifacts.build().unwrap())
            .environment(environment.build().unwrap())
            .service_role(format!("arn:aws:iam::{ACCOUNT}:role/builds"));
        create.send().await.unwrap();
    }

    async fn upload_example(&self) -> String {
        let (bucket, key) = (releases_bucket(), format!("sources/{}.zip", self.name));
        let source = pack_source(Path::new(EXAMPLE)).unwrap();
        let put = self.world.clients().s3.put_object();
        let put = put.bucket(&bucket).key(&key);
        put.body(ByteStream::from(source.zip)).send().await.unwrap();
        format!("{bucket}/{key}")
    }

    /// All builds of images, the oldest first.
    pub async fn image_builds(&self, build: &str) -> Vec<Build> {
        let codebuild = &self.world.clients().codebuild;
        let list = codebuild.list_builds_for_project();
        let list = list.project_name(self.build_project(build));
        let ids = list.send().await.unwrap().ids.unwrap_or_default();
        if ids.is_empty() {
            return Vec::new();
        }
        let builds = codebuild.batch_get_builds().set_ids(Some(ids));
        let mut builds = builds.send().await.unwrap().builds.unwrap_or_default();
        builds.sort_by_key(Build::build_number);
        builds
    }

    /// The images of its repository: each digest with its tags, sorted.
    pub async fn images(&self) -> Vec<(String, Vec<String>)> {
        let describe = self.world.ecr().describe_images();
        let found = describe.repository_name(&self.repository).send().await;
        let found = found.unwrap().image_details.unwrap_or_default();
        let image = |it: &aws_sdk_ecr::types::ImageDetail| {
            let mut tags = it.image_tags().to_vec();
            tags.sort();
            (it.image_digest().unwrap().to_owned(), tags)
        };
        found.iter().map(image).collect()
    }

    /// From now on a tag of its repository stays where it is.
    pub async fn make_immutable(&self) {
        let put = self.world.ecr().put_image_tag_mutability();
        put.repository_name(&self.repository)
            .image_tag_mutability(aws_sdk_ecr::types::ImageTagMutability::Immutable)
            .send()
            .await
            .unwrap();
    }
}
