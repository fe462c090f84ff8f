//! The examples for Terraform, Pulumi and the CDK keep the contract of `docs/infrastructure-builds.md`: their scripts are run with
//! stand-ins of the tools, which say what the tools are documented to say. The tools themselves were not run.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lockstep::build::{InfrastructureChange, guard, read_changes, read_outputs};
use tempfile::TempDir;

const WORK: &str = "releases/infrastructure/shop/production/01JD/platform";

/// A build of one of the examples.
struct Build {
    example: &'static str,
    folder: TempDir,
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples")
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

impl Build {
    fn of(example: &'static str) -> Self {
        let folder = TempDir::new().unwrap();
        let work = folder.path().join("store").join(WORK);
        std::fs::create_dir_all(&work).unwrap();
        std::fs::write(
            work.join("variables.json"),
            r#"{"size": "3", "name": "a \"b\""}"#,
        )
        .unwrap();
        Self { example, folder }
    }

    /// Runs the example's script in a fresh copy of its folder, as CodeBuild does.
    fn run(&self, verb: &str, more: &[(&str, &str)]) -> Output {
        let source = self.folder.path().join(format!("src-{verb}"));
        let _ = std::fs::remove_dir_all(&source);
        std::fs::create_dir_all(&source).unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
        copy(&example.join(self.example), &source);
        let path = format!(
            "{}:{}",
            here().join("bin").display(),
            std::env::var("PATH").unwrap()
        );
        Command::new("bash")
            .arg("./lockstep.sh")
            .current_dir(&source)
            .env("PATH", path)
            .env("STORE", self.folder.path().join("store"))
            .env("SAID", here().join("said"))
            .env("LOG", self.folder.path().join("log"))
            .env("LOCKSTEP_APPLICATION", "shop")
            .env("LOCKSTEP_ENVIRONMENT", "production")
            .env(
                "LOCKSTEP_COMPONENT",
                format!(
                    "platform-{}",
                    self.folder.path().file_name().unwrap().display()
                ),
            )
            .env("LOCKSTEP_DEPLOYMENT", "01JD")
            .env("LOCKSTEP_VERB", verb)
            .env("LOCKSTEP_WORK", format!("s3://{WORK}"))
            .env("SECRETS_PROVIDER", "awskms://alias/shop")
            .envs(more.iter().copied())
            .output()
            .unwrap()
    }

    fn succeeds(&self, verb: &str, more: &[(&str, &str)]) {
        let output = self.run(verb, more);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {verb}: {told}", self.example);
    }

    fn left(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.path().join("store").join(WORK).join(name)).ok()
    }

    fn changes(&self) -> Vec<InfrastructureChange> {
        read_changes(&self.left("changes.json").unwrap()).unwrap()
    }

    fn outputs(&self) -> BTreeMap<String, String> {
        read_outputs(&self.left("outputs.json").unwrap()).unwrap()
    }

    /// What the tools were asked.
    fn asked(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        let name = self.folder.path().file_name().unwrap();
        let fixed = format!("/tmp/lockstep-shop-production-platform-{}", name.display());
        let _ = std::fs::remove_dir_all(fixed);
    }
}

fn words(changes: &[InfrastructureChange]) -> Vec<String> {
    changes.iter().map(InfrastructureChange::words).collect()
}

/// What the guard stops.
fn stopped(changes: &[InfrastructureChange]) -> Vec<String> {
    let violations = guard(changes, &[].into());
    violations.into_iter().map(|it| it.resource).collect()
}

#[test]
fn terraform_says_what_would_change_and_no_secrets() {
    let build = Build::of("terraform");
    build.succeeds("plan", &[]);
    let changes = build.changes();
    assert_eq!(
        words(&changes),
        [
            "- aws_s3_bucket.old",
            "- aws_ecs_service.web (what is left of an earlier replacement)",
            "-/+ module.data[\"eu\"].aws_dynamodb_table.orders[0] (because of hash_key; arn -> (known after apply), hash_key id -> order)",
            "-/+ aws_instance.cbd (because of ami, root_block_device.0.size; ami a -> b)",
            "~ aws_db_instance.main (instance_class db.t3.small -> db.t3.large, password (sensitive), tags)",
            "~ aws_vpc.renamed (was aws_vpc.other)",
            "~ aws_subnet.b (imported)",
            "~ aws_iam_role.gone (is not managed any more, and stays)",
            "~ output.secret",
            "+ aws_subnet.a",
            "+ output.vpc_id",
        ]
    );
    assert_eq!(
        stopped(&changes),
        [
            "aws_s3_bucket.old",
            "module.data[\"eu\"].aws_dynamodb_table.orders[0]"
        ]
    );
    assert_eq!(
        build.left("plan/tfplan").as_deref(),
        Some(b"plan\n".as_slice())
    );
    assert_eq!(build.left("outputs.json"), None);
}

