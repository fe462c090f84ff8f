//! `local push IMAGE`.

use tokio::process::Command;

use super::super::containers::ContainerEngine;
use super::super::error::LocalError;
use super::super::layout::Layout;
use super::super::registry::ensure_repository;
use super::super::state::EngineState;
use super::{PushArgs, say};

/// Pushes through the gateway, so that the push is announced as on AWS.
pub(super) async fn push(layout: &Layout, args: &PushArgs) -> Result<(), LocalError> {
    let state = EngineState::read(layout)?.ok_or_else(|| LocalError::NotRunning {
        home: layout.home.clone(),
    })?;
    let engine = ContainerEngine::detect(layout)?;
    let image = Image::parse(&args.image);
    let repository = args.repository.as_deref().unwrap_or(&image.repository);
    let tag = args.tag.as_deref().unwrap_or(&image.tag);
    ensure_repository(&state.endpoint(), repository).await?;
    let target = format!("127.0.0.1:{}/{repository}:{tag}", state.gateway_port);
    for command in push_commands(&engine, &args.image, &target) {
        run(&engine, &command, repository).await?;
    }
    say(&format!(
        "Pushed {} to ECR repository {repository} with the tag {tag}.",
        args.image
    ))
}

/// Docker pushes only what carries the registry's name, and takes a registry on the loopback address without TLS.
fn push_commands(engine: &ContainerEngine, image: &str, target: &str) -> Vec<Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    match engine {
        ContainerEngine::Docker { .. } => vec![
            words(&["tag", image, target]),
            words(&["push", "--quiet", target]),
        ],
        ContainerEngine::Podman { .. } => vec![words(&[
            "push",
            "--quiet",
            "--tls-verify=false",
            image,
            target,
        ])],
    }
}

async fn run(
    engine: &ContainerEngine,
    arguments: &[String],
    repository: &str,
) -> Result<(), LocalError> {
    let failed = |detail: String| LocalError::Push {
        repository: repository.to_owned(),
        detail,
    };
    let output = Command::new(engine.name())
        .args(arguments)
        .kill_on_drop(true)
        .output()
        .await;
    let output =
        output.map_err(|error| failed(format!("{} could not be run: {error}", engine.name())))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(format!(
        "`{} {}` failed: {}",
        engine.name(),
        arguments.join(" "),
        said.trim()
    )))
}

/// The parts of `[REGISTRY/]NAME[:TAG]`.
#[derive(Debug, PartialEq, Eq)]
struct Image {
    repository: String,
    tag: String,
}

impl Image {
    fn parse(reference: &str) -> Self {
        let (name, tag) = match reference.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (reference, "latest"),
        };
        let repository = match name.split_once('/') {
            // A first part with a dot or a port is a registry; `localhost/` is what Podman calls its own images.
            Some((first, rest)) if first == "localhost" || first.contains(['.', ':']) => rest,
            _ => name,
        };
        Self {
            repository: repository.to_owned(),
            tag: tag.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_the_name_without_the_registry() {
        for (reference, repository, tag) in [
            ("hello", "hello", "latest"),
            ("live-quiz/websocket:v2", "live-quiz/websocket", "v2"),
            ("localhost/hello:v1", "hello", "v1"),
            ("127.0.0.1:5000/shop/web", "shop/web", "latest"),
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.2",
                "shop/web",
                "1.2",
            ),
        ] {
            let expected = Image {
                repository: repository.to_owned(),
                tag: tag.to_owned(),
            };
            assert_eq!(Image::parse(reference), expected, "{reference}");
        }
    }
}
