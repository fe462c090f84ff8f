//! What Lockstep costs, as ratios measured in one run on one machine: absolute times of a shared machine say little.
//!
//! `cargo run -p lockstep-bench -- startup|size|deploy|functions|sites|wake|all` prints Markdown tables and ends with exit code 1 when a
//! bound is missed. What each number means stands in `docs/benchmarks.md`.

mod aws_call;
mod calls;
mod deploy;
mod floor;
mod functions;
mod handlers;
mod peers;
mod rollouts;
mod runtime_api;
mod sam_sync;
mod sites;
mod size;
mod startup;
mod states;
mod stats;
mod table;
mod wake;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use lockstep_cli::local::emulator::{REGION, ROOT_KEY};

use table::Bounds;

/// Why a benchmark could not be run; a missed bound is no error.
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Measures what Lockstep costs, against a floor or a peer in the same run.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which benchmark to run.
    which: Which,
    /// How often each thing is measured; each benchmark has a default of its own.
    #[arg(long)]
    runs: Option<usize>,
    /// Measure the handlers that are there instead of building them first.
    #[arg(long)]
    built: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Process start to the first poll, and to the answer of an event that makes one TLS call.
    Startup,
    /// The handlers' zipped sizes.
    Size,
    /// A whole deployment, against the AWS CLI and ecs-deploy.
    Deploy,
    /// A release of 1, 20 and 100 Lambda functions, against scripts and the bare API calls.
    Functions,
    /// A release of a front end, against `aws s3 sync`.
    Sites,
    /// From the end of a rollout to the next state.
    Wake,
    /// All of them.
    All,
}

impl Which {
    fn has(self, one: Self) -> bool {
        self == one || self == Self::All
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(bounds) if bounds.all_kept() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the benchmark could not be run: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Bounds> {
    let (which, runs) = (arguments.which, arguments.runs);
    let mut bounds = Bounds::default();
    let needs_handlers = which.has(Which::Startup) || which.has(Which::Size);
    if needs_handlers && !arguments.built {
        handlers::build()?;
    }
    if which.has(Which::Startup) {
        startup::run(runs.unwrap_or(50), &mut bounds)?;
    }
    if which.has(Which::Size) {
        size::run(&mut bounds)?;
    }
    if which.has(Which::Deploy) {
        lockstep_tests::run(deploy::run(runs.unwrap_or(10), &mut bounds))?;
    }
    if which.has(Which::Functions) {
        lockstep_tests::run(functions::run(runs.unwrap_or(3), &mut bounds))?;
    }
    if which.has(Which::Sites) {
        lockstep_tests::run(sites::run(runs.unwrap_or(3), &mut bounds))?;
    }
    if which.has(Which::Wake) {
        lockstep_tests::run(wake::run(runs.unwrap_or(20), &mut bounds))?;
    }
    Ok(bounds)
}

/// The environment in which the emulator's owner calls AWS.
fn aws_environment(endpoint: &str) -> [(&'static str, String); 6] {
    [
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("AWS_ACCESS_KEY_ID", ROOT_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", ROOT_KEY.to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_PAGER", String::new()),
    ]
}
