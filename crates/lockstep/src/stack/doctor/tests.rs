use std::collections::BTreeSet;

use super::{Diagnosis, Patient, diagnose};
use crate::DeploymentId;
use crate::stack::testing::{ARN, Events, id};
use crate::stack::{Heal, LiveStack, Operation, StackEvent, StackResource};

fn resource(path: &str, kind: &str, status: &str, reason: &str) -> StackResource {
    StackResource {
        path: path.into(),
        physical: Some(format!("physical-{path}")),
        resource_type: kind.into(),
        status: status.into(),
        reason: reason.into(),
    }
}

fn stack(status: &str, token: Option<&str>) -> LiveStack {
    LiveStack {
        id: ARN.into(),
        name: "shop-production-data".into(),
        status: status.into(),
        last_operation: Some(Operation {
            token: token.map(Into::into),
            event: "event".into(),
        }),
        ..LiveStack::default()
    }
}

struct Bedside {
    resources: Vec<StackResource>,
    events: Vec<StackEvent>,
    skip: BTreeSet<String>,
}

impl Bedside {
    fn of(resources: Vec<StackResource>) -> Self {
        Self {
            resources,
            events: vec![],
            skip: [].into(),
        }
    }

    fn diagnose(&self, stack: &LiveStack) -> Diagnosis {
        let me: DeploymentId = id();
        diagnose(&Patient {
            stack,
            resources: &self.resources,
            events: &self.events,
            deployment: Some(&me),
            skip: &self.skip,
            environment: "production",
            component: "data",
        })
    }

    fn heal(&self, status: &str) -> Option<Heal> {
        match self.diagnose(&stack(status, None)) {
            Diagnosis::Curable { heal, .. } => Some(heal),
            _ => None,
        }
    }

