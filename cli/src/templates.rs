//! The templates of stacks and the sources of infrastructure: stored by `lockstep apply`, released by `lockstep release`.

use std::collections::BTreeSet;
use std::path::Path;

use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use lockstep::manifest::{Embedded, ResolvedEnvironment, StoredManifest, template_fault};
use lockstep::release::base64_of_hex;
use lockstep::stack::template_url;
use lockstep_aws::AwsError;

use crate::aws::Controller;
use crate::error::CliError;
use crate::release::{Artifact, pack_one, pack_source};

/// Stores the templates and the sources of infrastructure that a manifest names in the releases
/// bucket, and gives the manifest with their addresses. Each lies under its own hash: one that is
/// there already stays as it is.
///
/// # Errors
/// When the bucket is not there, or cannot be written.
pub async fn store(
    controller: &Controller,
    embedded: Embedded,
) -> Result<StoredManifest, CliError> {
    let Embedded {
        mut manifest,
        templates,
        sources,
    } = embedded;
    if templates.is_empty() && sources.is_empty() {
        return Ok(manifest);
    }
    let bucket = controller.releases_bucket().await?;
    let application = manifest.manifest.application.clone();
    for template in templates {
        let key = template.key(&application);
        let file = Kept {
            path: &template.path,
            sha256: &template.sha256,
            bytes: template.text.into_bytes(),
        };
        put(controller, &bucket, &key, &file).await?;
        if let Some(stored) = manifest.templates.get_mut(&template.path) {
            stored.url = template_url(&controller.region, &bucket, &key);
        }
    }
    for source in sources {
        let key = source.key(&application);
        let file = Kept {
            path: &source.path,
            sha256: &source.packed.sha256,
            bytes: source.packed.zip,
        };
        put(controller, &bucket, &key, &file).await?;
        if let Some(stored) = manifest.sources.get_mut(&source.path) {
            stored.bucket.clone_from(&bucket);
        }
    }
    Ok(manifest)
}

/// Something that is stored under its own hash.
struct Kept<'a> {
    /// What it is called in the manifest.
    path: &'a str,
    sha256: &'a str,
    bytes: Vec<u8>,
}

/// How often something is sent at most, while somebody else sends the same.
const TRIES: usize = 3;

/// Puts something where nothing is. S3 refuses bytes that do not have the hash.
async fn put(
    controller: &Controller,
    bucket: &str,
    key: &str,
    file: &Kept<'_>,
) -> Result<(), CliError> {
    let mut refused = None;
    for _ in 0..TRIES {
        let head = controller.s3.head_object().bucket(bucket).key(key);
        if head.send().await.is_ok() {
            return Ok(());
        }
        let put = controller.s3.put_object().bucket(bucket).key(key);
        let put = put
            .if_none_match("*")
            .checksum_sha256(base64_of_hex(file.sha256))
            .body(ByteStream::from(file.bytes.clone()));
        let Err(error) = put.send().await else {
            return Ok(());
        };
        match error.code() {
            // Somebody else stored the same bytes first, or does just now.
            Some("PreconditionFailed") => return Ok(()),
            Some("ConditionalRequestConflict") => refused = Some(error),
            Some("NoSuchBucket") => {
                return Err(CliError::invalid(
                    format!("the controller has no releases bucket: {bucket} does not exist"),
                    "update the controller's stack: templates and sources are stored there",
                ));
            }
            _ => return Err(failed(bucket, key, file.path, &error)),
        }
    }
    refused.map_or(Ok(()), |error| Err(failed(bucket, key, file.path, &error)))
}

fn failed(bucket: &str, key: &str, path: &str, error: &SdkError<PutObjectError>) -> CliError {
    CliError::Aws {
        doing: format!("storing {path} as s3://{bucket}/{key}"),
        error: AwsError::new("s3:PutObject", error),
    }
}

