//! A copy of the example, and looks at what became of it.

use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::{fs, io};

use lockstep::record::DeploymentRecord;
use lockstep::verdict::Verdict;
use lockstep_cli::local::emulator::{ACCOUNT, REGION};
use lockstep_cli::local::{image, registry};
use lockstep_tests::{StackSnapshot, World, eventually, project};
use tempfile::TempDir;

use crate::command::Command;
use crate::viewers::{Answer, NAME, distribution, distribution_address, get};

const APPLICATION: &str = "live-quiz";
const ENVIRONMENT: &str = "development";
const CLUSTER: &str = "live-quiz-cluster-development";
const REPOSITORY: &str = "live-quiz-backend-development";
/// Stands for the fallback, which is on a registry that tests do not ask.
const WAITING: &str = "waiting";

/// The example, in a folder of its own.
pub struct Quiz<'w> {
    world: &'w World,
    folder: TempDir,
    address: String,
    program: PathBuf,
}

/// Everything of the front end that a deployment can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrontEnd {
    /// The origin path of the bucket.
    pub path: String,
    /// The paths of each invalidation, in the order of their making.
    pub invalidations: Vec<Vec<String>>,
    /// The objects in the bucket, with the times at which they were written.
    pub objects: Vec<(String, String)>,
}

/// Everything of the back end that a deployment can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackEnd {
    /// The task definition that the service runs.
    pub task_definition: String,
    /// The tasks that run.
    pub tasks: Vec<String>,
    /// What the stack was given.
    pub image: String,
}

impl<'w> Quiz<'w> {
    /// A copy of the example, with what is different where nothing is resolved and nothing pulled from elsewhere:
    /// addresses on this machine, and another fallback.
    pub async fn new(world: &'w World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&project().join("examples/live-quiz"), folder.path()).unwrap();
        let program = compile(folder.path());
        let quiz = Self {
            world,
            address: distribution_address(world).await,
            program,
            folder,
        };
        let fallback = quiz.push_to(WAITING, WAITING).await;
        let fallback = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{WAITING}@{fallback}");
        for file in ["lockstep.yaml", "infrastructure.yaml"] {
            quiz.edit(file, "public.ecr.aws/docker/library/httpd:2.4", &fallback);
        }
        let (address, back_end) = (&quiz.address, quiz.back_end_address());
        quiz.edit(
            "lockstep.yaml",
            "    verify: { settle_seconds: 30 }\n",
            &format!(
                "    sites: {{ frontend: {{ check: {{ url: \"{address}/\" }} }} }}\n    verify:\n      http: [{{ url: \
                 \"{back_end}health\", attempts: 20, interval_seconds: 1 }}]\n      settle_seconds: 2\n"
            ),
        );
        let boundary = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let create = world.clients().iam.create_policy();
        let create = create.policy_name("lockstep-stacks-boundary");
        create.policy_document(boundary).send().await.unwrap();
        quiz
    }

    /// `lockstep` with these arguments, in the example's folder. Gives its exit code.
    pub async fn run(&self, arguments: &[&str]) -> Option<i32> {
        let file = self.path("lockstep.yaml");
        let mut all = vec!["--file", file.to_str().unwrap()];
        all.extend(arguments);
        let mut command = Command::start(self.world, APPLICATION, &all);
        command.finish().await
    }

    /// `lockstep release` of the front end, waiting for what it starts. Gives its exit code.
    pub async fn release(&self, version: &str, more: &[&str]) -> Option<i32> {
        let dist = self.path("frontend/dist");
        let artifact = format!("frontend.zip={}", dist.display());
        let mut arguments = vec!["release", version, &artifact, "--wait"];
        arguments.extend(more);
        self.run(&arguments).await
    }

