use jiff::Timestamp;
use lockstep::DeploymentId;
use lockstep::record::StepJournal;

use super::{recovery_arn, under_way};

#[test]
fn recoveries_are_named_as_the_watchdog_names_them() {
    let id = DeploymentId::parse("01JD5Q6Z8G0000000000000000").unwrap();
    let machine = "arn:aws:states:eu-west-1:111122223333:execution:lockstep-deploy";
    let first = recovery_arn(&format!("{machine}:5c9b"), &id, 1);
    assert_eq!(first, format!("{machine}:{id}-recovery"));
    let second = recovery_arn(&format!("{machine}:5c9b"), &id, 2);
    assert_eq!(second, format!("{machine}:{id}-recovery-2"));
}

#[test]
fn only_steps_under_way_are_waited_for() {
    let begun = Some(Timestamp::UNIX_EPOCH);
    let running = StepJournal {
        started_at: begun,
        note: "1 of 2 tasks running".into(),
        ..StepJournal::default()
    };
    let done = StepJournal {
        finished_at: begun,
        note: "service b runs b:2".into(),
        ..running.clone()
    };
    let steps = [("service a", &running), ("service b", &done)];
    let forth = under_way(steps.into_iter(), false);
    assert_eq!(forth, "service a: 1 of 2 tasks running");
    let back = under_way(steps.into_iter(), true);
    assert_eq!(back, "service a; service b runs b:2");
}
