//! Front ends in the manifest: files in an S3 bucket that a CloudFront distribution serves.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::resolved_stack::StackParameter;
use crate::site::Rules;

/// How many releases of a site are kept where the manifest does not say.
const KEEP: u32 = 5;

/// How long a new release may take to be live where the manifest does not say, in minutes.
const TIMEOUT_MINUTES: u32 = 30;

/// What is a page where the manifest does not say.
const PAGES: &str = "**/*.html";

/// One front end: files in an S3 bucket that a CloudFront distribution serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// The bucket, in the controller's region, or `{output: STACK.OUTPUT}`. Every release gets a
    /// prefix of its own there, below `releases/`; nothing else in it is touched.
    pub bucket: SiteValue,
    /// The id of the distribution, or `{output: STACK.OUTPUT}`.
    pub distribution: SiteValue,
    /// The distribution's origin that is the bucket, by its id there. Only needed where there are
    /// several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Where the files of a release lie: `releases`, the default, or `in-place`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<SiteLayout>,
    /// With `layout: in-place`, the folder of the bucket in which the files lie. Default: its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// How viewers are sent to a release: `origin-path`, the default, or a key of a
    /// `KeyValueStore`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<SiteSwitch>,
    /// The path, in uploaded releases, of the zip file with all files of the site.
    pub artifact: String,
    /// Patterns of the pages: uploaded last, and asked for again every time. Default: `**/*.html`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub html: Option<Vec<String>>,
    /// How long other files are kept by browsers; the first pattern that matches decides. Default:
    /// for ever where the name has a hash of the content, else five minutes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cache: Vec<SiteCache>,
    /// A file of the site that is made when it is deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<SiteConfig>,
    /// The page that is looked at once the release is live: it and the scripts and styles that it
    /// names have to be served. Default: `/` of the distribution's own domain name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<SiteCheck>,
    /// Paths that CloudFront forgets with every release, beside those that changed: pages that it
    /// makes itself, such as `/blog/*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalidate: Vec<String>,
    /// How many releases stay in the bucket, the live one included. Files that never change are
    /// served for as many releases, to browsers with an old page open. Default: 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 100))]
    pub keep: Option<u32>,
    /// The release has failed when it is not live after this many minutes. Default: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 60))]
    pub timeout_minutes: Option<u32>,
    /// What is rolled out before it: names of services, functions, groups of functions and sites. A
    /// deployment that does not change them does not wait. Default: it waits for all services and
    /// functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<String>>,
}

/// What differs for one site in one environment. What is left out stays as it is in the site
/// itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteOverride {
    /// Another bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<SiteValue>,
    /// Another distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<SiteValue>,
    /// The distribution's origin that is the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Another way in which viewers are sent to a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<SiteSwitch>,
    /// Another file that is made when the site is deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<SiteConfig>,
    /// Another page to look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<SiteCheck>,
    /// How many releases stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 100))]
    pub keep: Option<u32>,
    /// The release has failed when it is not live after this many minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 60))]
    pub timeout_minutes: Option<u32>,
    /// What is rolled out before it, in place of what the site itself says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<String>>,
}

/// Where the files of a release lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteLayout {
    /// Below a prefix of its own.
    Releases,
    /// Where those of all others lie, one over the other: for buckets whose addresses cannot change.
    InPlace,
}

/// How viewers are sent to a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SiteSwitch {
    /// By name.
    Named(SiteSwitchName),
    /// By a key that a function of the distribution reads.
    Store(SiteStore),
}

/// A way of sending viewers to a release that needs nothing more to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteSwitchName {
    /// By the distribution's origin path.
    OriginPath,
}

/// A key that a CloudFront function of the distribution reads at each request: its value is put
/// before the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteStore {
    /// The name or the ARN of the CloudFront `KeyValueStore`, or `{output: STACK.OUTPUT}`.
    pub key_value_store: SiteValue,
    /// The key. Default: `APPLICATION/ENVIRONMENT/SITE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl SiteSwitch {
    fn replaced(self, replace: &impl Fn(String) -> String) -> Self {
        match self {
            Self::Named(name) => Self::Named(name),
            Self::Store(SiteStore {
                key_value_store,
                key,
            }) => Self::Store(SiteStore {
                key_value_store: key_value_store.replaced(replace),
                key: key.map(replace),
            }),
        }
    }

    fn resolve(self) -> ResolvedSwitch {
        match self {
            Self::Named(SiteSwitchName::OriginPath) => ResolvedSwitch::OriginPath,
            Self::Store(SiteStore {
                key_value_store,
                key,
            }) => ResolvedSwitch::KeyValueStore {
                store: key_value_store.resolve(),
                key,
            },
        }
    }
}

