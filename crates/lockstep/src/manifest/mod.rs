//! The manifest, `lockstep.yaml`: what an application consists of and where it is deployed.
//!
//! [`Manifest::parse`] reads a person's file and says everything that is wrong with it.
//! [`ManifestFile::embed`] adds the files it names, giving the [`StoredManifest`] that the
//! ledger keeps. [`StoredManifest::resolve`] is one environment with nothing left to look
//! up, and [`trigger_index`] says which repositories concern which environments.

mod builds;
mod check;
mod error;
mod function_check;
mod functions;
mod gates;
mod index;
mod infrastructure;
mod migrations;
pub(crate) mod names;
mod overrides;
mod parse;
mod placeholders;
mod places;
mod ready;
mod resolved;
mod resolved_infrastructure;
mod resolved_stack;
mod rules;
mod schema;
mod shape;
mod sites;
mod source;
mod sources;
mod stacks;
mod stored;
mod tags;
mod task_definition;
mod template;
mod templates;
mod traffic;
mod tree;
mod types;
mod wording;
mod yaml;

pub use builds::{ImageBuild, ImageBuildOverride, ResolvedImageBuild};
pub use error::ManifestError;
pub use function_check::FunctionCheck;
pub use functions::{
    CodeSource, Function, FunctionConfiguration, FunctionOverride, FunctionTarget, ResolvedFunction,
};
pub use gates::{Gate, GateOverride, GateTime, ResolvedGate, SourceVersion};
pub use index::{TriggerIndexEntry, trigger_index};
pub use infrastructure::{
    EachProject, Engine, Infrastructure, InfrastructureOverride, ProjectSource, SourceFrom,
};
pub use migrations::{
    Contract, ContractCommand, Migration, MigrationOverride, MigrationWork, ResolvedMigration, Undo,
};
pub use overrides::{CircuitBreakerOverride, RolloutOverride, ServiceOverride};
pub use parse::ManifestFile;
pub use resolved::{ResolveError, ResolvedEnvironment, ResolvedService};
pub use resolved_infrastructure::{InfrastructureSource, ResolvedInfrastructure};
pub use resolved_stack::{ResolvedStack, StackParameter, StackTemplate};
pub use schema::json_schema;
pub use sites::{
    ResolvedSite, ResolvedSiteConfig, ResolvedSwitch, Site, SiteCache, SiteCheck, SiteConfig,
    SiteLayout, SiteOutput, SiteOverride, SiteStore, SiteSwitch, SiteSwitchName, SiteValue,
};
pub use sources::{PackedSource, SOURCE_LIMIT, SourceFolder, has_buildspec};
pub use stacks::{
    ParameterFrom, ParameterSource, ReleasedTemplate, Stack, StackOverride, TemplateSource,
};
pub use stored::StoredManifest;
pub use tags::tags_match;
pub use templates::{Embedded, TemplateFile, template_fault};
pub use traffic::{ResolvedTraffic, Strategy, Traffic, WhenQuiet};
pub use types::{
    CircuitBreaker, Environment, HttpCheck, Manifest, Notifications, Rollout, Service, Trigger,
    Verify,
};
pub use yaml::SIZE_LIMIT;
