//! Stacks that somebody left in a state in which they cannot be changed.

use lockstep::stack::{Heal, StackStep};

use super::world::Behaviour;
use super::{creation, existing, new_shape, phase, put_back, run, template, update};

#[tokio::test(start_paused = true)]
async fn a_stack_that_was_never_good_is_deleted_and_created_again() {
    for status in ["ROLLBACK_COMPLETE", "CREATE_FAILED"] {
        let (fake, _) = existing(Behaviour::Completes);
        fake.change(|state| {
            state.left_in(status);
            let stack = state.stack.as_mut().unwrap();
            stack.is_protected = true;
            stack.resources.clear();
        });
        let step = StackStep {
            heal: Some(Heal::DeleteAndCreate),
            ..creation()
        };
        let summary = run(&phase(&fake), &step).await.unwrap();
        assert_eq!(summary, "created; outputs TableName=orders", "{status}");
        assert_eq!(
            (fake.count("DeleteStack"), fake.count("ExecuteChangeSet")),
            (1, 1)
        );
        assert_eq!(fake.stack().unwrap().id, super::arn(2));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_holds_data_is_not_deleted_to_be_created_again() {
    let (fake, _) = existing(Behaviour::Completes);
    fake.change(|state| state.left_in("ROLLBACK_COMPLETE"));
    let step = StackStep {
        heal: Some(Heal::DeleteAndCreate),
        ..creation()
    };
    let refused = run(&phase(&fake), &step).await.unwrap_err();
    assert!(refused.to_string().contains("may hold data"), "{refused}");
    assert_eq!(fake.count("DeleteStack"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_shell_is_removed_and_created_anew() {
    let (fake, _) = existing(Behaviour::Completes);
    fake.change(|state| state.left_in("REVIEW_IN_PROGRESS"));
    let step = StackStep {
        heal: Some(Heal::DropShell),
        ..creation()
    };
    run(&phase(&fake), &step).await.unwrap();
    assert_eq!(
        (fake.count("DeleteStack"), fake.count("ExecuteChangeSet")),
        (1, 1)
    );
    assert_eq!(fake.stack().unwrap().status, "CREATE_COMPLETE");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_continued_before_the_change() {
    let (fake, _) = existing(Behaviour::Completes);
    fake.change(|state| state.left_in("UPDATE_ROLLBACK_FAILED"));
    let skip = ["Queue".to_owned()].into();
    let step = StackStep {
        heal: Some(Heal::ContinueRollback { skip }),
        ..update(&fake)
    };
    run(&phase(&fake), &step).await.unwrap();
    assert_eq!(fake.shape(), Some(new_shape()));
    let asked = fake.asked("ContinueUpdateRollback");
    assert_eq!(asked.len(), 1);
    assert!(asked[0]["ClientRequestToken"].ends_with("-heal"));
    assert_eq!(asked[0]["ResourcesToSkip.member.1"], "Queue");
    put_back(&phase(&fake), &step).await.unwrap();
    assert_eq!(fake.shape(), Some(super::old_shape()));
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_is_something_else_after_its_rollback_is_left_alone() {
    let (fake, _) = existing(Behaviour::Completes);
    fake.change(|state| state.left_in("UPDATE_ROLLBACK_FAILED"));
    let mut step = StackStep {
        heal: Some(Heal::ContinueRollback { skip: [].into() }),
        ..update(&fake)
    };
    let before = step.before.as_mut().unwrap();
    before.template = template("theirs");
    let phase = phase(&fake);
    let refused = run(&phase, &step).await.unwrap_err();
    assert!(refused.to_string().contains("deploy again"), "{refused}");
    assert_eq!(
        put_back(&phase, &step).await.unwrap(),
        "nothing of the change was begun; the stack is UPDATE_ROLLBACK_COMPLETE now"
    );
    assert_eq!(fake.count("CreateChangeSet"), 0);
    assert_eq!(fake.shape(), Some(super::old_shape()));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_fails_again_is_not_tried_for_ever() {
    let (fake, _) = existing(Behaviour::RollbackFailsAlways);
    fake.change(|state| state.left_in("UPDATE_ROLLBACK_FAILED"));
    let step = StackStep {
        heal: Some(Heal::ContinueRollback { skip: [].into() }),
        ..update(&fake)
    };
    let failed = run(&phase(&fake), &step).await.unwrap_err();
    assert!(failed.to_string().contains("failed again"), "{failed}");
    assert_eq!(fake.count("ContinueUpdateRollback"), 1);
    assert_eq!(fake.count("CreateChangeSet"), 0);
}
