//! A build as it was read.

use std::fmt;

use aws_sdk_codebuild::types::{Build as SdkBuild, BuildPhase, ProjectEnvironment, StatusType};
use jiff::Timestamp;

use crate::IDENTITY;

/// One build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Its id, `PROJECT:UUID`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// The project's name.
    pub project: String,
    /// Its value of [`IDENTITY`]; `None` for a build that somebody else started.
    pub identity: Option<String>,
    /// How it is.
    pub status: Status,
    /// The phase that it is in, such as `PROVISIONING`; `COMPLETED` at the end.
    pub phase: String,
    /// When it was asked for.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What went wrong first.
    pub failure: Option<Failure>,
    /// Where its output is. `None` before it has any, and where the project keeps none in
    /// CloudWatch Logs.
    pub log: Option<LogStream>,
    /// The console's page of its log.
    pub link: Option<String>,
    /// The ARNs of its test reports.
    pub reports: Vec<String>,
}

/// How a build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It waits for a machine, or runs.
    InProgress,
    /// All of its commands did.
    Succeeded,
    /// A command failed, or the source could not be fetched.
    Failed,
    /// CodeBuild failed.
    Fault,
    /// It took longer than it may.
    TimedOut,
    /// Somebody stopped it.
    Stopped,
}

/// The first phase of a build that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The phase, such as `BUILD`.
    pub phase: String,
    /// CodeBuild's code and words for it, such as `COMMAND_EXECUTION_ERROR: Error while
    /// executing command: make. Reason: exit status 2`. Empty where it says nothing.
    pub message: String,
}

/// A log stream in CloudWatch Logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStream {
    /// The log group.
    pub group: String,
    /// The stream in it.
    pub stream: String,
}

impl Status {
    /// Whether the build ended, in whatever way.
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::InProgress)
    }

    /// The status as CodeBuild writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Fault => "FAULT",
            Self::TimedOut => "TIMED_OUT",
            Self::Stopped => "STOPPED",
        }
    }

    /// Reads a status. One that is not known here is at least no success, once the build is over.
    fn new(status: Option<&StatusType>, is_over: bool) -> Self {
        match status {
            Some(StatusType::Succeeded) => Self::Succeeded,
            Some(StatusType::Failed) => Self::Failed,
            Some(StatusType::Fault) => Self::Fault,
            Some(StatusType::TimedOut) => Self::TimedOut,
            Some(StatusType::Stopped) => Self::Stopped,
            Some(StatusType::InProgress) | None => Self::InProgress,
            Some(_) if is_over => Self::Failed,
            Some(_) => Self::InProgress,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its phase {} failed", self.phase)?;
        if self.message.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.message)
    }
}

impl Build {
    pub(crate) fn read(build: &SdkBuild) -> Self {
        let (logs, environment) = (build.logs(), build.environment());
        let variables = environment.map(ProjectEnvironment::environment_variables);
        let mut variables = variables.unwrap_or_default().iter();
        let identity = variables.find(|it| it.name() == IDENTITY);
        let log = logs.and_then(|logs| match (logs.group_name(), logs.stream_name()) {
            (Some(group), Some(stream)) => Some(LogStream {
                group: group.to_owned(),
                stream: stream.to_owned(),
            }),
            _ => None,
        });
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Self {
            id: text(build.id()),
            arn: text(build.arn()),
            project: text(build.project_name()),
            identity: identity.map(|it| it.value().to_owned()),
            status: Status::new(build.build_status(), build.build_complete()),
            phase: text(build.current_phase()),
            started_at: build.start_time().and_then(moment),
            ended_at: build.end_time().and_then(moment),
            failure: build.phases().iter().find_map(failure),
            log,
            link: logs.and_then(|logs| logs.deep_link()).map(str::to_owned),
            reports: build.report_arns().to_vec(),
        }
    }
}

fn moment(time: &aws_sdk_codebuild::primitives::DateTime) -> Option<Timestamp> {
    let millis = time.to_millis().ok()?;
    Timestamp::from_millisecond(millis).ok()
}

fn failure(phase: &BuildPhase) -> Option<Failure> {
    let status = Status::new(phase.phase_status(), false);
    if matches!(status, Status::Succeeded | Status::InProgress) {
        return None;
    }
    let contexts = phase.contexts().iter().filter_map(|context| {
        let message = context.message().unwrap_or_default().trim();
        let code = context.status_code().unwrap_or_default();
        match (code, message) {
            (_, "") => None,
            ("", message) => Some(message.to_owned()),
            (code, message) if message.starts_with(code) => Some(message.to_owned()),
            (code, message) => Some(format!("{code}: {message}")),
        }
    });
    let told: Vec<_> = contexts.collect();
    let message = if told.is_empty() && status != Status::Failed {
        status.as_str().to_owned()
    } else {
        told.join("; ")
    };
    let message = short(&message);
    Some(Failure {
        phase: phase
            .phase_type()
            .map_or_else(String::new, |it| it.as_str().to_owned()),
        message,
    })
}

/// How much of a message is told, in characters: CodeBuild puts all of a command into it, and a
/// command may be a script.
const MESSAGE: usize = 300;

/// A message in one line; of a long one the beginning, and the reason at its end.
fn short(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((end, _)) = line.char_indices().nth(MESSAGE) else {
        return line;
    };
    let reason = line.rfind(" Reason: ").filter(|at| *at >= end);
    let reason = reason.and_then(|at| line.get(at..)).unwrap_or_default();
    let kept = line.get(..end).unwrap_or_default();
    format!("{kept}…{reason}")
}

#[cfg(test)]
mod tests;