/// How viewers are sent to a release, with nothing left to look up in the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResolvedSwitch {
    /// By the distribution's origin path.
    #[default]
    OriginPath,
    /// By a key that a function of the distribution reads.
    KeyValueStore {
        /// The name or the ARN of the store: a text, or an output of a stack.
        store: StackParameter,
        /// The key, where the manifest names one.
        key: Option<String>,
    },
}

/// How long files of some pattern are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteCache {
    /// The pattern of their paths: `*` is any text within a folder, `**` any folders.
    #[serde(rename = "match")]
    pub pattern: String,
    /// The header `Cache-Control`. One with `immutable` means that the files never change: they are
    /// not invalidated, and stay for browsers with an old page open.
    pub control: String,
}

/// A file of the site that is made when it is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteConfig {
    /// Its path in the site, such as `config.json`. It takes the place of one in the zip file.
    pub file: String,
    /// What is in it: a JSON object of texts. Each is a text, or `{output: STACK.OUTPUT}`. No
    /// secrets: everybody can read it.
    #[schemars(extend("minProperties" = 1))]
    pub values: BTreeMap<String, SiteValue>,
}

/// The page that is looked at once the release is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteCheck {
    /// Its address, `http://` or `https://`.
    pub url: String,
}

/// A text, or where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SiteValue {
    /// This text. Numbers and `true` or `false` are taken as they are written.
    Text(String),
    /// What a stack gives.
    From(SiteOutput),
}

/// An output of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteOutput {
    /// An output of a stack of this manifest, as `platform.ApiUrl`.
    pub output: String,
}

impl JsonSchema for SiteSwitch {
    fn schema_name() -> Cow<'static, str> {
        "SiteSwitch".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let store = generator.subschema_for::<SiteStore>();
        json_schema!({ "anyOf": [{ "type": "string", "enum": ["origin-path"] }, store] })
    }
}

impl JsonSchema for SiteLayout {
    fn schema_name() -> Cow<'static, str> {
        "SiteLayout".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["releases", "in-place"] })
    }
}

impl JsonSchema for SiteValue {
    fn schema_name() -> Cow<'static, str> {
        "SiteValue".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let from = generator.subschema_for::<SiteOutput>();
        json_schema!({
            "anyOf": [{ "type": "string" }, { "type": "number" }, { "type": "boolean" }, from]
        })
    }
}

impl SiteValue {
    /// What it means; an output without its stack, which the check of the manifest refuses, names
    /// none.
    fn resolve(self) -> StackParameter {
        match self {
            Self::Text(text) => StackParameter::Text(text),
            Self::From(from) => {
                let (component, output) = from.output.split_once('.').unwrap_or(("", &from.output));
                StackParameter::Output {
                    component: component.to_owned(),
                    output: output.to_owned(),
                }
            }
        }
    }

    /// With placeholders replaced; names of stacks and outputs have none.
    pub(super) fn replaced(self, replace: &impl Fn(String) -> String) -> Self {
        match self {
            Self::Text(text) => Self::Text(replace(text)),
            from @ Self::From(_) => from,
        }
    }
}

impl SiteOverride {
    /// The site as it is in this environment.
    pub fn apply(&self, site: &Site) -> Site {
        let Self {
            bucket,
            distribution,
            origin,
            switch,
            config,
            check,
            keep,
            timeout_minutes,
            after,
        } = self.clone();
        let own = site.clone();
        Site {
            bucket: bucket.unwrap_or(own.bucket),
            distribution: distribution.unwrap_or(own.distribution),
            origin: origin.or(own.origin),
            switch: switch.or(own.switch),
            config: config.or(own.config),
            check: check.or(own.check),
            keep: keep.or(own.keep),
            timeout_minutes: timeout_minutes.or(own.timeout_minutes),
            after: after.or(own.after),
            ..own
        }
    }
}

