//! A release.zip that is read where it lies: its table of contents first, then one entry after
//! the other, so that no invocation needs the whole of it.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use lockstep::PhaseError;
use lockstep::release_file::RELEASE_FILE_LIMIT;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use zip::CompressionMethod;
use zip::read::{ArchiveOffset, Config, ZipArchive};
use zip::result::{ZipError, ZipResult};

use crate::bucket::{Bucket, Object};
use crate::entries::{Entry, Kind, TOTAL_LIMIT, check};
use crate::hash::hex;

/// How much of the end is fetched at first. The table of a thousand entries fits in.
const TAIL: u64 = 1 << 20;
/// The longest that an entry's own headers can be: two fields of 64 KiB each and a little more.
const HEADERS: u64 = 3 << 16;

/// A release.zip in the bucket.
pub(crate) struct Archive<'a> {
    bucket: &'a Bucket,
    object: Object,
    /// As long as the archive, and empty where nothing was fetched yet.
    local: File,
    /// Reads from it.
    zip: ZipArchive<File>,
    entries: Vec<Entry>,
    /// Where the table of contents begins, and the last entry ends.
    table_start: u64,
}

/// An entry, unpacked.
pub(crate) struct Unpacked {
    pub(crate) file: NamedTempFile,
    /// In hex.
    pub(crate) sha256: String,
}

impl<'a> Archive<'a> {
    /// Reads and checks the table of contents.
    ///
    /// # Errors
    /// [`PhaseError::Rejected`] when it is no zip file, or has entries that are not unpacked.
    pub(crate) async fn open(bucket: &'a Bucket, object: Object) -> Result<Self, PhaseError> {
        let name = object.resource(bucket.name());
        if object.size > TOTAL_LIMIT {
            return Err(PhaseError::Rejected {
                resource: name,
                reason: format!(
                    "it has {} bytes; at most {TOTAL_LIMIT} are read: upload the artifacts one by one, then release.json",
                    object.size
                ),
            });
        }
        let file = tempfile::tempfile().map_err(disk)?;
        file.set_len(object.size).map_err(disk)?;
        let tail = object.size.saturating_sub(TAIL);
        fetch(bucket, &object, &file, tail..object.size).await?;
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let unreadable = |error: ZipError| PhaseError::Rejected {
            resource: name.clone(),
            reason: format!("it cannot be read as a zip file: {error}; pack and upload it again"),
        };
        let reader = file.try_clone().map_err(disk)?;
        let archive = ZipArchive::with_config(config, reader).map_err(unreadable)?;
        if archive.has_duplicate_names() {
            return Err(PhaseError::Rejected {
                resource: name,
                reason: "it has two entries of the same name; pack it again".to_owned(),
            });
        }
        let entries = (0..archive.len())
            .map(|index| entry(&archive, index))
            .collect::<Result<Vec<_>, _>>()
            .map_err(unreadable)?;
        check(&name, &entries)?;
        Ok(Self {
            bucket,
            object,
            table_start: archive.central_directory_start(),
            local: file,
            zip: archive,
            entries,
        })
    }

    /// The file of this path; `None` when there is none.
    pub(crate) fn file(&self, path: &str) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| entry.kind == Kind::File && entry.name == path)
    }

    /// The text of release.json, which lies at the root.
    pub(crate) async fn release_file(&mut self) -> Result<Vec<u8>, PhaseError> {
        let rejected = |reason: String| PhaseError::Rejected {
            resource: self.object.resource(self.bucket.name()),
            reason,
        };
        let entry = self.file("release.json").ok_or_else(|| {
            rejected(
                "it has no release.json at its root; pack it in beside the artifacts".to_owned(),
            )
        })?;
        if entry.size > RELEASE_FILE_LIMIT as u64 {
            let size = entry.size;
            return Err(rejected(format!(
                "its release.json has {size} bytes; at most {RELEASE_FILE_LIMIT} are read"
            )));
        }
        let unpacked = self.unpack(&entry.clone()).await?;
        std::fs::read(unpacked.file.path()).map_err(disk)
    }

    /// Fetches and unpacks one entry.
    pub(crate) async fn unpack(&mut self, entry: &Entry) -> Result<Unpacked, PhaseError> {
        let name = format!(
            "{} in {}",
            entry.name,
            self.object.resource(self.bucket.name())
        );
        let starts = self.entries.iter().map(|other| other.header_start);
        let end = starts
            .filter(|start| *start > entry.header_start)
            .min()
            .unwrap_or(self.table_start);
        // Whatever else may lie between two entries is not worth fetching.
        let end = end.min(entry.header_start + entry.packed + HEADERS);
        fetch(
            self.bucket,
            &self.object,
            &self.local,
            entry.header_start..end,
        )
        .await?;
        self.inflate(entry, &name)
    }

    /// Stops at the size that the table of contents names: it was checked, the data was not.
    fn inflate(&mut self, entry: &Entry, name: &str) -> Result<Unpacked, PhaseError> {
        let broken = |reason: String| PhaseError::Rejected {
            resource: name.to_owned(),
            reason: format!("{reason}; pack and upload the release again"),
        };
        let reader = self
            .zip
            .by_index(entry.index)
            .map_err(|error| broken(format!("it cannot be read: {error}")))?;
        let mut reader = reader.take(entry.size + 1);
        let mut file = NamedTempFile::new().map_err(disk)?;
        let (mut hash, mut size, mut piece) = (Sha256::new(), 0_u64, vec![0; 1 << 16]);
        loop {
            let read = reader
                .read(&mut piece)
                .map_err(|error| broken(format!("it cannot be unpacked: {error}")))?;
            let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            size += read as u64;
            hash.update(bytes);
            file.write_all(bytes).map_err(disk)?;
        }
        if size != entry.size {
            return Err(broken(format!(
                "it unpacks to more or less than the {} bytes that the archive names",
                entry.size
            )));
        }
        file.flush().map_err(disk)?;
        Ok(Unpacked {
            file,
            sha256: hex(&hash.finalize()),
        })
    }
}

fn entry(archive: &ZipArchive<File>, index: usize) -> ZipResult<Entry> {
    let found = archive.by_index_data(index)?;
    let method = found.compression();
    let kind = match () {
        () if found.is_symlink() => Kind::Symlink,
        () if found.encrypted() => Kind::Encrypted,
        () if found.is_dir() => Kind::Folder,
        () if method == CompressionMethod::Stored || method == CompressionMethod::Deflated => {
            Kind::File
        }
        () => Kind::Unreadable,
    };
    Ok(Entry {
        index,
        name: found.name()?.into_owned(),
        kind,
        packed: found.compressed_size(),
        size: found.size(),
        header_start: found.header_start(),
    })
}

/// Copies a part of the object to the same place of the local file.
async fn fetch(
    bucket: &Bucket,
    object: &Object,
    local: &File,
    range: Range<u64>,
) -> Result<(), PhaseError> {
    let mut at = range.start;
    if range.is_empty() {
        return Ok(());
    }
    bucket
        .read(object, Some(range), |bytes| {
            local.write_all_at(bytes, at).map_err(disk)?;
            at += bytes.len() as u64;
            Ok(())
        })
        .await
}

/// The function's own disk: another invocation may have another one.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn disk(error: io::Error) -> PhaseError {
    PhaseError::Transient {
        operation: "writing to /tmp".to_owned(),
        source_text: error.to_string(),
    }
}
