//! Two invocations of one step at once, and copies that come late.

use lockstep::{Phase, Progress};
use lockstep_cloudformation::CloudFormation;

use super::world::{Behaviour, FakeCloudFormation};
use super::{StackPhase, creation, existing, new_shape, phase, put_back, run};

/// Different ways in which two invocations meet.
const SEEDS: u64 = 60;

fn at_pace(fake: &FakeCloudFormation, seed: u64) -> StackPhase {
    StackPhase::new(
        CloudFormation::new(fake.client_at_pace(seed)),
        super::no_ledger(),
    )
}

#[tokio::test(start_paused = true)]
async fn two_at_once_change_the_stack_once() {
    for seed in 1..=SEEDS {
        let (fake, step) = existing(Behaviour::Completes);
        let (one, other) = (at_pace(&fake, seed), at_pace(&fake, seed * 7919));
        let (first, second) = tokio::join!(run(&one, &step), run(&other, &step));
        assert_eq!(
            first.unwrap(),
            "updated; outputs TableName=orders",
            "{seed}"
        );
        second.unwrap();
        assert_eq!(fake.shape(), Some(new_shape()), "{seed}");

        let fake = FakeCloudFormation::empty(Behaviour::Completes);
        let (one, other) = (at_pace(&fake, seed), at_pace(&fake, seed * 7919));
        let step = creation();
        let (first, second) = tokio::join!(run(&one, &step), run(&other, &step));
        assert!(
            first.is_ok() && second.is_ok(),
            "{seed}: {first:?} {second:?}"
        );
        assert_eq!(fake.stack().unwrap().id, super::arn(1), "{seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_undos_at_once_put_the_stack_back_once() {
    for seed in 1..=SEEDS {
        for behaviour in [Behaviour::Completes, Behaviour::RollbackFails] {
            let (fake, step) = existing(behaviour);
            let untouched = fake.whole();
            let _ = run(&phase(&fake), &step).await;
            let (one, other) = (at_pace(&fake, seed), at_pace(&fake, seed * 7919));
            let (first, second) = tokio::join!(put_back(&one, &step), put_back(&other, &step));
            assert!(
                first.is_ok() && second.is_ok(),
                "{seed}: {first:?} {second:?}"
            );
            assert_eq!(fake.whole(), untouched, "{seed} {behaviour:?}");
        }
    }
}

/// The undo begins while an attempt of the change is still under way: whatever that one still
/// does, the stack ends as it was.
#[tokio::test(start_paused = true)]
async fn an_undo_wins_over_an_attempt_that_is_under_way() {
    for seed in 1..=SEEDS {
        let (fake, step) = existing(Behaviour::Completes);
        let untouched = fake.whole();
        let (one, other) = (at_pace(&fake, seed), at_pace(&fake, seed * 7919));
        let late = async {
            for _ in 0..3 {
                let _ = one.start(&step).await;
            }
        };
        let ((), undone) = tokio::join!(late, put_back(&other, &step));
        undone.unwrap();
        // What the attempt did after the undo had ended, the next undo finds.
        put_back(&phase(&fake), &step).await.unwrap();
        assert_eq!(fake.whole(), untouched, "{seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_comes_after_the_end_does_nothing() {
    let (fake, step) = existing(Behaviour::Completes);
    let phase = phase(&fake);
    run(&phase, &step).await.unwrap();
    phase.start(&step).await.unwrap();
    assert!(matches!(
        phase.observe(&step).await,
        Ok(Progress::Done { .. })
    ));
    assert_eq!(fake.count("ExecuteChangeSet"), 1);
    put_back(&phase, &step).await.unwrap();
    let undone = fake.whole();
    let error = phase.start(&step).await.unwrap_err();
    assert_eq!(error.name(), "Halted");
    assert_eq!(fake.whole(), undone);
    assert_eq!(fake.count("ExecuteChangeSet"), 2);
}
