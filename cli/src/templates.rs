//! The templates of stacks: stored by `lockstep apply`, released by `lockstep release`.

use std::collections::BTreeSet;
use std::path::Path;

use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use lockstep::manifest::{Embedded, StoredManifest, TemplateFile, template_fault};
use lockstep::release::base64_of_hex;
use lockstep::stack::template_url;
use lockstep_aws::AwsError;

use crate::aws::Controller;
use crate::error::CliError;
use crate::release::{Artifact, pack_one};

/// Stores the templates that a manifest names in the releases bucket, and gives the manifest with
/// their addresses. Each lies under its own hash: one that is there already stays as it is.
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
    } = embedded;
    if templates.is_empty() {
        return Ok(manifest);
    }
    let bucket = controller.releases_bucket().await?;
    let application = manifest.manifest.application.clone();
    for template in &templates {
        let key = template.key(&application);
        put(controller, &bucket, &key, template).await?;
        if let Some(stored) = manifest.templates.get_mut(&template.path) {
            stored.url = template_url(&controller.region, &bucket, &key);
        }
    }
    Ok(manifest)
}

/// How often a template is sent at most, while somebody else sends the same one.
const TRIES: usize = 3;

/// Puts a template where none is. S3 refuses bytes that do not have the hash.
async fn put(
    controller: &Controller,
    bucket: &str,
    key: &str,
    template: &TemplateFile,
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
            .checksum_sha256(base64_of_hex(&template.sha256))
            .body(ByteStream::from(template.text.clone().into_bytes()));
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
                    "update the controller's stack: templates are stored there",
                ));
            }
            _ => return Err(failed(bucket, key, template, &error)),
        }
    }
    refused.map_or(Ok(()), |error| Err(failed(bucket, key, template, &error)))
}

fn failed(
    bucket: &str,
    key: &str,
    template: &TemplateFile,
    error: &SdkError<PutObjectError>,
) -> CliError {
    CliError::Aws {
        doing: format!("storing {} as s3://{bucket}/{key}", template.path),
        error: AwsError::new("s3:PutObject", error),
    }
}

/// The templates that environments take from uploaded releases and that the command line did not
/// name itself: the files of these paths beside the manifest.
///
/// # Errors
/// When a file is not there, or is no template.
pub fn released(
    manifest: &StoredManifest,
    folder: &Path,
    named: &[Artifact],
) -> Result<Vec<Artifact>, CliError> {
    let environments = manifest.manifest.environments.keys();
    let environments = environments.filter_map(|name| manifest.resolve(name).ok());
    let paths: BTreeSet<String> = environments
        .flat_map(|environment| {
            let templates = environment.released_templates();
            let paths = templates.map(|(_, path)| path.to_owned());
            paths.collect::<Vec<_>>()
        })
        .collect();
    for artifact in named.iter().filter(|it| paths.contains(&it.path)) {
        check(&artifact.path, &artifact.file)?;
    }
    let missing = paths
        .into_iter()
        .filter(|path| named.iter().all(|artifact| artifact.path != *path));
    missing
        .map(|path| {
            let file = folder.join(&path);
            check(&path, &file)?;
            pack_one(path, &file)
        })
        .collect()
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
