//! Putting one function back, and what putting all back came to.

use std::cell::RefCell;
use std::collections::BTreeMap;

use lockstep::lambda::{
    FunctionChange, FunctionWorld, FunctionsStep, LiveAlias, LiveFunction, MANY, Snapshot, Undo,
    undo,
};
use lockstep::{PhaseError, Progress};
use lockstep_lambda::Sent;

use crate::change::{Takes, map};
use crate::fleet::{Fleet, Patience, one_of};

/// How far putting one function back came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PutBack {
    /// It is back, or somebody else's: what is live now.
    Done(String),
    /// It cannot be put back.
    Failed(PhaseError),
    /// There is more to do: what was last seen.
    Unfinished(String),
}

/// Puts one function back, as far as the invocation's time reaches.
pub(crate) async fn put_back(fleet: &Fleet<'_>, change: &FunctionChange) -> PutBack {
    let work = Work {
        fleet,
        change,
        snapshot: RefCell::default(),
    };
    let mut patience = Patience::new();
    loop {
        let note = match work.turn(&mut patience).await {
            Ok(Undo::Done { summary }) => return PutBack::Done(summary),
            Ok(Undo::Fail(error)) => return PutBack::Failed(error),
            Ok(Undo::Wait { note }) => note,
            Ok(_) => format!("putting {} back", change.resource()),
            Err(error) if error.is_transient() => {
                tracing::info!(function = change.function, "{error}");
                if !fleet.is_over() {
                    patience.wait().await;
                }
                error.to_string()
            }
            Err(error) => return PutBack::Failed(error),
        };
        if fleet.is_over() {
            return PutBack::Unfinished(note);
        }
    }
}

struct Work<'a> {
    fleet: &'a Fleet<'a>,
    change: &'a FunctionChange,
    snapshot: RefCell<Snapshot>,
}

