//! Bringing one function's change about: look, decide, act, and look again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use lockstep::PhaseError;
use lockstep::lambda::{
    FunctionChange, FunctionWorld, Invoked, LiveFunction, Next, PackageType, State, checked, next,
};
use lockstep_lambda::{Lambda, Sent};

use crate::fleet::{Fleet, Patience};

/// How far a function came in one invocation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reached {
    /// The last look decided this.
    Seen(Next),
    /// There was no look, or the last call failed for now: in words.
    Unknown(String),
}

/// What an invocation need not look at again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remembered {
    /// The version that it published.
    published: Option<LiveFunction>,
    /// What the alias names, until the alias is pointed elsewhere. Lambda takes that only if
    /// the alias is still what it was.
    serving: Option<LiveFunction>,
    /// Whether it still has to invoke the new version.
    needs_check: bool,
    /// How often it lost the answer to that.
    lost: u8,
}

impl Remembered {
    /// Nothing but whether the new version still has to be invoked.
    pub(crate) fn nothing(needs_check: bool) -> Self {
        Self {
            needs_check,
            ..Self::default()
        }
    }
}

/// Looks at a function, as far as its change needs to know.
///
/// An alias that serves what it is to serve is all there is to see: then nobody has to look at
/// the function itself.
pub(crate) async fn look(
    lambda: &Lambda,
    change: &FunctionChange,
    remembered: Remembered,
) -> Result<FunctionWorld, PhaseError> {
    let name = &change.function;
    let Remembered {
        published,
        serving,
        needs_check,
        ..
    } = remembered;
    let Some(alias) = &change.alias else {
        let latest = present(change, lambda.function(name, None).await?)?;
        return Ok(FunctionWorld {
            latest,
            serving: None,
            alias: None,
            published,
            needs_check,
        });
    };
    let serving = match serving {
        Some(serving) => Some(serving),
        None => lambda.function(name, Some(alias)).await?,
    };
    let after = serving.as_ref().filter(|it| change.is_after(it));
    let (latest, alias) = match (after, change.needs_alias()) {
        (Some(after), false) => (after.clone(), None),
        (Some(_), true) => {
            let alias = lambda.alias(name, alias).await?;
            (present(change, lambda.function(name, None).await?)?, alias)
        }
        (None, _) => (present(change, lambda.function(name, None).await?)?, None),
    };
    Ok(FunctionWorld {
        latest,
        serving,
        alias,
        published,
        needs_check,
    })
}

/// The function itself, which has to be there.
fn present(
    change: &FunctionChange,
    found: Option<LiveFunction>,
) -> Result<LiveFunction, PhaseError> {
    found.ok_or_else(|| PhaseError::Rejected {
        resource: format!("function {}", change.function),
        reason: "it does not exist; somebody deleted it".into(),
    })
}

/// Brings one function's change about, as far as the invocation's time reaches.
pub(crate) async fn bring_about(fleet: &Fleet<'_>, change: &FunctionChange) -> Reached {
    let work = Work {
        fleet,
        change,
        remembered: RefCell::default(),
    };
    if fleet.is_over() || fleet.is_halted() {
        return Reached::Unknown(format!("{} was not begun", change.function));
    }
    let mut patience = Patience::new();
    loop {
        let seen = work.turn(&mut patience).await;
        let reached = match seen {
            Ok(next @ (Next::Done { .. } | Next::Fail(_))) => Some(Reached::Seen(next)),
            Ok(next) => (fleet.is_over() || fleet.is_halted()).then_some(Reached::Seen(next)),
            Err(error) if error.is_transient() => {
                work.forget_alias();
                let text = error.to_string();
                let end = fleet.is_over() || fleet.is_halted();
                if !end {
                    tracing::info!(function = change.function, "{text}");
                    patience.wait().await;
                }
                end.then_some(Reached::Unknown(text))
            }
            Err(error) => Some(Reached::Seen(Next::Fail(error))),
        };
        let Some(reached) = reached else { continue };
        if let Reached::Seen(Next::Fail(_)) = reached {
            fleet.halt();
        }
        return reached;
    }
}

struct Work<'a> {
    fleet: &'a Fleet<'a>,
    change: &'a FunctionChange,
    remembered: RefCell<Remembered>,
}

