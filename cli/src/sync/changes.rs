//! What of a build has to be released.

use std::collections::{BTreeMap, BTreeSet};

use lockstep::manifest::ResolvedEnvironment;
use lockstep::release::Artifacts;
use lockstep::release_file::{ReleaseFile, ReleasedArtifact};

use crate::release::Artifact;

/// What is known of an environment: the hashes of its artifacts, by path in a release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// What runs there.
    live: BTreeMap<String, String>,
    /// What was tried last, and what runs where nothing was.
    tried: BTreeMap<String, String>,
}

impl Known {
    /// What the last verified release of an environment says.
    pub fn of(verified: &Artifacts) -> Self {
        let zips = verified.values().filter_map(|artifact| artifact.as_zip());
        let live: BTreeMap<_, _> = zips
            .map(|zip| (zip.path.clone(), zip.sha256.clone()))
            .collect();
        Self {
            tried: live.clone(),
            live,
        }
    }

    /// What has to be released: everything that does not run already, once there is anything that
    /// was not tried yet. After a release that was put back the good part of it is so released
    /// with the mended one.
    pub fn to_release(&self, built: Vec<Artifact>) -> Vec<Artifact> {
        let is = |hashes: &BTreeMap<String, String>, artifact: &Artifact| {
            hashes.get(&artifact.path) == Some(&artifact.sha256)
        };
        if built.iter().all(|artifact| is(&self.tried, artifact)) {
            return Vec::new();
        }
        let changed = |artifact: &Artifact| !is(&self.live, artifact) || !is(&self.tried, artifact);
        built.into_iter().filter(changed).collect()
    }

    /// Notes what was deployed, and whether that is what runs now.
    pub fn note(&mut self, released: &[Artifact], runs: bool) {
        for Artifact { path, sha256, .. } in released {
            self.tried.insert(path.clone(), sha256.clone());
            if runs {
                self.live.insert(path.clone(), sha256.clone());
            }
        }
    }
}

/// Parts what some function of the environment takes from what none does.
pub fn taken(
    built: Vec<Artifact>,
    environment: &ResolvedEnvironment,
) -> (Vec<Artifact>, Vec<Artifact>) {
    let paths: BTreeSet<String> = names(&built, environment).into_values().collect();
    built
        .into_iter()
        .partition(|artifact| paths.contains(&artifact.path))
}

/// The manifest's names of the functions that take artifacts, each with its artifact's path.
fn names(artifacts: &[Artifact], environment: &ResolvedEnvironment) -> BTreeMap<String, String> {
    let released = |artifact: &Artifact| ReleasedArtifact {
        path: artifact.path.clone(),
        sha256: artifact.sha256.clone(),
    };
    let file = ReleaseFile {
        application: environment.application.clone(),
        version: String::new(),
        branch: None,
        commit: None,
        author: None,
        rollback_floor: None,
        artifacts: artifacts.iter().map(released).collect(),
    };
    let assigned = file.assign(environment).components.into_iter();
    assigned
        .map(|(component, artifact)| (component, artifact.path.clone()))
        .collect()
}

/// The functions that take these artifacts, as the manifest calls them.
pub fn functions(artifacts: &[Artifact], environment: &ResolvedEnvironment) -> Vec<String> {
    names(artifacts, environment).into_keys().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lockstep::manifest::Manifest;

    use super::{Known, functions, taken};
    use crate::release::Artifact;

    fn built(files: &[(&str, &str)]) -> Vec<Artifact> {
        let artifact = |(path, sha256): &(&str, &str)| Artifact::at(path, sha256);
        files.iter().map(artifact).collect()
    }

    fn paths(artifacts: &[Artifact]) -> Vec<&str> {
        artifacts.iter().map(|it| it.path.as_str()).collect()
    }

    fn known(live: &[(&str, &str)]) -> Known {
        let pair = |(path, hash): &(&str, &str)| ((*path).to_owned(), (*hash).to_owned());
        let live: BTreeMap<_, _> = live.iter().map(pair).collect();
        Known {
            tried: live.clone(),
            live,
        }
    }

    #[test]
    fn only_what_changed_is_released() {
        let known = known(&[("api.zip", "1"), ("mail.zip", "1")]);
        let same = built(&[("api.zip", "1"), ("mail.zip", "1")]);
        assert!(known.to_release(same).is_empty());
        let one = built(&[("api.zip", "2"), ("mail.zip", "1"), ("new.zip", "1")]);
        assert_eq!(paths(&known.to_release(one)), ["api.zip", "new.zip"]);
    }

    #[test]
    fn after_a_failure_the_good_part_is_released_with_the_mended_one() {
        let mut known = known(&[("api.zip", "1"), ("mail.zip", "1")]);
        let bad = built(&[("api.zip", "bad"), ("mail.zip", "2")]);
        known.note(&bad, false);
        assert!(
            known.to_release(bad).is_empty(),
            "the same is not tried again"
        );
        let mended = built(&[("api.zip", "3"), ("mail.zip", "2")]);
        assert_eq!(paths(&known.to_release(mended)), ["api.zip", "mail.zip"]);
    }

    #[test]
    fn going_back_to_what_runs_is_a_change_too() {
        let mut known = known(&[("api.zip", "1")]);
        known.note(&built(&[("api.zip", "bad")]), false);
        assert_eq!(
            paths(&known.to_release(built(&[("api.zip", "1")]))),
            ["api.zip"]
        );
    }

    #[test]
    fn what_no_function_takes_is_told_apart() {
        let text = "application: shop\nfunctions:\n  api: { artifact: api.zip }\n  workers: { match: \"shop-*\" }\n\
                    environments: { dev: {} }\n";
        let manifest = Manifest::parse("lockstep.yaml", text)
            .unwrap()
            .embed(|_| unreachable!())
            .unwrap();
        let environment = manifest.resolve("dev").unwrap();
        let all = built(&[("api.zip", "1"), ("notes.zip", "1"), ("shop-mail.zip", "1")]);
        let (taken, rest) = taken(all, &environment);
        assert_eq!(paths(&rest), ["notes.zip"]);
        assert_eq!(
            functions(&taken, &environment),
            ["api", "workers/shop-mail"]
        );
    }
}
