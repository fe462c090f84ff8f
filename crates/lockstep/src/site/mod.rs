//! Sites: front ends in an S3 bucket that a CloudFront distribution serves.
//!
//! Every release lies under a prefix of its own, `releases/<application>/<environment>/<site>/<id>/`,
//! which never changes once it is live. What is live is what the distribution's origin path says, so that going live and going
//! back are one and the same call.

mod config_xml;
mod identity;
mod invalidation;
mod inventory;
mod keep;
mod live;
mod next;
mod page;
mod planning;
mod rules;
mod step;
mod upload;

pub use config_xml::with_origin_path;
pub use identity::{ConfigFile, inventory_key, is_release, prefix, release_id, release_of, scope};
pub use invalidation::{EVERYTHING, paths};
pub use inventory::{Carried, FileEntry, Inventory};
pub use keep::{Kept, superfluous};
pub use live::{LiveDistribution, Origin};
pub use next::{Do, Invalidation, Looked, Next, next, undo_next};
pub use page::{Expected, assets, judge_asset, judge_page};
pub use planning::{BucketFault, Found, SiteInputs, missing_output, plan_site};
pub use rules::{CacheRule, Kind, Rules, Treatment};
pub use step::SiteStep;
pub use upload::{Put, files, order, whole};
