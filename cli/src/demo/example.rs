//! The example application, `examples/hello-service`, as its manifest describes it.

use std::path::{Path, PathBuf};

use lockstep::manifest::{ResolvedService, StoredManifest};

use crate::application;
use crate::error::CliError;

/// The environment that the demo deploys to.
pub const ENVIRONMENT: &str = "local";

/// The example application.
#[derive(Debug, Clone)]
pub struct Example {
    /// Its folder.
    pub folder: PathBuf,
    /// Its manifest.
    pub manifest: StoredManifest,
    /// Its one service.
    pub service: ResolvedService,
    /// The ECR repository of that service's image.
    pub repository: String,
}

impl Example {
    /// Reads the example of a clone of this project.
    pub fn read(project: &Path) -> Result<Self, CliError> {
        let folder = project.join("examples/hello-service");
        let manifest = application::load(&folder.join("lockstep.yaml"))?;
        let broken = |what: &str| {
            CliError::invalid(
                format!("{} {what}", folder.join("lockstep.yaml").display()),
                "the demo needs the example as it is in the project: put it back with git",
            )
        };
        let resolved = manifest
            .resolve(ENVIRONMENT)
            .map_err(|error| broken(&format!("does not fit: {error}")))?;
        let service = resolved
            .services
            .into_values()
            .next()
            .ok_or_else(|| broken("has no service"))?;
        let repository = service
            .containers
            .values()
            .next()
            .ok_or_else(|| broken("has no container"))?
            .clone();
        Ok(Self {
            folder,
            manifest,
            service,
            repository,
        })
    }

    /// The application's name.
    pub fn application(&self) -> &str {
        &self.manifest.manifest.application
    }

    /// The manifest with the address that verify asks.
    pub fn manifest_with_health_url(&self, url: &str) -> StoredManifest {
        let mut manifest = self.manifest.clone();
        if let Some(environment) = manifest.manifest.environments.get_mut(ENVIRONMENT) {
            for check in &mut environment.verify.http {
                url.clone_into(&mut check.url);
            }
        }
        manifest
    }
}

/// What the local engine does not check by itself.
pub fn check_prerequisites(project: &Path) -> Result<(), CliError> {
    let missing = |program: &str| {
        let asked = std::process::Command::new(program)
            .arg("--version")
            .current_dir(project)
            .output();
        !asked.is_ok_and(|output| output.status.success())
    };
    for program in ["cargo", "rustc"] {
        if missing(program) {
            return Err(CliError::invalid(
                format!(
                    "`{program} --version` does not work here, and the demo builds the functions and an example with it"
                ),
                "install Rust with https://rustup.rs, and run this again",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{ENVIRONMENT, Example};

    #[test]
    fn the_example_is_what_the_demo_expects() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let example = Example::read(project).unwrap();
        assert_eq!(example.service.containers.len(), 1);
        let manifest = example.manifest_with_health_url("http://127.0.0.1:1/health");
        let verify = manifest.resolve(ENVIRONMENT).unwrap().verify;
        assert_eq!(verify.http.len(), 1);
        assert_eq!(verify.http[0].url, "http://127.0.0.1:1/health");
    }
}
