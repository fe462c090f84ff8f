//! The history of an execution, as Step Functions keeps it (90 days after its end).

use aws_sdk_sfn::error::ProvideErrorMetadata;
use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType};
use jiff::Timestamp;
use lockstep_aws::AwsError;

use super::timeline::{Ended, Event, EventKind, Timeline};
use crate::error::CliError;

/// How many events are read at once; the API's limit is 1,000. A poll needs a handful.
const PAGE: i32 = 100;

/// Reads what happened since `timeline` was last brought up to date. The history is read
/// backwards, so that watching a long execution costs one small page.
///
/// `false` when Step Functions does not know the execution: it has not begun yet, or it
/// ended more than 90 days ago.
pub async fn update(
    sfn: &aws_sdk_sfn::Client,
    arn: &str,
    timeline: &mut Timeline,
) -> Result<bool, CliError> {
    let known = timeline.last_event;
    let mut events = Vec::new();
    let mut newest = known;
    let mut next = None;
    loop {
        let request = sfn.get_execution_history().execution_arn(arn);
        let request = request
            .reverse_order(true)
            .max_results(PAGE)
            .set_next_token(next);
        let page = match request.send().await {
            Ok(page) => page,
            Err(error) if error.code() == Some("ExecutionDoesNotExist") => return Ok(false),
            Err(error) => {
                return Err(CliError::Aws {
                    doing: format!("reading the history of execution {}", short(arn)),
                    error: AwsError::new("states:GetExecutionHistory", &error),
                });
            }
        };
        let oldest = page.events().iter().map(HistoryEvent::id).min();
        newest = page
            .events()
            .iter()
            .map(HistoryEvent::id)
            .fold(newest, i64::max);
        events.extend(page.events().iter().filter_map(read));
        next = page.next_token;
        if next.is_none() || oldest.is_some_and(|oldest| oldest <= known + 1) {
            break;
        }
    }
    events.sort_by_key(|event| event.id);
    timeline.extend(events);
    timeline.read_up_to(newest);
    Ok(true)
}

/// The execution's name: the end of its ARN.
fn short(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

fn read(event: &HistoryEvent) -> Option<Event> {
    let at = Timestamp::from_millisecond(event.timestamp().to_millis().ok()?).ok()?;
    Some(Event {
        id: event.id(),
        at,
        kind: kind(event)?,
    })
}

fn kind(event: &HistoryEvent) -> Option<EventKind> {
    if let Some(entered) = event.state_entered_event_details() {
        return Some(EventKind::Entered {
            state: entered.name().to_owned(),
        });
    }
    if let Some(exited) = event.state_exited_event_details() {
        let output = exited.output().unwrap_or_default().to_owned();
        return Some(EventKind::Exited {
            state: exited.name().to_owned(),
            output,
        });
    }
    ended(event).map(EventKind::Ended)
}

fn ended(event: &HistoryEvent) -> Option<Ended> {
    let ended = |status, error: Option<&str>, cause: Option<&str>| Ended {
        status,
        output: String::new(),
        error: error.unwrap_or_default().to_owned(),
        cause: cause.unwrap_or_default().to_owned(),
    };
    Some(match event.r#type() {
        HistoryEventType::ExecutionSucceeded => {
            let details = event.execution_succeeded_event_details();
            let output = details
                .and_then(|details| details.output())
                .unwrap_or_default();
            Ended {
                output: output.to_owned(),
                ..ended("SUCCEEDED", None, None)
            }
        }
        HistoryEventType::ExecutionFailed => {
            let details = event.execution_failed_event_details()?;
            ended("FAILED", details.error(), details.cause())
        }
        HistoryEventType::ExecutionAborted => {
            let details = event.execution_aborted_event_details();
            ended(
                "ABORTED",
                details.and_then(|it| it.error()),
                details.and_then(|it| it.cause()),
            )
        }
        HistoryEventType::ExecutionTimedOut => {
            let details = event.execution_timed_out_event_details();
            ended(
                "TIMED_OUT",
                details.and_then(|it| it.error()),
                details.and_then(|it| it.cause()),
            )
        }
        _ => return None,
    })
}
