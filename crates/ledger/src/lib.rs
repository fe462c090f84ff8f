//! The ledger: everything Lockstep keeps, in one DynamoDB table.
//!
//! | pk | sk | what |
//! |---|---|---|
//! | `app#A` | `manifest` | pointer to the newest manifest version |
//! | `app#A` | `manifest#00000007` | one manifest version |
//! | `repository#R` | `A#E` | trigger index: whose pushes deploy where |
//! | `env#A#E` | `lock` | who deploys, since when, lease, fencing number, halt flag |
//! | `env#A#E` | `queue#ID` | a waiting deployment and what it wants to deploy |
//! | `env#A#E` | `current`, `previous` | the last verified release, and the one before |
//! | `env#A#E` | `newest#COMPONENT` | the newest artifact ever asked for (never-older rule) |
//! | `env#A#E` | `migration#COMPONENT` | which runs of a migration succeeded here, and which contract is open |
//! | `env#A#E` | `newest-releases` | the newest uploaded releases ever asked for (never-older rule) |
//! | `env#A#E` | `hold#DIGEST` | an artifact that must not be deployed here by itself |
//! | `env#A#E` | `built#REPOSITORY` | the commit that a build makes or made last, and its digest (kept 30 days) |
//! | `env#A#E` | `infrastructure#COMPONENT` | what was applied last of it, and who has begun to apply something else |
//! | `env#A#E` | `deployment#ID` | a deployment's line in the history |
//! | `deployment#ID` | `record`, `part#functions`, `part#stacks`, `plan`, `step#0003`, `journal#0003` | one deployment |
//! | `deployment#ID` | `release` | what was checked of an uploaded release (kept a day) |
//! | `deployment#ID` | `migration#COMPONENT#expand` | one run of a migration: begun, its task, how it ended, closed |
//! | `deployment#ID` | `builds` | the steps of its builds of images, which come before there is a plan |
//! | `deployment#ID` | `build#gate-unit`, `build#image-web` | one build of a gate or of an image: begun, closed |
//! | `deployment#ID` | `question#traffic-20` | what a person is asked, and the answer |
//! | `deployment#ID` | `published` | the parameters that it publishes, before and afterwards |
//! | `execution#NAME` | `deployment` | which deployment an execution runs |
//! | `event#ID` | `event` | what became of a trigger event (kept 30 days) |
//! | `wake#KEY` | `ID#STEP#VERB` | a waiting phase (kept a day) |
//!
//! What a person reads is a JSON text in `body`; what a condition needs is an
//! attribute of its own. Every write that can race carries a condition, and every
//! write can be made again with the same result.

mod builds;
mod conclusion;
mod deployments;
mod environment;
mod error;
mod events;
mod image_builds;
mod item;
mod keys;
mod lock;
mod manifests;
mod migrations;
mod parts;
mod published;
mod questions;
mod releases;
mod runs;
mod steps;
mod transaction;
mod wake;

pub use builds::Recorded;
pub use conclusion::{Concluded, ConclusionWrite};
pub use deployments::{Created, HistoryLine, Newest};
pub use environment::{EnvironmentState, Hold, Lock, VerifiedRelease, Waiting};
pub use error::LedgerError;
pub use events::TriggerEvent;
pub use image_builds::TakenImage;
pub use lock::{Acquired, LEASE, Passed};
pub use manifests::TriggerTarget;
pub use migrations::MigrationRun;
pub use questions::Answered;
pub use releases::{NewestReleases, ReleaseMark, Released, StoredRecord, upload_id};
pub use runs::BuildRun;
pub use steps::{Finished, TakeUp, TakeUpRequest};
pub use wake::Registration;

use aws_sdk_dynamodb::Client;

/// A handle on the table. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ledger {
    client: Client,
    table: String,
}

impl Ledger {
    /// The ledger in `table`, which the template names `<stack>-ledger`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }
}