#[test]
fn terraform_applies_the_very_plan_and_tells_its_outputs() {
    let build = Build::of("terraform");
    let refused = build.run("apply", &[]);
    assert!(!refused.status.success(), "there is no plan");
    build.succeeds("plan", &[]);
    build.succeeds("apply", &[]);
    let asked = build.asked();
    assert!(
        asked.ends_with(&format!(
            "terraform apply -no-color -lock-timeout=10m tfplan\nterraform output -no-color -json\n\
         aws s3 cp --only-show-errors outputs.json s3://{WORK}/outputs.json\n"
        )),
        "{asked}"
    );
    let told = [
        ("size", "3"),
        ("table", "orders"),
        ("zones", r#"["a","b"]"#),
    ];
    let told = told.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(build.outputs(), BTreeMap::from(told));
}

#[test]
fn a_plan_of_nothing_tells_the_outputs() {
    let build = Build::of("terraform");
    build.succeeds("plan", &[("PLAN", "terraform-show-nothing.json")]);
    assert_eq!(build.changes(), []);
    assert_eq!(build.outputs()["table"], "orders");
}

#[test]
fn opentofu_is_asked_the_same() {
    let build = Build::of("terraform");
    build.succeeds("plan", &[("TOOL", "terraform")]);
    let missing = build.run("plan", &[("TOOL", "no-such-tool")]);
    assert!(!missing.status.success());
    let unknown = build.run("destroy", &[]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("not plan or apply"));
}

#[test]
fn pulumi_says_what_would_change_applies_the_plan_and_tells_no_secrets() {
    let build = Build::of("pulumi");
    build.succeeds("plan", &[]);
    let changes = build.changes();
    assert_eq!(
        words(&changes),
        [
            "- aws:s3/bucket:Bucket::old",
            "-/+ aws:rds/instance:Instance::main (because of engine)",
            "~ my:component:Data$aws:dynamodb/table:Table::orders (readCapacity)",
            "+ aws:ec2/vpc:Vpc::main",
        ]
    );
    assert_eq!(
        stopped(&changes),
        [
            "aws:s3/bucket:Bucket::old",
            "aws:rds/instance:Instance::main"
        ]
    );
    build.succeeds("apply", &[]);
    let asked = build.asked();
    for wanted in [
        "pulumi config set size --plaintext -- 3\n",
        "pulumi config set name --plaintext -- a \"b\"\n",
        "pulumi up --yes --skip-preview --plan=plan.json\n",
    ] {
        assert!(asked.contains(wanted), "{asked}");
    }
    let told = [
        ("size", "3"),
        ("table", "orders"),
        ("zones", r#"["a","b"]"#),
    ];
    let told = told.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(build.outputs(), BTreeMap::from(told));
}

#[test]
fn a_cdk_app_is_planned_by_its_change_sets_and_these_are_executed() {
    let build = Build::of("cdk");
    build.succeeds("plan", &[]);
    let changes = build.changes();
    assert_eq!(
        words(&changes),
        [
            "- shop-web/Old",
            "-/+ shop-web/Orders (KeySchema id -> order)",
            "-/+ shop-web/Task (perhaps replaced)",
            "~ shop-web/Kept (leaves the stack, and stays)",
            "~ shop-web/Found (imported)",
            "+ shop-web/New",
        ]
    );
    assert_eq!(stopped(&changes), ["shop-web/Old", "shop-web/Orders"]);
    // Each stack comes after those that it depends on.
    assert_eq!(
        build.left("plan/stacks.txt").as_deref(),
        Some(b"Net\nshop-web\nA\n".as_slice())
    );
    build.succeeds("apply", &[]);
    let asked = build.asked();
    for wanted in [
        "--method=prepare-change-set --change-set-name lockstep-01JD --require-approval never\n",
        "aws cloudformation execute-change-set --stack-name shop-web --change-set-name lockstep-01JD\n",
        "--context size=3",
    ] {
        assert!(asked.contains(wanted), "{asked}");
    }
    assert_eq!(asked.matches("execute-change-set").count(), 1, "{asked}");
    assert_eq!(build.outputs()["Url"], "https://example.com");
}
