//! From the paths on the command line to artifacts: zip files as they are, folders packed so
//! that the same content always has the same hash.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use lockstep::manifest::PackedSource;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

use crate::args::ReleaseArgs;
use crate::error::CliError;

/// 250 MB as Lambda counts them.
const LIMIT: u64 = 262_144_000;

/// One file of a release.
#[derive(Debug)]
pub struct Artifact {
    /// Its path in the release.
    pub path: String,
    /// Where its bytes are.
    pub file: PathBuf,
    /// Bytes.
    pub size: u64,
    /// The SHA-256 in hex.
    pub sha256: String,
    /// Keeps what was packed until it is uploaded.
    _packed: Option<NamedTempFile>,
}

impl Artifact {
    /// A folder that is packed already.
    ///
    /// # Errors
    /// When it cannot be kept until it is uploaded.
    pub(crate) fn packed(path: &str, packed: &PackedSource) -> Result<Self, CliError> {
        let keep = || -> io::Result<NamedTempFile> {
            let file = NamedTempFile::new()?;
            fs::write(file.path(), &packed.zip)?;
            Ok(file)
        };
        let file = keep().map_err(io_error(Path::new(path)))?;
        Ok(Self {
            path: path.to_owned(),
            file: file.path().to_owned(),
            size: packed.zip.len() as u64,
            sha256: packed.sha256.clone(),
            _packed: Some(file),
        })
    }
}

#[cfg(test)]
impl Artifact {
    /// An artifact of this hash, without bytes.
    pub(crate) fn at(path: &str, sha256: &str) -> Self {
        Self {
            path: path.to_owned(),
            file: PathBuf::new(),
            size: 0,
            sha256: sha256.to_owned(),
            _packed: None,
        }
    }
}

/// Everything that the command line names, ordered by path.
///
/// # Errors
/// When something is missing, is neither a zip file nor a folder, is too large, or stands
/// twice under one path.
pub fn collect(args: &ReleaseArgs) -> Result<Vec<Artifact>, CliError> {
    let mut named = args
        .artifacts
        .iter()
        .map(|text| named(text))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(folder) = &args.directory {
        named.extend(entries(folder)?);
    }
    named.sort();
    let twice = named.windows(2).find_map(|pair| match pair {
        [(first, a), (second, b)] if first == second => Some((first, a, b)),
        _ => None,
    });
    if let Some((path, a, b)) = twice {
        return Err(CliError::invalid(
            format!("{} and {} are both {path}", a.display(), b.display()),
            "give one of them another name: NAME.zip=PATH",
        ));
    }
    named
        .into_iter()
        .map(|(path, source)| pack_one(path, &source))
        .collect()
}

/// `PATH` or `NAME=PATH`, as the path in the release and where it is.
fn named(text: &str) -> Result<(String, PathBuf), CliError> {
    if let Some((name, path)) = text.split_once('=') {
        return Ok((name.to_owned(), PathBuf::from(path)));
    }
    let path = PathBuf::from(text);
    let name = name_of(&path).ok_or_else(|| {
        CliError::invalid(
            format!("{text} is neither a zip file nor a folder with a name"),
            "name zip files and folders, or give it a name: NAME.zip=PATH",
        )
    })?;
    Ok((name, path))
}

/// The path in the release of a zip file or a folder; `None` for everything else.
fn name_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    if path.is_dir() {
        return Some(format!("{name}.zip"));
    }
    let zip = path.extension().is_some_and(|it| it == "zip");
    zip.then(|| name.to_owned())
}

/// Every zip file and every folder in a folder: the path in the release, and where it is.
///
/// # Errors
/// When the folder cannot be read.
pub fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, CliError> {
    let entries = fs::read_dir(folder).map_err(io_error(folder))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(io_error(folder))?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if let Some(name) = name_of(&path).filter(|_| !hidden) {
            found.push((name, path));
        }
    }
    found.sort();
    Ok(found)
}

/// A zip file as it is, or a folder packed as one, under this path in the release.
///
/// # Errors
/// When it cannot be read, or is larger than Lambda takes.
pub fn pack_one(path: String, source: &Path) -> Result<Artifact, CliError> {
    let packed = if source.is_dir() {
        Some(pack(source).map_err(io_error(source))?)
    } else {
        None
    };
    let file = packed
        .as_ref()
        .map_or_else(|| source.to_owned(), |packed| packed.path().to_owned());
    let (size, sha256) = hash(&file).map_err(io_error(source))?;
    if size > LIMIT {
        return Err(CliError::invalid(
            format!("{} has {size} bytes", source.display()),
            format!("Lambda takes at most {LIMIT} bytes (250 MB): release less"),
        ));
    }
    Ok(Artifact {
        path,
        file,
        size,
        sha256,
        _packed: packed,
    })
}

/// Packs a folder: names in order, no times, and of the permissions only whether a file can be
/// executed.
fn pack(folder: &Path) -> io::Result<NamedTempFile> {
    let packed = NamedTempFile::new()?;
    let mut names = Vec::new();
    list(folder, Path::new(""), &|_| true, &mut names)?;
    names.sort();
    write(folder, &names, packed.reopen()?)?;
    Ok(packed)
}

/// What a source of infrastructure does not need: what tools download or make themselves, and the
/// state and plans of other runs, which may hold secrets.
const LEFT_OUT: [&str; 10] = [
    ".git",
    ".terraform",
    "node_modules",
    "cdk.out",
    "__pycache__",
    ".venv",
    "venv",
    ".DS_Store",
    "terraform.tfstate",
    "terraform.tfstate.backup",
];