impl Work<'_> {
    /// One look, and what it leads to. Gives what was decided before it was done.
    async fn turn(&self, patience: &mut Patience) -> Result<Next, PhaseError> {
        self.finish_published().await?;
        let remembered = Remembered {
            needs_check: self.fleet.check_of(self.change).is_some(),
            ..self.remembered.borrow().clone()
        };
        let world = look(&self.fleet.lambda, self.change, remembered).await?;
        let seen = world.serving.as_ref();
        self.remembered.borrow_mut().serving = seen.cloned();
        let next = next(self.change, &world);
        if self.fleet.is_over() || self.fleet.is_halted() {
            return Ok(next);
        }
        if !next.acts() {
            if let Next::Wait { .. } = next {
                patience.wait().await;
            }
            return Ok(next);
        }
        match self.act(&next).await? {
            Sent::Accepted(Takes::AMoment) => patience.settle().await,
            Sent::Accepted(Takes::Nothing) => patience.begin_anew(),
            Sent::LookAgain(why) => {
                tracing::info!(function = self.change.function, "looking again: {why}");
                self.forget_alias();
                patience.wait().await;
            }
        }
        Ok(next)
    }

    fn forget_alias(&self) {
        self.remembered.borrow_mut().serving = None;
    }

    /// Looks at the version that this invocation published, while it is being made.
    async fn finish_published(&self) -> Result<(), PhaseError> {
        let published = self.remembered.borrow().published.clone();
        if let Some(version) = published.filter(is_unfinished) {
            let name = &self.change.function;
            let lambda = &self.fleet.lambda;
            let looked_at = lambda.function(name, Some(&version.version)).await?;
            self.remembered.borrow_mut().published = looked_at;
        }
        Ok(())
    }

    /// Invokes what is to serve, and sees whether it answers as the manifest says.
    async fn check(&self, version: &str, logs: &str) -> Result<Sent<Takes>, PhaseError> {
        let Some(check) = self.fleet.check_of(self.change) else {
            return Ok(Sent::Accepted(Takes::Nothing));
        };
        let patience = Duration::from_secs(check.timeout_seconds.into());
        let (lambda, name) = (&self.fleet.lambda, &self.change.function);
        let sent = lambda
            .invoke(name, version, &check.payload, patience)
            .await?;
        let invoked = match sent {
            Sent::Accepted(Invoked::Unknown(why)) if self.remembered.borrow().lost < LOST => {
                self.remembered.borrow_mut().lost += 1;
                return Ok(Sent::LookAgain(why));
            }
            Sent::Accepted(invoked) => invoked,
            Sent::LookAgain(why) => return Ok(Sent::LookAgain(why)),
        };
        checked(self.change, check, (version, logs), &invoked)?;
        self.fleet.checked.borrow_mut().insert(name.clone());
        Ok(Sent::Accepted(Takes::Nothing))
    }

    async fn act(&self, next: &Next) -> Result<Sent<Takes>, PhaseError> {
        let (lambda, name) = (&self.fleet.lambda, &self.change.function);
        tracing::info!(function = name, "{}", words(next));
        Ok(match next {
            Next::Snapshot {
                code_sha256,
                revision_id,
            }
            | Next::Publish {
                code_sha256,
                revision_id,
            } => {
                let deployment = &self.fleet.step.deployment;
                let sent = lambda
                    .publish(name, code_sha256, revision_id, deployment)
                    .await?;
                map(sent, |version| {
                    self.remembered.borrow_mut().published = Some(version);
                    Takes::Nothing
                })
            }
            Next::UpdateConfiguration(request) => {
                let sent = lambda.update_configuration(name, request.as_value());
                map(sent.await?, |()| Takes::AMoment)
            }
            Next::UpdateCode { code, revision_id } => {
                let sent = lambda.update_code(name, code, revision_id).await?;
                map(sent, |()| Takes::AMoment)
            }
            Next::Check { version, logs } => self.check(version, logs).await?,
            Next::PointAlias {
                version,
                revision_id,
            } => {
                let alias = self.change.alias.as_deref().unwrap_or_default();
                let (weights, revision) = (BTreeMap::new(), revision_id.as_deref());
                let sent = lambda.point_alias(name, alias, version, &weights, revision);
                let sent = sent.await?;
                self.forget_alias();
                map(sent, |()| Takes::Nothing)
            }
            Next::Done { .. } | Next::Wait { .. } | Next::Fail(_) => Sent::Accepted(Takes::Nothing),
        })
    }
}

/// How often an answer to a check may be lost: then it is invoked once more.
const LOST: u8 = 1;

/// How long Lambda goes on with what it accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    AMoment,
}

pub(crate) fn map<T, U>(sent: Sent<T>, accepted: impl FnOnce(T) -> U) -> Sent<U> {
    match sent {
        Sent::Accepted(answer) => Sent::Accepted(accepted(answer)),
        Sent::LookAgain(why) => Sent::LookAgain(why),
    }
}

/// Whether a published version has to be looked at again: while it is being made, and for an
/// image, since publishing does not tell its digest.
fn is_unfinished(version: &LiveFunction) -> bool {
    let digest_unknown = version.package == PackageType::Image && version.image_uri.is_none();
    version.state == State::Pending || digest_unknown
}

fn words(next: &Next) -> String {
    match next {
        Next::Snapshot { .. } => "publishing what is there, so that it can be put back".into(),
        Next::UpdateConfiguration(_) => "updating the configuration".into(),
        Next::UpdateCode { code, .. } => format!("updating the code to {}", code.label()),
        Next::Publish { .. } => "publishing the new version".into(),
        Next::Check { version, .. } => format!("invoking {version} before it serves"),
        Next::PointAlias { version, .. } => format!("pointing the alias to version {version}"),
        Next::Done { summary: note } | Next::Wait { note } => note.clone(),
        Next::Fail(error) => error.to_string(),
    }
}
