//! Checks of sites.

use std::collections::BTreeMap;

use super::Check;
use super::stacks::{At, unknown};
use crate::manifest::error::Problem;
use crate::manifest::places::{item_path, join};
use crate::manifest::resolved::NamedEnvironment;
use crate::manifest::rules;
use crate::manifest::sites::{Site, SiteLayout, SiteSwitch, SiteValue};
use crate::manifest::types::Manifest;
use crate::manifest::wording::quoted;

/// How many sites an application may have.
const SITES: usize = 10;

/// How many paths a manifest adds to what CloudFront forgets: as many wildcards as it takes at a
/// time.
const PATHS: usize = 15;

/// Where sites stand in the manifest.
const KIND: &str = "sites";

impl Check<'_> {
    /// Names, and what names them.
    pub(super) fn site_names(&mut self, manifest: &Manifest) {
        self.keys(KIND, manifest.sites.keys(), rules::name);
        if manifest.sites.len() > SITES {
            let found = format!("{} sites", manifest.sites.len());
            let problem = Problem::new(KIND, found, format!("at most {SITES}"));
            let problem = problem.help("split the application in two");
            self.report(&self.places.key(KIND), problem);
        }
        for name in manifest.sites.keys() {
            let owner = match name {
                name if manifest.services.contains_key(name) => "service",
                name if manifest.functions.contains_key(name) => "function",
                name if manifest.stacks.contains_key(name) => "stack",
                name if manifest.infrastructure.contains_key(name) => "piece of infrastructure",
                _ => continue,
            };
            let path = join(KIND, name);
            let found = format!("the name {} of a {owner}", quoted(name));
            let problem = Problem::new(&path, found, "a name of its own")
                .help("artifacts are told apart by these names");
            self.report(&self.places.key(&path), problem);
        }
        for (environment, its) in &manifest.environments {
            for site in its.sites.keys() {
                let path = format!("environments.{environment}.{KIND}.{site}");
                self.known(manifest.sites.keys(), &path, "site", site);
            }
        }
    }

    pub(super) fn sites(&mut self, named: &NamedEnvironment<'_>) {
        let stacks: Vec<_> = named.stacks().map(|(name, _)| name.to_owned()).collect();
        let mut owners: BTreeMap<String, &str> = BTreeMap::new();
        for (name, site) in named.sites() {
            let at = At {
                named,
                kind: KIND,
                name,
            };
            self.site(&at, &site, &stacks);
            let target = match &site.switch {
                _ if site.layout == Some(SiteLayout::InPlace) => {
                    let prefix = site.prefix.as_deref().unwrap_or_default();
                    format!("in place {:?} {}", site.bucket, prefix.trim_matches('/'))
                }
                None | Some(SiteSwitch::Named(_)) => {
                    format!("{:?} {:?}", site.distribution, site.origin)
                }
                // Without a key it is named after the site.
                Some(SiteSwitch::Store(store)) => {
                    format!(
                        "{:?} {:?}",
                        store.key_value_store,
                        store.key.as_deref().unwrap_or(name)
                    )
                }
            };
            let Some(owner) = owners.insert(target, name) else {
                continue;
            };
            let fields: &[&str] = match &site.switch {
                Some(SiteSwitch::Store(_)) => &["switch.key", "switch"],
                _ => &["origin", "distribution"],
            };
            let path = self.places.first(at.written(fields));
            let path = path.unwrap_or_else(|| join(KIND, name));
            let problem = if let Some(SiteSwitch::Store(_)) = &site.switch {
                let found = format!("the key of `{owner}`");
                Problem::new(&path, found, "each key of a store once")
            } else {
                let found = format!("the distribution and the origin of `{owner}`");
                Problem::new(&path, found, "each origin of a distribution once")
                    .help("two sites of one distribution each name their `origin`")
            };
            self.report(&self.places.value(&path), problem);
        }
    }

    /// What goes with `layout`.
    fn site_layout(&mut self, at: &At<'_>, site: &Site) {
        self.stack_field(at, "prefix", site.prefix.as_ref(), rules::site_folder);
        let in_place = site.layout == Some(SiteLayout::InPlace);
        let (field, help) = match (&site.prefix, &site.switch) {
            (Some(_), _) if !in_place => (
                "prefix",
                "releases have prefixes of their own; take it away, or say `layout: in-place`",
            ),
            (_, Some(_)) if in_place => (
                "switch",
                "files in place are replaced, and nothing is switched; take it away",
            ),
            _ => return,
        };
        if let Some(path) = self.places.first(at.written(&[field])) {
            let found = format!("`{field}`");
            let expected = "nothing that this layout has no use for";
            let problem = Problem::new(&path, found, expected).help(help);
            self.report(&self.places.key(&path), problem);
        }
    }

    fn site(&mut self, at: &At<'_>, site: &Site, stacks: &[String]) {
        self.site_layout(at, site);
        self.site_value(at, "bucket", &site.bucket, stacks, rules::bucket);
        let distribution = &site.distribution;
        self.site_value(
            at,
            "distribution",
            distribution,
            stacks,
            rules::distribution,
        );
        if let Some(SiteSwitch::Store(store)) = &site.switch {
            let (field, name) = ("switch.key_value_store", &store.key_value_store);
            self.site_value(at, field, name, stacks, rules::key_value_store);
            self.stack_field(at, "switch.key", store.key.as_ref(), rules::store_key);
        }
        self.stack_field(at, "artifact", Some(&site.artifact), rules::artifact);
        if let Some(check) = &site.check {
            self.stack_field(at, "check.url", Some(&check.url), rules::url);
        }
        if let Some(config) = &site.config {
            self.stack_field(at, "config.file", Some(&config.file), rules::site_file);
            for (key, value) in &config.values {
                let field = join("config.values", key);
                self.site_value(at, &field, value, stacks, |_| Ok(()));
            }
        }
        let written = |field: &str, index: usize| {
            let written = at.written(&[field]).into_iter();
            written.map(|it| item_path(&it, index)).collect::<Vec<_>>()
        };
        for (index, rule) in site.cache.iter().enumerate() {
            for (field, value, check) in [
                ("match", &rule.pattern, rules::site_pattern as rules::Rule),
                ("control", &rule.control, rules::cache_control),
            ] {
                let paths = written("cache", index)
                    .into_iter()
                    .map(|it| join(&it, field));
                if let Some(path) = self.places.first(paths) {
                    self.value(&path, value, at.named, check);
                }
            }
        }
        let lists = [
            (
                "html",
                site.html.as_deref().unwrap_or_default(),
                rules::site_pattern as rules::Rule,
            ),
            (
                "invalidate",
                site.invalidate.as_slice(),
                rules::invalidation_path,
            ),
        ];
        for (field, values, check) in lists {
            for (index, value) in values.iter().enumerate() {
                if let Some(path) = self.places.first(written(field, index)) {
                    self.value(&path, value, at.named, check);
                }
            }
        }
        let path = self.places.first(at.written(&["invalidate"]));
        if let (true, Some(path)) = (site.invalidate.len() > PATHS, path) {
            let found = format!("{} paths", site.invalidate.len());
            let problem = Problem::new(&path, found, format!("at most {PATHS}"));
            let problem = problem.help("files that changed are found without being named");
            self.report(&self.places.key(&path), problem);
        }
    }

    /// A text by its rule, or an output of a stack that there is.
    fn site_value(
        &mut self,
        at: &At<'_>,
        field: &str,
        value: &SiteValue,
        stacks: &[String],
        rule: rules::Rule,
    ) {
        let from = match value {
            SiteValue::Text(text) => return self.stack_field(at, field, Some(text), rule),
            SiteValue::From(from) => from,
        };
        let Some(path) = self.places.first(at.written(&[&join(field, "output")])) else {
            return;
        };
        let output = &from.output;
        let span = self.places.value(&path);
        match output.split_once('.') {
            Some((stack, _)) if !stacks.iter().any(|it| it == stack) => {
                let what = "the output of a stack of this manifest";
                self.report(&span, unknown(&path, stack, stacks, what));
            }
            Some((_, name)) if rules::logical_id(name).is_ok() => {}
            _ => {
                let expected = "`STACK.OUTPUT`, with the manifest's name of the stack";
                self.report(&span, Problem::new(&path, quoted(output), expected));
            }
        }
    }
}
