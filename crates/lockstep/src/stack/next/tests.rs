use super::{Do, Next, next};
use crate::PhaseError;
use crate::stack::identity::{Purpose, token};
use crate::stack::testing::{ARN, Events, id, step};
use crate::stack::{
    ChangeSetStatus, Heal, LiveChangeSet, LiveStack, Looked, Operation, ResourceChange, StackEvent,
    StackResource, StackStep,
};

pub(in crate::stack) fn live(status: &str) -> LiveStack {
    LiveStack {
        id: ARN.into(),
        name: "shop-production-data".into(),
        status: status.into(),
        tags: [("team".to_owned(), "old".to_owned())].into(),
        ..LiveStack::default()
    }
}

pub(in crate::stack) fn change_set(status: ChangeSetStatus) -> LiveChangeSet {
    LiveChangeSet {
        name: "lockstep".into(),
        status,
        reason: "because".into(),
        changes: vec![],
    }
}

pub(in crate::stack) fn table(action: &str, replacement: Option<&str>) -> ResourceChange {
    ResourceChange {
        path: "Orders".into(),
        resource_type: "AWS::DynamoDB::Table".into(),
        action: action.into(),
        replacement: replacement.map(Into::into),
        ..ResourceChange::default()
    }
}

/// Events of the stack itself, oldest first: status, and whose operation it was.
pub(in crate::stack) fn events(all: &[(&str, Option<Purpose>)]) -> Vec<StackEvent> {
    let add = |events: Events, (status, purpose): &(&str, Option<Purpose>)| {
        let token = purpose.map(|it| token(&id(), it));
        events.stack(status, token.as_deref())
    };
    all.iter().fold(Events::default(), add).newest_first()
}

fn looked(
    status: &str,
    set: Option<ChangeSetStatus>,
    history: &[(&str, Option<Purpose>)],
) -> Looked {
    Looked {
        stack: Some(live(status)),
        change_set: set.map(change_set),
        events: events(history),
        ..Looked::default()
    }
}

fn new() -> StackStep {
    StackStep {
        before: None,
        ..step()
    }
}

fn healing(heal: Heal) -> StackStep {
    let before = match heal {
        Heal::DeleteAndCreate | Heal::DropShell => None,
        _ => step().before,
    };
    StackStep {
        before,
        heal: Some(heal),
        ..step()
    }
}

pub(in crate::stack) fn told(next: Result<Next, PhaseError>) -> String {
    match next {
        Ok(Next::Act(call)) => format!("{call:?}"),
        Ok(Next::Wait { note }) => format!("wait: {note}"),
        Ok(Next::Done { summary }) => format!("done: {summary}"),
        Err(error) => format!("{}: {error}", error.name()),
    }
}

use ChangeSetStatus::{Empty, Executed, Failed, Obsolete, Pending, Ready};
use Purpose::{Change, Undo};

