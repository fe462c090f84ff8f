use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::error::ErrorMetadata;
use aws_sdk_ecr::operation::batch_get_image::{BatchGetImageError, BatchGetImageOutput};
use aws_sdk_ecr::operation::get_download_url_for_layer::GetDownloadUrlForLayerOutput;
use aws_sdk_ecr::types::Image;
use aws_sdk_ecr::types::error::RepositoryNotFoundException;
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use jiff::Timestamp;
use lockstep::release::ImageArtifact;
use serde_json::{Value, json};

use super::{Images, missing};

fn artifact() -> ImageArtifact {
    ImageArtifact {
        repository: "quiz/web".into(),
        digest: "sha256:0123456789abcdef".into(),
        tag: Some("v2".into()),
        pushed_at: Timestamp::UNIX_EPOCH,
    }
}

fn found(manifest: &Value) -> BatchGetImageOutput {
    let image = Image::builder()
        .image_manifest(manifest.to_string())
        .build();
    BatchGetImageOutput::builder().images(image).build()
}

/// A registry that answers one download.
fn registry(configuration: &'static str) -> (u16, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let read = stream.read(&mut request).unwrap();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{configuration}",
            configuration.len()
        )
        .unwrap();
        String::from_utf8_lossy(&request[..read])
            .lines()
            .next()
            .unwrap()
            .to_owned()
    });
    (port, asked)
}

#[tokio::test]
async fn asks_by_digest_and_reads_an_index() {
    let index = json!({"manifests": [{"platform": {"os": "linux", "architecture": "arm64"}}]});
    let rule = mock!(Client::batch_get_image)
        .match_requests(|request| {
            let digest = request.image_ids().first().and_then(|id| id.image_digest());
            request.repository_name() == Some("quiz/web")
                && digest == Some("sha256:0123456789abcdef")
        })
        .then_output(move || found(&index));
    let images = Images::new(mock_client!(aws_sdk_ecr, [&rule]), None);
    let manifest = images.manifest(&artifact()).await.unwrap().unwrap();
    let platforms = images.platforms(&artifact(), &manifest).await.unwrap();
    assert_eq!(
        platforms
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["linux/arm64"]
    );
}

#[tokio::test]
async fn a_single_image_tells_its_platform_in_its_configuration() {
    let (port, asked) = registry(r#"{"os": "linux", "architecture": "amd64", "rootfs": {}}"#);
    let rule = mock!(Client::get_download_url_for_layer)
        .match_requests(|request| request.layer_digest() == Some("sha256:c"))
        .then_output(|| {
            GetDownloadUrlForLayerOutput::builder()
                .download_url("https://registry.invalid/v2/quiz/web/blobs/sha256:c?sign=1")
                .build()
        });
    let images = Images::new(
        mock_client!(aws_sdk_ecr, [&rule]),
        Some(format!("http://127.0.0.1:{port}/")),
    );
    let manifest = json!({"config": {"digest": "sha256:c"}, "layers": []});
    let platforms = images.platforms(&artifact(), &manifest).await.unwrap();
    assert_eq!(
        platforms
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["linux/amd64"]
    );
    assert_eq!(
        asked.join().unwrap(),
        "GET /v2/quiz/web/blobs/sha256:c?sign=1 HTTP/1.1"
    );
}

#[tokio::test]
async fn a_download_that_fails_may_be_tried_again() {
    let rule = mock!(Client::get_download_url_for_layer).then_output(|| {
        GetDownloadUrlForLayerOutput::builder()
            .download_url("http://registry.invalid/x")
            .build()
    });
    let images = Images::new(mock_client!(aws_sdk_ecr, [&rule]), None);
    let error = images
        .platforms(&artifact(), &json!({"config": {"digest": "sha256:c"}}))
        .await
        .unwrap_err();
    assert!(
        error.is_transient() && error.to_string().contains("cannot be resolved"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_not_there_is_not_an_error() {
    let gone = mock!(Client::batch_get_image)
        .sequence()
        .output(|| BatchGetImageOutput::builder().build())
        .error(|| {
            BatchGetImageError::RepositoryNotFoundException(
                RepositoryNotFoundException::builder()
                    .meta(
                        ErrorMetadata::builder()
                            .code("RepositoryNotFoundException")
                            .build(),
                    )
                    .build(),
            )
        });
    let rule = gone.build();
    let images = Images::new(
        mock_client!(aws_sdk_ecr, RuleMode::Sequential, [&rule]),
        None,
    );
    assert_eq!(images.manifest(&artifact()).await.unwrap(), None);
    assert_eq!(images.manifest(&artifact()).await.unwrap(), None);
    assert_eq!(
        missing(&artifact()).to_string(),
        "image quiz/web:v2 (0123456789ab): found none in ECR, expected quiz/web@sha256:0123456789abcdef; \
         push it again, or deploy another one; a lifecycle policy may have removed it"
    );
}
