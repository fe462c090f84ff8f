#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use lockstep::record::{DeploymentRecord, DeploymentRef, Execution, Source};
use lockstep::release::{Artifacts, ImageArtifact, UnbuiltImage, ZipArtifact};
use lockstep::{DeploymentId, Only};
use lockstep_ledger::{EnvironmentState, Lock, Newest, NewestReleases, ReleaseMark, Waiting};

use super::{Decision, decide};

fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn id(number: u64) -> DeploymentId {
    DeploymentId::for_execution("", "", number)
}

fn images(pairs: &[(&str, &str, i64)]) -> Artifacts {
    let image = |digest: &str, minute: i64| ImageArtifact {
        repository: "repository".to_owned(),
        digest: digest.to_owned(),
        tag: None,
        pushed_at: now() + SignedDuration::from_mins(minute),
    };
    pairs
        .iter()
        .map(|(component, digest, minute)| ((*component).to_owned(), image(digest, *minute).into()))
        .collect()
}

fn record(number: u64, requested: Artifacts) -> DeploymentRecord {
    DeploymentRecord {
        deployment: DeploymentRef {
            id: id(number),
            application: "a".into(),
            environment: "e".into(),
        },
        execution: Execution {
            name: "x".into(),
            arn: "x".into(),
            started_at: now(),
        },
        source: Source::EcrPush {
            event: "1".into(),
            image: "x".into(),
        },
        manifest_version: 1,
        requested,
        release: None,
        topic: None,
        approved: Vec::new(),
        builds: std::collections::BTreeMap::new(),
        only: Only::default(),
        conclusion: None,
    }
}

fn held_by(number: u64, lease_minutes: i64) -> Lock {
    Lock {
        deployment: Some(id(number)),
        since: Some(now()),
        lease_until: Some(now() + SignedDuration::from_mins(lease_minutes)),
        fence: 7,
        halted_by: None,
    }
}

fn waiting(number: u64, artifacts: Artifacts) -> Waiting {
    Waiting {
        deployment: id(number),
        artifacts,
        only: Only::default(),
        struck: BTreeMap::new(),
    }
}

#[test]
fn a_free_environment_is_taken() {
    let requested = images(&[("web/web", "new", 0)]);
    let decision = decide(
        &record(2, requested.clone()),
        &EnvironmentState::default(),
        now(),
    );
    assert_eq!(
        decision,
        Decision::Take {
            requested,
            overtaken: vec![],
            struck: vec![]
        }
    );
}

/// An image that is to be built, asked for at that minute.
fn unbuilt(component: &str, minute: i64) -> Artifacts {
    let image = UnbuiltImage {
        build: "web".to_owned(),
        repository: "repository".to_owned(),
        commit: "3f2a9c1".to_owned(),
        asked_at: now() + SignedDuration::from_mins(minute),
    };
    [(component.to_owned(), image.into())].into()
}

#[test]
fn what_was_not_built_yet_is_taken_over_as_everything_else_is() {
    let state = EnvironmentState {
        queue: vec![
            waiting(1, unbuilt("web/web", 0)),
            waiting(2, images(&[("api/api", "new", 1)])),
        ],
        ..EnvironmentState::default()
    };
    let newer = record(2, images(&[("api/api", "new", 1)]));
    let Decision::Take { requested, .. } = decide(&newer, &state, now()) else {
        unreachable!()
    };
    assert_eq!(requested["web/web"], unbuilt("web/web", 0)["web/web"]);
    assert_eq!(requested.len(), 2);
}

#[test]
fn an_image_that_was_pushed_after_a_build_was_asked_for_is_newer() {
    let newest = Newest {
        digest: "pushed".to_owned(),
        pushed_at: now() + SignedDuration::from_mins(5),
        deployment: id(7),
    };
    let state = EnvironmentState {
        newest: [("web/web".to_owned(), newest)].into(),
        ..EnvironmentState::default()
    };
    let older = record(2, unbuilt("web/web", 0));
    assert!(matches!(
        decide(&older, &state, now()),
        Decision::Superseded(by) if by.ends_with("which brought a newer image")
    ));
    let later = record(2, unbuilt("web/web", 6));
    assert!(matches!(
        decide(&later, &state, now()),
        Decision::Take { .. }
    ));
}

#[test]
fn a_second_invocation_of_the_holder_gets_the_same_fencing_number() {
    let state = EnvironmentState {
        lock: Some(held_by(2, 1)),
        ..EnvironmentState::default()
    };
    assert_eq!(
        decide(&record(2, Artifacts::new()), &state, now()),
        Decision::Held(7)
    );
}

