//! The calls about sites: S3 and CloudFront, shared by plan and site.

mod bucket;
mod cloudfront;
mod content_type;
mod raw;

pub use bucket::{Bucket, Listed};
pub use cloudfront::CloudFront;
pub use content_type::content_type;
