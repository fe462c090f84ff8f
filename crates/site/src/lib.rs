//! The calls about sites: S3, CloudFront and its `KeyValueStore`, shared by plan and site.

mod bucket;
mod cloudfront;
mod content_type;
mod key_values;
mod raw;

pub use bucket::{Bucket, Listed};
pub use cloudfront::CloudFront;
pub use content_type::content_type;
pub use key_values::KeyValues;
