//! The end of a build's output, for people who want to know why it failed.

use lockstep::build::{Build as Told, BuildStatus};
use lockstep_aws::AwsError;

use crate::{Build, CodeBuild, Status};

/// How much of a log's end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// So many lines at most.
    pub lines: u16,
    /// So many bytes at most, of whole lines but for the first.
    pub bytes: usize,
}

/// More than anybody reads in a message.
impl Default for Tail {
    fn default() -> Self {
        Self {
            lines: 10,
            bytes: 1024,
        }
    }
}

/// How lines begin that CodeBuild itself writes into the log of every build, also after the output
/// of the commands that failed: the build's phases say the same.
const OWN: [&str; 1] = ["[Container]"];

impl CodeBuild {
    /// A build as it is told to people: where one failed, with the phase in which it did, and, if
    /// `with_log`, with the end of its log.
    pub async fn told(&self, build: Build, with_log: bool) -> Told {
        let has_failed = !matches!(build.status, Status::InProgress | Status::Succeeded);
        let log = if has_failed && with_log {
            self.log_tail(&build, Tail::default()).await
        } else {
            Vec::new()
        };
        let (phase, context) = match build.failure {
            Some(failure) if has_failed => (failure.phase, failure.message),
            _ => (build.phase, String::new()),
        };
        Told {
            status: BuildStatus::of(build.status.as_str()),
            id: build.id,
            started_at: build.started_at,
            phase,
            context,
            log,
            link: build.link.unwrap_or_default(),
        }
    }

    /// The last lines that the build's commands wrote. Empty where there is no log, or where it
    /// cannot be read: what a build came to is told by its phases, and does not wait for it.
    pub async fn log_tail(&self, build: &Build, tail: Tail) -> Vec<String> {
        let Some(log) = &build.log else {
            return Vec::new();
        };
        // Of the lines that are read a part is CodeBuild's own.
        let wanted = i32::from(tail.lines).saturating_mul(5);
        let call = self.logs.get_log_events().start_from_head(false);
        let sent = call
            .log_group_name(&log.group)
            .log_stream_name(&log.stream)
            .limit(wanted)
            .send()
            .await;
        let events = match sent.map_err(|error| AwsError::new("logs:GetLogEvents", &error)) {
            Ok(answer) => answer.events.unwrap_or_default(),
            Err(error) => {
                let (group, code) = (&log.group, &error.code);
                tracing::warn!(
                    build = build.id,
                    group,
                    code,
                    "its log is not told: {}",
                    error.message
                );
                return Vec::new();
            }
        };
        let messages = events.iter().filter_map(|event| event.message());
        let told = messages.filter(|it| !OWN.iter().any(|prefix| it.starts_with(prefix)));
        last(told.flat_map(str::lines), tail)
    }
}

fn last<'a>(lines: impl Iterator<Item = &'a str>, tail: Tail) -> Vec<String> {
    let is_told =
        |line: &&str| !line.trim().is_empty() && !OWN.iter().any(|prefix| line.starts_with(prefix));
    let lines: Vec<_> = lines.filter(is_told).map(plain).collect();
    let mut left = tail.bytes;
    let mut told: Vec<String> = Vec::new();
    for line in lines.iter().rev().take(usize::from(tail.lines)) {
        let cut = line.len() > left;
        if cut && !told.is_empty() {
            break;
        }
        let start = line.ceil_char_boundary(line.len().saturating_sub(left));
        left = left.saturating_sub(line.len());
        told.push(line[start..].to_owned());
    }
    told.reverse();
    told
}

/// A line without colours and other control characters.
fn plain(line: &str) -> String {
    let mut told = String::with_capacity(line.len());
    let mut characters = line.trim_end().chars();
    while let Some(character) = characters.next() {
        match character {
            // A control sequence ends with its first letter.
            '\u{1b}' => {
                characters.by_ref().find(char::is_ascii_alphabetic);
            }
            '\t' => told.push(' '),
            character if character.is_control() => {}
            character => told.push(character),
        }
    }
    told
}

#[cfg(test)]
mod tests;
