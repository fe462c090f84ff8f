//! What a running engine says about itself, for the commands that find it.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::{IoContext, LocalError};
use super::layout::Layout;

/// `engine.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EngineState {
    /// The process that owns the engine.
    pub pid: u32,
    /// When that process started, in clock ticks since boot: a process id alone may be somebody else's by now.
    pub pid_started: u64,
    /// Port of the gateway: the endpoint of every AWS call.
    pub gateway_port: u16,
    /// Port of the emulator behind it.
    pub emulator_port: u16,
    /// When it was ready.
    pub since: Timestamp,
    /// The container engine behind ECS, if any.
    pub containers: Option<String>,
    /// Whether signatures and IAM policies are enforced.
    pub auth: bool,
    /// Whether the controller has been deployed to it.
    pub deployed: bool,
    /// Log files.
    pub logs: PathBuf,
}

impl EngineState {
    /// The endpoint for AWS calls.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.gateway_port)
    }

    /// The engine running in this layout; a file left behind by a dead process counts as none.
    pub fn read(layout: &Layout) -> Result<Option<Self>, LocalError> {
        let path = layout.state();
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(LocalError::Io {
                    what: format!("reading {}", path.display()),
                    source,
                });
            }
        };
        let state = serde_json::from_slice::<Self>(&text).ok();
        Ok(state.filter(|state| started(state.pid) == Some(state.pid_started)))
    }

    /// Writes the file.
    pub fn write(&self, layout: &Layout) -> Result<(), LocalError> {
        let text = serde_json::to_vec_pretty(self).map_err(std::io::Error::other);
        layout.write(
            &layout.state(),
            &text.doing(|| "describing the engine".to_owned())?,
        )
    }
}

/// When a process started, in clock ticks since boot; `None` if there is no such process.
pub fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may contain anything; field 22 is the 20th after it.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let dead = matches!(fields.first(), Some(&"Z" | &"X"));
    if dead {
        None
    } else {
        fields.get(19)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_living_process_from_a_dead_one() {
        assert!(started(std::process::id()).is_some());
        assert_eq!(started(u32::MAX / 2), None);
    }
}
