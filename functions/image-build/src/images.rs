//! Images in ECR: whether one is there, and further tags for it.

use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::ImageIdentifier;
use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::image_build::Tagged;
use lockstep::release::ImageArtifact;
use lockstep_aws::AwsError;

/// The kinds of manifests that are understood: images and indexes of images. ECR translates others
/// than these, which would be another image.
const ACCEPTED: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// Looks at images, and tags them. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Images {
    client: Client,
}

/// An image that is there.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) image: ImageArtifact,
    /// All of its tags.
    pub(crate) tags: Vec<String>,
}

impl Images {
    pub(crate) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Where images of a repository are pushed to: `REGISTRY/NAME`.
    pub(crate) async fn address(&self, repository: &str) -> Result<String, PhaseError> {
        let resource = || format!("repository {repository}");
        let call = self.client.describe_repositories();
        let sent = call.repository_names(repository).send().await;
        let sent = sent.map_err(|error| AwsError::new("ecr:DescribeRepositories", &error));
        let found = match sent {
            Err(error) if error.code == "RepositoryNotFoundException" => None,
            Err(error) => return Err(error.about(resource())),
            Ok(answer) => answer
                .repositories()
                .first()
                .and_then(|it| it.repository_uri())
                .map(str::to_owned),
        };
        found.ok_or_else(|| PhaseError::Rejected {
            resource: resource(),
            reason: "there is none of this name in the controller's account and region, so that no build can push to it; create it, \
                     or correct `image` in lockstep.yaml and apply it, then deploy the commit again"
                .to_owned(),
        })
    }

    /// The image that a tag points to now; `None` where there is none.
    pub(crate) async fn find(
        &self,
        repository: &str,
        tag: &str,
    ) -> Result<Option<Found>, PhaseError> {
        let resource = || format!("image {repository}:{tag}");
        let call = self.client.describe_images().repository_name(repository);
        let call = call.image_ids(ImageIdentifier::builder().image_tag(tag).build());
        let sent = call.send().await;
        let answer = match sent.map_err(|error| AwsError::new("ecr:DescribeImages", &error)) {
            Ok(answer) => answer,
            Err(error) => {
                let gone = ["ImageNotFoundException", "RepositoryNotFoundException"];
                return if gone.contains(&error.code.as_str()) {
                    Ok(None)
                } else {
                    Err(error.about(resource()))
                };
            }
        };
        let images = answer.image_details().iter();
        let mut images = images.filter_map(|image| Some((image, image.image_digest()?)));
        let Some((image, digest)) = images.next() else {
            return Ok(None);
        };
        let pushed_ms = image.image_pushed_at().and_then(|at| at.to_millis().ok());
        let pushed_at = Timestamp::from_millisecond(pushed_ms.unwrap_or_default());
        let pushed_at = pushed_at.map_err(|error| PhaseError::Rejected {
            resource: resource(),
            reason: format!("ecr:DescribeImages gave no usable push time: {error}"),
        })?;
        Ok(Some(Found {
            image: ImageArtifact {
                repository: repository.to_owned(),
                digest: digest.to_owned(),
                tag: Some(tag.to_owned()),
                pushed_at,
            },
            tags: image.image_tags().to_vec(),
        }))
    }

    /// Gives an image further tags. A repository whose tags do not move keeps those that another
    /// image has.
    pub(crate) async fn tag(
        &self,
        found: &Found,
        tags: &[String],
    ) -> Result<Vec<Tagged>, PhaseError> {
        let mut manifest = None;
        let mut tagged = Vec::new();
        for tag in tags {
            if found.tags.contains(tag) {
                tagged.push(Tagged::Yes(tag.clone()));
                continue;
            }
            if manifest.is_none() {
                manifest = Some(self.manifest(&found.image).await?);
            }
            let (text, kind) = manifest.clone().unwrap_or_default();
            tagged.push(self.put(&found.image, tag, text, kind).await?);
        }
        Ok(tagged)
    }

    /// The manifest of an image, exactly as it was pushed, and its media type.
    async fn manifest(&self, image: &ImageArtifact) -> Result<Manifest, PhaseError> {
        let resource = || format!("image {}", image.label());
        let identifier = ImageIdentifier::builder().image_digest(&image.digest);
        let call = self
            .client
            .batch_get_image()
            .repository_name(&image.repository);
        let call = call.image_ids(identifier.build());
        let sent = call
            .set_accepted_media_types(Some(ACCEPTED.map(str::to_owned).to_vec()))
            .send()
            .await
            .map_err(|error| AwsError::new("ecr:BatchGetImage", &error));
        let answer = sent.map_err(|error| error.about(resource()))?;
        let found = answer.images().first();
        let text = found.and_then(|it| it.image_manifest());
        let text = text.ok_or_else(|| PhaseError::Rejected {
            resource: resource(),
            reason: "it was built and is gone from ECR again; does a lifecycle policy remove it?"
                .to_owned(),
        })?;
        let kind = found.and_then(|it| it.image_manifest_media_type());
        Ok((text.to_owned(), kind.map(str::to_owned)))
    }

    async fn put(
        &self,
        image: &ImageArtifact,
        tag: &str,
        manifest: String,
        kind: Option<String>,
    ) -> Result<Tagged, PhaseError> {
        let call = self.client.put_image().repository_name(&image.repository);
        let sent = call
            .image_tag(tag)
            .image_digest(&image.digest)
            .image_manifest(manifest)
            .set_image_manifest_media_type(kind)
            .send()
            .await;
        let sent = sent.map_err(|error| AwsError::new("ecr:PutImage", &error));
        match sent.map(drop) {
            Ok(()) => Ok(Tagged::Yes(tag.to_owned())),
            Err(error) if error.code == "ImageAlreadyExistsException" => {
                Ok(Tagged::Yes(tag.to_owned()))
            }
            Err(error) if error.code == "ImageTagAlreadyExistsException" => {
                Ok(Tagged::Immutable(tag.to_owned()))
            }
            Err(error) => Err(error.about(format!("tag {tag} of image {}", image.label()))),
        }
    }
}

/// A manifest as it was pushed, and its media type.
type Manifest = (String, Option<String>);
