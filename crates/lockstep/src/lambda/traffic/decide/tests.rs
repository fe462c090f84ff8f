#![allow(clippy::panic, reason = "a test may stop at the first surprise")]

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Alarm, AlarmState, Decision, Look, Watched, decide};
use crate::lambda::traffic::Seen;
use crate::manifest::{ResolvedTraffic, Strategy, WhenQuiet};

/// Ten minutes, fifty invocations, a tenth of which may fail.
pub(in crate::lambda::traffic) fn traffic(when_quiet: WhenQuiet) -> ResolvedTraffic {
    ResolvedTraffic {
        strategy: Strategy::Canary,
        percent: 10,
        stage_seconds: 600,
        minimum_invocations: 50,
        maximum_error_percent: 10,
        alarms: vec!["shop-5xx".into()],
        when_quiet,
        quiet_seconds: match when_quiet {
            WhenQuiet::Wait | WhenQuiet::Ask => 1200,
            WhenQuiet::Proceed | WhenQuiet::Stop => 0,
        },
        metrics_delay_seconds: 60,
    }
}

/// A look at a stage that began at the beginning of time.
pub(in crate::lambda::traffic) fn look(elapsed_seconds: u64, seen: &[(u64, u64)]) -> Look {
    let functions = seen
        .iter()
        .zip('a'..)
        .map(|((invocations, errors), name)| Watched {
            resource: format!("function shop-{name}:live"),
            version: "7".into(),
            seen: Seen {
                invocations: *invocations,
                errors: *errors,
            },
            logs: "https://logs".into(),
        });
    let at = i64::try_from(elapsed_seconds).unwrap_or(i64::MAX);
    Look {
        at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(at),
        percent: 10,
        elapsed_seconds,
        functions: functions.collect(),
        alarms: vec![Alarm {
            name: "shop-5xx".into(),
            state: AlarmState::Quiet,
        }],
        question: None,
    }
}

pub(in crate::lambda::traffic) fn told(traffic: &ResolvedTraffic, look: &Look) -> String {
    match decide(traffic, look) {
        Decision::Wait { seconds, note } => format!("wait {seconds} s: {note}"),
        Decision::Ask(question) => format!("ask {}: {}", question.what, question.text),
        Decision::Advance { note } => format!("advance: {note}"),
        Decision::Fail(error) => format!("{}: {error}", error.name()),
    }
}

#[test]
fn a_good_stage_lasts_until_cloudwatch_has_shown_all_of_it() {
    let traffic = traffic(WhenQuiet::Stop);
    let good = [(50, 0), (9000, 3)];
    for (elapsed, wanted) in [
        (
            0,
            "wait 60 s: 10 % of the traffic on new versions; 660 s left",
        ),
        (
            630,
            "wait 30 s: 10 % of the traffic on new versions; 30 s left",
        ),
        (660, "advance: 10 % of the traffic went well"),
    ] {
        assert_eq!(told(&traffic, &look(elapsed, &good)), wanted);
    }
}

#[test]
fn errors_end_a_stage_at_once() {
    let seen = [(100, 0), (80, 12), (100, 50), (6, 6), (7, 7)];
    assert_eq!(
        told(&traffic(WhenQuiet::Wait), &look(5, &seen)),
        "Unhealthy: function shop-b:live: version 7: 12 of 80 invocations failed (15.0 %); logs: https://logs; \
         function shop-c:live: version 7: 50 of 100 invocations failed (50.0 %); logs: https://logs; \
         function shop-d:live: version 7: 6 of 6 invocations failed (100.0 %); logs: https://logs; \
         and 1 more functions (with 10 % of the traffic; at most 10 % may fail)"
    );
}

#[test]
fn an_alarm_ends_a_stage_at_once() {
    let mut look = look(5, &[(100, 0)]);
    let mut with = |state| {
        look.alarms[0].state = state;
        told(&traffic(WhenQuiet::Wait), &look)
    };
    assert_eq!(
        with(AlarmState::Alarm(
            "Threshold Crossed: 1 datapoint was 9.".into()
        )),
        "Unhealthy: alarm shop-5xx is in the state ALARM: Threshold Crossed: 1 datapoint was 9"
    );
    assert!(
        with(AlarmState::Missing)
            .starts_with("Rejected: alarm shop-5xx: there is no such CloudWatch alarm")
    );
}

#[test]
fn too_little_traffic_follows_the_manifest() {
    let quiet = [(100, 0), (49, 0)];
    let few = "function shop-b:live had 49 of 50 invocations of version 7";
    let at = |policy, elapsed| told(&traffic(policy), &look(elapsed, &quiet));
    assert_eq!(
        at(WhenQuiet::Proceed, 660),
        format!("advance: {few}; going on, as `when_quiet: proceed` says")
    );
    assert!(
        at(WhenQuiet::Stop, 660)
            .starts_with(&format!("Rejected: traffic at 10 %: {few}, 11 min after"))
    );
    assert_eq!(
        at(WhenQuiet::Wait, 660),
        format!("wait 60 s: {few}; waiting for more; 1200 s left")
    );
    assert!(at(WhenQuiet::Wait, 1860).starts_with("Rejected: "));
    let many = told(&traffic(WhenQuiet::Proceed), &look(660, &[(0, 0); 9]));
    assert!(
        many.contains("9 of 9 functions had fewer than 50 invocations"),
        "{many}"
    );
}

#[test]
fn what_has_no_new_version_is_not_waited_for() {
    assert!(told(&traffic(WhenQuiet::Stop), &look(660, &[])).starts_with("advance"));
}

proptest! {
    /// However the numbers come, a stage ends: waiting has an end, and each wait is a while.
    #[test]
    fn every_stage_ends(
        seen in proptest::collection::vec((0_u64..200, 0_u64..200), 0..6), policy in 0_usize..4, stage in 1_u32..3600,
    ) {
        let policy = [WhenQuiet::Wait, WhenQuiet::Ask, WhenQuiet::Proceed, WhenQuiet::Stop][policy];
        let traffic = ResolvedTraffic { stage_seconds: stage, ..traffic(policy) };
        let (mut elapsed, mut looks, mut question) = (0, 0, None);
        loop {
            let look = Look { question: question.clone(), ..look(elapsed, &seen) };
            match decide(&traffic, &look) {
                Decision::Wait { seconds, .. } => {
                    prop_assert!((1..=60).contains(&seconds));
                    elapsed += u64::from(seconds);
                    looks += 1;
                }
                Decision::Ask(asked) => {
                    prop_assert!(question.is_none());
                    question = Some(asked);
                }
                Decision::Advance { .. } | Decision::Fail(_) => break,
            }
        }
        prop_assert!(elapsed <= traffic.longest_seconds());
        prop_assert!(looks < 200, "{} looks", looks);
    }
}
