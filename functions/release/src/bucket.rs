//! The releases bucket.

use std::path::Path;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumMode, ChecksumType};
use aws_types::SdkConfig;
use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep_s3::{failed, found};
use sha2::{Digest, Sha256};

use crate::hash::{base64, hex, hex_of_base64};

/// The releases bucket.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    client: Client,
    name: String,
}

/// One version of one object, as S3 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) key: String,
    /// `None` only where the bucket keeps no versions.
    pub(crate) version_id: Option<String>,
    /// Bytes.
    pub(crate) size: u64,
    /// The SHA-256 of all its bytes in hex, where S3 itself computed that at the upload.
    pub(crate) sha256: Option<String>,
    /// When the upload was complete.
    pub(crate) uploaded_at: Timestamp,
}

impl Object {
    /// The object as it is named in messages.
    pub(crate) fn resource(&self, bucket: &str) -> String {
        format!("s3://{bucket}/{}", self.key)
    }
}

impl Bucket {
    /// `name` by a client of `config`.
    pub(crate) fn new(config: &SdkConfig, name: String) -> Self {
        Self::with_client(lockstep_s3::client(config), name)
    }

    pub(crate) const fn with_client(client: Client, name: String) -> Self {
        Self { client, name }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What S3 knows of an object, the newest version where none is named. `None` when there
    /// is none, or when it was deleted.
    pub(crate) async fn head(
        &self,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<Option<Object>, PhaseError> {
        let sent = self
            .client
            .head_object()
            .bucket(&self.name)
            .key(key)
            .set_version_id(version_id.map(str::to_owned))
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await;
        let output =
            found(sent).map_err(|error| failed("s3:HeadObject", self.place(key), &error))?;
        let Some(output) = output else {
            return Ok(None);
        };
        // Hashes of hashes of parts (COMPOSITE) say nothing about the whole.
        let whole = output.checksum_type() != Some(&ChecksumType::Composite);
        let sha256 = output
            .checksum_sha256()
            .filter(|_| whole)
            .and_then(hex_of_base64);
        let uploaded_at = output
            .last_modified()
            .and_then(|at| Timestamp::from_second(at.secs()).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(Some(Object {
            key: key.to_owned(),
            version_id: output.version_id().map(str::to_owned),
            size: u64::try_from(output.content_length().unwrap_or_default()).unwrap_or_default(),
            sha256,
            uploaded_at,
        }))
    }

    /// Some or all bytes of an object, piece by piece.
    pub(crate) async fn read(
        &self,
        object: &Object,
        range: Option<std::ops::Range<u64>>,
        mut piece: impl FnMut(&[u8]) -> Result<(), PhaseError>,
    ) -> Result<(), PhaseError> {
        // In HTTP the last byte is part of a range.
        let header = range
            .as_ref()
            .map(|range| format!("bytes={}-{}", range.start, range.end - 1));
        let sent = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(&object.key)
            .set_version_id(object.version_id.clone())
            .set_range(header)
            .send()
            .await;
        let place = || object.resource(&self.name);
        let output = sent.map_err(|error| failed("s3:GetObject", place(), &error))?;
        let mut window = Window::of(range, output.content_range().is_some());
        let mut body = output.body;
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|error| PhaseError::Transient {
                operation: "s3:GetObject".to_owned(),
                source_text: format!("{}: {error}", object.resource(&self.name)),
            })?;
            piece(window.cut(&bytes))?;
        }
        Ok(())
    }

    /// The SHA-256 of an object in hex: S3's own word where it has one, else all bytes are read.
    pub(crate) async fn sha256(&self, object: &Object) -> Result<String, PhaseError> {
        if let Some(known) = &object.sha256 {
            return Ok(known.clone());
        }
        let mut hash = Sha256::new();
        self.read(object, None, |bytes| {
            hash.update(bytes);
            Ok(())
        })
        .await?;
        Ok(hex(&hash.finalize()))
    }

    /// Stores a file. S3 refuses it unless its bytes have this hash.
    pub(crate) async fn store(
        &self,
        key: &str,
        file: &Path,
        sha256: &str,
    ) -> Result<(), PhaseError> {
        let body = ByteStream::from_path(file)
            .await
            .map_err(|error| PhaseError::Transient {
                operation: "reading what was unpacked".to_owned(),
                source_text: error.to_string(),
            })?;
        let sent = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .checksum_sha256(base64(sha256))
            .body(body)
            .send()
            .await;
        sent.map(drop)
            .map_err(|error| failed("s3:PutObject", self.place(key), &error))
    }

    fn place(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }
}

/// What of an answer's bytes was asked for. HTTP lets a server send the whole object all the same;
/// the answer then names no range.
#[derive(Debug)]
struct Window {
    skip: u64,
    left: u64,
}

impl Window {
    fn of(range: Option<std::ops::Range<u64>>, is_part: bool) -> Self {
        let (skip, left) = range.map_or((0, u64::MAX), |it| (it.start, it.end - it.start));
        Self {
            skip: if is_part { 0 } else { skip },
            left,
        }
    }

    fn cut<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let all = bytes.len() as u64;
        let from = self.skip.min(all);
        let to = from.saturating_add(self.left).min(all);
        self.skip -= from;
        self.left -= to - from;
        let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        bytes.get(index(from)..index(to)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    fn cut(mut window: Window, pieces: &[&str]) -> String {
        let cut = pieces.iter().map(|it| window.cut(it.as_bytes()).to_vec());
        String::from_utf8(cut.collect::<Vec<_>>().concat()).unwrap_or_default()
    }

    #[test]
    fn only_what_was_asked_for_is_taken_of_a_whole_object() {
        let pieces = ["0123", "", "4567", "89"];
        assert_eq!(cut(Window::of(Some(2..7), false), &pieces), "23456");
        assert_eq!(cut(Window::of(Some(5..6), false), &pieces), "5");
        assert_eq!(cut(Window::of(Some(8..10), false), &pieces), "89");
        assert_eq!(cut(Window::of(Some(2..7), true), &["23", "456"]), "23456");
        assert_eq!(cut(Window::of(None, false), &pieces), "0123456789");
    }
}
