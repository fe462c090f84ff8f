//! Following a deployment to its end.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lockstep::record::{Conclusion, DeploymentRecord};
use lockstep_aws::ErrorKind;

use super::display::Display;
use super::look::{Look, Watcher};
use crate::error::CliError;
use crate::exit::Exit;

/// How often AWS is asked: a look costs three or four calls, and a phase changes rarely.
const INTERVAL: Duration = Duration::from_secs(2);
/// How often the local engine is asked.
const NEARBY_INTERVAL: Duration = Duration::from_millis(250);
/// How long the watchdog may take to begin a recovery. EventBridge delivers within seconds.
const RECOVERY_BEGINS: SignedDuration = SignedDuration::from_mins(2);
/// This many failed looks in a row end the watching.
const PATIENCE: u32 = 10;

/// How a deployment ended, as far as watching goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// It has its verdict.
    Verdict {
        /// Its record.
        record: Box<DeploymentRecord>,
        /// Its conclusion.
        conclusion: Conclusion,
    },
    /// The trigger found nothing to deploy.
    Ignored {
        /// Why.
        reason: String,
    },
    /// The execution failed before there was a deployment.
    NeverBegan {
        /// The error's name and text.
        reason: String,
    },
    /// The execution ended without a verdict, and no recovery began.
    Abandoned {
        /// `FAILED`, `ABORTED` or `TIMED_OUT`.
        status: &'static str,
    },
}

impl Ending {
    /// The exit code for it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Verdict { conclusion, .. } => conclusion.verdict.into(),
            Self::Ignored { .. } => Exit::Good,
            Self::NeverBegan { .. } | Self::Abandoned { .. } => Exit::Bad,
        }
    }

    /// What a look says about the end; `None` while the deployment goes on.
    pub fn of(look: &Look) -> Option<Self> {
        if let Some(record) = &look.record
            && let Some(conclusion) = &record.conclusion
        {
            let (record, conclusion) = (Box::new(record.clone()), conclusion.clone());
            return Some(Self::Verdict { record, conclusion });
        }
        let ended = look.timeline.ended.as_ref()?;
        let waited = look
            .at
            .duration_since(look.timeline.ended_at.unwrap_or(look.at));
        match (&look.record, ended.status) {
            (None, "SUCCEEDED") => Some(Self::Ignored {
                reason: reason(&ended.output),
            }),
            (None, _) => Some(Self::NeverBegan {
                reason: format!("{}: {}", ended.error, ended.cause),
            }),
            (Some(_), status) if waited > RECOVERY_BEGINS => Some(Self::Abandoned { status }),
            (Some(_), _) => None,
        }
    }
}

/// Why the trigger ended an execution quietly.
fn reason(output: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(output).unwrap_or_default();
    let reason = value.get("reason").and_then(|reason| reason.as_str());
    reason
        .unwrap_or("the execution ended without a deployment")
        .to_owned()
}

/// Shows a deployment until it ends. A look that fails for now is taken again; one that
/// is refused ends the watching, the deployment goes on.
pub async fn follow(watcher: &mut Watcher, display: &mut Display) -> Result<Ending, CliError> {
    let interval = if watcher.controller().is_nearby() {
        NEARBY_INTERVAL
    } else {
        INTERVAL
    };
    let mut failed = 0;
    loop {
        match watcher.look().await {
            Ok(look) => {
                failed = 0;
                display.show(&look)?;
                if let Some(ending) = Ending::of(&look) {
                    display.finish(&look, &ending)?;
                    return Ok(ending);
                }
            }
            Err(error) if failed < PATIENCE && is_transient(&error) => {
                failed += 1;
                display.trouble(Timestamp::now(), &error)?;
            }
            Err(error) => {
                display.clear();
                return Err(error);
            }
        }
        tokio::time::sleep(interval).await;
    }
}

const fn is_transient(error: &CliError) -> bool {
    matches!(error, CliError::Aws { error, .. } if matches!(error.kind, ErrorKind::Transient))
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{Ending, Look, RECOVERY_BEGINS};
    use crate::view::history::tests::record;
    use crate::watch::timeline::{Ended, Timeline};

    fn look(status: &'static str, output: &str, with_record: bool, after: SignedDuration) -> Look {
        let ended = Ended {
            status,
            output: output.into(),
            error: "InvalidRequest".into(),
            cause: "images.web".into(),
        };
        let ended_at = Timestamp::UNIX_EPOCH;
        Look {
            at: ended_at + after,
            record: with_record.then(|| record(None)),
            phases: Vec::new(),
            messages: Vec::new(),
            waits_for: String::new(),
            question: None,
            timeline: Timeline {
                ended: Some(ended),
                ended_at: Some(ended_at),
                ..Timeline::default()
            },
            recovering: false,
        }
    }

    #[test]
    fn a_quiet_end_is_told_with_its_reason() {
        let look = look(
            "SUCCEEDED",
            r#"{"action":"ignore","reason":"a signature"}"#,
            false,
            SignedDuration::ZERO,
        );
        assert_eq!(
            Ending::of(&look),
            Some(Ending::Ignored {
                reason: "a signature".into()
            })
        );
    }

    #[test]
    fn an_execution_that_failed_at_once_never_was_a_deployment() {
        let ending = Ending::of(&look("FAILED", "", false, SignedDuration::ZERO)).unwrap();
        assert_eq!(
            ending,
            Ending::NeverBegan {
                reason: "InvalidRequest: images.web".into()
            }
        );
        assert_eq!(ending.exit().code(), 1);
    }

    #[test]
    fn an_aborted_deployment_is_given_time_to_be_recovered() {
        assert_eq!(
            Ending::of(&look("ABORTED", "", true, SignedDuration::from_secs(5))),
            None
        );
        let late = look(
            "ABORTED",
            "",
            true,
            RECOVERY_BEGINS + SignedDuration::from_secs(1),
        );
        assert_eq!(
            Ending::of(&late),
            Some(Ending::Abandoned { status: "ABORTED" })
        );
    }
}
