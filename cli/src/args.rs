//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use lockstep::image_build::{COMMIT, is_commit};
use lockstep::stack::Approval;
use lockstep::trigger::ImageReference;

use crate::demo::DemoArgs;
use crate::local::commands::LocalCommand;

/// Takes releases to AWS environments as one unit, and puts back what was there when
/// they fail.
///
/// Exit codes: 0 done, or a good verdict (SUCCEEDED, NO_CHANGE, SUPERSEDED); 1 a bad
/// verdict; 2 the command, the manifest or the request is wrong; 3 AWS or the local
/// engine could not be asked; 130 Ctrl-C.
#[derive(Debug, Parser)]
#[command(
    name = "lockstep",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The manifest; it says which application is meant
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "lockstep.yaml"
    )]
    pub file: PathBuf,
    /// The application, where no manifest is at hand
    #[arg(long, global = true, env = "LOCKSTEP_APPLICATION", value_name = "NAME")]
    pub application: Option<String>,
    /// The controller's CloudFormation stack
    #[arg(
        long,
        global = true,
        env = "LOCKSTEP_STACK",
        value_name = "NAME",
        default_value = "lockstep"
    )]
    pub stack: String,
    /// The AWS region [default: as the AWS CLI finds it]
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// The AWS profile [default: as the AWS CLI finds it]
    #[arg(long, global = true, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Another address for all AWS calls
    #[arg(long, global = true, env = "AWS_ENDPOINT_URL", value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Talk to this project's local engine (`lockstep local up`) instead of AWS
    #[arg(long, global = true, conflicts_with_all = ["region", "profile"])]
    pub local: bool,
    /// Print JSON: one document, or for what is watched one document a line
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a manifest for what runs already, and a backup of it; changes nothing in AWS
    Init(InitArgs),
    /// Check a manifest and the files it names, and explain every fault
    Validate(ManifestArgs),
    /// Store the manifest as a new version; its triggers are in force at once
    Apply(ApplyArgs),
    /// Deploy to an environment and watch until the verdict
    Deploy(DeployArgs),
    /// Upload a release; the environments that want releases deploy it by themselves
    Release(ReleaseArgs),
    /// For development: watch a folder of builds and deploy what changes in it at once
    Sync(SyncArgs),
    /// Show what serves, who deploys, what waits and what is on hold
    Status(StatusArgs),
    /// Look whether everything that an environment needs is there, and say what creates it
    Verify(VerifyArgs),
    /// Say what is wrong with the stacks of an environment, and the way out
    Doctor(DoctorArgs),
    /// Put services whose running image is gone on one that exists, by a deployment
    Repair(RepairArgs),
    /// Watch a deployment until its verdict
    Watch(WatchArgs),
    /// Go on: the answer to what a deployment asks
    Proceed(AnswerArgs),
    /// Stop a deployment, and put back everything it changed
    Stop(AnswerArgs),
    /// List the deployments of an environment
    History(HistoryArgs),
    /// Show everything about one deployment: phases, steps, before and after, messages
    Show(ShowArgs),
    /// Run the local engine: AWS without an account
    #[command(subcommand)]
    Local(LocalCommand),
    /// See it work: two good releases, two bad ones, everything on this machine
    Demo(DemoArgs),
}

/// `lockstep init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Stacks, with the services, functions and distributions in them
    #[arg(long = "from-stack", value_name = "NAME", num_args = 1..)]
    pub stacks: Vec<String>,
    /// ECS services
    #[arg(long = "from-service", value_name = "CLUSTER/SERVICE", num_args = 1..)]
    pub services: Vec<String>,
    /// Lambda functions
    #[arg(long = "from-function", value_name = "NAME", num_args = 1..)]
    pub functions: Vec<String>,
    /// Sites, each by the CloudFront distribution that serves it
    #[arg(long = "from-site", value_name = "DISTRIBUTION", num_args = 1..)]
    pub sites: Vec<String>,
    /// The environment's name in the manifest
    #[arg(long, value_name = "ENV", default_value = "production")]
    pub environment: String,
    /// Where the manifest is written; templates come beside it, below infra/
    #[arg(long, value_name = "FILE", default_value = "lockstep.yaml")]
    pub out: PathBuf,
    /// Where the backup is written; it may hold secrets, and only you can read it
    #[arg(long, value_name = "FOLDER", default_value = "lockstep-backup")]
    pub backup: PathBuf,
}

/// `lockstep validate`
#[derive(Debug, Args)]
pub struct ManifestArgs {
    /// The manifest [default: the one of --file]
    #[arg(value_name = "FILE")]
    pub path: Option<PathBuf>,
}

/// `lockstep apply`
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The manifest [default: the one of --file]
    #[arg(value_name = "FILE")]
    pub path: Option<PathBuf>,
    /// Who applies it
    #[arg(long, env = "LOCKSTEP_BY", value_name = "NAME", default_value_t = crate::commands::user())]
    pub by: String,
}