#[test]
fn a_live_holder_is_waited_for_and_a_dead_one_is_not() {
    let live = EnvironmentState {
        lock: Some(held_by(1, 1)),
        ..EnvironmentState::default()
    };
    assert!(matches!(
        decide(&record(2, Artifacts::new()), &live, now()),
        Decision::Wait(_)
    ));
    let dead = EnvironmentState {
        lock: Some(held_by(1, -1)),
        ..EnvironmentState::default()
    };
    assert!(matches!(
        decide(&record(2, Artifacts::new()), &dead, now()),
        Decision::Take { .. }
    ));
}

#[test]
fn the_newest_waiting_deployment_wins_even_when_the_lock_is_free() {
    let state = EnvironmentState {
        queue: vec![waiting(3, Artifacts::new())],
        ..EnvironmentState::default()
    };
    assert!(matches!(
        decide(&record(2, Artifacts::new()), &state, now()),
        Decision::Wait(_)
    ));
}

#[test]
fn a_crowd_is_taken_over_in_transactions_that_dynamodb_takes() {
    let crowd: Vec<_> = (1..=60)
        .map(|number| waiting(number, Artifacts::new()))
        .collect();
    let state = EnvironmentState {
        queue: crowd.clone(),
        ..EnvironmentState::default()
    };
    let Decision::Take { overtaken, .. } = decide(&record(61, Artifacts::new()), &state, now())
    else {
        unreachable!("the lock is free")
    };
    assert_eq!(overtaken, crowd[12..]);
}

#[test]
fn the_winner_takes_over_what_the_others_wanted() {
    let older = [
        waiting(
            1,
            images(&[("web/web", "oldest", 0), ("api/api", "api", 0)]),
        ),
        waiting(2, images(&[("web/web", "older", 1)])),
    ];
    let state = EnvironmentState {
        queue: older.to_vec(),
        ..EnvironmentState::default()
    };
    let Decision::Take {
        requested,
        overtaken,
        ..
    } = decide(&record(3, images(&[("job/job", "job", 2)])), &state, now())
    else {
        unreachable!("the lock is free")
    };
    assert_eq!(
        requested,
        images(&[
            ("api/api", "api", 0),
            ("job/job", "job", 2),
            ("web/web", "older", 1)
        ])
    );
    assert_eq!(overtaken, older);
}

#[test]
fn an_image_that_was_overtaken_while_it_waited_is_not_deployed() {
    let newest = Newest {
        digest: "newer".into(),
        pushed_at: now() + SignedDuration::from_mins(5),
        deployment: id(9),
    };
    let state = EnvironmentState {
        newest: BTreeMap::from([("web/web".to_owned(), newest)]),
        ..EnvironmentState::default()
    };
    let old = images(&[("web/web", "old", 0)]);
    assert!(matches!(
        decide(&record(2, old.clone()), &state, now()),
        Decision::Superseded(_)
    ));
    let mut by_hand = record(2, old.clone());
    by_hand.source = Source::Manual {
        by: "pipeline".into(),
        reason: None,
    };
    assert_eq!(
        decide(&by_hand, &state, now()),
        Decision::Take {
            requested: old,
            overtaken: vec![],
            struck: vec![]
        }
    );
}

#[test]
fn an_uploaded_release_that_was_overtaken_while_it_was_read_is_not_deployed() {
    let zip = |release: &str| ZipArtifact {
        bucket: "b".into(),
        key: "k".into(),
        version_id: None,
        sha256: "0a".repeat(32),
        size: 1,
        path: "api.zip".into(),
        release: release.into(),
        released_at: now(),
    };
    let with = |release: &str| Artifacts::from([("api".to_owned(), zip(release).into())]);
    let mark = ReleaseMark {
        age: zip("1.4.0").age(),
        deployment: id(9),
    };
    let state = EnvironmentState {
        releases: NewestReleases::default().with(&mark, [&"api".to_owned()]),
        ..EnvironmentState::default()
    };
    let by = decide(&record(2, with("1.3.9")), &state, now());
    assert!(
        matches!(&by, Decision::Superseded(by) if by.contains("which brought release 1.4.0")),
        "{by:?}"
    );
    assert!(matches!(
        decide(&record(2, with("1.4.0")), &state, now()),
        Decision::Take { .. }
    ));
}

/// Only these components.
fn only(components: &[&str]) -> Only {
    serde_json::from_value(serde_json::json!({ "components": components })).unwrap()
}