#[test]
fn an_update_goes_from_change_set_to_outputs() {
    let begun = [("UPDATE_IN_PROGRESS", Some(Change))];
    let cleaning = [
        begun[0],
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Some(Change)),
    ];
    let complete = [begun[0], cleaning[1], ("UPDATE_COMPLETE", Some(Change))];
    let cases = [
        (
            looked("UPDATE_COMPLETE", None, &[]),
            "CreateChangeSet { create: false, undo: false }",
        ),
        (
            looked("CREATE_COMPLETE", Some(Pending), &[]),
            "wait: CloudFormation compares the stack with its new template",
        ),
        (
            looked("CREATE_COMPLETE", Some(Obsolete), &[]),
            "DeleteChangeSet { undo: false }",
        ),
        (
            looked("CREATE_COMPLETE", Some(Ready), &[]),
            "Execute { undo: false }",
        ),
        (
            looked("CREATE_COMPLETE", Some(Executed), &[]),
            "wait: CloudFormation begins the change",
        ),
        (
            looked("UPDATE_IN_PROGRESS", Some(Ready), &[]),
            "wait: UPDATE_IN_PROGRESS",
        ),
        (
            looked("UPDATE_IN_PROGRESS", None, &begun),
            "wait: UPDATE_IN_PROGRESS",
        ),
        (
            looked("CREATE_COMPLETE", Some(Ready), &begun),
            "wait: CREATE_COMPLETE",
        ),
        (
            looked("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None, &cleaning),
            "wait: UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        ),
        (
            looked("UPDATE_COMPLETE", None, &cleaning),
            "wait: UPDATE_COMPLETE",
        ),
        (looked("UPDATE_COMPLETE", None, &complete), "done: updated"),
        (
            looked("CREATE_COMPLETE", Some(Empty), &[]),
            "done: nothing to change",
        ),
    ];
    for (looked, expected) in cases {
        assert_eq!(told(next(&step(), &looked)), expected, "{looked:?}");
    }
}

#[test]
fn a_new_stack_is_created_by_a_change_set_too() {
    let shell = [("REVIEW_IN_PROGRESS", None)];
    let created = [
        shell[0],
        ("CREATE_IN_PROGRESS", Some(Change)),
        ("CREATE_COMPLETE", Some(Change)),
    ];
    let mut done = looked("CREATE_COMPLETE", None, &created);
    if let Some(live) = &mut done.stack {
        live.outputs = [("VpcId".to_owned(), "vpc-1".to_owned())].into();
    }
    let cases = [
        (
            Looked::default(),
            "CreateChangeSet { create: true, undo: false }",
        ),
        (
            looked("REVIEW_IN_PROGRESS", Some(Ready), &shell),
            "Execute { undo: false }",
        ),
        (
            looked("CREATE_IN_PROGRESS", None, &created[..2]),
            "wait: CREATE_IN_PROGRESS",
        ),
        (done, "done: created; outputs VpcId=vpc-1"),
    ];
    for (looked, expected) in cases {
        assert_eq!(told(next(&new(), &looked)), expected, "{looked:?}");
    }
    let somebody = looked("CREATE_COMPLETE", None, &[("CREATE_COMPLETE", None)]);
    assert!(told(next(&new(), &somebody)).starts_with("Diverged"));
}

#[test]
fn protection_is_set_last() {
    let protected = StackStep {
        termination_protection: true,
        ..step()
    };
    let complete = [
        ("UPDATE_IN_PROGRESS", Some(Change)),
        ("UPDATE_COMPLETE", Some(Change)),
    ];
    for seen in [
        looked("UPDATE_COMPLETE", None, &complete),
        looked("UPDATE_COMPLETE", Some(Empty), &[]),
    ] {
        assert_eq!(next(&protected, &seen), Ok(Next::Act(Do::Protect(true))));
        let mut seen = seen;
        if let Some(live) = &mut seen.stack {
            live.termination_protection = true;
        }
        assert!(told(next(&protected, &seen)).starts_with("done"));
    }
}

#[test]
fn the_guard_is_asked_again_before_the_change_is_made() {
    let mut seen = looked("UPDATE_COMPLETE", Some(Ready), &[]);
    if let Some(set) = &mut seen.change_set {
        set.changes = vec![table("Modify", Some("True"))];
    }
    let refused = told(next(&step(), &seen));
    assert!(
        refused.starts_with(
            "Rejected: stack shop-production-data: Orders (AWS::DynamoDB::Table): replaced"
        ),
        "{refused}"
    );
    assert!(refused.contains("--approve data/Orders"), "{refused}");
    let approved = StackStep {
        approved: ["Orders".to_owned()].into(),
        ..step()
    };
    assert_eq!(told(next(&approved, &seen)), "Execute { undo: false }");
}

#[test]
fn a_failed_change_tells_the_resource_that_failed_first() {
    let us = token(&id(), Change);
    let failed = |reason: &str| Looked {
        stack: Some(live("UPDATE_ROLLBACK_IN_PROGRESS")),
        events: Events::default()
            .stack("UPDATE_IN_PROGRESS", Some(&us))
            .resource(
                "Web",
                "AWS::ECS::Service",
                "UPDATE_FAILED",
                reason,
                Some(&us),
            )
            .stack("UPDATE_ROLLBACK_IN_PROGRESS", Some(&us))
            .newest_first(),
        ..Looked::default()
    };
    let refused = told(next(&step(), &failed("may not do this")));
    assert!(refused.starts_with("Rejected: stack shop-production-data: Web (AWS::ECS::Service) failed: may not do this; "), "{refused}");
    let unhealthy = told(next(&step(), &failed("Web did not stabilize.")));
    assert!(
        unhealthy.starts_with("Unhealthy: stack shop-production-data: Web"),
        "{unhealthy}"
    );
    let refused = told(next(&step(), &looked("UPDATE_COMPLETE", Some(Failed), &[])));
    assert!(
        refused.ends_with("CloudFormation refuses the change: because"),
        "{refused}"
    );
}

#[test]
fn what_somebody_else_did_since_the_plan_is_no_ground_to_build_on() {
    let seen = looked("UPDATE_COMPLETE", Some(Ready), &[("UPDATE_COMPLETE", None)]);
    assert!(told(next(&step(), &seen)).starts_with("Diverged"));
    let mut known = step();
    if let Some(before) = &mut known.before {
        before.last_operation = Some(Operation {
            token: None,
            event: "event-0".into(),
        });
    }
    assert_eq!(told(next(&known, &seen)), "Execute { undo: false }");
    let mut other = seen.clone();
    if let Some(live) = &mut other.stack {
        live.id = "arn:other".into();
    }
    assert!(told(next(&step(), &other)).contains("another one of that name"));
    let gone = told(next(&step(), &Looked::default()));
    assert!(
        gone.starts_with("Diverged") && gone.contains("somebody deleted it"),
        "{gone}"
    );
    let undone = looked(
        "UPDATE_IN_PROGRESS",
        None,
        &[
            ("UPDATE_IN_PROGRESS", Some(Change)),
            ("UPDATE_IN_PROGRESS", Some(Undo)),
        ],
    );
    assert!(told(next(&step(), &undone)).starts_with("Halted"));
}

#[test]
fn a_failed_creation_is_deleted_and_created_again_unless_it_holds_data() {
    let step = healing(Heal::DeleteAndCreate);
    let old = [("CREATE_IN_PROGRESS", None), ("ROLLBACK_COMPLETE", None)];
    let deleting = [old[0], old[1], ("DELETE_IN_PROGRESS", Some(Purpose::Heal))];
    let seen = looked("ROLLBACK_COMPLETE", None, &old);
    assert_eq!(told(next(&step, &seen)), "Delete(Heal)");
    let mut protected = seen.clone();
    if let Some(live) = &mut protected.stack {
        live.termination_protection = true;
    }
    assert_eq!(told(next(&step, &protected)), "Protect(false)");
    assert!(told(next(&step, &looked("DELETE_IN_PROGRESS", None, &deleting))).starts_with("wait"));
    assert!(told(next(&step, &looked("DELETE_FAILED", None, &deleting))).starts_with("Rejected"));
    assert_eq!(
        told(next(&step, &Looked::default())),
        "CreateChangeSet { create: true, undo: false }"
    );
    let precious = Looked {
        resources: vec![StackResource {
            path: "Orders".into(),
            physical: Some("orders".into()),
            resource_type: "AWS::DynamoDB::Table".into(),
            status: "CREATE_COMPLETE".into(),
            reason: String::new(),
        }],
        ..seen
    };
    assert!(told(next(&step, &precious)).contains("Orders (AWS::DynamoDB::Table) may hold data"));
}

#[test]
fn a_shell_is_dropped_only_while_it_is_somebody_elses() {
    let step = healing(Heal::DropShell);
    let shell = [("REVIEW_IN_PROGRESS", None)];
    assert_eq!(
        told(next(&step, &looked("REVIEW_IN_PROGRESS", None, &shell))),
        "Delete(Heal)"
    );
    assert_eq!(
        told(next(
            &step,
            &looked("REVIEW_IN_PROGRESS", Some(Ready), &shell)
        )),
        "Execute { undo: false }"
    );
}

#[test]
fn a_rollback_is_continued_and_then_the_change_goes_on() {
    let skip: std::collections::BTreeSet<String> = ["Web".to_owned()].into();
    let step = healing(Heal::ContinueRollback { skip });
    let mine = Some(Purpose::Heal);
    let going = [("UPDATE_ROLLBACK_IN_PROGRESS", mine)];
    let failed = [going[0], ("UPDATE_ROLLBACK_FAILED", mine)];
    let complete = [going[0], ("UPDATE_ROLLBACK_COMPLETE", mine)];
    let cases = [
        (
            looked("UPDATE_ROLLBACK_FAILED", None, &[]),
            "ContinueRollback { skip: {\"Web\"}, purpose: Heal }",
        ),
        (
            looked("UPDATE_ROLLBACK_COMPLETE", None, &complete),
            "CreateChangeSet { create: false, undo: false }",
        ),
        (
            looked("UPDATE_ROLLBACK_COMPLETE", Some(Ready), &complete),
            "Execute { undo: false }",
        ),
    ];
    for (looked, expected) in cases {
        assert_eq!(told(next(&step, &looked)), expected);
    }
    assert!(
        told(next(
            &step,
            &looked("UPDATE_ROLLBACK_IN_PROGRESS", None, &going)
        ))
        .starts_with("wait")
    );
    assert!(
        told(next(
            &step,
            &looked("UPDATE_ROLLBACK_FAILED", None, &failed)
        ))
        .contains("failed again")
    );
    let mut other = looked("UPDATE_ROLLBACK_COMPLETE", None, &complete);
    other.template_sha256 = Some("another one".to_owned());
    let told = told(next(&step, &other));
    assert!(
        told.starts_with("Rejected") && told.contains("deploy again"),
        "{told}"
    );
}
