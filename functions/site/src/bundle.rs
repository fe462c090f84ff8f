//! The zip file with all files of a site.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Read as _, Write as _};

use aws_sdk_s3::Client;
use lockstep::PhaseError;
use lockstep::release_file::path_fault;
use lockstep::site::SiteStep;
use lockstep_s3::failed;
use sha2::{Digest, Sha256};
use zip::CompressionMethod;
use zip::read::ZipArchive;

/// The largest bundle: it lies on the function's disk.
const PACKED_LIMIT: u64 = 400 << 20;
/// The most that all files may come to.
const TOTAL_LIMIT: u64 = 2 << 30;
/// The largest file: it is in memory while it is sent.
const FILE_LIMIT: u64 = 64 << 20;
/// The most files.
const FILES_LIMIT: usize = 20_000;
/// How many bytes one packed byte may become, beyond the first megabyte.
const RATIO_LIMIT: u64 = 200;

/// A bundle, on the function's disk.
#[derive(Debug)]
pub(crate) struct Bundle {
    zip: RefCell<ZipArchive<File>>,
    name: String,
}

impl Bundle {
    /// Fetches a step's bundle and checks its table of contents.
    pub(crate) async fn open(s3: &Client, step: &SiteStep) -> Result<Self, PhaseError> {
        let bundle = &step.bundle;
        let name = format!("s3://{}/{}", bundle.bucket, bundle.key);
        if bundle.size > PACKED_LIMIT {
            return Err(refused(
                &name,
                format!(
                    "it has {} bytes; at most {PACKED_LIMIT} are read",
                    bundle.size
                ),
            ));
        }
        let call = s3.get_object().bucket(&bundle.bucket).key(&bundle.key);
        let sent = call.set_version_id(bundle.version_id.clone()).send().await;
        let output = sent.map_err(|error| failed("s3:GetObject", &name, &error))?;
        let mut file = tempfile::tempfile().map_err(|error| disk(&error))?;
        let (mut body, mut hash) = (output.body, Sha256::new());
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| PhaseError::Transient {
                operation: "s3:GetObject".to_owned(),
                source_text: format!("{name}: {error}"),
            })?;
            hash.update(&piece);
            file.write_all(&piece).map_err(|error| disk(&error))?;
        }
        if hex(&hash.finalize()) != bundle.sha256 {
            let why = "it is not the file any more that the release was checked with; upload the release again";
            return Err(refused(&name, why.to_owned()));
        }
        Self::of(file, name)
    }

    pub(crate) fn of(file: File, name: String) -> Result<Self, PhaseError> {
        let zip = ZipArchive::new(file);
        let zip = zip.map_err(|error| {
            refused(
                &name,
                format!("it cannot be read as a zip file: {error}; pack it again"),
            )
        })?;
        let bundle = Self {
            zip: RefCell::new(zip),
            name,
        };
        bundle.check()?;
        Ok(bundle)
    }

    /// Checks the table of contents, before anything is unpacked.
    fn check(&self) -> Result<(), PhaseError> {
        let mut zip = self.zip.borrow_mut();
        let mut faults = Vec::new();
        if zip.has_duplicate_names() {
            faults.push("it has two entries of the same name".to_owned());
        }
        if zip.len() > FILES_LIMIT {
            faults.push(format!(
                "it has {} entries; at most {FILES_LIMIT} are read",
                zip.len()
            ));
        }
        let mut total = 0_u64;
        for index in 0..zip.len().min(FILES_LIMIT) {
            let entry = zip.by_index_raw(index);
            let entry = entry.map_err(|error| refused(&self.name, error.to_string()))?;
            if entry.is_dir() {
                continue;
            }
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            let method = entry.compression();
            let readable = [CompressionMethod::Stored, CompressionMethod::Deflated];
            let (size, packed) = (entry.size(), entry.compressed_size());
            total = total.saturating_add(size);
            let fault = match () {
                () if entry.is_symlink() => {
                    Some("is a symbolic link; pack the file itself".to_owned())
                }
                () if entry.encrypted() => {
                    Some("is encrypted; pack it without a password".to_owned())
                }
                () if !readable.contains(&method) => {
                    Some("is packed by another method than `deflate` or `store`".to_owned())
                }
                () if size > FILE_LIMIT => Some(format!(
                    "has {size} bytes; a file of a site has at most {FILE_LIMIT}"
                )),
                () if size > (1 << 20) && size / RATIO_LIMIT > packed => Some(format!(
                    "would grow from {packed} to {size} bytes, as zip bombs do"
                )),
                () => {
                    path_fault(&name).map(|expected| format!("has a bad path: expected {expected}"))
                }
            };
            faults.extend(fault.map(|fault| format!("`{name}` {fault}")));
        }
        if total > TOTAL_LIMIT {
            faults.push(format!(
                "its files come to {total} bytes; at most {TOTAL_LIMIT} are unpacked"
            ));
        }
        if faults.is_empty() {
            return Ok(());
        }
        let more = faults.len().saturating_sub(10);
        faults.truncate(10);
        if more > 0 {
            faults.push(format!("and {more} more"));
        }
        Err(refused(&self.name, faults.join("; ")))
    }

    /// Its files: path, hash in hex, and size.
    pub(crate) fn files(&self) -> Result<Vec<(String, String, u64)>, PhaseError> {
        let mut zip = self.zip.borrow_mut();
        let mut files = Vec::new();
        for index in 0..zip.len() {
            let entry = zip.by_index(index);
            let entry = entry.map_err(|error| self.broken(&error.to_string()))?;
            if entry.is_dir() {
                continue;
            }
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            let (bytes, size) = unpacked(entry, &name).map_err(|why| self.broken(&why))?;
            files.push((name, hex_of(&bytes), size));
        }
        Ok(files)
    }

    /// The content of a file; `None` where there is no such file with that hash.
    pub(crate) fn read(&self, path: &str, sha256: &str) -> Result<Option<Vec<u8>>, PhaseError> {
        let mut zip = self.zip.borrow_mut();
        let Some(index) = zip.index_for_name(path) else {
            return Ok(None);
        };
        let entry = zip.by_index(index);
        let entry = entry.map_err(|error| self.broken(&error.to_string()))?;
        let (bytes, _) = unpacked(entry, path).map_err(|why| self.broken(&why))?;
        Ok(Some(bytes).filter(|bytes| hex_of(bytes) == sha256))
    }

    fn broken(&self, why: &str) -> PhaseError {
        refused(
            &self.name,
            format!("it cannot be unpacked: {why}; pack and upload it again"),
        )
    }
}

/// Stops at the size that the table of contents names: that was checked, the data was not.
fn unpacked(entry: zip::read::ZipFile<'_, File>, name: &str) -> Result<(Vec<u8>, u64), String> {
    let size = entry.size();
    let mut bytes = Vec::new();
    let read = entry.take(size + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("{name}: {error}"))?;
    if bytes.len() as u64 != size {
        return Err(format!(
            "{name} has more or less than the {size} bytes that the archive names"
        ));
    }
    Ok((bytes, size))
}

/// The SHA-256 of some bytes, in hex.
pub(crate) fn hex_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(hash: &[u8]) -> String {
    use std::fmt::Write as _;
    hash.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn refused(name: &str, reason: String) -> PhaseError {
    PhaseError::Rejected {
        resource: name.to_owned(),
        reason,
    }
}

/// The function's own disk: another invocation may have another one.
fn disk(error: &std::io::Error) -> PhaseError {
    PhaseError::Transient {
        operation: "writing to /tmp".to_owned(),
        source_text: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
