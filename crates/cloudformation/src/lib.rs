//! CloudFormation as the phases see it: stacks, their events and change sets, in the words of
//! [`lockstep::stack`], with every refusal in words.
//!
//! What the answers mean is decided there; here they are only fetched. Every call that changes
//! something carries a name or a token of the deployment's, so that it can be sent again without
//! harm: CloudFormation refuses the second one, and whoever gets that refusal looks again.

mod change_sets;
mod changes;
mod client;
mod error;
mod events;
mod operations;
mod read;
mod resources;
mod templates;
#[cfg(test)]
mod testing;
mod validation;

pub use change_sets::{ChangeSetName, ChangeSetRequest, Kind};
pub use client::{CloudFormation, Sent};
pub use lockstep::stack::template_url;
pub use templates::{TemplateParameter, TemplateSummary};
