//! Deployments of a part of an application: which components they are about, and what they leave out.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Check;
use crate::manifest::ResolvedEnvironment;
use crate::manifest::names::nearest;
use crate::release::Artifacts;

/// The components that a deployment is about: all of them, or those that a person named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Only {
    /// The manifest's names of the components; none where the deployment is about everything.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    components: BTreeSet<String>,
    /// What was asked for and is not deployed, because it is for other components; for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<String>,
}

impl Only {
    /// These components of an environment, and what goes with them: a migration belongs to its
    /// service, since it runs with the image of that, so that each of them brings the other.
    ///
    /// # Errors
    /// What is wrong with the first name that no component has, and which one may be meant.
    pub fn of(environment: &ResolvedEnvironment, names: &[String]) -> Result<Self, String> {
        let known = components(environment);
        for name in names {
            if !known.contains(name.as_str()) {
                return Err(unknown(name, &known, &environment.application));
            }
        }
        let mut components: BTreeSet<String> = names.iter().cloned().collect();
        for (migration, resolved) in &environment.migrations {
            if components.contains(migration) {
                components.insert(resolved.service.clone());
            }
        }
        for (migration, resolved) in &environment.migrations {
            if components.contains(&resolved.service) {
                components.insert(migration.clone());
            }
        }
        Ok(Self {
            components,
            left_out: Vec::new(),
        })
    }

    /// Whether the deployment is about all components.
    pub fn is_everything(&self) -> bool {
        self.components.is_empty()
    }

    /// Whether it is about a component, which may be written with its container or the member of
    /// its group: `web/app`.
    pub fn has(&self, component: &str) -> bool {
        let name = component.split('/').next().unwrap_or(component);
        self.is_everything() || self.components.contains(name)
    }

    /// The components that were named, with what goes with them; none where it is everything.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.components.iter().map(String::as_str)
    }

    /// Remembers something that was asked for and is not deployed.
    pub fn leave_out(&mut self, what: String) {
        if !self.left_out.contains(&what) {
            self.left_out.push(what);
        }
    }

    /// The artifacts for these components. The others are remembered as left out.
    #[must_use]
    pub fn keep(&mut self, artifacts: Artifacts) -> Artifacts {
        let (kept, left): (Artifacts, Artifacts) = artifacts
            .into_iter()
            .partition(|(component, _)| self.has(component));
        for (component, artifact) in left {
            self.leave_out(format!("{component} {}", artifact.label()));
        }
        kept
    }

    /// The components in words, such as `only api, schema`; `None` where it is everything.
    pub fn words(&self) -> Option<String> {
        let names: Vec<_> = self.components().collect();
        (!names.is_empty()).then(|| format!("only {}", names.join(", ")))
    }

    /// What was asked for and is not deployed, as a sentence; `None` where that is nothing.
    pub fn left_out_words(&self) -> Option<String> {
        let left = self.left_out.join(", ");
        (!left.is_empty()).then(|| format!("Left out: {left}."))
    }

    /// The stacks and the infrastructure that it is not about, and on which such stacks or
    /// infrastructure depend as it is about: they stay as they are, and their outputs are taken.
    pub fn needs(&self, environment: &ResolvedEnvironment) -> BTreeSet<String> {
        let stacks = environment.stacks.iter();
        let stacks = stacks.map(|(name, stack)| (name, &stack.after));
        let builds = environment.infrastructure.iter();
        let builds = builds.map(|(name, build)| (name, &build.after));
        let mine = stacks.chain(builds).filter(|(name, _)| self.has(name));
        let after = mine.flat_map(|(_, after)| after);
        after.filter(|name| !self.has(name)).cloned().collect()
    }

    /// The failed check of something that [`Self::needs`] names and that was never made.
    pub fn missing(resource: String) -> Check {
        Check {
            what: "part of a deployment".into(),
            resource,
            found: "none".into(),
            expected: "one with outputs, on which what is deployed depends".into(),
            todo: "name it with --only, too, or deploy everything".into(),
            curable: false,
        }
    }

    /// The environment with these components alone.
    #[must_use]
    pub fn part_of(&self, environment: &ResolvedEnvironment) -> ResolvedEnvironment {
        let mut part = environment.clone();
        part.services.retain(|name, _| self.has(name));
        part.functions.retain(|name, _| self.has(name));
        part.stacks.retain(|name, _| self.has(name));
        part.infrastructure.retain(|name, _| self.has(name));
        part.migrations.retain(|name, _| self.has(name));
        part
    }
}

