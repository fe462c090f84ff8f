//! Looking at a folder of builds until nobody writes into it any more.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use zip::ZipArchive;

use crate::error::CliError;
use crate::release::{Artifact, entries, pack_one};

/// How long nothing may have changed before what is there counts as built.
const QUIET: Duration = Duration::from_millis(400);

/// A folder of builds: zip files, and folders that are packed as such.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    seen: Sight,
    /// When it was first seen as it is now.
    since: Option<Instant>,
    /// Whether that was built already.
    taken: bool,
}

/// Every file below every entry: its size and when it was changed.
type Sight = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// What a look showed.
#[derive(Debug)]
pub enum Look {
    /// Nothing new.
    Unchanged,
    /// Somebody writes, or has not written for a short time only.
    Writing,
    /// This is no whole zip file: whoever writes it pauses, or something went wrong.
    Broken(PathBuf),
    /// Something changed, and nobody writes any more.
    Built(Built),
}

/// What a build left behind.
#[derive(Debug)]
pub struct Built {
    /// All of it, by path in a release.
    pub artifacts: Vec<Artifact>,
    /// When the last change of it was seen.
    pub since: Instant,
}

impl Folder {
    /// A folder that was not looked at yet.
    pub const fn new(root: PathBuf) -> Self {
        Self {
            root,
            seen: Sight::new(),
            since: None,
            taken: false,
        }
    }

    /// Looks at it once. What is whole and quiet is given once, until it changes again.
    ///
    /// # Errors
    /// When the folder itself cannot be read.
    pub fn look(&mut self) -> Result<Look, CliError> {
        let entries = entries(&self.root)?;
        let seen = sight(entries.iter().map(|(_, path)| path));
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        if seen != self.seen {
            (self.seen, self.since, self.taken) = (seen, Some(now), false);
            return Ok(Look::Writing);
        }
        if self.taken {
            return Ok(Look::Unchanged);
        }
        if now.duration_since(since) < QUIET {
            return Ok(Look::Writing);
        }
        self.build(entries, since)
    }

    /// Says that what was given last is to be given again.
    pub const fn again(&mut self) {
        self.taken = false;
    }

    fn build(&mut self, entries: Vec<(String, PathBuf)>, since: Instant) -> Result<Look, CliError> {
        let mut artifacts = Vec::new();
        for (name, path) in entries {
            let artifact = match pack_one(name, &path) {
                Ok(artifact) => artifact,
                // It was there a moment ago: a build begins just now.
                Err(CliError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                    return Ok(Look::Writing);
                }
                Err(error) => return Err(error),
            };
            if !is_zip(&artifact.file) {
                return Ok(Look::Broken(path));
            }
            artifacts.push(artifact);
        }
        // Reading took its time, too.
        let after = crate::release::entries(&self.root)?;
        if sight(after.iter().map(|(_, path)| path)) != self.seen {
            return Ok(Look::Writing);
        }
        self.taken = true;
        Ok(Look::Built(Built { artifacts, since }))
    }
}

fn sight<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> Sight {
    let mut seen = Sight::new();
    for path in paths {
        add(&mut seen, path);
    }
    seen
}

/// What goes away while it is looked at is missing in the next look, which makes a difference.
fn add(seen: &mut Sight, path: &Path) {
    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    if metadata.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            add(seen, &entry.path());
        }
    }
    let size = if metadata.is_dir() { 0 } else { metadata.len() };
    seen.insert(path.to_owned(), (size, metadata.modified().ok()));
}

/// Whether a file is a whole zip file: its table of contents stands at its end.
fn is_zip(file: &Path) -> bool {
    File::open(file).is_ok_and(|file| ZipArchive::new(file).is_ok())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::path::Path;
    use std::time::{Duration, Instant};

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::{Folder, Look};

    fn zip(content: &str) -> Vec<u8> {
        let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        writer
            .start_file("index.py", SimpleFileOptions::default())
            .unwrap();
        writer.write_all(content.as_bytes()).unwrap();
        writer.finish().unwrap().into_inner()
    }

    /// What is found once the folder is quiet.
    fn settled(folder: &mut Folder) -> Look {
        let limit = Instant::now() + Duration::from_secs(20);
        loop {
            match folder.look().unwrap() {
                Look::Writing if Instant::now() < limit => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                look => return look,
            }
        }
    }

    fn names(look: &Look) -> Vec<&str> {
        match look {
            Look::Built(built) => built.artifacts.iter().map(|it| it.path.as_str()).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn at(root: &Path) -> Folder {
        Folder::new(root.to_owned())
    }

    #[test]
    fn what_is_built_is_given_once_until_it_changes() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("api.zip"), zip("one")).unwrap();
        fs::create_dir_all(root.path().join("mail/lib")).unwrap();
        fs::write(root.path().join("mail/lib/a.py"), "a").unwrap();
        let mut folder = at(root.path());
        assert!(matches!(folder.look().unwrap(), Look::Writing));
        assert_eq!(names(&settled(&mut folder)), ["api.zip", "mail.zip"]);
        assert!(matches!(folder.look().unwrap(), Look::Unchanged));
        folder.again();
        assert_eq!(names(&settled(&mut folder)), ["api.zip", "mail.zip"]);
        fs::write(root.path().join("mail/lib/b.py"), "b").unwrap();
        assert!(matches!(folder.look().unwrap(), Look::Writing));
        assert_eq!(names(&settled(&mut folder)), ["api.zip", "mail.zip"]);
    }

    #[test]
    fn a_half_written_zip_file_is_never_given() {
        let root = tempfile::tempdir().unwrap();
        let (file, whole) = (root.path().join("api.zip"), zip("one"));
        let mut folder = at(root.path());
        let mut written = fs::File::create(&file).unwrap();
        written.write_all(&whole[..whole.len() / 2]).unwrap();
        match settled(&mut folder) {
            Look::Broken(path) => assert_eq!(path, file),
            other => panic!("{other:?}"),
        }
        written.write_all(&whole[whole.len() / 2..]).unwrap();
        assert!(matches!(folder.look().unwrap(), Look::Writing));
        assert_eq!(names(&settled(&mut folder)), ["api.zip"]);
    }

    #[test]
    fn what_is_still_being_written_is_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("api.zip");
        let mut folder = at(root.path());
        for round in 0..5 {
            fs::write(&file, zip(&"x".repeat(round + 1))).unwrap();
            assert!(matches!(folder.look().unwrap(), Look::Writing), "{round}");
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(names(&settled(&mut folder)), ["api.zip"]);
    }

    #[test]
    fn an_empty_folder_is_built_and_has_nothing() {
        let root = tempfile::tempdir().unwrap();
        let mut folder = at(root.path());
        assert!(names(&settled(&mut folder)).is_empty());
        assert!(at(&root.path().join("missing")).look().is_err());
    }
}
