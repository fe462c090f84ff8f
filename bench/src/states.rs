//! How long an execution was in each of its states, from its history.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types::HistoryEvent;

/// One state of one execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// Its name.
    pub name: String,
    /// From entering it to leaving it; zero for the last one, which is not left.
    pub time: Duration,
}

/// The states in the order in which they were entered. States of a Map are inside the Map's own.
pub fn stays(history: &[HistoryEvent]) -> Vec<Stay> {
    let mut stays: Vec<Stay> = Vec::new();
    let mut open: BTreeMap<String, (usize, Duration)> = BTreeMap::new();
    for event in history {
        let at = since_epoch(event.timestamp());
        if let Some(entered) = event.state_entered_event_details() {
            open.insert(entered.name().to_owned(), (stays.len(), at));
            stays.push(Stay {
                name: entered.name().to_owned(),
                time: Duration::ZERO,
            });
        }
        let left = event
            .state_exited_event_details()
            .map(aws_sdk_sfn::types::StateExitedEventDetails::name);
        if let Some((place, since)) = left.and_then(|name| open.remove(name)) {
            stays[place].time = at.saturating_sub(since);
        }
    }
    stays
}

/// When a state was entered for the first time.
pub fn entered(history: &[HistoryEvent], state: &str) -> Option<Duration> {
    let event = history.iter().find(|event| {
        event
            .state_entered_event_details()
            .is_some_and(|entered| entered.name() == state)
    })?;
    Some(since_epoch(event.timestamp()))
}

/// The time of a timestamp, since 1970.
pub fn since_epoch(time: &DateTime) -> Duration {
    let seconds = u64::try_from(time.secs()).unwrap_or_default();
    Duration::new(seconds, time.subsec_nanos())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use aws_sdk_sfn::types::{HistoryEventType, StateEnteredEventDetails, StateExitedEventDetails};

    fn event(milliseconds: i64, entered: Option<&str>, left: Option<&str>) -> HistoryEvent {
        let details = |name: &str| StateEnteredEventDetails::builder().name(name).build();
        let exit = |name: &str| StateExitedEventDetails::builder().name(name).build();
        HistoryEvent::builder()
            .timestamp(DateTime::from_millis(milliseconds))
            .r#type(HistoryEventType::TaskStateEntered)
            .id(1)
            .set_state_entered_event_details(entered.map(|name| details(name).unwrap()))
            .set_state_exited_event_details(left.map(|name| exit(name).unwrap()))
            .build()
            .unwrap()
    }

    #[test]
    fn a_state_inside_a_map_has_its_own_time() {
        let history = [
            event(0, Some("Rollout"), None),
            event(10, Some("Service"), None),
            event(40, None, Some("Service")),
            event(50, None, Some("Rollout")),
            event(60, Some("Succeeded"), None),
        ];
        let stay = |name: &str, milliseconds| Stay {
            name: name.to_owned(),
            time: Duration::from_millis(milliseconds),
        };
        let expected = [
            stay("Rollout", 50),
            stay("Service", 30),
            stay("Succeeded", 0),
        ];
        assert_eq!(stays(&history), expected);
        assert_eq!(
            entered(&history, "Service"),
            Some(Duration::from_millis(10))
        );
    }
}
