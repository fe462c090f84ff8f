//! The settle time: the release must keep running for a while after its checks passed.

use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::ecs::Settle;

use crate::progress::{Look, Progress};

/// How often services are looked at while they settle, in seconds: a crash is told soon,
/// and a wait of an hour still costs few looks.
const INTERVAL: i64 = 15;
/// How much longer than the settle time missing tasks are waited for, in seconds.
/// Autoscaling may just be adding some.
const PATIENCE: i64 = 120;

/// Decides what the services' state means at this point of the settle time.
///
/// # Errors
/// [`PhaseError::Unhealthy`] when tasks are missing long after the settle time.
pub(crate) fn settle(
    progress: &mut Progress,
    services: &[Settle],
    settle_seconds: u32,
    now: Timestamp,
) -> Result<Look, PhaseError> {
    let since = *progress.settling_since.get_or_insert(now);
    let left = i64::from(settle_seconds) - now.duration_since(since).as_secs();
    let missing = services.iter().find_map(|service| match service {
        Settle::Waiting { note } => Some(note),
        Settle::Steady | Settle::LeftAlone => None,
    });
    match missing {
        _ if left > 0 => Ok(again(
            left,
            format!("all checks passed; {left} s to settle"),
        )),
        Some(note) if settle_seconds > 0 && left > -PATIENCE => Ok(again(INTERVAL, note.clone())),
        Some(note) if settle_seconds > 0 => {
            let late = -left;
            Err(PhaseError::Unhealthy {
                signal: format!("{note}, {late} s after the settle time"),
            })
        }
        _ => Ok(Look::Passed {
            note: "verified".into(),
        }),
    }
}

fn again(seconds: i64, note: String) -> Look {
    let wait = seconds.clamp(1, INTERVAL);
    Look::Again {
        wait_seconds: u32::try_from(wait).unwrap_or(1),
        note,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use lockstep::ecs::Settle;

    use super::settle;
    use crate::progress::{Look, Progress};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn missing() -> Vec<Settle> {
        vec![
            Settle::Steady,
            Settle::Waiting {
                note: "1 of 2 tasks of web:8 running".into(),
            },
        ]
    }

    #[test]
    fn the_settle_time_begins_when_the_checks_passed() {
        let mut progress = Progress::begin(at(0));
        let note = "all checks passed; 30 s to settle".to_owned();
        assert_eq!(
            settle(&mut progress, &missing(), 30, at(20)),
            Ok(Look::Again {
                wait_seconds: 15,
                note
            })
        );
        let note = "all checks passed; 4 s to settle".to_owned();
        assert_eq!(
            settle(&mut progress, &[], 30, at(46)),
            Ok(Look::Again {
                wait_seconds: 4,
                note
            })
        );
        assert!(matches!(
            settle(&mut progress, &[Settle::Steady], 30, at(50)),
            Ok(Look::Passed { .. })
        ));
    }

    #[test]
    fn missing_tasks_are_waited_for_with_patience() {
        let mut progress = Progress {
            settling_since: Some(at(0)),
            ..Progress::begin(at(0))
        };
        assert!(matches!(
            settle(&mut progress, &missing(), 30, at(149)),
            Ok(Look::Again {
                wait_seconds: 15,
                ..
            })
        ));
        let error = settle(&mut progress, &missing(), 30, at(150)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "1 of 2 tasks of web:8 running, 120 s after the settle time"
        );
    }

    #[test]
    fn without_a_settle_time_nothing_is_waited_for() {
        let mut progress = Progress::begin(at(0));
        assert!(matches!(
            settle(&mut progress, &missing(), 0, at(0)),
            Ok(Look::Passed { .. })
        ));
    }
}