/// `lockstep deploy`
#[derive(Debug, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub struct DeployArgs {
    /// The environment
    #[arg(value_name = "ENV")]
    pub environment: String,
    /// An image, as service=tag, service=sha256:… or service/container=…; what is not
    /// named stays as it is
    #[arg(long = "image", value_name = "SERVICE=IMAGE", value_parser = parse_image)]
    pub images: Vec<(String, ImageReference)>,
    /// The version of an uploaded release
    #[arg(long, value_name = "VERSION")]
    pub release: Option<String>,
    /// The commit whose images are wanted: those that are missing are built first, by the builds
    /// of the manifest
    #[arg(long, value_name = "HASH", value_parser = parse_commit)]
    pub commit: Option<String>,
    /// Why, for the record and the messages
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who deploys, for the record and the messages
    #[arg(long, env = "LOCKSTEP_BY", value_name = "NAME", default_value_t = crate::commands::user())]
    pub by: String,
    /// Deploy even what is older than what was deployed before
    #[arg(long)]
    pub allow_older: bool,
    /// Let a stack or infrastructure replace or delete a resource that holds data, in this
    /// deployment only: NAME/RESOURCE, with the manifest's name and the logical id or the address;
    /// STACK/skip:RESOURCE lets a rollback that got stuck skip it
    #[arg(long, value_name = "NAME/RESOURCE", value_parser = parse_approval)]
    pub approve: Vec<String>,
    /// Deploy these components only, by the manifest's names, and leave everything else as it is;
    /// a migration goes with its service
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Apply the manifest of --file first
    #[arg(long)]
    pub apply: bool,
    /// Watch until the verdict (the default)
    #[arg(long, overrides_with = "no_wait")]
    pub wait: bool,
    /// Start it and return at once
    #[arg(long)]
    pub no_wait: bool,
}

/// `lockstep release`
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// The version, such as 1.4.0; semantic versions are never followed by older ones
    #[arg(value_name = "VERSION")]
    pub release: String,
    /// What it consists of: a zip file, or a folder that is packed as <folder>.zip; NAME=PATH
    /// gives it another path in the release
    #[arg(value_name = "[NAME=]PATH")]
    pub artifacts: Vec<String>,
    /// Every zip file and every folder in this one
    #[arg(long, value_name = "FOLDER")]
    pub directory: Option<PathBuf>,
    /// The branch it was built from, for people
    #[arg(long, env = "GITHUB_REF_NAME", value_name = "NAME")]
    pub branch: Option<String>,
    /// The commit it was built from, for people
    #[arg(long, env = "GITHUB_SHA", value_name = "HASH")]
    pub commit: Option<String>,
    /// Who made it, for people
    #[arg(long, env = "GITHUB_ACTOR", value_name = "NAME")]
    pub author: Option<String>,
    /// The oldest release that can still run on the schema this one leaves; older ones are refused
    #[arg(long, value_name = "VERSION")]
    pub rollback_floor: Option<String>,
    /// Apply the manifest of --file first; nothing is applied when the release is refused
    #[arg(long)]
    pub apply: bool,
    /// Who applies it, with --apply
    #[arg(long, env = "LOCKSTEP_BY", value_name = "NAME", default_value_t = crate::commands::user())]
    pub by: String,
    /// Watch the deployments that it starts until their verdicts
    #[arg(long)]
    pub wait: bool,
}

/// `lockstep sync`
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// The environment; one with `protected: true` in the manifest is refused
    #[arg(value_name = "ENV")]
    pub environment: String,
    /// The folder with the builds: zip files, and folders that are packed as <folder>.zip
    #[arg(long, value_name = "FOLDER")]
    pub from: PathBuf,
    /// Who deploys, for the record and the messages
    #[arg(long, env = "LOCKSTEP_BY", value_name = "NAME", default_value_t = crate::commands::user())]
    pub by: String,
}

/// `lockstep status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The environment [default: all of the application]
    #[arg(value_name = "ENV")]
    pub environment: Option<String>,
}

/// `lockstep verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The environment
    #[arg(value_name = "ENV")]
    pub environment: String,
}

/// `lockstep doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The environment
    #[arg(value_name = "ENV")]
    pub environment: String,
    /// The manifest's name of one stack [default: all of the environment]
    #[arg(value_name = "STACK")]
    pub component: Option<String>,
    /// Take the way out, as the next deployment would: shows it and asks
    #[arg(long, conflicts_with = "delete")]
    pub heal: bool,
    /// With --heal: a resource that the rollback leaves as it is, by logical id
    #[arg(
        long,
        value_name = "RESOURCE",
        requires = "heal",
        requires = "component"
    )]
    pub skip: Vec<String>,
    /// Delete a stack that never was created to the end, or whose deletion failed: shows what is
    /// deleted and asks
    #[arg(long, requires = "component")]
    pub delete: bool,
    /// With --delete: a resource that could not be deleted and stays in AWS without a stack, by
    /// logical id
    #[arg(long, value_name = "RESOURCE", requires = "delete")]
    pub retain: Vec<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `lockstep repair`
