//! What a look at one function shows.

use super::live::{LiveAlias, LiveFunction};
use super::step::FunctionChange;

/// One function as it is now, as far as its change needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionWorld {
    /// The function itself: `GetFunction` without a qualifier.
    pub latest: LiveFunction,
    /// What the alias names: `GetFunction` with the alias as its qualifier. `None` without
    /// an alias, and where the alias does not exist.
    pub serving: Option<LiveFunction>,
    /// The alias. `GetAlias` counts against the budget of calls, so it is only asked for
    /// where [`FunctionChange::needs_alias`] says so, for an undo, and after a
    /// [`super::Next::PointAlias`] that was refused: then it is not what it was at plan time,
    /// and either only its `RevisionId` is new or somebody else is at work.
    pub alias: Option<LiveAlias>,
    /// The version that [`super::Next::Publish`] or [`super::Next::Snapshot`] led to, looked
    /// at with `GetFunction`. `None` until this invocation has published: publishing again
    /// what is published gives the same version, so nothing needs to be remembered.
    ///
    /// For an undo of traffic that is shifted in stages, the one version that has a share.
    pub published: Option<LiveFunction>,
    /// Whether the manifest has the new version invoked before it serves, and that was not
    /// done yet as far as is remembered.
    pub needs_check: bool,
}

impl FunctionWorld {
    /// What is invoked: by the alias, or by the function's own name.
    pub(super) fn serves(&self, change: &FunctionChange) -> Option<&LiveFunction> {
        match change.alias {
            Some(_) => self.serving.as_ref(),
            None => Some(&self.latest),
        }
    }
}

impl FunctionChange {
    /// Whether `GetFunction` alone cannot tell the end of the change: an alias that pointed
    /// to two versions can point to one of them afterwards.
    pub fn needs_alias(&self) -> bool {
        !self.before.weights.is_empty()
    }

    /// Whether a version has the code and the configuration that are to serve.
    pub fn is_after(&self, live: &LiveFunction) -> bool {
        live.code_sha256 == self.code_after()
            && live.configuration_hash() == self.configuration_after()
    }

    /// Whether a version has the code and the configuration that `$LATEST` had before: such a
    /// one was published to put a function without an alias back.
    pub fn is_snapshot(&self, live: &LiveFunction) -> bool {
        live.code_sha256 == self.before.latest_code_sha256
            && live.configuration_hash() == self.before.latest_configuration_hash
    }

    /// Whether the function is published before it is changed: without an alias, and where a
    /// release in the bucket does not have all that there is to put back. Lambda alone keeps
    /// previous settings.
    pub fn needs_snapshot(&self) -> bool {
        self.alias.is_none() && (self.put_back.is_none() || self.configuration.is_some())
    }

    /// The published version that the function is put back from: the newest that has the
    /// previous code and configuration.
    pub fn snapshot<'a>(&self, versions: &'a [LiveFunction]) -> Option<&'a LiveFunction> {
        let published = versions.iter().filter(|it| it.number().is_some());
        let same = published.filter(|it| self.is_snapshot(it));
        same.max_by_key(|it| it.number())
    }
}
