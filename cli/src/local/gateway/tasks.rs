//! How the commands of one-shot tasks end on an engine without containers.

use serde::Serialize;

/// How a command ends; the first one counts whose word is in the command.
#[derive(Debug, Clone, Serialize)]
pub struct TaskEnding {
    command: String,
    seconds: f64,
    exit: Option<i32>,
    says: Vec<String>,
    refuses: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
}

impl TaskEnding {
    /// A command with this text in it runs until it is stopped.
    pub fn of(command: &str) -> Self {
        Self {
            command: command.to_owned(),
            seconds: 0.2,
            exit: None,
            says: Vec::new(),
            refuses: String::new(),
            times: None,
        }
    }

    /// It ends with this exit code.
    #[must_use]
    pub fn exits(self, code: i32) -> Self {
        Self {
            exit: Some(code),
            ..self
        }
    }

    /// It says this, line by line, before it ends.
    #[must_use]
    pub fn says(self, lines: &[&str]) -> Self {
        let says = lines.iter().map(|&line| line.to_owned()).collect();
        Self { says, ..self }
    }

    /// It takes this long.
    #[must_use]
    pub fn takes(self, seconds: f64) -> Self {
        Self { seconds, ..self }
    }

    /// Its task never starts, for this reason.
    #[must_use]
    pub fn refused(self, reason: &str) -> Self {
        Self {
            refuses: reason.to_owned(),
            ..self
        }
    }

    /// Only so many times.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }
}