/// The templates, and the sources of infrastructure, that environments take from uploaded releases
/// and that the command line did not name itself: the files of these paths beside the manifest. A
/// source may be a folder there, of the path without `.zip`.
///
/// # Errors
/// When a file is not there, or is no template.
pub fn released(
    manifest: &StoredManifest,
    folder: &Path,
    named: &[Artifact],
) -> Result<Vec<Artifact>, CliError> {
    let environments = manifest.manifest.environments.keys();
    let environments: Vec<_> = environments
        .filter_map(|name| manifest.resolve(name).ok())
        .collect();
    let templates = environments
        .iter()
        .flat_map(ResolvedEnvironment::released_templates);
    let templates: BTreeSet<&str> = templates.map(|(_, path)| path).collect();
    let sources = environments
        .iter()
        .flat_map(ResolvedEnvironment::released_sources);
    let sources: BTreeSet<&str> = sources.map(|(_, path)| path).collect();
    for artifact in named
        .iter()
        .filter(|it| templates.contains(it.path.as_str()))
    {
        check(&artifact.path, &artifact.file)?;
    }
    let is_missing = |path: &&&str| named.iter().all(|artifact| artifact.path != **path);
    let mut added = Vec::new();
    for path in templates.iter().filter(is_missing) {
        let file = folder.join(path);
        check(path, &file)?;
        added.push(pack_one((*path).to_owned(), &file)?);
    }
    for path in sources.iter().filter(is_missing) {
        added.push(source(path, folder)?);
    }
    Ok(added)
}

/// A source of infrastructure: a zip file, or a folder that is packed into one.
fn source(path: &str, folder: &Path) -> Result<Artifact, CliError> {
    let zip = folder.join(path);
    if zip.is_file() {
        return pack_one(path.to_owned(), &zip);
    }
    let unpacked = folder.join(path.strip_suffix(".zip").unwrap_or(path));
    let packed = pack_source(&unpacked).map_err(|error| {
        CliError::invalid(
            format!(
                "the manifest's source {path} is neither {} nor a folder {}: {error}",
                zip.display(),
                unpacked.display()
            ),
            format!("build it first, or say where it is: {path}=FILE"),
        )
    })?;
    Artifact::packed(path, &packed)
}

fn check(path: &str, file: &Path) -> Result<(), CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        CliError::invalid(
            format!(
                "the manifest's template {path} cannot be read from {}: {error}",
                file.display()
            ),
            format!("build it first, or say where it is: {path}=FILE"),
        )
    })?;
    match template_fault(path, &text) {
        None => Ok(()),
        Some(fault) => Err(CliError::invalid(
            fault,
            "correct the template, and release again",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use lockstep::manifest::{Manifest, StoredManifest};

    use super::released;
    use crate::release::pack_one;

    const TEMPLATE: &str = "Resources: { A: { Type: AWS::SNS::Topic } }\n";

    fn manifest() -> StoredManifest {
        let text = "application: shop\nstacks:\n  data: { template: { artifact: infra/data.yaml } }\nenvironments:\n  \
                    local: {}\n  other: { stacks: { data: { template: { artifact: other.yaml } } } }\n";
        Manifest::parse("lockstep.yaml", text)
            .unwrap()
            .embed(|_| unreachable!())
            .unwrap()
    }

    #[test]
    fn templates_of_every_environment_go_into_the_release() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("infra")).unwrap();
        fs::write(folder.path().join("infra/data.yaml"), TEMPLATE).unwrap();
        let error = released(&manifest(), folder.path(), &[]).unwrap_err();
        assert!(error.to_string().contains("template other.yaml"), "{error}");
        assert!(error.help().unwrap().contains("other.yaml=FILE"));
        let built = folder.path().join("built.yaml");
        fs::write(&built, TEMPLATE).unwrap();
        let named = [pack_one("other.yaml".to_owned(), &built).unwrap()];
        let added = released(&manifest(), folder.path(), &named).unwrap();
        let paths: Vec<_> = added.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, ["infra/data.yaml"]);
        fs::write(&built, "Resorces: {}\n").unwrap();
        let error = released(&manifest(), folder.path(), &named).unwrap_err();
        assert!(
            error.to_string().contains("did you mean `Resources`?"),
            "{error}"
        );
    }
}
