//! A team's own CloudFormation stack, deployed by the real SAM CLI.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use lockstep_cli::local::emulator::{ACCOUNT, REGION, ROOT_KEY};
use lockstep_cli::local::sam;
use tempfile::TempDir;

use crate::World;

/// The bucket of the controller's releases.
pub fn releases_bucket() -> String {
    format!("{}-releases-{ACCOUNT}", sam::STACK)
}

impl World {
    /// `sam deploy` of a template, as a person types it. Gives what it printed.
    pub async fn deploy_stack(&self, name: &str, template: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("template.yaml"), template).unwrap();
        self.deploy_stack_in(name, &folder).await
    }

    /// `sam deploy` of `template.yaml` in a folder, which also holds what the template names.
    pub async fn deploy_stack_in(&self, name: &str, folder: &TempDir) -> String {
        let arguments = [
            "deploy",
            "--template-file",
            "template.yaml",
            "--stack-name",
            name,
            "--capabilities",
            "CAPABILITY_IAM",
            "--resolve-s3",
            "--no-confirm-changeset",
            "--no-fail-on-empty-changeset",
            "--region",
            REGION,
        ];
        self.sam(&arguments, folder.path()).await
    }

    async fn sam(&self, arguments: &[&str], folder: &Path) -> String {
        let program = self.engine().layout().program("sam");
        let output = tokio::process::Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .env("AWS_ENDPOINT_URL", self.endpoint())
            .env("AWS_ACCESS_KEY_ID", ROOT_KEY)
            .env("AWS_SECRET_ACCESS_KEY", ROOT_KEY)
            .env_remove("AWS_SESSION_TOKEN")
            .env_remove("AWS_PROFILE")
            .env("SAM_CLI_TELEMETRY", "0")
            .env("SAM_CLI_POLL_DELAY", "0.3")
            .output()
            .await
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "sam {arguments:?}:\n{printed}");
        printed
    }
}