#[derive(Debug, Args)]
pub struct RepairArgs {
    /// The environment
    #[arg(value_name = "ENV")]
    pub environment: String,
    /// The manifest's name of one service [default: all of the environment]
    #[arg(value_name = "SERVICE")]
    pub service: Option<String>,
    /// Who repairs, for the record and the messages
    #[arg(long, env = "LOCKSTEP_BY", value_name = "NAME", default_value_t = crate::commands::user())]
    pub by: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `lockstep watch`
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// A deployment's id, or an environment [default: whatever is being deployed]
    #[arg(value_name = "DEPLOYMENT|ENV")]
    pub target: Option<String>,
}

/// `lockstep proceed`, `lockstep stop`
#[derive(Debug, Args)]
pub struct AnswerArgs {
    /// A deployment's id, or an environment: whatever is being deployed there
    #[arg(value_name = "DEPLOYMENT|ENV")]
    pub target: String,
    /// The question, by the name that its message has [default: the one that is asked now]
    #[arg(long, value_name = "NAME")]
    pub question: Option<String>,
    /// Why, for the record and the messages
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who says so, for the record and the messages
    #[arg(long, env = "LOCKSTEP_BY", value_name = "NAME", default_value_t = crate::commands::user())]
    pub by: String,
}

/// `lockstep history`
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The environment
    #[arg(value_name = "ENV")]
    pub environment: String,
    /// How many, newest first
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
}

/// `lockstep show`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The deployment's id, 26 characters
    #[arg(value_name = "DEPLOYMENT")]
    pub deployment: String,
}

/// An approval, as it is written.
fn parse_approval(text: &str) -> Result<String, String> {
    let approval = Approval::parse(text).map_err(|expected| format!("expected {expected}"))?;
    Ok(approval.to_string())
}

fn parse_commit(text: &str) -> Result<String, String> {
    if is_commit(text) {
        return Ok(text.to_owned());
    }
    Err(format!("expected {COMMIT}"))
}

fn parse_image(text: &str) -> Result<(String, ImageReference), String> {
    let (component, image) = text
        .split_once('=')
        .ok_or_else(|| "expected service=tag or service=sha256:…".to_owned())?;
    if component.is_empty() {
        return Err("no service is named before the `=`".to_owned());
    }
    Ok((component.to_owned(), ImageReference::parse(image)?))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Cli, Command, parse_image};

    fn deploy(arguments: &[&str]) -> super::DeployArgs {
        let all = ["lockstep", "deploy"].iter().chain(arguments);
        match Cli::try_parse_from(all) {
            Ok(Cli {
                command: Command::Deploy(deploy),
                ..
            }) => deploy,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn images_are_named_by_service_or_container() {
        let deploy = deploy(&[
            "production",
            "--image",
            "web=v1.2",
            "--image",
            "web/proxy=1.27",
        ]);
        let images: Vec<_> = deploy
            .images
            .iter()
            .map(|(key, image)| format!("{key}={image}"))
            .collect();
        assert_eq!(images, ["web=v1.2", "web/proxy=1.27"]);
    }

    #[test]
    fn the_last_of_wait_and_no_wait_counts() {
        assert!(!deploy(&["production"]).no_wait);
        assert!(deploy(&["production", "--no-wait"]).no_wait);
        assert!(!deploy(&["production", "--no-wait", "--wait"]).no_wait);
    }

    #[test]
    fn global_options_stand_anywhere() {
        let cli =
            Cli::try_parse_from(["lockstep", "status", "--json", "--stack", "other"]).unwrap();
        assert!(cli.global.json);
        assert_eq!(cli.global.stack, "other");
    }

    #[test]
    fn the_local_engine_needs_no_address() {
        let cli = Cli::try_parse_from([
            "lockstep",
            "--local",
            "--endpoint-url",
            "http://x",
            "status",
        ]);
        assert!(cli.unwrap().global.local);
        assert!(
            Cli::try_parse_from(["lockstep", "--local", "--region", "eu-west-1", "status"])
                .is_err()
        );
    }

    #[test]
    fn a_whole_image_name_is_refused_with_a_reason() {
        let text = "web=111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:v1";
        assert!(
            parse_image(text)
                .unwrap_err()
                .contains("the manifest names the repository")
        );
        assert!(parse_image("v1").unwrap_err().contains("service=tag"));
        assert!(parse_image("=v1").is_err());
    }
}