/// The names of all components of an environment.
fn components(environment: &ResolvedEnvironment) -> BTreeSet<&str> {
    let services = environment.services.keys();
    services
        .chain(environment.functions.keys())
        .chain(environment.stacks.keys())
        .chain(environment.infrastructure.keys())
        .chain(environment.migrations.keys())
        .map(String::as_str)
        .collect()
}

fn unknown(name: &str, known: &BTreeSet<&str>, application: &str) -> String {
    let whole = name
        .split_once('/')
        .map(|(whole, _)| whole)
        .filter(|whole| known.contains(whole));
    let help = match whole {
        Some(whole) => Some(format!(
            "; a component is deployed as a whole: name `{whole}`"
        )),
        None => {
            let meant = nearest(name, known.iter().copied());
            meant.map(|it| format!("; did you mean `{it}`?"))
        }
    };
    let all: Vec<_> = known.iter().copied().collect();
    format!(
        "{application} has no component `{name}`, expected one of: {}{}",
        all.join(", "),
        help.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::Only;
    use crate::lambda::testing::zip;
    use crate::manifest::{Manifest, ResolvedEnvironment};
    use crate::release::Artifacts;

    const MANIFEST: &str = "\
application: shop
services:
  api: { cluster: c, containers: { api: shop/api } }
  web: { cluster: c, containers: { web: shop/web } }
functions:
  mail: { function: shop-mail }
  workers: { match: \"shop-w-*\" }
migrations:
  schema: { service: api, command: [up] }
environments:
  test: {}
";

    fn environment() -> ResolvedEnvironment {
        let manifest = Manifest::parse("lockstep.yaml", MANIFEST).unwrap();
        let stored = manifest.embed(|_| unreachable!()).unwrap();
        stored.resolve("test").unwrap()
    }

    fn only(names: &[&str]) -> Result<Only, String> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        Only::of(&environment(), &names)
    }

    #[test]
    fn a_migration_and_its_service_bring_each_other() {
        for (named, meant) in [
            (&["api"][..], "only api, schema"),
            (&["schema"], "only api, schema"),
            (&["web"], "only web"),
            (&["web", "mail", "web"], "only mail, web"),
        ] {
            assert_eq!(only(named).unwrap().words().unwrap(), meant);
        }
    }

    #[test]
    fn everything_has_everything_and_a_part_what_was_named() {
        let everything = Only::default();
        assert!(everything.is_everything() && everything.has("web/web"));
        assert_eq!(everything.words(), None);
        let part = only(&["web", "workers"]).unwrap();
        assert!(!part.is_everything());
        assert!(part.has("web/web") && part.has("web") && part.has("workers/shop-w-1"));
        assert!(!part.has("api/api") && !part.has("schema") && !part.has("webs"));
        let narrowed = part.part_of(&environment());
        assert_eq!(narrowed.services.keys().collect::<Vec<_>>(), ["web"]);
        assert_eq!(narrowed.functions.keys().collect::<Vec<_>>(), ["workers"]);
        assert!(narrowed.migrations.is_empty());
    }

    #[test]
    fn a_name_that_nothing_has_is_told_with_what_there_is() {
        assert_eq!(
            only(&["wep"]).unwrap_err(),
            "shop has no component `wep`, expected one of: api, mail, schema, web, workers; did you mean `web`?"
        );
        let member = only(&["workers/shop-w-1"]).unwrap_err();
        assert!(
            member.ends_with("a component is deployed as a whole: name `workers`"),
            "{member}"
        );
    }

    #[test]
    fn what_is_for_others_is_left_out_and_told_once() {
        let mut part = only(&["mail"]).unwrap();
        let all = || Artifacts::from([("mail".to_owned(), zip('a')), ("web/web".into(), zip('b'))]);
        let kept = part.keep(all());
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["mail"]);
        let told = part.left_out_words();
        assert!(told.as_ref().unwrap().starts_with("Left out: web/web "));
        assert_eq!(part.keep(all()), kept);
        assert_eq!(part.left_out_words(), told);
        let mut everything = Only::default();
        assert_eq!(everything.keep(all()), all());
        assert_eq!(everything.left_out_words(), None);
    }
}
