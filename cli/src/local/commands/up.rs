//! `local up`, `local down`.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::super::engine::LocalEngine;
use super::super::error::{IoContext, LocalError};
use super::super::layout::Layout;
use super::super::process::tail;
use super::super::signals::Interrupts;
use super::super::state::{EngineState, started};
use super::{EngineArgs, plain_report, say};

/// The engine removes its containers before it goes.
const DOWN_LIMIT: Duration = Duration::from_secs(45);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Starts an engine and keeps it until Ctrl-C, or until it ends by itself. A signal during the start ends it as well.
pub(super) async fn foreground(root: &Path, args: &EngineArgs) -> Result<(), LocalError> {
    let mut interrupts = Interrupts::listen()?;
    let mut engine = tokio::select! {
        started = start(root, args) => started?,
        () = interrupts.next() => return Ok(()),
    };
    say(&describe(engine.state()))?;
    say("Press Ctrl-C to stop it.")?;
    let ended = loop {
        tokio::select! {
            () = interrupts.next() => break Ok(()),
            () = tokio::time::sleep(Duration::from_secs(1)) => {
                if let Some(why) = engine.ended() { break Err(why) }
            }
        }
    };
    engine.stop().await?;
    ended
}

async fn start(root: &Path, args: &EngineArgs) -> Result<LocalEngine, LocalError> {
    let mut engine = LocalEngine::start(args.options(root), plain_report()).await?;
    if !args.bare {
        engine.deploy_controller(root, &[]).await?;
    }
    Ok(engine)
}

/// Starts an engine in a process of its own and waits until it is ready.
pub(super) async fn detached(
    layout: &Layout,
    root: &Path,
    args: &EngineArgs,
) -> Result<(), LocalError> {
    if let Some(state) = EngineState::read(layout)? {
        return Err(LocalError::AlreadyRunning {
            pid: state.pid,
            gateway: state.endpoint(),
        });
    }
    layout.create()?;
    let mut interrupts = Interrupts::listen()?;
    let log = layout.logs().join("serve.log");
    let mut serving = serve_in_background(root, args, &log)?;
    let ready = tokio::select! {
        ready = wait_until_ready(layout, args, &mut serving, &log) => ready,
        () = interrupts.next() => Err(LocalError::Interrupted),
    };
    if ready.is_err() {
        terminate(serving.id())?;
        serving
            .wait()
            .doing(|| "waiting for the engine to stop".to_owned())?;
    }
    say(&describe(&ready?))?;
    say("It runs in the background; `lockstep local down` stops it.")
}

fn serve_in_background(root: &Path, args: &EngineArgs, log: &Path) -> Result<Child, LocalError> {
    let output = File::create(log).doing(|| format!("writing {}", log.display()))?;
    let errors = output
        .try_clone()
        .doing(|| format!("writing {}", log.display()))?;
    let program = std::env::current_exe().doing(|| "finding our own program".to_owned())?;
    let mut command = Command::new(program);
    command
        .args(["local", "serve"])
        .args(args.to_command_line())
        .current_dir(root);
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
        .spawn()
        .doing(|| "starting the engine in the background".to_owned())
}

async fn wait_until_ready(
    layout: &Layout,
    args: &EngineArgs,
    serving: &mut Child,
    log: &Path,
) -> Result<EngineState, LocalError> {
    let mut shown = 0;
    loop {
        shown = show_new_lines(log, shown)?;
        if serving
            .try_wait()
            .doing(|| "watching the engine".to_owned())?
            .is_some()
        {
            let what = "starting the engine in the background".to_owned();
            return Err(LocalError::Command {
                what,
                detail: tail(log, 5),
                log: log.to_owned(),
            });
        }
        if let Some(state) = EngineState::read(layout)?.filter(|state| state.deployed || args.bare)
        {
            return Ok(state);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Passes on the progress lines that the background process wrote since the last look.
fn show_new_lines(log: &Path, shown: usize) -> Result<usize, LocalError> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let progress: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with(['·', '!']))
        .collect();
    for line in progress.iter().skip(shown) {
        say(line)?;
    }
    Ok(progress.len())
}

/// Stops the engine of the project, in whichever process it runs, and waits until it is gone.
pub(super) async fn down(layout: &Layout) -> Result<(), LocalError> {
    let state = EngineState::read(layout)?.ok_or_else(|| LocalError::NotRunning {
        home: layout.home.clone(),
    })?;
    terminate(state.pid)?;
    let limit = Instant::now() + DOWN_LIMIT;
    while started(state.pid) == Some(state.pid_started) {
        if Instant::now() > limit {
            let detail = format!(
                "process {} is still there {} s after SIGTERM",
                state.pid,
                DOWN_LIMIT.as_secs()
            );
            let log = state.logs.join("emulator.log");
            return Err(LocalError::Command {
                what: "stopping the local engine".to_owned(),
                detail,
                log,
            });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    say("The local engine is stopped.")
}

fn terminate(pid: u32) -> Result<(), LocalError> {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return Ok(());
    };
    match kill_process(pid, Signal::TERM) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => {
            Err(error.into()).doing(|| format!("stopping process {}", pid.as_raw_nonzero()))
        }
    }
}

/// What one needs to know to use the engine.
pub(super) fn describe(state: &EngineState) -> String {
    let containers = state
        .containers
        .as_deref()
        .unwrap_or("none (ECS tasks count as running)");
    let controller = if state.deployed {
        "deployed (stack lockstep)"
    } else {
        "not deployed"
    };
    let iam = if state.auth {
        "enforced"
    } else {
        "not enforced"
    };
    format!(
        "The local engine is up.\n  endpoint     {}\n  controller   {controller}\n  containers   {containers}\n  IAM          {iam}\n  logs         {}\n\nFor other tools:\n  export AWS_ENDPOINT_URL={} AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test",
        state.endpoint(),
        state.logs.display(),
        state.endpoint(),
    )
}
