//! Looking up images in ECR.

use aws_sdk_ecr::types::ImageIdentifier;
use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::release::ImageArtifact;
use lockstep::trigger::ImageReference;
use lockstep_aws::AwsError;

use crate::Trigger;

impl Trigger {
    /// The image a reference points to now: its digest, and when it was pushed. `None`
    /// when the repository or the image does not exist.
    pub(crate) async fn image(
        &self,
        repository: &str,
        reference: &ImageReference,
    ) -> Result<Option<ImageArtifact>, PhaseError> {
        let identifier = match reference {
            ImageReference::Tag(tag) => ImageIdentifier::builder().image_tag(tag),
            ImageReference::Digest(digest) => ImageIdentifier::builder().image_digest(digest),
        };
        let sent = self
            .ecr
            .describe_images()
            .repository_name(repository)
            .image_ids(identifier.build())
            .send()
            .await;
        let output = match sent {
            Ok(output) => output,
            Err(error) => {
                let error = AwsError::new("ecr:DescribeImages", &error);
                return match error.code.as_str() {
                    "ImageNotFoundException" | "RepositoryNotFoundException" => Ok(None),
                    _ => Err(error.about(format!("image {repository}:{reference}"))),
                };
            }
        };
        let Some((image, digest)) = output
            .image_details()
            .iter()
            .find_map(|image| Some((image, image.image_digest()?)))
        else {
            return Ok(None);
        };
        let tag = match reference {
            ImageReference::Tag(tag) => Some(tag.clone()),
            ImageReference::Digest(_) => image.image_tags().first().cloned(),
        };
        let pushed_ms = image
            .image_pushed_at()
            .and_then(|at| at.to_millis().ok())
            .unwrap_or_default();
        let pushed_at =
            Timestamp::from_millisecond(pushed_ms).map_err(|error| PhaseError::Rejected {
                resource: format!("image {repository}:{reference}"),
                reason: format!("ecr:DescribeImages gave no usable push time: {error}"),
            })?;
        Ok(Some(ImageArtifact {
            repository: repository.to_owned(),
            digest: digest.to_owned(),
            tag,
            pushed_at,
        }))
    }
}
