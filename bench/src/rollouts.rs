//! Services for benchmarks, and rollouts that take their time: with real containers.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use aws_sdk_ecs::types::{DeploymentConfiguration, DeploymentRolloutState};
use jiff::Timestamp;
use lockstep_cli::local::emulator::{ACCOUNT, REGION};
use lockstep_cli::local::gateway::{Call, Delivery};
use lockstep_cli::local::{image, registry};
use lockstep_tests::{Application, World, project};

use crate::Result;
use crate::peers::execute;
use crate::states::{entered, since_epoch};
use crate::stats::{milliseconds, seconds};

/// How long one rollout may take.
const LIMIT: Duration = Duration::from_mins(2);
/// How often the emulator is asked: what is measured is at most this much too long.
const LOOK: Duration = Duration::from_millis(40);

/// An application whose pushes of `v…` deploy by themselves, with no health check and no settle time.
pub async fn application<'w>(world: &'w World, name: &str) -> Result<Application<'w>> {
    let application = world.application(name).await;
    let manifest = format!(
        "application: {name}\n\
         services:\n  web:\n    cluster: {name}\n    containers: {{ web: {} }}\n\
         environments:\n  test:\n    trigger: {{ tags: [\"v*\"] }}\n    verify: {{ settle_seconds: 0 }}\n",
        application.repository
    );
    application.apply(&manifest).await;
    let_tasks_roll(world, name).await?;
    Ok(application)
}

/// The harness' services cannot replace their only task by themselves: 150 % and 50 % of one task are one. Lockstep
/// sends settings that can with every release; the other tools need them to be there.
async fn let_tasks_roll(world: &World, cluster: &str) -> Result<()> {
    let able = DeploymentConfiguration::builder()
        .maximum_percent(200)
        .minimum_healthy_percent(100)
        .build();
    let update = world.clients().ecs.update_service().cluster(cluster);
    update
        .service("web")
        .deployment_configuration(able)
        .send()
        .await?;
    Ok(())
}

/// A service of real containers, released again and again.
pub struct Rollouts<'w> {
    world: &'w World,
    application: Application<'w>,
    program: PathBuf,
    released: usize,
}

/// The end of one rollout and what came after it.
#[derive(Debug)]
pub struct Wake {
    /// From the last look at which the rollout was in progress to the next state.
    pub latency: Duration,
    /// How long the rollout took, from the execution's start.
    pub rollout: Duration,
    /// The functions' calls from the end of the rollout to the next state: when, how long, who, what.
    pub calls: Vec<Vec<String>>,
}

impl<'w> Rollouts<'w> {
    /// Brings the service up in its first version.
    pub async fn new(world: &'w World, name: &str) -> Result<Self> {
        world.engine().gateway().set_delivery(Delivery::Never);
        let mut rollouts = Self {
            world,
            application: application(world, name).await?,
            program: build_program()?,
            released: 0,
        };
        let digest = rollouts.push().await?;
        let repository = &rollouts.application.repository;
        let image = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{repository}@{digest}");
        let revision = rollouts.application.register(&image).await;
        let update = world.clients().ecs.update_service().cluster(name);
        update
            .service("web")
            .task_definition(&revision)
            .send()
            .await?;
        rollouts.finished(|serving| serving == revision).await?;
        Ok(rollouts)
    }

    /// Releases one more version and waits until its execution is over.
    pub async fn release(&mut self, delivery: Delivery) -> Result<Wake> {
        let gateway = self.world.engine().gateway();
        gateway.set_delivery(Delivery::Never);
        let digest = self.push().await?;
        let before = self.serving().await?.0;
        gateway.set_delivery(delivery);
        let mark = gateway.last_call();
        let execution = self.application.deploy(&digest).await;
        let finished = self.finished(|serving| serving != before).await?;
        let ended = execution.ended().await;
        if ended.status != "SUCCEEDED" {
            return Err(format!("the release ended as {ended:?}").into());
        }
        let history = execution.history().await;
        self.world.idle().await;
        let next = entered(&history, "RolloutSettled").ok_or("no state after the rollout")?;
        let first = history.first().ok_or("the execution has no history")?;
        Ok(Wake {
            latency: next.saturating_sub(finished),
            rollout: finished.saturating_sub(since_epoch(first.timestamp())),
            calls: between(&gateway.calls_since(mark), finished, next)?,
        })
    }

    async fn push(&mut self) -> Result<String> {
        self.released += 1;
        let version = format!("b{}", self.released);
        let variables = [("HELLO_VERSION", version.as_str()), ("PORT", "8080")];
        let image = image::build(&self.program, &variables, &[])?;
        let endpoint = self.world.endpoint();
        let repository = &self.application.repository;
        Ok(registry::push(&endpoint, &image, repository, &version).await?)
    }

    /// Waits until the rollout of a wanted revision is completed; returns the time of the last look that did not show it.
    async fn finished(&self, wanted: impl Fn(&str) -> bool) -> Result<Duration> {
        let limit = Instant::now() + LIMIT;
        let mut last = now()?;
        loop {
            let look = now()?;
            let (revision, state) = self.serving().await?;
            if wanted(&revision) && state == DeploymentRolloutState::Completed {
                return Ok(last);
            }
            if Instant::now() > limit {
                return Err(format!("the rollout of {revision} is still {state}").into());
            }
            last = look;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Revision and state of the service's primary deployment.
    async fn serving(&self) -> Result<(String, DeploymentRolloutState)> {
        let describe = self.world.clients().ecs.describe_services();
        let described = describe
            .cluster(&self.application.name)
            .services("web")
            .send()
            .await?;
        let service = described.services().first().ok_or("the service is gone")?;
        let primary = service
            .deployments()
            .iter()
            .find(|deployment| deployment.status() == Some("PRIMARY"))
            .ok_or("the service has no primary deployment")?;
        let state = primary.rollout_state().cloned();
        Ok((
            primary.task_definition().unwrap_or_default().to_owned(),
            state.unwrap_or(DeploymentRolloutState::InProgress),
        ))
    }
}

/// The calls of functions between two times since 1970.
fn between(calls: &[Call], from: Duration, to: Duration) -> Result<Vec<Vec<String>>> {
    let mut lines = Vec::new();
    for call in calls {
        let at = since_1970(call.at)?;
        if call.name.caller.starts_with("lockstep-") && at >= from && at <= to {
            lines.push(vec![
                seconds(at.saturating_sub(from)),
                call.name.caller.clone(),
                call.name.operation.clone(),
                milliseconds(call.duration),
            ]);
        }
    }
    Ok(lines)
}

fn now() -> Result<Duration> {
    since_1970(Timestamp::now())
}

/// The time of a timestamp, since 1970.
pub fn since_1970(time: Timestamp) -> Result<Duration> {
    Ok(Duration::try_from(
        time.duration_since(Timestamp::UNIX_EPOCH),
    )?)
}

/// The example's program, static, as the demo builds it.
fn build_program() -> Result<PathBuf> {
    let rustc = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8(rustc.stdout)?;
    let host = text
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .ok_or("rustc -vV does not say what it builds for")?;
    let target = project().join(".lockstep/target/hello-service");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--release", "--locked", "--target", host])
        .current_dir(project().join("examples/hello-service"))
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    execute(&mut cargo)?;
    Ok(target.join(host).join("release/hello-service"))
}
