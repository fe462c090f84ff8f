//! The container engine behind ECS: Docker where it answers, else a Podman service of our own.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::error::LocalError;
use super::layout::Layout;
use super::process::Process;

/// Without a configuration Podman asks for this many open files in every container, and fails where it may not.
const PODMAN_OPEN_FILES: u64 = 1_048_576;

/// Podman's service lowers its own limit to the kernel's smallest `pid_max`, and its containers may not exceed it.
const PODMAN_PROCESSES: u64 = 32_768;

/// A container engine that can run ECS tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerEngine {
    /// A Docker daemon (or anything that speaks its API) that is running already.
    Docker {
        /// Its address in the form of `DOCKER_HOST`.
        host: String,
    },
    /// Podman: the local engine runs a service for itself.
    Podman {
        /// The `podman` program.
        program: PathBuf,
        /// Where our service listens.
        socket: PathBuf,
    },
}

impl ContainerEngine {
    /// Finds an engine, or says why there is none.
    pub fn detect(layout: &Layout) -> Result<Self, LocalError> {
        let host = std::env::var("DOCKER_HOST")
            .unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
        if answers(&host) {
            return Ok(Self::Docker { host });
        }
        let program = find_on_path("podman").ok_or_else(|| {
            LocalError::NoContainerEngine(format!(
                "nothing answers at {host}, and there is no podman on the PATH"
            ))
        })?;
        let version = Command::new(&program).arg("--version").output();
        if version.is_ok_and(|output| output.status.success()) {
            return Ok(Self::Podman {
                program,
                socket: layout.podman_socket(),
            });
        }
        Err(LocalError::NoContainerEngine(format!(
            "nothing answers at {host}, and `podman --version` fails"
        )))
    }

    /// `docker` or `podman`: the word for people, and the program that pushes images.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Docker { .. } => "docker",
            Self::Podman { .. } => "podman",
        }
    }

    /// Whether this machine can reach the containers at their own addresses. Those of rootless Podman live in a network
    /// of their own.
    pub fn has_reachable_addresses(&self) -> bool {
        matches!(self, Self::Docker { .. }) || rustix::process::geteuid().is_root()
    }

    /// The address in the form of `DOCKER_HOST`.
    pub fn host(&self) -> String {
        match self {
            Self::Docker { host } => host.clone(),
            Self::Podman { socket, .. } => format!("unix://{}", socket.display()),
        }
    }

    /// The service that has to run for it: Podman has no daemon of its own.
    pub fn service(
        &self,
        layout: &Layout,
        emulator_port: u16,
    ) -> Result<Option<Process>, LocalError> {
        let Self::Podman { program, .. } = self else {
            return Ok(None);
        };
        let registries = layout.engine.join("registries.conf");
        layout.write(&registries, registries_conf(emulator_port).as_bytes())?;
        let mut process = Process {
            command: vec![
                program.display().to_string(),
                "system".into(),
                "service".into(),
                "--time=0".into(),
                self.host(),
            ],
            log: Some(layout.logs().join("podman.log")),
            needed_by_cleanup: true,
            ..Process::default()
        };
        process.environment.insert(
            "CONTAINERS_REGISTRIES_CONF".to_owned(),
            registries.display().to_string(),
        );
        if let Some(conf) =
            containers_conf(&std::fs::read_to_string("/proc/self/limits").unwrap_or_default())
        {
            let path = layout.engine.join("containers.conf");
            layout.write(&path, conf.as_bytes())?;
            process
                .environment
                .insert("CONTAINERS_CONF".to_owned(), path.display().to_string());
        }
        Ok(Some(process))
    }
}

/// The emulator's registry speaks plain HTTP; all else is as Podman has it without a configuration.
fn registries_conf(port: u16) -> String {
    format!(
        "unqualified-search-registries = [\"docker.io\"]\n\n[[registry]]\nlocation = \"127.0.0.1:{port}\"\ninsecure = true\n"
    )
}

/// Replaces the user's configuration only where containers could not start without: when we may not raise the limits
/// that Podman asks for.
fn containers_conf(limits: &str) -> Option<String> {
    let files = hard_limit(limits, "Max open files")?;
    let processes = hard_limit(limits, "Max processes")
        .unwrap_or(PODMAN_PROCESSES)
        .min(PODMAN_PROCESSES);
    (files < PODMAN_OPEN_FILES).then(|| {
        format!(
            "[containers]\ndefault_ulimits = [\"nofile={files}:{files}\", \"nproc={processes}:{processes}\"]\n"
        )
    })
}

/// One hard limit of `/proc/self/limits`; `None` means unlimited.
fn hard_limit(limits: &str, name: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Finds a program the way a shell would.
pub fn find_on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Whether a container engine's API answers at `host`.
pub fn answers(host: &str) -> bool {
    asks_ok(host, "/_ping")
}

/// Whether the HTTP server at `host` (`unix://…` or `tcp://…`) answers a GET of `path` with 200.
pub fn asks_ok(host: &str, path: &str) -> bool {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let request = request.as_bytes();
    let answer = if let Some(path) = host.strip_prefix("unix://") {
        ask_unix(Path::new(path), request)
    } else if let Some(address) = host.strip_prefix("tcp://") {
        ask_tcp(address, request)
    } else {
        return false;
    };
    answer.is_ok_and(|answer| answer.contains(" 200 "))
}

fn ask_unix(path: &Path, request: &[u8]) -> std::io::Result<String> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    exchange(stream, request)
}

fn ask_tcp(address: &str, request: &[u8]) -> std::io::Result<String> {
    let stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    exchange(stream, request)
}

/// One read is enough for the status line.
fn exchange(mut stream: impl Read + Write, request: &[u8]) -> std::io::Result<String> {
    stream.write_all(request)?;
    let mut answer = [0; 256];
    let length = stream.read(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
        Max processes             96365                96365                processes \n\
        Max open files            1024                 20000                files     \n";

    #[test]
    fn podman_gets_limits_it_may_set() {
        let conf = containers_conf(LIMITS).unwrap();
        assert!(
            conf.contains("nofile=20000:20000") && conf.contains("nproc=32768:32768"),
            "{conf}"
        );
    }

    #[test]
    fn the_users_configuration_stays_where_containers_start_with_it() {
        assert_eq!(containers_conf(&LIMITS.replace("20000", "1048576")), None);
        assert_eq!(containers_conf(&LIMITS.replace("20000", "unlimited")), None);
    }

    #[test]
    fn silence_is_not_an_engine() {
        assert!(!answers("unix:///nonexistent/docker.sock"));
        assert!(!answers("ssh://somewhere"));
    }
}