    /// Changes a file of the example.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.path(file);
        let text = fs::read_to_string(&path).unwrap();
        let changed = text.replace(from, to);
        assert_ne!(text, changed, "{from:?} is in {file}");
        fs::write(&path, changed).unwrap();
    }

    /// A file of the build.
    pub fn built(&self, path: &str) -> String {
        fs::read_to_string(self.path("frontend/dist").join(path)).unwrap()
    }

    /// The script gets another content, and therefore another name.
    pub fn rebuild(&self, from: &str, to: &str) {
        let assets = self.path("frontend/dist/assets");
        let (from_file, to_file) = (format!("index-{from}.js"), format!("index-{to}.js"));
        let script = fs::read_to_string(assets.join(&from_file)).unwrap();
        fs::write(assets.join(&to_file), format!("{script}// {to}\n")).unwrap();
        fs::remove_file(assets.join(&from_file)).unwrap();
        self.edit("frontend/dist/index.html", &from_file, &to_file);
    }

    /// Pushes the back end, as `docker push` does.
    pub async fn push(&self, version: &str) -> String {
        self.push_to(REPOSITORY, version).await
    }

    async fn push_to(&self, repository: &str, version: &str) -> String {
        let image = image::build(&self.program, &[("HELLO_VERSION", version)], &[]).unwrap();
        let endpoint = self.world.endpoint();
        if repository == WAITING {
            let ensured = registry::ensure_repository(&endpoint, repository).await;
            ensured.unwrap();
        }
        let pushed = registry::push(&endpoint, &image, repository, version).await;
        pushed.unwrap()
    }

    /// What became of the deployment that this push started.
    pub async fn deployment_of(&self, digest: &str) -> (Verdict, String) {
        let execution = eventually("the push starts an execution", async || {
            self.world.executions_with(digest).await.into_iter().next()
        });
        let (record, _) = execution.await.concluded().await;
        let conclusion = record.conclusion.unwrap();
        (conclusion.verdict, conclusion.message)
    }

    /// The newest deployment.
    pub async fn last(&self) -> DeploymentRecord {
        let ledger = &self.world.clients().ledger;
        let history = ledger.history(APPLICATION, ENVIRONMENT, 1).await.unwrap();
        let record = ledger.record(&history[0].id).await.unwrap();
        record.unwrap()
    }

    /// The verdict of the newest deployment, and what people were told.
    pub async fn verdict(&self) -> (Verdict, String) {
        let conclusion = self.last().await.conclusion.unwrap();
        println!("{}: {}", conclusion.verdict, conclusion.message);
        (conclusion.verdict, conclusion.message)
    }

    /// The kinds of the steps of the newest deployment.
    pub async fn steps(&self) -> Vec<String> {
        let ledger = &self.world.clients().ledger;
        let id = self.last().await.deployment.id;
        let plan = ledger.plan(&id).await.unwrap().unwrap();
        let steps = plan.steps.iter();
        steps.map(|step| step.change.phase().to_owned()).collect()
    }

    /// Its stack now; without a status when there is none.
    pub async fn stack(&self) -> StackSnapshot {
        self.world.stack_now("LiveQuizEventStack-development").await
    }

    /// What somebody gets from the distribution.
    pub async fn view(&self, path: &str) -> Answer {
        get(&format!("{}{path}", self.address)).await
    }

    /// What the back end answers, through its load balancer.
    pub async fn back_end_says(&self) -> String {
        get(&self.back_end_address()).await.body
    }

    fn back_end_address(&self) -> String {
        let port = self.world.engine().state().emulator_port;
        format!("http://127.0.0.1:{port}/_alb/{NAME}/")
    }

    /// What somebody gets from the bucket itself.
    pub async fn bucket_says(&self, key: &str) -> u16 {
        let port = self.world.engine().state().emulator_port;
        let bucket = bucket();
        get(&format!("http://127.0.0.1:{port}/{bucket}/{key}"))
            .await
            .status
    }

    /// The front end now.
    pub async fn front_end(&self) -> FrontEnd {
        let cloudfront = &self.world.clients().cloudfront;
        let (id, _) = distribution(cloudfront).await.unwrap();
        let got = cloudfront.get_distribution().id(&id).send().await.unwrap();
        let config = got.distribution().unwrap().distribution_config().unwrap();
        let origins = config.origins().unwrap().items();
        let origin = origins.iter().find(|it| it.id() == "frontend").unwrap();
        FrontEnd {
            path: origin.origin_path().unwrap_or_default().to_owned(),
            invalidations: self.invalidations(&id).await,
            objects: self.objects().await,
        }
    }

    async fn invalidations(&self, id: &str) -> Vec<Vec<String>> {
        let cloudfront = &self.world.clients().cloudfront;
        let list = cloudfront.list_invalidations().distribution_id(id);
        let listed = list.send().await.unwrap();
        let mut all = Vec::new();
        for one in listed.invalidation_list().unwrap().items() {
            let get = cloudfront.get_invalidation().distribution_id(id);
            let got = get.id(one.id()).send().await.unwrap();
            let batch = got.invalidation().unwrap().invalidation_batch().unwrap();
            all.push(batch.paths().unwrap().items().to_vec());
        }
        all
    }

    async fn objects(&self) -> Vec<(String, String)> {
        let list = self.world.clients().s3.list_objects_v2();
        let listed = list.bucket(bucket()).send().await.unwrap();
        let objects = listed.contents().iter();
        objects
            .map(|it| {
                let written = it.last_modified().map(ToString::to_string);
                (it.key().unwrap().to_owned(), written.unwrap_or_default())
            })
            .collect()
    }

    /// The back end now.
    pub async fn back_end(&self) -> BackEnd {
        let ecs = &self.world.clients().ecs;
        let services = ecs.describe_services().cluster(CLUSTER);
        let services = services.services("websocket-service").send().await.unwrap();
        let service = services.services().first().unwrap();
        let list = ecs.list_tasks().cluster(CLUSTER);
        let mut tasks = list.send().await.unwrap().task_arns().to_vec();
        tasks.sort();
        BackEnd {
            task_definition: service.task_definition().unwrap().to_owned(),
            tasks,
            image: self.stack().await.parameters["Image"].clone(),
        }
    }

    /// Where the log of calls ends now.
    pub fn mark(&self) -> u64 {
        self.world.engine().gateway().last_call()
    }

    /// How many of these calls Lockstep has made since then.
    pub fn calls(&self, since: u64, operation: &str) -> usize {
        let calls = self.world.engine().gateway().calls_since(since);
        let ours = calls
            .iter()
            .filter(|it| it.name.caller.starts_with("lockstep-"));
        ours.filter(|it| it.name.operation == operation).count()
    }

    /// Whether the function that deploys front ends has done anything since then.
    pub fn site_was_asked(&self, since: u64) -> bool {
        let calls = self.world.engine().gateway().calls_since(since);
        calls.iter().any(|it| it.name.caller == "lockstep-site")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn bucket() -> String {
    format!("live-quiz-frontend-development-{ACCOUNT}")
}

/// The example service as one static program: it stands for the quiz's back end.
fn compile(folder: &Path) -> PathBuf {
    let program = folder.join("hello-service");
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let rustc = Process::new("rustc")
        .args(["--edition", "2024", "-C", "target-feature=+crt-static"])
        .args(["-C", "strip=symbols", "--target", &target, "-o"])
        .arg(&program)
        .arg(project().join("examples/hello-service/src/main.rs"))
        .status();
    assert!(rustc.expect("rustc is there").success());
    program
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).map(drop)?;
        }
    }
    Ok(())
}
