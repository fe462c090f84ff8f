//! The EventBridge event `Object Created` of the releases bucket.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A release that was uploaded: `releases/<application>/<version>/release.json`, or
/// `release.zip` that contains everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct S3Release {
    /// The event's id: a copy of the same event has the same.
    pub event_id: String,
    /// The bucket.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// The object's version, where the bucket keeps versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Orders the changes of one key: hexadecimal, the longer or greater one is later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<String>,
    /// The application, from the key.
    pub application: String,
    /// The release's version, from the key.
    pub version: String,
    /// Whether it is one zip file with release.json in it.
    pub zipped: bool,
    /// When it was uploaded, to the second.
    pub at: Timestamp,
}
