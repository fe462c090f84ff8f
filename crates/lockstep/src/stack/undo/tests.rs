use super::undo_next;
use crate::stack::identity::Purpose::{self, Cancel, Change, Continue, Heal, Undo};
use crate::stack::identity::token;
use crate::stack::next::tests::{change_set, events, live, table, told};
use crate::stack::testing::{Events, id, step};
use crate::stack::{ChangeSetStatus, LiveStack, Looked, ResourceChange, StackResource, StackStep};
use ChangeSetStatus::{Empty, Executed, Failed, Obsolete, Pending, Ready};

type History<'a> = &'a [(&'a str, Option<Purpose>)];

fn looked(status: &str, set: Option<ChangeSetStatus>, history: History<'_>) -> Looked {
    Looked {
        stack: Some(live(status)),
        change_set: set.map(change_set),
        events: events(history),
        template_sha256: Some("a".repeat(64)),
        ..Looked::default()
    }
}

fn undoing(status: &str, set: Option<ChangeSetStatus>, history: History<'_>) -> Looked {
    Looked {
        undo_change_set: set.map(change_set),
        ..looked(status, None, history)
    }
}

fn but(mut looked: Looked, change: fn(&mut LiveStack)) -> Looked {
    looked.stack.as_mut().into_iter().for_each(change);
    looked
}

#[test]
fn what_was_never_begun_leaves_nothing_behind() {
    let cases = [
        (
            looked("UPDATE_COMPLETE", None, &[]),
            "done: nothing had been changed",
        ),
        (
            looked("UPDATE_COMPLETE", Some(Ready), &[]),
            "DeleteChangeSet { undo: false }",
        ),
        (
            looked("UPDATE_COMPLETE", Some(Empty), &[]),
            "DeleteChangeSet { undo: false }",
        ),
        (
            looked("UPDATE_COMPLETE", Some(Pending), &[]),
            "wait: CloudFormation is at work on the change set",
        ),
        (
            looked("UPDATE_COMPLETE", Some(Executed), &[]),
            "wait: CloudFormation begins the change",
        ),
        (
            looked("UPDATE_IN_PROGRESS", Some(Ready), &[]),
            "wait: UPDATE_IN_PROGRESS",
        ),
        (
            looked("UPDATE_IN_PROGRESS", None, &[("UPDATE_IN_PROGRESS", None)]),
            "done: nothing had been changed",
        ),
        (
            looked(
                "UPDATE_ROLLBACK_COMPLETE",
                None,
                &[("UPDATE_ROLLBACK_COMPLETE", Some(Heal))],
            ),
            "done: nothing of the change was begun; the stack is UPDATE_ROLLBACK_COMPLETE now",
        ),
        (
            looked(
                "UPDATE_ROLLBACK_FAILED",
                None,
                &[("UPDATE_ROLLBACK_FAILED", Some(Heal))],
            ),
            "done: nothing of the change was begun, and the stack is as stuck as before, UPDATE_ROLLBACK_FAILED: lockstep \
             doctor production data",
        ),
        (
            looked(
                "UPDATE_ROLLBACK_IN_PROGRESS",
                None,
                &[("UPDATE_ROLLBACK_IN_PROGRESS", Some(Heal))],
            ),
            "wait: UPDATE_ROLLBACK_IN_PROGRESS",
        ),
    ];
    for (looked, expected) in cases {
        assert_eq!(told(undo_next(&step(), &looked)), expected, "{looked:?}");
    }
    let protected = StackStep {
        termination_protection: true,
        ..step()
    };
    let seen = but(looked("UPDATE_COMPLETE", None, &[]), |live| {
        live.termination_protection = true;
    });
    assert_eq!(told(undo_next(&protected, &seen)), "Protect(false)");
}

#[test]
fn a_change_under_way_is_cancelled_and_what_rolled_back_is_confirmed() {
    let going: History<'_> = &[("UPDATE_IN_PROGRESS", Some(Change))];
    let cancelled = [going[0], ("UPDATE_ROLLBACK_IN_PROGRESS", Some(Cancel))];
    let back = [
        going[0],
        cancelled[1],
        ("UPDATE_ROLLBACK_COMPLETE", Some(Cancel)),
    ];
    let cases = [
        (looked("UPDATE_IN_PROGRESS", None, going), "Cancel"),
        (
            looked("UPDATE_IN_PROGRESS", None, &cancelled),
            "wait: UPDATE_IN_PROGRESS",
        ),
        (
            looked("UPDATE_ROLLBACK_IN_PROGRESS", None, &cancelled),
            "wait: UPDATE_ROLLBACK_IN_PROGRESS",
        ),
        (
            looked("UPDATE_ROLLBACK_COMPLETE", None, &back),
            "done: CloudFormation rolled it back to what it was",
        ),
    ];
    for (looked, expected) in cases {
        assert_eq!(told(undo_next(&step(), &looked)), expected);
    }
    let other = but(looked("UPDATE_ROLLBACK_COMPLETE", None, &back), |live| {
        live.tags.clear();
    });
    assert_eq!(
        told(undo_next(&step(), &other)),
        "CreateChangeSet { create: false, undo: true }"
    );
}

#[test]
fn a_finished_change_is_updated_back() {
    let updated: History<'_> = &[
        ("UPDATE_IN_PROGRESS", Some(Change)),
        ("UPDATE_COMPLETE", Some(Change)),
    ];
    let cases = [
        (
            undoing("UPDATE_COMPLETE", None, updated),
            "CreateChangeSet { create: false, undo: true }",
        ),
        (
            undoing("UPDATE_COMPLETE", Some(Pending), updated),
            "wait: CloudFormation compares the stack with its previous template",
        ),
        (
            undoing("UPDATE_COMPLETE", Some(Ready), updated),
            "Execute { undo: true }",
        ),
        (
            undoing("UPDATE_COMPLETE", Some(Obsolete), updated),
            "DeleteChangeSet { undo: true }",
        ),
        (
            undoing("UPDATE_COMPLETE", Some(Executed), updated),
            "wait: CloudFormation begins to update it back",
        ),
        (
            undoing("UPDATE_COMPLETE", Some(Empty), updated),
            "done: it was as before",
        ),
    ];
    for (looked, expected) in cases {
        assert_eq!(told(undo_next(&step(), &looked)), expected);
    }
    let refused = told(undo_next(
        &step(),
        &undoing("UPDATE_COMPLETE", Some(Failed), updated),
    ));
    assert!(
        refused.ends_with("refuses to update it back: because"),
        "{refused}"
    );
    let going = [updated[0], updated[1], ("UPDATE_IN_PROGRESS", Some(Undo))];
    assert!(
        told(undo_next(
            &step(),
            &undoing("UPDATE_IN_PROGRESS", None, &going)
        ))
        .starts_with("wait")
    );
    let back = [
        going[0],
        going[1],
        going[2],
        ("UPDATE_COMPLETE", Some(Undo)),
    ];
    let done = undoing("UPDATE_COMPLETE", None, &back);
    assert_eq!(
        told(undo_next(&step(), &done)),
        "done: updated back to what it was"
    );
    let protected = but(done.clone(), |live| live.termination_protection = true);
    assert_eq!(told(undo_next(&step(), &protected)), "Protect(false)");
    let other = Looked {
        template_sha256: Some("b".repeat(64)),
        ..done
    };
    assert!(told(undo_next(&step(), &other)).starts_with("Diverged"));
    let failed = [
        going[0],
        going[1],
        going[2],
        ("UPDATE_ROLLBACK_COMPLETE", Some(Undo)),
    ];
    assert!(
        told(undo_next(
            &step(),
            &undoing("UPDATE_ROLLBACK_COMPLETE", None, &failed)
        ))
        .starts_with("Rejected")
    );
}

#[test]
fn going_back_never_destroys_data_not_even_what_was_approved_for_the_change() {
    let updated: History<'_> = &[
        ("UPDATE_IN_PROGRESS", Some(Change)),
        ("UPDATE_COMPLETE", Some(Change)),
    ];
    let approved = StackStep {
        approved: ["Orders".to_owned()].into(),
        ..step()
    };
    let cases: [(ResourceChange, bool); 3] = [
        (table("Remove", None), true),
        (table("Modify", Some("Conditional")), true),
        (table("Modify", Some("False")), false),
    ];
    for (change, refused) in cases {
        let mut seen = undoing("UPDATE_COMPLETE", Some(Ready), updated);
        seen.undo_change_set
            .as_mut()
            .into_iter()
            .for_each(|it| it.changes = vec![change.clone()]);
        let told = told(undo_next(&approved, &seen));
        assert_eq!(told.starts_with("Rejected"), refused, "{told}");
        assert_eq!(
            told.contains("lockstep-01JD5Q6Z8G0000000000000000-undo"),
            refused,
            "{told}"
        );
    }
}