fn part(number: u64, components: &[&str], requested: Artifacts) -> DeploymentRecord {
    DeploymentRecord {
        only: only(components),
        source: Source::Manual {
            by: "ann".into(),
            reason: None,
        },
        ..record(number, requested)
    }
}

fn waiting_part(number: u64, components: &[&str], artifacts: Artifacts) -> Waiting {
    Waiting {
        only: only(components),
        ..waiting(number, artifacts)
    }
}

fn with_queue(queue: &[Waiting]) -> EnvironmentState {
    EnvironmentState {
        queue: queue.to_vec(),
        ..EnvironmentState::default()
    }
}

#[test]
fn a_part_goes_before_everything_else_and_parts_by_their_age() {
    let (web, api) = (
        images(&[("web/web", "w3", 3)]),
        images(&[("api/api", "a2", 2)]),
    );
    let hotfix = part(2, &["web"], web.clone());
    let queue = [
        waiting(1, api.clone()),
        waiting_part(2, &["web"], web.clone()),
        waiting(3, api.clone()),
        waiting_part(4, &["api"], api.clone()),
    ];
    let wait = |record: &DeploymentRecord, queue: &[Waiting]| match decide(
        record,
        &with_queue(queue),
        now(),
    ) {
        Decision::Wait(words) => words,
        other => format!("{other:?}"),
    };
    let decision = decide(&hotfix, &with_queue(&queue), now());
    let taken = Decision::Take {
        requested: web,
        overtaken: vec![],
        struck: vec![],
    };
    assert_eq!(decision, taken);
    for whole in [1, 3, 5] {
        let words = wait(&record(whole, api.clone()), &queue);
        assert!(
            words.ends_with("which is about a part of the application and goes first"),
            "{words}"
        );
    }
    let words = wait(&part(4, &["api"], api.clone()), &queue);
    assert!(words.ends_with("which was asked for before"), "{words}");
    // Nobody is left waiting: after both parts, the newest of the others takes over the older one.
    let left = [queue[0].clone(), queue[2].clone()];
    assert!(matches!(
        decide(&record(3, api), &with_queue(&left), now()),
        Decision::Take { overtaken, .. } if overtaken == left[..1]
    ));
}

#[test]
fn a_part_is_the_later_wish_for_what_it_names_and_for_nothing_else() {
    let both = images(&[("api/api", "a2", 2), ("web/web", "w2", 2)]);
    let queue = [
        waiting(1, both.clone()),
        waiting(2, images(&[("api/api", "a2", 2)])),
        waiting(4, both.clone()),
    ];
    let older_image = part(3, &["web"], images(&[("web/web", "w1", 1)]));
    let Decision::Take { struck, .. } = decide(&older_image, &with_queue(&queue), now()) else {
        unreachable!("the lock is free")
    };
    let expected = waiting(1, both.clone()).without([&"web/web".to_owned()], &id(3));
    assert_eq!(struck, [expected]);
    assert_eq!(struck[0].artifacts, images(&[("api/api", "a2", 2)]));
    let settings_only = part(3, &["web"], Artifacts::new());
    assert!(matches!(
        decide(&settings_only, &with_queue(&queue), now()),
        Decision::Take { struck, overtaken, .. } if struck.is_empty() && overtaken.is_empty()
    ));
}

#[test]
fn what_was_struck_is_not_deployed_and_nothing_left_is_superseded() {
    let both = images(&[("api/api", "a2", 2), ("web/web", "w2", 2)]);
    let web = "web/web".to_owned();
    let queue = [waiting(1, both.clone()).without([&web], &id(3))];
    // Also where a person named it.
    let mut by_hand = record(1, both);
    by_hand.source = Source::Manual {
        by: "ann".into(),
        reason: None,
    };
    let Decision::Take { requested, .. } = decide(&by_hand, &with_queue(&queue), now()) else {
        unreachable!("the lock is free")
    };
    assert_eq!(requested, images(&[("api/api", "a2", 2)]));
    // Whoever overtakes it does not bring it back either.
    let Decision::Take { requested, .. } =
        decide(&record(5, Artifacts::new()), &with_queue(&queue), now())
    else {
        unreachable!("the lock is free")
    };
    assert_eq!(requested, images(&[("api/api", "a2", 2)]));
    let alone = images(&[("web/web", "w2", 2)]);
    let queue = [waiting(1, alone.clone()).without([&web], &id(3))];
    let decision = decide(&record(1, alone), &with_queue(&queue), now());
    assert!(
        matches!(&decision, Decision::Superseded(by) if by.ends_with("asked for later and decided about web/web")),
        "{decision:?}"
    );
}