/// Whether a file or a folder goes into a source.
fn is_source(name: &Path) -> bool {
    let last = name.file_name().unwrap_or_default();
    !LEFT_OUT.iter().any(|it| last == *it) && name.extension().is_none_or(|it| it != "tfplan")
}

/// Packs a folder with the source of infrastructure, without what is left out of such.
///
/// # Errors
/// When it cannot be read.
pub fn pack_source(folder: &Path) -> io::Result<PackedSource> {
    if !folder.is_dir() {
        let kind = io::ErrorKind::NotFound;
        return Err(io::Error::new(kind, "there is no such folder"));
    }
    let mut names = Vec::new();
    list(folder, Path::new(""), &is_source, &mut names)?;
    names.sort();
    let mut zip = io::Cursor::new(Vec::new());
    write(folder, &names, &mut zip)?;
    let zip = zip.into_inner();
    Ok(PackedSource {
        sha256: format!("{:x}", Sha256::digest(&zip)),
        zip,
        files: names
            .iter()
            .map(|name| name.to_string_lossy().into_owned())
            .collect(),
    })
}

fn write(folder: &Path, names: &[PathBuf], to: impl io::Write + io::Seek) -> io::Result<()> {
    let mut writer = ZipWriter::new(to);
    for name in names {
        let path = folder.join(name);
        let executable = fs::metadata(&path)?.permissions().mode() & 0o100 != 0;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(if executable { 0o755 } else { 0o644 });
        writer
            .start_file(name.to_string_lossy(), options)
            .map_err(io::Error::other)?;
        io::copy(&mut File::open(&path)?, &mut writer)?;
    }
    writer.finish().map_err(io::Error::other)?;
    Ok(())
}

/// The files below a folder that are wanted. What a link points to is packed in its place.
fn list(
    root: &Path,
    below: &Path,
    wanted: &impl Fn(&Path) -> bool,
    names: &mut Vec<PathBuf>,
) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let name = below.join(entry?.file_name());
        if !wanted(&name) {
            continue;
        }
        if root.join(&name).is_dir() {
            list(root, &name, wanted, names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}

fn hash(file: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(file)?;
    let (mut hash, mut size, mut piece) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        let read = file.read(&mut piece)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        hash.update(bytes);
        size += read as u64;
    }
    Ok((size, format!("{:x}", hash.finalize())))
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> CliError {
    let what = format!("reading {}", path.display());
    move |source| CliError::Io { what, source }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::{Artifact, collect, pack_source};
    use crate::args::{Cli, Command};
    use crate::error::CliError;

    fn collected(arguments: &[&str]) -> Result<Vec<Artifact>, CliError> {
        let all = ["lockstep", "release", "1.4.0"].iter().chain(arguments);
        match Cli::parse_from(all).command {
            Command::Release(args) => collect(&args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_folder_is_packed_the_same_way_every_time() {
        let build = tempfile::tempdir().unwrap();
        let hash = |name: &str| {
            let folder = build.path().join(name).join("api");
            fs::create_dir_all(folder.join("lib")).unwrap();
            fs::write(folder.join("lib/b.py"), "b").unwrap();
            fs::write(folder.join("a.py"), "a").unwrap();
            collected(&[folder.to_str().unwrap()]).unwrap().remove(0)
        };
        let (first, second) = (hash("one"), hash("two"));
        assert_eq!(first.path, "api.zip");
        assert_eq!(first.sha256, second.sha256);
        fs::write(build.path().join("two/api/a.py"), "other").unwrap();
        let folder = build.path().join("two/api");
        let changed = collected(&[folder.to_str().unwrap()]).unwrap().remove(0);
        assert_ne!(first.sha256, changed.sha256);
    }

    #[test]
    fn a_source_is_packed_without_what_tools_make_themselves() {
        let build = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = build.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        };
        for name in [
            "main.tf",
            ".terraform.lock.hcl",
            "buildspec.yml",
            "modules/db/main.tf",
        ] {
            file(name);
        }
        let first = pack_source(build.path()).unwrap();
        let expected = [
            ".terraform.lock.hcl",
            "buildspec.yml",
            "main.tf",
            "modules/db/main.tf",
        ];
        assert_eq!(first.files, expected);
        for name in [
            ".terraform/providers/aws",
            "terraform.tfstate",
            "old.tfplan",
            "modules/node_modules/x.js",
        ] {
            file(name);
        }
        assert_eq!(pack_source(build.path()).unwrap(), first);
        let error = pack_source(&build.path().join("none")).unwrap_err();
        assert_eq!(error.to_string(), "there is no such folder");
    }

    #[test]
    fn a_folder_of_builds_is_taken_whole() {
        let build = tempfile::tempdir().unwrap();
        fs::create_dir(build.path().join("api")).unwrap();
        fs::create_dir(build.path().join(".cache")).unwrap();
        fs::write(build.path().join("mail.zip"), "zip").unwrap();
        fs::write(build.path().join("notes.txt"), "no").unwrap();
        let directory = build.path().to_str().unwrap();
        let found = collected(&["--directory", directory]).unwrap();
        let paths: Vec<_> = found
            .iter()
            .map(|artifact| artifact.path.as_str())
            .collect();
        assert_eq!(paths, ["api.zip", "mail.zip"]);
        let again = format!("mail.zip={directory}/mail.zip");
        let error = collected(&["--directory", directory, &again]).unwrap_err();
        assert!(error.to_string().contains("are both mail.zip"), "{error}");
        let notes = format!("{directory}/notes.txt");
        assert!(
            collected(&[&notes])
                .unwrap_err()
                .to_string()
                .contains("neither a zip file")
        );
    }
}