    fn stuck(&self, status: &str) -> String {
        match self.diagnose(&stack(status, None)) {
            Diagnosis::Stuck(check) => check.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

const TABLE: &str = "AWS::DynamoDB::Table";

#[test]
fn every_status_has_its_diagnosis() {
    let none = Bedside::of(vec![]);
    for healthy in [
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    ] {
        assert_eq!(none.diagnose(&stack(healthy, None)), Diagnosis::Healthy);
    }
    let curable = [
        ("ROLLBACK_COMPLETE", Heal::DeleteAndCreate),
        ("CREATE_FAILED", Heal::DeleteAndCreate),
        ("ROLLBACK_FAILED", Heal::DeleteAndCreate),
        ("REVIEW_IN_PROGRESS", Heal::DropShell),
        (
            "UPDATE_ROLLBACK_FAILED",
            Heal::ContinueRollback { skip: [].into() },
        ),
    ];
    for (status, heal) in curable {
        assert_eq!(none.heal(status), Some(heal), "{status}");
    }
    for status in ["UPDATE_FAILED", "DELETE_FAILED", "IMPORT_ROLLBACK_FAILED"] {
        assert!(none.stuck(status).contains(status), "{status}");
    }
}

#[test]
fn an_update_that_was_left_half_done_is_rolled_back_by_a_person_only() {
    let bed = Bedside::of(vec![resource(
        "Queue",
        "AWS::SQS::Queue",
        "UPDATE_FAILED",
        "no such key",
    )]);
    let told = bed.stuck("UPDATE_FAILED");
    assert!(
        told.contains("Queue (AWS::SQS::Queue): no such key"),
        "{told}"
    );
    assert!(told.contains("`lockstep doctor production data --heal`"));
    let stack = stack("UPDATE_FAILED", None);
    let person = diagnose(&Patient {
        stack: &stack,
        resources: &bed.resources,
        events: &[],
        deployment: None,
        skip: &bed.skip,
        environment: "production",
        component: "data",
    });
    let heal = match person {
        Diagnosis::Curable { heal, .. } => heal,
        other => panic!("{other:?}"),
    };
    assert_eq!(heal, Heal::RollBack);
}

#[test]
fn a_stack_at_work_is_ours_or_waited_for() {
    let none = Bedside::of(vec![]);
    let ours = format!("lockstep-{}", id());
    for status in ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"] {
        assert_eq!(none.diagnose(&stack(status, Some(&ours))), Diagnosis::Ours);
    }
    let busy = |token| match none.diagnose(&stack("DELETE_IN_PROGRESS", token)) {
        Diagnosis::Busy { note } => note,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        busy(None),
        "stack shop-production-data is DELETE_IN_PROGRESS"
    );
    assert!(busy(Some("Console-1")).ends_with("(operation Console-1)"));
    let other = busy(Some("lockstep-01JD5Q6Z8G0000000000000001-undo"));
    assert!(
        other.ends_with("for deployment 01JD5Q6Z8G0000000000000001"),
        "{other}"
    );
}

#[test]
fn a_failed_creation_is_not_deleted_while_it_holds_data() {
    let gone = resource("Old", TABLE, "DELETE_COMPLETE", "");
    let role = resource("Role", "AWS::IAM::Role", "CREATE_COMPLETE", "");
    let harmless = Bedside::of(vec![gone, role]);
    assert_eq!(
        harmless.heal("ROLLBACK_COMPLETE"),
        Some(Heal::DeleteAndCreate)
    );
    let precious = Bedside::of(vec![resource("Orders", TABLE, "DELETE_SKIPPED", "")]);
    let told = precious.stuck("ROLLBACK_COMPLETE");
    assert!(
        told.contains("found ROLLBACK_COMPLETE: Orders (AWS::DynamoDB::Table)"),
        "{told}"
    );
    assert!(
        told.contains("lockstep doctor production data --delete"),
        "{told}"
    );
    let shell = Bedside::of(vec![resource("Orders", TABLE, "CREATE_COMPLETE", "")]);
    assert!(shell.stuck("REVIEW_IN_PROGRESS").contains("change set"));
}

fn rolled_back_twice() -> Bedside {
    let kind = "AWS::ECS::Service";
    let failed = |events: Events| {
        events
            .resource("Web", kind, "UPDATE_FAILED", "no such image", None)
            .stack("UPDATE_ROLLBACK_FAILED", None)
    };
    let events = failed(Events::default().stack("UPDATE_IN_PROGRESS", None));
    let events = failed(events.stack("UPDATE_ROLLBACK_IN_PROGRESS", None));
    Bedside {
        events: events.newest_first(),
        ..Bedside::of(vec![resource(
            "Web",
            kind,
            "UPDATE_FAILED",
            "no such image",
        )])
    }
}

#[test]
fn a_rollback_is_continued_once_and_then_only_without_what_a_person_approved() {
    let twice = rolled_back_twice();
    let told = twice.stuck("UPDATE_ROLLBACK_FAILED");
    assert!(
        told.contains("Web (AWS::ECS::Service): no such image"),
        "{told}"
    );
    assert!(
        told.contains("lockstep deploy production --approve data/skip:Web"),
        "{told}"
    );
    let approved = Bedside {
        skip: ["Web".to_owned(), "Other".to_owned()].into(),
        ..rolled_back_twice()
    };
    let skip: BTreeSet<_> = ["Web".to_owned()].into();
    assert_eq!(
        approved.heal("UPDATE_ROLLBACK_FAILED"),
        Some(Heal::ContinueRollback { skip })
    );
    let once = Bedside {
        events: rolled_back_twice().events.split_off(3),
        ..rolled_back_twice()
    };
    assert_eq!(
        once.heal("UPDATE_ROLLBACK_FAILED"),
        Some(Heal::ContinueRollback { skip: [].into() })
    );
    let another = Bedside {
        resources: vec![resource("Queue", "AWS::SQS::Queue", "UPDATE_FAILED", "")],
        ..rolled_back_twice()
    };
    assert!(another.heal("UPDATE_ROLLBACK_FAILED").is_some());
}

#[test]
fn a_deletion_that_failed_names_what_could_be_retained() {
    let bucket = resource(
        "Files",
        "AWS::S3::Bucket",
        "DELETE_FAILED",
        "The bucket is not empty.",
    );
    let told = Bedside::of(vec![bucket]).stuck("DELETE_FAILED");
    assert!(
        told.contains("Files (AWS::S3::Bucket): The bucket is not empty,"),
        "{told}"
    );
    assert!(told.contains("--delete --retain Files"), "{told}");
}
