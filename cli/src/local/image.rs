//! Container images without a container engine: one static binary in one layer, from scratch.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sha2::{Digest, Sha256};

/// The media types of Docker's image format, version 2 schema 2: what `docker push` sends to ECR.
pub const MANIFEST_TYPE: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG_TYPE: &str = "application/vnd.docker.container.image.v1+json";
const LAYER_TYPE: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// An image, ready to be pushed. The same binary and settings give the same digest, byte for byte.
#[derive(Debug, Clone)]
pub struct OciImage {
    /// The manifest as it is pushed.
    pub manifest: Vec<u8>,
    /// Configuration and layer, each by its digest.
    pub blobs: Vec<Blob>,
}

/// One blob of an image.
#[derive(Debug, Clone)]
pub struct Blob {
    /// `sha256:…`
    pub digest: String,
    /// Its content.
    pub content: Vec<u8>,
}

impl Blob {
    fn new(content: Vec<u8>) -> Self {
        Self {
            digest: digest(&content),
            content,
        }
    }
}

impl OciImage {
    /// The digest by which ECR knows the image.
    pub fn digest(&self) -> String {
        digest(&self.manifest)
    }
}

/// Builds an image `FROM scratch` with the static `binary` as its only file and entry point.
pub fn build(
    binary: &Path,
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> io::Result<OciImage> {
    let name = binary
        .file_name()
        .ok_or_else(|| io::Error::other("the binary has no file name"))?;
    let tar = layer(Path::new(name), &std::fs::read(binary)?)?;
    let compressed = Blob::new(gzip(&tar)?);
    let mut command = vec![format!("/{}", name.to_string_lossy())];
    command.extend(arguments.iter().map(|&argument| argument.to_owned()));
    // Sorted: the order in which variables are given must not change the digest.
    let variables: BTreeMap<&str, &str> = environment.iter().copied().collect();
    let config = json!({
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        "os": "linux",
        "config": {
            "Env": variables.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>(),
            "Entrypoint": command,
        },
        "rootfs": { "type": "layers", "diff_ids": [digest(&tar)] },
        "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": "lockstep" }],
        "created": "1970-01-01T00:00:00Z",
    });
    let config = Blob::new(config.to_string().into_bytes());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": { "mediaType": CONFIG_TYPE, "size": config.content.len(), "digest": config.digest },
        "layers": [{ "mediaType": LAYER_TYPE, "size": compressed.content.len(), "digest": compressed.digest }],
    });
    Ok(OciImage {
        manifest: manifest.to_string().into_bytes(),
        blobs: vec![compressed, config],
    })
}

fn layer(name: &Path, content: &[u8]) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_size(u64::try_from(content.len()).map_err(io::Error::other)?);
    header.set_mode(0o755);
    header.set_mtime(0);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, name, content)?;
    tar.into_inner()
}

fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    io::Write::write_all(&mut encoder, content)?;
    encoder.finish()
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(content))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn image(environment: &[(&str, &str)]) -> OciImage {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("hello");
        std::fs::write(&binary, b"binary").unwrap();
        build(&binary, environment, &["--port", "80"]).unwrap()
    }

    #[test]
    fn the_same_input_gives_the_same_digest() {
        let (one, other) = (
            image(&[("A", "1"), ("B", "2")]),
            image(&[("B", "2"), ("A", "1")]),
        );
        assert_eq!(one.digest(), other.digest());
        assert_ne!(one.digest(), image(&[("A", "2")]).digest());
    }

    #[test]
    fn manifest_config_and_layer_refer_to_each_other() {
        let image = image(&[("VERSION", "v1")]);
        let manifest: serde_json::Value = serde_json::from_slice(&image.manifest).unwrap();
        assert_eq!(manifest["layers"][0]["digest"], image.blobs[0].digest);
        assert_eq!(manifest["config"]["digest"], image.blobs[1].digest);
        let config: serde_json::Value = serde_json::from_slice(&image.blobs[1].content).unwrap();
        assert_eq!(
            config["config"]["Entrypoint"],
            json!(["/hello", "--port", "80"])
        );
        assert_eq!(config["config"]["Env"], json!(["VERSION=v1"]));
        assert_eq!(image.blobs[1].digest, digest(&image.blobs[1].content));
    }
}
