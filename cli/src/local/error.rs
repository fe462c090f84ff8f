//! What can go wrong with the local engine, in words that say what to do next.

use std::io;
use std::path::PathBuf;

/// Everything the local engine refuses or fails with.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The engine finds processes and ports through `/proc`.
    #[error(
        "the local engine runs on Linux only, and this is {0}; use a Linux machine, a virtual machine or WSL 2. Deploying to AWS works from here"
    )]
    NotLinux(&'static str),

    /// Neither `python3` nor a versioned name of it is on the PATH.
    #[error(
        "no Python 3.10 or newer found on the PATH (looked for: {looked_for}); the AWS emulator and the SAM CLI are Python programs. Install it (Debian, Ubuntu: apt install python3 python3-venv; Fedora: dnf install python3) and run this again"
    )]
    NoPython {
        /// The names that were tried.
        looked_for: String,
    },

    /// Debian splits the `venv` module off into a package of its own.
    #[error(
        "{python} has no venv module, so no virtual environment can be made; install it (Debian, Ubuntu: apt install python3-venv) and run this again"
    )]
    NoVenvModule {
        /// The interpreter that was found.
        python: PathBuf,
    },

    /// pip could not reach the package index.
    #[error(
        "the local engine's Python packages could not be downloaded: the package index did not answer. They are fetched once, about 120 MB; connect this machine to the network, or set PIP_INDEX_URL to a mirror, and run this again. pip's last words: {detail}"
    )]
    NoNetwork {
        /// The last line pip wrote.
        detail: String,
    },

    /// A command that belongs to the engine failed.
    #[error("{what} failed: {detail}\nthe whole output is in {log}")]
    Command {
        /// What was being done.
        what: String,
        /// The end of its output.
        detail: String,
        /// Where the rest is.
        log: PathBuf,
    },

    /// Somebody else listens on a port the engine needs.
    #[error(
        "port {port} is in use by another program{by}, and the local engine needs it for the {what}; stop that program, or choose another port with {option}"
    )]
    PortInUse {
        /// The port.
        port: u16,
        /// `gateway` or `emulator`.
        what: &'static str,
        /// The command-line option that chooses another.
        option: &'static str,
        /// ` (name, process 123)`, or nothing when it cannot be seen.
        by: String,
    },

    /// An engine of this project is up already.
    #[error(
        "the local engine of this project is running already (process {pid}, {gateway}); use it, or stop it with `lockstep local down`"
    )]
    AlreadyRunning {
        /// The process that owns it.
        pid: u32,
        /// Its gateway.
        gateway: String,
    },

    /// A person or the system asked us to end before the engine was up.
    #[error("interrupted; nothing is left running")]
    Interrupted,

    /// Nothing to talk to.
    #[error("no local engine is running in {home}; start one with `lockstep local up`")]
    NotRunning {
        /// The folder that was looked into.
        home: PathBuf,
    },

    /// The emulator ended by itself or never answered.
    #[error("the AWS emulator did not start: {detail}\nits log is {log}")]
    Emulator {
        /// The end of its log, or how long it was waited for.
        detail: String,
        /// Its log.
        log: PathBuf,
    },

    /// Asked for containers where there is no engine for them.
    #[error(
        "no container engine answers: {0}; install Docker or Podman (Debian: apt install podman) and run this again"
    )]
    NoContainerEngine(String),

    /// The registry refused an image.
    #[error("the image could not be pushed to {repository}: {detail}")]
    Push {
        /// The ECR repository.
        repository: String,
        /// What the registry or the container engine said.
        detail: String,
    },

    /// The emulator answered an AWS call with an error.
    #[error("the emulator refused {operation}: {detail}")]
    Refused {
        /// The AWS operation.
        operation: String,
        /// Its message.
        detail: String,
    },

    /// A file or process of the engine could not be used.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the path.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// Says what was being done when an I/O error came.
pub trait IoContext<T> {
    /// Adds `what` to the error.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, LocalError>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, LocalError> {
        self.map_err(|source| LocalError::Io {
            what: what(),
            source,
        })
    }
}
