//! Sites: front ends in an S3 bucket that a CloudFront distribution serves.
//!
//! Every release lies under a prefix of its own, `releases/<application>/<environment>/<site>/<id>/`,
//! which never changes once it is live. What is live is what one path says: the distribution's origin path, or the value of a key that
//! a function of the distribution reads. Going live and going back are one and the same call.

mod config_xml;
mod identity;
mod in_place;
mod invalidation;
mod inventory;
mod keep;
mod live;
mod next;
mod page;
mod planning;
mod rules;
mod served;
mod step;
mod switch;
mod upload;

pub use config_xml::with_origin_path;
pub use identity::{ConfigFile, inventory_key, is_release, prefix, release_id, release_of, scope};
pub use in_place::{
    ASIDE, Layout, Replaced, Replacement, in_order, leftovers, marker_key, previous, replaced,
    scope_in_place,
};
pub use invalidation::{EVERYTHING, forgotten, paths};
pub use inventory::{Carried, FileEntry, Inventory};
pub use keep::{Kept, superfluous};
pub use live::{Behavior, LiveDistribution, Origin};
pub use next::{Do, Invalidation, Looked, Next, next, undo_next};
pub use page::{Expected, assets, judge_asset, judge_page};
pub use planning::{BucketFault, Found, FoundStore, SiteInputs, missing_output, plan_site};
pub use rules::{CacheRule, Kind, Rules, Treatment};
pub use served::{Served, served_page};
pub use step::SiteStep;
pub use switch::{Pointer, Switch, default_key};
pub use upload::{Put, files, order, whole};
