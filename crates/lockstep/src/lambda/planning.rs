//! From a live function and the wanted artifact to a change, or to none.

use super::checks;
use super::configuration;
use super::live::{LiveAlias, LiveFunction};
use super::step::{CodeChange, ConfigurationChange, FunctionChange, FunctionState};
use crate::Check;
use crate::ecs::by_digest;
use crate::manifest::ResolvedFunction;
use crate::release::Artifact;

/// What one function is planned from.
#[derive(Debug, Clone, Copy)]
pub struct FunctionInputs<'a> {
    /// The manifest's name: `api`, or `workers/shop-a` for a member of a group.
    pub component: &'a str,
    /// What the manifest says of it, or of its group.
    pub resolved: &'a ResolvedFunction,
    /// The release's artifact for it ([`super::artifact_of`]); `None` leaves its code as it is.
    pub artifact: Option<&'a Artifact>,
    /// The artifact of the last verified release for it: how the code of a function without
    /// an alias is put back where it is still what runs.
    pub verified: Option<&'a Artifact>,
    /// The function itself.
    pub latest: &'a LiveFunction,
    /// The manifest's alias, where it exists.
    pub alias: Option<&'a LiveAlias>,
    /// What the alias names: `GetFunction` with the alias as its qualifier.
    pub serving: Option<&'a LiveFunction>,
}

impl<'a> FunctionInputs<'a> {
    /// What is invoked now.
    pub(super) fn serves(&self) -> &'a LiveFunction {
        self.serving.unwrap_or(self.latest)
    }

    fn weighted(&self) -> bool {
        self.alias.is_some_and(|alias| !alias.weights.is_empty())
    }
}

/// Plans one function: `None` when it already runs what it should.
///
/// What counts is what serves: code by its hash, and of the configuration what the manifest
/// names. An alias that shares its traffic between two versions does not run one release, so
/// it is changed even to what the first of them has.
///
/// # Errors
/// All checks of the function that fail, not only the first.
pub fn plan_function(inputs: &FunctionInputs<'_>) -> Result<Option<FunctionChange>, Vec<Check>> {
    let failed = checks::of_target(inputs);
    if !failed.is_empty() {
        return Err(failed);
    }
    let serving = inputs.serves();
    let wanted = inputs
        .artifact
        .map(|artifact| code_of(artifact, inputs.latest));
    let settings = &inputs.resolved.configuration;
    let same_code = wanted
        .as_ref()
        .is_none_or(|it| it.code_sha256() == serving.code_sha256 && !inputs.weighted());
    if same_code && configuration::differing(settings, &serving.configuration).is_empty() {
        return Ok(None);
    }
    let change = change(inputs, wanted);
    let failed = checks::of_change(inputs, &change);
    if failed.is_empty() {
        Ok(Some(change))
    } else {
        Err(failed)
    }
}

/// The change of `$LATEST` that leads to what is wanted: it may be there already, only not
/// published, or not under the alias.
fn change(inputs: &FunctionInputs<'_>, wanted: Option<CodeChange>) -> FunctionChange {
    let latest = inputs.latest;
    let differing = configuration::differing(&inputs.resolved.configuration, &latest.configuration);
    let configuration = (!differing.is_empty()).then(|| {
        let after = configuration::with(&latest.configuration, &differing);
        ConfigurationChange {
            after_hash: configuration::hash(&latest.name, &after),
            settings: differing,
        }
    });
    let runs = |code: &CodeChange| code.code_sha256() == latest.code_sha256;
    let serves =
        |code: &CodeChange| code.code_sha256() == inputs.serves().code_sha256 && !inputs.weighted();
    let standing = wanted.as_ref().filter(|it| runs(it) && !serves(it));
    let verified = inputs.verified.map(|artifact| code_of(artifact, latest));
    FunctionChange {
        component: inputs.component.to_owned(),
        function: latest.name.clone(),
        alias: inputs.resolved.alias.clone(),
        keep: inputs.resolved.keep,
        before: state(inputs),
        standing_code: standing.map(|code| code.label().to_owned()),
        code: wanted.filter(|code| !runs(code)),
        configuration,
        put_back: verified.filter(|code| inputs.resolved.alias.is_none() && runs(code)),
        in_stages: false,
    }
}

fn state(inputs: &FunctionInputs<'_>) -> FunctionState {
    let (latest, serving) = (inputs.latest, inputs.serves());
    FunctionState {
        code_sha256: serving.code_sha256.clone(),
        configuration_hash: serving.configuration_hash(),
        version: inputs.alias.map(|alias| alias.version.clone()),
        weights: inputs
            .alias
            .map(|alias| alias.weights.clone())
            .unwrap_or_default(),
        alias_revision: inputs.alias.map(|alias| alias.revision_id.clone()),
        latest_code_sha256: latest.code_sha256.clone(),
        latest_configuration_hash: latest.configuration_hash(),
        latest_revision: latest.revision_id.clone(),
    }
}

fn code_of(artifact: &Artifact, latest: &LiveFunction) -> CodeChange {
    match artifact {
        Artifact::Zip(zip)
        | Artifact::Template(zip)
        | Artifact::Source(zip)
        | Artifact::Site(zip) => CodeChange::Zip {
            bucket: zip.bucket.clone(),
            key: zip.key.clone(),
            version_id: zip.version_id.clone(),
            code_sha256: zip.code_sha256(),
            label: zip.label(),
        },
        Artifact::Image(image) => CodeChange::Image {
            uri: by_digest(
                latest.image_uri.as_deref().unwrap_or_default(),
                &image.repository,
                &image.digest,
                &latest.arn,
            ),
            code_sha256: image
                .digest
                .strip_prefix("sha256:")
                .unwrap_or(&image.digest)
                .to_owned(),
            label: image.label(),
        },
        // Nothing is planned before its images are built.
        Artifact::Unbuilt(image) => CodeChange::Image {
            uri: format!("{}:{}", image.repository, image.commit),
            code_sha256: image.commit.clone(),
            label: image.label(),
        },
    }
}

#[cfg(test)]
mod tests;