#[test]
fn a_rollback_that_got_stuck_is_continued_once() {
    let stuck: History<'_> = &[
        ("UPDATE_IN_PROGRESS", Some(Change)),
        ("UPDATE_ROLLBACK_FAILED", Some(Change)),
    ];
    let seen = looked("UPDATE_ROLLBACK_FAILED", None, stuck);
    assert_eq!(
        told(undo_next(&step(), &seen)),
        "ContinueRollback { skip: {}, purpose: Continue }"
    );
    let again = [
        stuck[0],
        stuck[1],
        ("UPDATE_ROLLBACK_FAILED", Some(Continue)),
    ];
    let told_again = told(undo_next(
        &step(),
        &looked("UPDATE_ROLLBACK_FAILED", None, &again),
    ));
    assert!(
        told_again.contains("lockstep doctor production data"),
        "{told_again}"
    );
    let (mine, other) = (token(&id(), Change), token(&id(), Continue));
    let queue = |events: Events, status: &str, why: &str, token: &str| {
        events.resource("Queue", "AWS::SQS::Queue", status, why, Some(token))
    };
    let events = Events::default().stack("UPDATE_IN_PROGRESS", Some(&mine));
    let events = queue(events, "UPDATE_FAILED", "no such key", &mine);
    let events = events
        .stack("UPDATE_ROLLBACK_FAILED", Some(&mine))
        .stack("UPDATE_ROLLBACK_IN_PROGRESS", Some(&other));
    let events = queue(events, "UPDATE_FAILED", "still in use", &other);
    let events = events.stack("UPDATE_ROLLBACK_FAILED", Some(&other));
    let mut seen = looked("UPDATE_ROLLBACK_FAILED", None, &[]);
    seen.events = events.newest_first();
    let in_the_way = told(undo_next(&step(), &seen));
    assert!(in_the_way.contains("still in use"), "{in_the_way}");
    let back = [
        stuck[0],
        stuck[1],
        ("UPDATE_ROLLBACK_COMPLETE", Some(Continue)),
    ];
    assert!(
        told(undo_next(
            &step(),
            &looked("UPDATE_ROLLBACK_COMPLETE", None, &back)
        ))
        .starts_with("done")
    );
    let failed = [stuck[0], ("UPDATE_FAILED", Some(Change))];
    assert_eq!(
        told(undo_next(&step(), &looked("UPDATE_FAILED", None, &failed))),
        "RollBack(Continue)"
    );
}

