//! The example's images: one static program, and a setting for each version.

use std::path::{Path, PathBuf};

use crate::error::CliError;
use crate::local::image::{self, OciImage};
use crate::local::layout::Layout;
use crate::local::process::{self, Process};

/// One version of the example service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// The tag, and what the service calls itself.
    pub tag: &'static str,
    /// What `HELLO_MODE` is in it: `ok`, `crash` or `unhealthy`.
    pub mode: &'static str,
}

/// Builds the example's program so that it needs nothing of its image.
pub async fn build_program(layout: &Layout, folder: &Path) -> Result<PathBuf, CliError> {
    let host = host().await?;
    let target = layout.target().join("hello-service");
    let mut process = Process {
        command: ["cargo", "build", "--release", "--locked", "--target", &host]
            .map(str::to_owned)
            .into(),
        directory: Some(folder.to_owned()),
        ..Process::default()
    };
    let pairs = [
        ("CARGO_TARGET_DIR", target.display().to_string()),
        // With a target named, these flags are not used for build scripts and macros.
        ("RUSTFLAGS", "-C target-feature=+crt-static".to_owned()),
    ];
    process
        .environment
        .extend(pairs.map(|(name, value)| (name.to_owned(), value)));
    let built = process::run(
        layout,
        &layout.program("python"),
        "building hello-service",
        process,
    )
    .await;
    built.map_err(|error| CliError::Failed {
        message: error.to_string(),
        help: Some(
            "a static program needs the C library as an archive: Debian and Ubuntu have it in libc6-dev, Fedora in glibc-static"
                .to_owned(),
        ),
    })?;
    Ok(target.join(host).join("release/hello-service"))
}

/// The image of one version.
pub fn build(program: &Path, version: Version) -> Result<OciImage, CliError> {
    let environment = [
        ("HELLO_VERSION", version.tag),
        ("HELLO_MODE", version.mode),
        ("PORT", "8080"),
    ];
    image::build(program, &environment, &[]).map_err(|source| CliError::Io {
        what: format!(
            "making the image of version {} from {}",
            version.tag,
            program.display()
        ),
        source,
    })
}

/// What this machine's programs are built for, such as `x86_64-unknown-linux-gnu`.
async fn host() -> Result<String, CliError> {
    let asked = tokio::process::Command::new("rustc")
        .arg("-vV")
        .output()
        .await;
    let output = asked.map_err(|source| CliError::Io {
        what: "asking rustc -vV".to_owned(),
        source,
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| CliError::Failed {
        message: format!("rustc -vV does not say what it builds for: {}", text.trim()),
        help: Some(
            "check the Rust installation: `rustc -vV` must print a line `host: …`".to_owned(),
        ),
    })
}
