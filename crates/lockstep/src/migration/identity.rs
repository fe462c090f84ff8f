//! What makes two runs of a migration the same one, and which ran in an environment.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::floor::RollbackFloor;
use crate::ecs::ImageReference;

/// How many runs an environment remembers: those of about this many releases.
const KEPT: usize = 60;

/// Which of a migration's commands is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Run {
    /// Before the release takes traffic.
    Expand,
    /// What takes back an expand that succeeded, where the manifest has a command for it.
    Undo,
    /// After the release was verified.
    Contract,
}

impl Run {
    /// What a command or a build is told to do, as `LOCKSTEP_MIGRATION`.
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Expand => "up",
            Self::Undo => "undo",
            Self::Contract => "contract",
        }
    }

    /// The name under which it is stored and told apart.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Undo => "undo",
            Self::Contract => "contract",
        }
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a run is, whoever asks for it: the image, and the hash of the command or of the build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The image's digest; the whole reference where it names none.
    pub image: String,
    /// The SHA-256 of the command, or of what names the build.
    pub command: String,
}

impl Identity {
    /// The identity of a command in an image.
    pub fn of(image: &str, command: &[String]) -> Self {
        let mut hash = Sha256::new();
        for word in command {
            hash.update(word.as_bytes());
            hash.update([0]);
        }
        Self {
            image: digest(image).to_owned(),
            command: format!("{:x}", hash.finalize()),
        }
    }
}

/// The identity of a build of a project with these variables for an image.
pub(super) fn of_build(
    image: &str,
    project: &str,
    variables: &BTreeMap<String, String>,
) -> Identity {
    let named = variables
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let first = ["codebuild".to_owned(), project.to_owned()];
    let words: Vec<_> = first.into_iter().chain(named).collect();
    Identity::of(image, &words)
}

/// What tells two images apart: the digest where there is one.
pub(super) fn digest(image: &str) -> &str {
    ImageReference::parse(image).digest.unwrap_or(image)
}

/// A run that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Which of the commands.
    pub run: Run,
    /// What ran.
    #[serde(flatten)]
    pub identity: Identity,
    /// The deployment that ran it.
    pub deployment: String,
    /// The ARN of its task, or the id of its build.
    pub task: String,
    /// When it was seen to have succeeded.
    pub at: Timestamp,
    /// When the image was pushed, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<Timestamp>,
    /// The oldest release that the schema supports since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<RollbackFloor>,
}

/// What ran of one migration in one environment, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrated {
    /// The runs that succeeded and were not undone.
    pub done: Vec<Mark>,
    /// A contract that began and is not known to have succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Identity>,
    /// Counts the writes; 0 before the first one.
    #[serde(skip)]
    pub revision: u64,
}

impl Migrated {
    /// Whether this ran already.
    pub fn has(&self, run: Run, identity: &Identity) -> bool {
        let same = |mark: &&Mark| mark.run == run && mark.identity == *identity;
        self.done.iter().any(|mark| same(&mark))
    }

    /// Whether an image is older than one whose migration ran: its own is a part of that, and
    /// must not run on the newer schema.
    pub fn is_ahead_of(&self, made_at: Option<Timestamp>) -> bool {
        let newer = |mark: &Mark| mark.made_at.zip(made_at).is_some_and(|(it, me)| it > me);
        self.done.iter().any(newer)
    }

    /// The image whose migration ran last.
    pub fn last(&self) -> Option<&Mark> {
        self.done.iter().find(|mark| mark.run == Run::Expand)
    }

    /// The same with one more run.
    #[must_use]
    pub fn with(&self, mark: Mark) -> Self {
        let mut migrated = self.without(mark.run, &mark.identity);
        if mark.run == Run::Contract {
            migrated.open = None;
        }
        migrated.done.insert(0, mark);
        migrated.done.truncate(KEPT);
        migrated
    }

    /// The same without a run, because it was undone.
    #[must_use]
    pub fn without(&self, run: Run, identity: &Identity) -> Self {
        let mut migrated = self.clone();
        migrated
            .done
            .retain(|mark| mark.run != run || mark.identity != *identity);
        migrated
    }

    /// The same with a contract that begins.
    #[must_use]
    pub fn opening(&self, identity: &Identity) -> Self {
        Self {
            open: Some(identity.clone()),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Identity, Mark, Migrated, Run};

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(second)
    }

    fn identity(image: &str) -> Identity {
        Identity::of(image, &["npm".to_owned(), "run".to_owned()])
    }

    fn mark(run: Run, image: &str, made: i64) -> Mark {
        Mark {
            run,
            identity: identity(image),
            deployment: "d".into(),
            task: "arn".into(),
            at: at(made),
            made_at: Some(at(made)),
            floor: None,
        }
    }

    #[test]
    fn a_run_is_the_digest_and_the_words_of_the_command() {
        let one = identity("host/shop/api@sha256:ab");
        assert_eq!(one, identity("other/shop/api:v1@sha256:ab"));
        assert_ne!(one, identity("host/shop/api@sha256:cd"));
        let joined = Identity::of("host/shop/api@sha256:ab", &["npm run".to_owned()]);
        assert_ne!(one.command, joined.command);
    }

    #[test]
    fn going_back_and_forth_runs_nothing_twice() {
        let migrated = Migrated::default()
            .with(mark(Run::Expand, "a@sha256:1", 1))
            .with(mark(Run::Expand, "a@sha256:2", 2));
        assert!(migrated.has(Run::Expand, &identity("a@sha256:1")));
        assert!(!migrated.has(Run::Contract, &identity("a@sha256:1")));
        assert!(migrated.is_ahead_of(Some(at(1))) && !migrated.is_ahead_of(Some(at(2))));
        assert!(!migrated.is_ahead_of(None));
        let undone = migrated.without(Run::Expand, &identity("a@sha256:2"));
        assert_eq!(undone.last(), Some(&mark(Run::Expand, "a@sha256:1", 1)));
    }

    #[test]
    fn a_contract_stays_open_until_it_succeeded() {
        let open = Migrated::default().opening(&identity("a@sha256:1"));
        assert_eq!(open.open, Some(identity("a@sha256:1")));
        assert_eq!(
            open.with(mark(Run::Expand, "a@sha256:2", 2)).open,
            open.open
        );
        assert_eq!(open.with(mark(Run::Contract, "a@sha256:1", 1)).open, None);
    }
}
