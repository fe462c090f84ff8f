//! Whether an image is in ECR, and what it was built for.

use std::time::Duration;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::ImageIdentifier;
use lockstep::PhaseError;
use lockstep::ecs::{Check, Platform};
use lockstep::release::ImageArtifact;
use lockstep_aws::{AwsError, HttpGet};
use serde_json::Value;

/// The kinds of manifests that are understood: images and indexes of images.
const ACCEPTED: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// How long the few kilobytes of an image's configuration may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Looks at images.
#[derive(Debug)]
pub(crate) struct Images {
    client: Client,
    http: HttpGet,
    /// Where all of AWS is found instead of at its own addresses.
    endpoint: Option<String>,
}

impl Images {
    pub(crate) fn new(client: Client, endpoint: Option<String>) -> Self {
        Self {
            client,
            http: HttpGet::default(),
            endpoint,
        }
    }

    /// The manifest of an image; `None` when ECR does not have the image.
    pub(crate) async fn manifest(
        &self,
        image: &ImageArtifact,
    ) -> Result<Option<Value>, PhaseError> {
        let call = self
            .client
            .batch_get_image()
            .repository_name(&image.repository);
        let call = call.image_ids(
            ImageIdentifier::builder()
                .image_digest(&image.digest)
                .build(),
        );
        let sent = call
            .set_accepted_media_types(Some(ACCEPTED.map(str::to_owned).to_vec()))
            .send()
            .await;
        let found = match sent.map_err(|error| AwsError::new("ecr:BatchGetImage", &error)) {
            Ok(found) => found,
            Err(error) if error.code == "RepositoryNotFoundException" => return Ok(None),
            Err(error) => return Err(error.about(format!("image {}", image.label()))),
        };
        let text = found
            .images()
            .first()
            .and_then(|image| image.image_manifest());
        text.map(|text| parse(text, image)).transpose()
    }

    /// What an image was built for. Empty when nobody can tell, as for manifests of
    /// other kinds.
    pub(crate) async fn platforms(
        &self,
        image: &ImageArtifact,
        manifest: &Value,
    ) -> Result<Vec<Platform>, PhaseError> {
        if manifest.get("manifests").is_some() {
            return Ok(Platform::of_index(manifest));
        }
        let Some(digest) = manifest.pointer("/config/digest").and_then(Value::as_str) else {
            return Ok(Vec::new());
        };
        let configuration = self.blob(image, digest).await?;
        Ok(Platform::parse(&configuration).into_iter().collect())
    }

    async fn blob(&self, image: &ImageArtifact, digest: &str) -> Result<Value, PhaseError> {
        const OPERATION: &str = "ecr:GetDownloadUrlForLayer";
        let resource = || format!("image {}", image.label());
        let call = self
            .client
            .get_download_url_for_layer()
            .repository_name(&image.repository)
            .layer_digest(digest);
        let sent = call
            .send()
            .await
            .map_err(|error| AwsError::new(OPERATION, &error).about(resource()))?;
        let url = self.reachable(sent.download_url().unwrap_or_default());
        let transient = |source_text: String| PhaseError::Transient {
            operation: OPERATION.into(),
            source_text,
        };
        let answer = self.http.get(&url, TIMEOUT).await.map_err(|failure| {
            transient(format!(
                "the configuration of {} could not be downloaded: {failure}",
                resource()
            ))
        })?;
        if answer.status != 200 {
            return Err(transient(format!(
                "the configuration of {} was answered with {}",
                resource(),
                answer.status
            )));
        }
        let text = String::from_utf8_lossy(&answer.body);
        parse(&text, image)
    }

    /// The address under which a layer is reached: with an endpoint set for all of AWS,
    /// layers come from there as well.
    fn reachable(&self, url: &str) -> String {
        let path = url
            .split_once("://")
            .and_then(|(_, rest)| rest.split_once('/'))
            .map(|(_, path)| path);
        match (&self.endpoint, path) {
            (Some(endpoint), Some(path)) => format!("{}/{path}", endpoint.trim_end_matches('/')),
            _ => url.to_owned(),
        }
    }
}

/// The check that fails when ECR does not have an image.
pub(crate) fn missing(image: &ImageArtifact) -> Check {
    Check {
        what: "image".into(),
        resource: format!("image {}", image.label()),
        found: "none in ECR".into(),
        expected: format!("{}@{}", image.repository, image.digest),
        todo: "push it again, or deploy another one; a lifecycle policy may have removed it".into(),
        curable: false,
    }
}

fn parse(text: &str, image: &ImageArtifact) -> Result<Value, PhaseError> {
    serde_json::from_str(text).map_err(|error| PhaseError::Rejected {
        resource: format!("image {}", image.label()),
        reason: format!("its manifest or configuration is not JSON: {error}; push it again"),
    })
}

#[cfg(test)]
mod tests;