impl Work<'_> {
    /// One look, and what it leads to. Gives what was decided before it was done.
    async fn turn(&self, patience: &mut Patience) -> Result<Undo, PhaseError> {
        let Some(world) = self.look().await? else {
            return Ok(Undo::Done {
                summary: format!("{} left alone: somebody deleted it", self.change.resource()),
            });
        };
        let snapshot = self.snapshot.borrow().clone();
        let next = undo(self.change, &world, &snapshot);
        if self.fleet.is_over() {
            return Ok(next);
        }
        match self.act(&next, &snapshot).await? {
            Sent::Accepted(Takes::AMoment) => patience.settle().await,
            Sent::Accepted(Takes::Nothing) => patience.begin_anew(),
            Sent::LookAgain(why) => {
                tracing::info!(function = self.change.function, "looking again: {why}");
                patience.wait().await;
            }
        }
        Ok(next)
    }

    /// The function and its alias; `None` when the function is gone.
    async fn look(&self) -> Result<Option<FunctionWorld>, PhaseError> {
        let (lambda, name) = (&self.fleet.lambda, &self.change.function);
        let Some(alias) = &self.change.alias else {
            let latest = lambda.function(name, None).await?;
            return Ok(latest.map(|latest| FunctionWorld {
                latest,
                serving: None,
                alias: None,
                published: None,
                needs_check: false,
            }));
        };
        let serving = lambda.function(name, Some(alias)).await?;
        let unweighted = self.change.before.weights.is_empty() && !self.change.in_stages;
        let alias = match (&serving, unweighted) {
            // It serves what it served, and we gave it no weights: nothing of ours is left, and
            // a call of those that are few is saved.
            (Some(serving), true)
                if Some(&serving.version) == self.change.before.version.as_ref() =>
            {
                Some(LiveAlias {
                    version: serving.version.clone(),
                    weights: BTreeMap::new(),
                    revision_id: String::new(),
                })
            }
            _ => lambda.alias(name, alias).await?,
        };
        let published = self.shared(alias.as_ref()).await?;
        let latest = match &serving {
            // Nothing that is put back depends on the function itself.
            Some(serving) => Some(serving.clone()),
            None => lambda.function(name, None).await?,
        };
        Ok(latest.map(|latest| FunctionWorld {
            latest,
            serving,
            alias,
            published,
            needs_check: false,
        }))
    }

    /// The version that has a share of the alias's traffic, where stages gave it one.
    async fn shared(&self, alias: Option<&LiveAlias>) -> Result<Option<LiveFunction>, PhaseError> {
        let mut versions = alias.into_iter().flat_map(|alias| alias.weights.keys());
        match (versions.next(), versions.next()) {
            (Some(version), None) if self.change.in_stages => {
                let (lambda, name) = (&self.fleet.lambda, &self.change.function);
                lambda.function(name, Some(version)).await
            }
            _ => Ok(None),
        }
    }

    async fn act(&self, next: &Undo, snapshot: &Snapshot) -> Result<Sent<Takes>, PhaseError> {
        let (lambda, name) = (&self.fleet.lambda, &self.change.function);
        Ok(match next {
            Undo::PointAlias {
                version,
                weights,
                revision_id,
            } => {
                tracing::info!(function = name, version, "pointing the alias back");
                let alias = self.change.alias.as_deref().unwrap_or_default();
                let sent = lambda.point_alias(name, alias, version, weights, Some(revision_id));
                map(sent.await?, |()| Takes::Nothing)
            }
            Undo::FindSnapshot => {
                let found = self.find_snapshot().await?;
                self.snapshot.replace(found);
                Sent::Accepted(Takes::Nothing)
            }
            Undo::RestoreCode { code, revision_id } => {
                tracing::info!(function = name, "putting the code back");
                let sent = match (code, snapshot) {
                    (Some(code), _) => lambda.update_code(name, code, revision_id).await?,
                    (None, Snapshot::Found(version)) => {
                        lambda.restore_code(name, version, revision_id).await?
                    }
                    (None, Snapshot::Unknown | Snapshot::Missing) => {
                        Sent::LookAgain("the version with the previous code is not known".into())
                    }
                };
                map(sent, |()| Takes::AMoment)
            }
            Undo::RestoreConfiguration(request) => {
                tracing::info!(function = name, "putting the configuration back");
                let sent = lambda.update_configuration(name, request.as_value());
                map(sent.await?, |()| Takes::AMoment)
            }
            Undo::Wait { .. } => Sent::LookAgain("Lambda is at work".into()),
            Undo::Done { .. } | Undo::Fail(_) => Sent::Accepted(Takes::Nothing),
        })
    }

    async fn find_snapshot(&self) -> Result<Snapshot, PhaseError> {
        let (lambda, name) = (&self.fleet.lambda, &self.change.function);
        let versions = lambda.versions(name).await?;
        let versions: Vec<_> = versions.into_iter().map(|it| it.live).collect();
        let Some(version) = self.change.snapshot(&versions) else {
            return Ok(Snapshot::Missing);
        };
        let found = lambda.function(name, Some(&version.version)).await?;
        Ok(found.map_or(Snapshot::Missing, |found| Snapshot::Found(Box::new(found))))
    }
}

/// What putting all functions back came to. A failure is told when nothing is left to do.
pub(crate) fn settled(step: &FunctionsStep, reached: Vec<PutBack>) -> Result<Progress, PhaseError> {
    let all = reached.len();
    let (mut done, mut failed, mut last) = (Vec::new(), Vec::new(), None);
    for one in reached {
        match one {
            PutBack::Done(summary) => done.push(summary),
            PutBack::Failed(error) => failed.push(error),
            PutBack::Unfinished(note) => last = Some(note),
        }
    }
    if let Some(note) = last {
        let note = format!("{} of {all} functions are as before; {note}", done.len());
        return Ok(Progress::Running { note });
    }
    match one_of(step, failed) {
        Some(error) => Err(error),
        None => Ok(Progress::Done {
            summary: summary(done),
        }),
    }
}

fn summary(done: Vec<String>) -> String {
    if done.len() < MANY {
        return done.join("; ");
    }
    let all = done.len();
    let (alone, back): (Vec<_>, Vec<_>) =
        done.into_iter().partition(|it| it.contains("left alone"));
    let mut parts = Vec::new();
    if !back.is_empty() {
        parts.push(format!("{} of {all} functions are as before", back.len()));
    }
    parts.extend(alone);
    parts.join("; ")
}
