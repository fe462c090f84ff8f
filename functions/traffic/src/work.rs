//! The stages: a look at the one that is on, and the share of the next.

use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::lambda::traffic::{
    Decision, Judgement, Look, Watched, alarms_are_quiet, decide, judge,
};
use lockstep::manifest::ResolvedTraffic;
use lockstep::question::Question;

use crate::asking::Asking;
use crate::fleet::{Come, Fleet};
use crate::metrics::{Behind, Metrics};
use crate::progress::{Progress, Reached};

/// For how many functions that failed a log is looked for.
const LOGS: usize = 3;

/// The stages of one deployment, in one invocation.
pub(crate) struct Work<'a> {
    pub(crate) fleet: Fleet<'a>,
    pub(crate) traffic: &'a ResolvedTraffic,
    pub(crate) stages: Vec<u32>,
    pub(crate) metrics: &'a Metrics,
    pub(crate) asking: Asking<'a>,
}

impl Work<'_> {
    /// Does what is due, and says when to look again.
    pub(crate) async fn go_on(&self, progress: &mut Progress) -> Result<Reached, PhaseError> {
        if progress.functions.is_empty() {
            alarms_are_quiet(&self.metrics.alarms(&self.traffic.alarms).await?)?;
        }
        if let Some(since) = progress.since {
            let looked = self.look(progress, since).await;
            if let Err(error) = &looked {
                self.asking.give_up(self.percent(progress), error).await;
            }
            let (decision, question) = looked?;
            match decision {
                Decision::Wait { seconds, note } => {
                    return Ok(told_of(question, progress, again(seconds, note)));
                }
                Decision::Ask(asked) => return Ok(again(1, asked.text)),
                Decision::Fail(error) => return Err(error),
                Decision::Advance { note } => tracing::info!("{note}"),
            }
            progress.stage += 1;
            progress.since = None;
        }
        let percent = self.stages.get(progress.stage).copied();
        Ok(
            match (self.fleet.shift(progress, percent).await?, percent) {
                (Come::OnTheWay(note), _) => again(1, note),
                (Come::There, None) => Reached::Passed {
                    note: format!(
                        "{} serve their new versions alone",
                        self.fleet.step.resource()
                    ),
                },
                (Come::There, Some(percent)) => {
                    progress.since = Some(Timestamp::now());
                    self.begun(percent)
                }
            },
        )
    }

    /// A stage that begins now has nothing to show yet.
    fn begun(&self, percent: u32) -> Reached {
        let look = Look {
            at: Timestamp::now(),
            percent,
            elapsed_seconds: 0,
            functions: Vec::new(),
            alarms: Vec::new(),
            question: None,
        };
        match decide(self.traffic, &look) {
            Decision::Wait { seconds, note } => again(seconds, note),
            Decision::Ask(asked) => again(1, asked.text),
            Decision::Advance { note } => again(1, note),
            Decision::Fail(error) => again(1, error.to_string()),
        }
    }

    /// The new versions' share in the stage they are in.
    fn percent(&self, progress: &Progress) -> u32 {
        self.stages.get(progress.stage).copied().unwrap_or(100)
    }

    async fn look(
        &self,
        progress: &Progress,
        since: Timestamp,
    ) -> Result<(Decision, Option<Question>), PhaseError> {
        let now = Timestamp::now();
        let alarms = self.metrics.alarms(&self.traffic.alarms).await?;
        let behind: Vec<_> = self
            .fleet
            .functions()
            .filter_map(|change| {
                let version = &progress.functions.get(&change.function)?.version;
                // Where the new version is the one that serves, nothing was shifted.
                let is_new = change.before.version.as_ref() != Some(version);
                let alias = change.alias.as_deref()?;
                let (function, version) = (change.function.as_str(), version.as_str());
                is_new.then_some((
                    change,
                    Behind {
                        function,
                        alias,
                        version,
                    },
                ))
            })
            .collect();
        let versions: Vec<_> = behind.iter().map(|(_, behind)| *behind).collect();
        let seen = self.metrics.seen(&versions, since, now).await?;
        let mut functions = Vec::new();
        let mut logs_left = LOGS;
        for ((change, behind), seen) in behind.iter().zip(seen) {
            let mut logs = String::new();
            if logs_left > 0 && judge(self.traffic, seen) == Judgement::Bad {
                logs = self.fleet.logs(behind.function, behind.version).await;
                logs_left -= 1;
            }
            functions.push(Watched {
                resource: change.resource(),
                version: behind.version.to_owned(),
                seen,
                logs,
            });
        }
        let elapsed = now.duration_since(since).as_secs();
        let percent = self.percent(progress);
        let look = Look {
            at: now,
            percent,
            elapsed_seconds: u64::try_from(elapsed).unwrap_or_default(),
            functions,
            alarms,
            question: self.asking.question(percent).await?,
        };
        self.asking.decide(look).await
    }
}

fn again(wait_seconds: u32, note: String) -> Reached {
    Reached::Again {
        wait_seconds,
        note,
        asking: None,
    }
}

/// People are told of each question once. Where that answer gets lost, the next look says it
/// again, and whoever tells them gives the message the same name.
fn told_of(question: Option<Question>, progress: &mut Progress, reached: Reached) -> Reached {
    let open = question.filter(Question::is_open).map(|it| it.what);
    match reached {
        Reached::Again {
            wait_seconds, note, ..
        } if open.is_some() && progress.asked != open => {
            progress.asked.clone_from(&open);
            Reached::Again {
                wait_seconds,
                note,
                asking: open,
            }
        }
        other => other,
    }
}
