//! The EventBridge event `Object Created` of the releases bucket.
//!
//! S3 sends it at least once and in no order. The key comes as it is, without the URL
//! encoding that S3's own notifications have.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ignore::IgnoreReason;
use super::input::Fields;
use crate::PhaseError;
use crate::manifest::names::{is_name, is_release_version};
use crate::release_file::SYNCED;

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
    /// Orders the changes of one key: hexadecimal, to be filled up with zeros on the right
    /// before it is compared.
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

/// An object that is no release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherUpload {
    /// The event's id.
    pub event_id: String,
    /// The object's key.
    pub key: String,
    /// Why it is none.
    pub reason: IgnoreReason,
}

/// What an event about an object tells of.
pub(super) type Upload = Result<S3Release, OtherUpload>;

pub(super) fn read(event: &Fields<'_>) -> Result<Upload, PhaseError> {
    let found = event.text("detail-type")?;
    if found != "Object Created" {
        let reason = format!("found `{found}`, expected `Object Created`");
        return Err(event.invalid("detail-type", reason));
    }
    let detail = event.object("detail")?;
    let (bucket, object) = (detail.object("bucket")?, detail.object("object")?);
    let event_id = event.text("id")?.to_owned();
    let key = object.text("key")?;
    let other = |event_id, reason| OtherUpload {
        event_id,
        key: key.to_owned(),
        reason,
    };
    let Some(place) = Place::of(key) else {
        let key = key.to_owned();
        return Ok(Err(other(event_id, IgnoreReason::NotARelease { key })));
    };
    if place.version.starts_with(SYNCED) {
        let version = place.version.to_owned();
        return Ok(Err(other(event_id, IgnoreReason::Synced { version })));
    }
    let optional = |key| {
        let text = object.optional_text(key)?.filter(|it| !it.is_empty());
        Ok::<_, PhaseError>(text.map(str::to_owned))
    };
    Ok(Ok(S3Release {
        event_id,
        bucket: bucket.text("name")?.to_owned(),
        key: key.to_owned(),
        version_id: optional("version-id")?,
        sequencer: optional("sequencer")?,
        application: place.application.to_owned(),
        version: place.version.to_owned(),
        zipped: place.zipped,
        at: event.time("time")?,
    }))
}

/// What a key says.
struct Place<'a> {
    application: &'a str,
    version: &'a str,
    zipped: bool,
}

impl<'a> Place<'a> {
    /// `None` when it is not the key of a release.
    fn of(key: &'a str) -> Option<Self> {
        let mut parts = key.strip_prefix("releases/")?.split('/');
        let (application, version, file) = (parts.next()?, parts.next()?, parts.next()?);
        let zipped = match file {
            "release.json" => false,
            "release.zip" => true,
            _ => return None,
        };
        let right = is_name(application) && is_release_version(version) && parts.next().is_none();
        right.then_some(Self {
            application,
            version,
            zipped,
        })
    }
}