#[test]
fn what_somebody_else_did_afterwards_is_not_overwritten() {
    let theirs: History<'_> = &[("UPDATE_COMPLETE", Some(Change)), ("UPDATE_COMPLETE", None)];
    assert!(
        told(undo_next(&step(), &looked("UPDATE_COMPLETE", None, theirs))).starts_with("Diverged")
    );
    let new = StackStep {
        before: None,
        ..step()
    };
    assert!(
        told(undo_next(&new, &looked("UPDATE_COMPLETE", None, theirs))).starts_with("Diverged")
    );
    assert!(told(undo_next(&step(), &Looked::default())).starts_with("Diverged"));
}

fn resource(kind: &str, status: &str) -> StackResource {
    StackResource {
        path: "Orders".into(),
        physical: Some("orders".into()),
        resource_type: kind.into(),
        status: status.into(),
        reason: String::new(),
    }
}

#[test]
fn a_new_stack_is_deleted_unless_it_may_hold_data() {
    let new = StackStep {
        before: None,
        ..step()
    };
    let shell: History<'_> = &[("REVIEW_IN_PROGRESS", None)];
    let creating = [shell[0], ("CREATE_IN_PROGRESS", Some(Change))];
    let created = [shell[0], creating[1], ("CREATE_COMPLETE", Some(Change))];
    let rolled = [shell[0], creating[1], ("ROLLBACK_COMPLETE", Some(Change))];
    let deleting = [shell[0], creating[1], ("DELETE_IN_PROGRESS", Some(Undo))];
    let cases = [
        (Looked::default(), "done: there is no such stack, as before"),
        (
            looked("REVIEW_IN_PROGRESS", Some(Ready), shell),
            "Delete(Undo)",
        ),
        (
            looked("REVIEW_IN_PROGRESS", None, shell),
            "done: nothing had been changed",
        ),
        (
            looked("CREATE_IN_PROGRESS", None, &creating),
            "Delete(Undo)",
        ),
        (looked("CREATE_COMPLETE", None, &created), "Delete(Undo)"),
        (looked("ROLLBACK_COMPLETE", None, &rolled), "Delete(Undo)"),
        (
            looked("DELETE_IN_PROGRESS", None, &deleting),
            "wait: DELETE_IN_PROGRESS",
        ),
        (
            looked("ROLLBACK_COMPLETE", None, &[("ROLLBACK_COMPLETE", None)]),
            "done: nothing had been changed",
        ),
    ];
    for (looked, expected) in cases {
        assert_eq!(told(undo_next(&new, &looked)), expected, "{looked:?}");
    }
    let protected = but(looked("CREATE_COMPLETE", None, &created), |live| {
        live.termination_protection = true;
    });
    assert_eq!(told(undo_next(&new, &protected)), "Protect(false)");
    let with = |looked, kind, status| Looked {
        resources: vec![resource(kind, status)],
        ..looked
    };
    let table = "AWS::DynamoDB::Table";
    let stays = told(undo_next(&new, &with(protected, table, "CREATE_COMPLETE")));
    assert!(
        stays.starts_with("done: the new stack stays (CREATE_COMPLETE)"),
        "{stays}"
    );
    let going = told(undo_next(
        &new,
        &with(
            looked("CREATE_IN_PROGRESS", None, &creating),
            table,
            "CREATE_IN_PROGRESS",
        ),
    ));
    assert!(going.starts_with("wait"), "{going}");
    let gone = told(undo_next(
        &new,
        &with(
            looked("ROLLBACK_COMPLETE", None, &rolled),
            table,
            "DELETE_COMPLETE",
        ),
    ));
    assert_eq!(gone, "Delete(Undo)");
    let failed = told(undo_next(
        &new,
        &looked(
            "DELETE_FAILED",
            None,
            &[creating[1], ("DELETE_FAILED", Some(Undo))],
        ),
    ));
    assert!(failed.contains("could not be deleted again"), "{failed}");
}
