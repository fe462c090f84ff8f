//! Finding the new versions, and giving them their share.

use std::cell::Cell;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use lockstep::PhaseError;
use lockstep::lambda::traffic::{Shift, shift};
use lockstep::lambda::{FunctionChange, FunctionsStep};
use lockstep_lambda::{Lambda, Sent, pause};
use tokio::time::Instant;

use crate::progress::{Progress, Shifted};

/// How many functions are worked on at the same time; the budget of calls paces them.
const AT_ONCE: usize = 32;

/// The pause before something that did not work for now is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// How far all functions came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Come {
    /// To the stage.
    There,
    /// Not all of them, and why.
    OnTheWay(String),
}

/// The functions of a step whose traffic is shifted.
#[derive(Debug)]
pub(crate) struct Fleet<'a> {
    pub(crate) lambda: Lambda,
    pub(crate) step: &'a FunctionsStep,
    pub(crate) until: Instant,
}

impl Fleet<'_> {
    pub(crate) fn functions(&self) -> impl Iterator<Item = &FunctionChange> {
        self.step.functions.iter().filter(|it| it.in_stages)
    }

    /// Gives every new version the stage's share, as far as the time reaches; where `percent`
    /// is `None`, all traffic. What was reached is noted in `progress`.
    ///
    /// # Errors
    /// The first function's that cannot be shifted; calls under way come to their end first,
    /// and no further ones begin.
    pub(crate) async fn shift(
        &self,
        progress: &mut Progress,
        percent: Option<u32>,
    ) -> Result<Come, PhaseError> {
        let stage = progress.stage;
        let halted = Cell::new(false);
        let left: Vec<_> = self
            .functions()
            .map(|change| (change, progress.functions.get(&change.function).cloned()))
            .filter(|(_, shifted)| shifted.as_ref().is_none_or(|it| it.stage != Some(stage)))
            .collect();
        let halted = &halted;
        let work = stream::iter(left).map(async |(change, mut shifted)| {
            let mut come = Ok(Come::OnTheWay(format!("{} was not begun", change.function)));
            if !halted.get() {
                come = self.one(change, &mut shifted, (stage, percent)).await;
            }
            halted.set(halted.get() || come.is_err());
            (change, shifted, come)
        });
        let all: Vec<_> = work.buffer_unordered(AT_ONCE).collect().await;
        let (mut failed, mut waits) = (None, None);
        for (change, shifted, come) in all {
            if let Some(shifted) = shifted {
                progress.functions.insert(change.function.clone(), shifted);
            }
            match come {
                Ok(Come::There) => {}
                Ok(Come::OnTheWay(note)) => waits = Some(note),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match (failed, waits) {
            (Some(error), _) => Err(error),
            (None, Some(note)) => Ok(Come::OnTheWay(note)),
            (None, None) => Ok(Come::There),
        }
    }

    async fn one(
        &self,
        change: &FunctionChange,
        shifted: &mut Option<Shifted>,
        to: (usize, Option<u32>),
    ) -> Result<Come, PhaseError> {
        loop {
            let note = match self.attempt(change, shifted, to).await {
                Ok(Sent::Accepted(())) => return Ok(Come::There),
                Ok(Sent::LookAgain(why)) => why,
                Err(error) if error.is_transient() => error.to_string(),
                Err(error) => return Err(error),
            };
            tracing::info!(function = change.function, "again: {note}");
            if Instant::now() >= self.until {
                return Ok(Come::OnTheWay(note));
            }
            pause(PAUSE).await;
        }
    }

    async fn attempt(
        &self,
        change: &FunctionChange,
        shifted: &mut Option<Shifted>,
        (stage, percent): (usize, Option<u32>),
    ) -> Result<Sent<()>, PhaseError> {
        let found = match shifted.take() {
            Some(found) => found,
            None => self.new_version(change).await?,
        };
        let shifted = shifted.insert(found);
        let name = change.alias.as_deref().unwrap_or_default();
        let alias = self.lambda.alias(&change.function, name).await?;
        let alias = alias.ok_or_else(|| PhaseError::Diverged {
            resource: change.resource(),
            expected: "the alias".into(),
            found: "no such alias".into(),
        })?;
        let sent = match shift(change, &shifted.version, percent, &alias)? {
            Shift::There { .. } => Sent::Accepted(()),
            Shift::Point {
                version,
                weights,
                revision_id,
            } => {
                tracing::info!(function = change.function, version, "weights {weights:?}");
                let (function, revision) = (&change.function, Some(revision_id.as_str()));
                let sent = self
                    .lambda
                    .point_alias(function, name, &version, &weights, revision);
                sent.await?
            }
        };
        if sent == Sent::Accepted(()) {
            shifted.stage = Some(stage);
        }
        Ok(sent)
    }

    /// The newest version that has the code and the configuration that are to serve. The
    /// rollout published it; Lambda keeps no two in a row that are the same.
    async fn new_version(&self, change: &FunctionChange) -> Result<Shifted, PhaseError> {
        let versions = self.lambda.versions(&change.function).await?;
        for listed in versions.iter().rev() {
            // A list does not tell the digests of images.
            let may_be = change.is_after(&listed.live) || listed.live.code_sha256.is_empty();
            if !may_be {
                continue;
            }
            let (function, version) = (&change.function, Some(listed.live.version.as_str()));
            let found = self.lambda.function(function, version).await?;
            if let Some(found) = found.filter(|it| change.is_after(it)) {
                let version = found.version;
                return Ok(Shifted {
                    version,
                    stage: None,
                });
            }
        }
        Err(PhaseError::Rejected {
            resource: change.resource(),
            reason: "the version that was published for this deployment is gone; somebody deleted it, so deploy again".into(),
        })
    }

    /// Where a version's log is, for a person.
    pub(crate) async fn logs(&self, function: &str, version: &str) -> String {
        match self.lambda.function(function, Some(version)).await {
            Ok(Some(found)) => found.log_link(),
            Ok(None) | Err(_) => format!("log group /aws/lambda/{function}"),
        }
    }
}
