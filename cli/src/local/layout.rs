//! Where the local engine keeps its files: all of them under one folder that git ignores.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::{IoContext, LocalError};

/// The longest path a Unix socket can have on Linux is 107 bytes.
const SOCKET_PATH_LIMIT: usize = 107;

/// The folders of one engine.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Shared by all engines of a project: the virtual environment and the build.
    pub home: PathBuf,
    /// This engine's own: state, logs, sockets.
    pub engine: PathBuf,
}

impl Layout {
    /// The folders under `home`; an engine with a name has its own subfolder, so that several can run side by side.
    pub fn new(home: &Path, name: Option<&str>) -> Self {
        let engine = name.map_or_else(
            || home.to_path_buf(),
            |name| home.join("engines").join(name),
        );
        Self {
            home: home.to_path_buf(),
            engine,
        }
    }

    /// Makes the folders of this engine.
    pub fn create(&self) -> Result<(), LocalError> {
        for folder in [&self.home, &self.engine, &self.logs(), &self.temporary()] {
            fs::create_dir_all(folder)
                .doing(|| format!("making the folder {}", folder.display()))?;
        }
        Ok(())
    }

    /// The Python environment.
    pub fn venv(&self) -> PathBuf {
        self.home.join("venv")
    }

    /// A program of the Python environment.
    pub fn program(&self, name: &str) -> PathBuf {
        self.venv().join("bin").join(name)
    }

    /// What `sam build` wrote; all engines deploy the same build.
    pub fn build(&self) -> PathBuf {
        self.home.join("build")
    }

    /// Where handlers are compiled for local use, apart from the user's own release build.
    pub fn target(&self) -> PathBuf {
        self.home.join("target")
    }

    /// Log files.
    pub fn logs(&self) -> PathBuf {
        self.engine.join("logs")
    }

    /// Scratch space of the emulator (unpacked Lambda code); emptied when the engine stops.
    pub fn temporary(&self) -> PathBuf {
        self.engine.join("tmp")
    }

    /// Ports and processes of the running engine.
    pub fn state(&self) -> PathBuf {
        self.engine.join("engine.json")
    }

    /// The socket of our own Podman service; in the system's temporary folder where ours is too deep for a socket.
    pub fn podman_socket(&self) -> PathBuf {
        let socket = self.engine.join("podman.sock");
        if socket.as_os_str().len() <= SOCKET_PATH_LIMIT {
            return socket;
        }
        std::env::temp_dir().join(format!("{}.sock", self.instance()))
    }

    /// A name for this engine that no other one on this machine has, however often it starts.
    pub fn instance(&self) -> String {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(self.engine.as_os_str().as_encoded_bytes());
        format!("lockstep-{:.12}", format!("{digest:x}"))
    }

    /// Waits until nobody else holds the lock of this name, which all engines of the project share, and holds it until
    /// the file is dropped (or the process ends, however it does).
    pub async fn lock(&self, name: &str) -> Result<File, LocalError> {
        let path = self.home.join(format!("{name}.lock"));
        let what = format!("locking {}", path.display());
        let locked = tokio::task::spawn_blocking(move || {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(path)?;
            file.lock()?;
            Ok(file)
        });
        locked
            .await
            .map_err(std::io::Error::other)
            .and_then(|result| result)
            .doing(|| what)
    }

    /// Writes one of the engine's own files, replacing it in one step so that a reader never sees half of it.
    pub fn write(&self, path: &Path, content: &[u8]) -> Result<(), LocalError> {
        let what = || format!("writing {}", path.display());
        let folder = path.parent().unwrap_or(&self.engine);
        let mut file = tempfile::NamedTempFile::new_in(folder).doing(what)?;
        std::io::Write::write_all(&mut file, content).doing(what)?;
        file.persist(path)
            .map_err(|error| error.error)
            .doing(what)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_of_one_project_share_the_environment_and_nothing_else() {
        let plain = Layout::new(Path::new("/p/.lockstep"), None);
        let named = Layout::new(Path::new("/p/.lockstep"), Some("sweep-1"));
        assert_eq!(plain.venv(), named.venv());
        assert_eq!(plain.build(), named.build());
        assert_ne!(plain.state(), named.state());
        assert_ne!(plain.instance(), named.instance());
    }

    #[test]
    fn a_deep_project_still_gets_a_usable_socket_path() {
        let deep = Layout::new(Path::new(&format!("/{}", "d".repeat(200))), None);
        assert!(deep.podman_socket().as_os_str().len() <= SOCKET_PATH_LIMIT);
    }
}
