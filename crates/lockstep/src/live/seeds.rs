//! Code that templates read before any of it was live: a stack cannot create a function without.

use std::collections::BTreeMap;

use crate::lambda::artifact_of;
use crate::manifest::{FunctionTarget, ResolvedEnvironment};
use crate::release::{Artifacts, Component, ZipArtifact};

/// The code that a template gets for a function of which none is live yet: the one that is asked
/// for, else that of the last verified release.
pub fn seed<'a>(
    component: &str,
    requested: &'a Artifacts,
    verified: &'a Artifacts,
) -> Option<&'a ZipArtifact> {
    let asked = artifact_of(requested, component);
    asked
        .or_else(|| artifact_of(verified, component))
        .and_then(|artifact| artifact.as_zip())
}

/// All that templates may read: the code of every function that the manifest names, and of every
/// member of a group that the release names. Other members are not known before they exist.
pub fn seeds<'a>(
    environment: &ResolvedEnvironment,
    requested: &'a Artifacts,
    verified: &'a Artifacts,
) -> BTreeMap<Component, &'a ZipArtifact> {
    let functions = environment.functions.iter();
    let named = functions
        .filter(|(_, function)| matches!(function.target, FunctionTarget::One(_)))
        .map(|(name, _)| name);
    let is_member = |component: &&Component| {
        let group = component.split_once('/').map(|(group, _)| group);
        group.is_some_and(|group| environment.functions.contains_key(group))
    };
    let members = requested.keys().filter(is_member);
    named
        .chain(members)
        .filter_map(|component| {
            let zip = seed(component, requested, verified)?;
            Some((component.clone(), zip))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::seeds;
    use crate::lambda::testing::zip;
    use crate::manifest::Manifest;
    use crate::release::{Artifact, Artifacts};

    const MANIFEST: &str = "\
application: shop
functions:
  api: { function: shop-api }
  thumbs: { function: shop-thumbs }
  old: { function: shop-old }
  workers: { match: \"shop-*\" }
environments:
  test: {}
";

    #[test]
    fn functions_and_members_of_groups_that_are_named_get_code() {
        let manifest = Manifest::parse("lockstep.yaml", MANIFEST).unwrap();
        let stored = manifest.embed_all(|_| Ok(String::new()));
        let environment = stored.unwrap().manifest.resolve("test").unwrap();
        let all = |digits: &[(&str, char)]| -> Artifacts {
            let artifact = |(name, digit): &(&str, char)| ((*name).to_owned(), zip(*digit));
            digits.iter().map(artifact).collect()
        };
        let requested = all(&[
            ("api", 'a'),
            ("workers", 'b'),
            ("workers/shop-sms", 'c'),
            ("web/web", 'd'),
        ]);
        let verified = all(&[("api", 'e'), ("old", 'f')]);
        let found: Vec<_> = seeds(&environment, &requested, &verified)
            .into_iter()
            .map(|(name, zip)| (name, Artifact::Zip(zip.clone())))
            .collect();
        let expected = [("api", 'a'), ("old", 'f'), ("workers/shop-sms", 'c')];
        let expected: Vec<_> = all(&expected).into_iter().collect();
        assert_eq!(found, expected);
    }
}
