use std::collections::BTreeMap;

use jiff::SignedDuration;
use lockstep::DeploymentId;
use lockstep::release::Release;
use lockstep_ledger::{EnvironmentState, Hold, Lock, VerifiedRelease, Waiting};

use super::{EnvironmentStatus, Status};
use crate::view::Report;
use crate::view::history::tests::{history_lines, image, start};
use crate::view::question::ShownQuestion;
use crate::view::question::tests::question;

fn id(last: char) -> DeploymentId {
    DeploymentId::parse(&format!("01JD5Q6Z8G000000000000000{last}")).unwrap()
}

fn busy() -> EnvironmentStatus {
    let artifacts = BTreeMap::from([("web/web".to_owned(), image())]);
    let lock = Lock {
        deployment: Some(id('1')),
        since: Some(start() + SignedDuration::from_mins(9)),
        lease_until: Some(start() + SignedDuration::from_mins(24)),
        fence: 7,
        halted_by: Some("service hello/web: task exited with code 1".into()),
    };
    let queue = vec![Waiting {
        deployment: id('2'),
        artifacts: artifacts.clone(),
    }];
    let hold = Hold {
        digest: image().id(),
        reason: "rolled back: task exited with code 1".into(),
        owner: "lockstep".into(),
        deployment: id('0'),
        since: start(),
    };
    let verified = VerifiedRelease {
        release: Release {
            manifest_version: 2,
            artifacts,
        },
        deployment: id('0'),
        verified_at: start(),
        rollback_floor: None,
    };
    let status = EnvironmentStatus::of(
        "local",
        Some(&verified),
        EnvironmentState {
            lock: Some(lock),
            queue,
            ..EnvironmentState::default()
        },
        vec![hold],
        history_lines(),
        start() + SignedDuration::from_mins(10),
    );
    let asked = ShownQuestion::of(&id('1'), &question(), start());
    EnvironmentStatus {
        question: Some(asked),
        ..status
    }
}

fn status(environment: EnvironmentStatus) -> Status {
    Status {
        application: "hello".into(),
        manifest_version: 2,
        environments: vec![environment],
    }
}

#[test]
fn a_busy_environment_says_who_deploys_what_waits_and_what_is_held() {
    insta::assert_snapshot!(status(busy()).text());
}

#[test]
fn programs_get_the_same_in_fields() {
    insta::assert_json_snapshot!(status(busy()));
}

#[test]
fn an_environment_that_was_never_deployed_says_so() {
    let state = EnvironmentState::default();
    let untouched = EnvironmentStatus::of("local", None, state, Vec::new(), Vec::new(), start());
    insta::assert_snapshot!(status(untouched).text());
}
