//! What starts a deployment: an ECR push, an uploaded release, a person, or the recovery of a deployment that
//! was stopped. Everything an execution can be started with is read here.

mod ecr_push;
mod ignore;
mod image;
mod input;
mod manual;
mod recover;
mod s3_release;

pub use ecr_push::{EcrPush, PushedImage};
pub use ignore::{AttachmentKind, IgnoreReason};
pub use image::ImageReference;
pub use input::TriggerInput;
pub use manual::{CommitImage, ManualRequest};
pub use recover::{Recover, StoppedStatus};
pub use s3_release::{OtherUpload, S3Release};