impl Site {
    /// With placeholders replaced.
    pub(super) fn replaced(self, replace: &impl Fn(String) -> String) -> Self {
        let config = |config: SiteConfig| {
            let values = config.values.into_iter();
            let values = values.map(|(key, value)| (key, value.replaced(replace)));
            SiteConfig {
                values: values.collect(),
                file: config.file,
            }
        };
        Self {
            bucket: self.bucket.replaced(replace),
            distribution: self.distribution.replaced(replace),
            origin: self.origin.map(replace),
            switch: self.switch.map(|it| it.replaced(replace)),
            prefix: self.prefix.map(replace),
            artifact: replace(self.artifact),
            config: self.config.map(config),
            check: self.check.map(|it| SiteCheck {
                url: replace(it.url),
            }),
            ..self
        }
    }

    /// With its defaults.
    pub(super) fn resolve(self) -> ResolvedSite {
        let cache = self.cache.into_iter().map(|it| crate::site::CacheRule {
            pattern: it.pattern,
            control: it.control,
        });
        let in_place = (self.layout == Some(SiteLayout::InPlace)).then(|| {
            let prefix = self.prefix.as_deref().unwrap_or_default();
            match prefix.trim_matches('/') {
                "" => String::new(),
                folder => format!("{folder}/"),
            }
        });
        ResolvedSite {
            in_place,
            bucket: self.bucket.resolve(),
            distribution: self.distribution.resolve(),
            origin: self.origin,
            switch: self.switch.map(SiteSwitch::resolve).unwrap_or_default(),
            artifact: self.artifact,
            rules: Rules {
                html: self.html.unwrap_or_else(|| vec![PAGES.to_owned()]),
                cache: cache.collect(),
            },
            config: self.config.map(|it| ResolvedSiteConfig {
                file: it.file,
                values: it
                    .values
                    .into_iter()
                    .map(|(key, value)| (key, value.resolve()))
                    .collect(),
            }),
            check: self.check.map(|it| it.url),
            invalidate: self.invalidate,
            keep: self.keep.unwrap_or(KEEP),
            timeout_seconds: u64::from(self.timeout_minutes.unwrap_or(TIMEOUT_MINUTES)) * 60,
        }
    }
}

/// One site in one environment, with nothing left to look up in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedSite {
    /// The bucket: a text, or an output of a stack.
    pub bucket: StackParameter,
    /// The distribution's id: a text, or an output of a stack.
    pub distribution: StackParameter,
    /// The distribution's origin that is the bucket, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// With releases in place, what is put before a file's path to get its key: empty, or with a slash at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_place: Option<String>,
    /// How viewers are sent to a release.
    #[serde(default)]
    pub switch: ResolvedSwitch,
    /// The path of its zip file in uploaded releases.
    pub artifact: String,
    /// How its files are kept.
    pub rules: Rules,
    /// The file that is made when it is deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ResolvedSiteConfig>,
    /// The page that is looked at; `None` for that of the distribution's own domain name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// What CloudFront forgets with every release.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalidate: Vec<String>,
    /// How many releases stay.
    pub keep: u32,
    /// The time budget of a new release, in seconds.
    pub timeout_seconds: u64,
}

/// A file of a site that is made when it is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedSiteConfig {
    /// Its path in the site.
    pub file: String,
    /// What is in it.
    pub values: BTreeMap<String, StackParameter>,
}

impl ResolvedSite {
    /// The stacks whose outputs it uses, by the manifest's name for them.
    pub fn stacks(&self) -> impl Iterator<Item = &str> {
        let config = self.config.iter().flat_map(|it| it.values.values());
        let store = match &self.switch {
            ResolvedSwitch::OriginPath => None,
            ResolvedSwitch::KeyValueStore { store, .. } => Some(store),
        };
        let values = [&self.bucket, &self.distribution].into_iter().chain(store);
        let values = values.chain(config);
        values.filter_map(|value| match value {
            StackParameter::Output { component, .. } => Some(component.as_str()),
            _ => None,
        })
    }
}
