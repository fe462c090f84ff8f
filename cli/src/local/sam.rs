//! The controller on the local engine, by the real SAM CLI from the project's own template.

use std::collections::BTreeMap;
use std::path::Path;

use super::build::build;
use super::emulator::{REGION, ROOT_KEY};
use super::engine::{LocalEngine, Progress};
use super::error::LocalError;
use super::layout::Layout;
use super::process::{self, Process};

/// The name of the controller's stack.
pub const STACK: &str = "lockstep";

impl LocalEngine {
    /// Builds the functions (if a source changed since the last build) and deploys `template.yaml` of the project.
    /// `parameters` override those of the `local` environment in `samconfig.toml`.
    pub async fn deploy_controller(
        &mut self,
        project: &Path,
        parameters: &[(&str, &str)],
    ) -> Result<(), LocalError> {
        build(self.layout(), project, |step| {
            (self.report())(Progress::Step(step.to_owned()));
        })
        .await?;
        (self.report())(Progress::Step(
            "Deploying template.yaml with the SAM CLI".into(),
        ));
        deploy(self.layout(), project, &self.endpoint(), parameters).await?;
        self.mark_deployed()
    }
}

/// Runs `sam deploy` for what [`build`] left.
async fn deploy(
    layout: &Layout,
    project: &Path,
    endpoint: &str,
    parameters: &[(&str, &str)],
) -> Result<(), LocalError> {
    let template = layout.build().join("template.yaml").display().to_string();
    let config = project.join("samconfig.toml").display().to_string();
    let mut arguments = vec![
        "deploy",
        "--config-env",
        "local",
        "--config-file",
        &config,
        "--template-file",
        &template,
    ];
    let overrides: Vec<String> = overrides(parameters)
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    arguments.push("--parameter-overrides");
    arguments.extend(overrides.iter().map(String::as_str));
    let mut process = sam(layout, project, &arguments);
    process
        .environment
        .insert("AWS_ENDPOINT_URL".into(), endpoint.to_owned());
    process::run(layout, &layout.program("python"), "sam deploy", process).await
}

/// What the local engine needs whatever is asked for, then what is asked for.
fn overrides(parameters: &[(&str, &str)]) -> BTreeMap<String, String> {
    let architecture = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x86_64"
    };
    let all = [("Architecture", architecture), ("PollSeconds", "1")];
    all.iter()
        .chain(parameters)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

pub(crate) fn sam(layout: &Layout, project: &Path, arguments: &[&str]) -> Process {
    let mut command = vec![layout.program("sam").display().to_string()];
    command.extend(arguments.iter().map(|&argument| argument.to_owned()));
    let programs = layout.venv().join("bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&path)));
    let pairs = [
        (
            "PATH",
            path.map(|path| path.to_string_lossy().into_owned())
                .unwrap_or_default(),
        ),
        ("CARGO_TARGET_DIR", layout.target().display().to_string()),
        // Plain cargo for the host: no zig, which would have to be installed.
        ("CARGO_LAMBDA_COMPILER", "cargo".to_owned()),
        // Small and fast binaries matter on AWS; here the time to build them does: less than half of it without.
        ("CARGO_PROFILE_RELEASE_LTO", "off".to_owned()),
        ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16".to_owned()),
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0".to_owned()),
        ("SAM_CLI_TELEMETRY", "0".to_owned()),
        // AWS has to be asked gently, the emulator has not.
        ("SAM_CLI_POLL_DELAY", "0.3".to_owned()),
        ("AWS_ACCESS_KEY_ID", ROOT_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", ROOT_KEY.to_owned()),
        ("AWS_SESSION_TOKEN", String::new()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_PROFILE", String::new()),
    ];
    let environment = pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    Process {
        command,
        environment,
        directory: Some(project.to_owned()),
        ..Process::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_parameter_wins() {
        let all = overrides(&[("PollSeconds", "2"), ("EcsClusters", "demo-*")]);
        assert_eq!(all["PollSeconds"], "2");
        assert_eq!(all["EcsClusters"], "demo-*");
        assert!(all.contains_key("Architecture"));
    }
}
