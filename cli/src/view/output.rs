//! Standard output and standard error, in one place.

use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};

use serde::Serialize;

use crate::error::CliError;
use crate::view::failure;

/// What a command has to say.
pub trait Report: Serialize {
    /// The report as people read it, without a line feed at its end.
    fn text(&self) -> String;
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    json: bool,
}

impl Output {
    /// Text for people, or JSON for programs.
    pub const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether programs read it.
    pub const fn is_json(self) -> bool {
        self.json
    }

    /// Whether a person looks at it while it is written, so that lines may move.
    pub fn is_live(self) -> bool {
        !self.json && stdout().is_terminal() && stderr().is_terminal()
    }

    /// Prints a report.
    pub fn report(self, report: &impl Report) -> Result<(), CliError> {
        if self.json {
            self.json_line(report)
        } else {
            self.line(&report.text())
        }
    }

    /// Prints one JSON document on a line of its own.
    pub fn json_line(self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string(value).map_err(std::io::Error::other);
        let text = text.map_err(|source| CliError::Io {
            what: "writing JSON".to_owned(),
            source,
        })?;
        self.line(&text)
    }

    /// Prints a line. A reader that went away (`lockstep history | head`) is no failure.
    pub fn line(self, text: &str) -> Result<(), CliError> {
        let mut out = stdout().lock();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CliError::Io {
                what: "writing to standard output".to_owned(),
                source: error,
            }),
            _ => Ok(()),
        }
    }

    /// Prints why the command failed, on standard error. There is nowhere to report a
    /// failure of that.
    pub fn failure(self, error: &CliError) {
        let text = if self.json {
            failure::json(error)
        } else {
            failure::text(error)
        };
        let _ = writeln!(stderr().lock(), "{text}");
    }
}
