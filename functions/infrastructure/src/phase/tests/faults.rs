//! Every call of every ending, failing before it acts, after it acted, and by throttling.

use lockstep::{Phase, Progress};

use super::world::{Behaviour, FakeCloudFormation, Fault};
use super::{StackStep, creation, existing, new_shape, phase, put_back, run};

fn world(is_new: bool, behaviour: Behaviour) -> (FakeCloudFormation, StackStep) {
    if is_new {
        return (FakeCloudFormation::empty(behaviour), creation());
    }
    existing(behaviour)
}

/// The SDK itself tries three times. Once is only felt where the answer is lost.
const FAULTS: [(usize, Fault); 3] = [
    (3, Fault::FailsBeforeActing),
    (1, Fault::LosesTheAnswer),
    (3, Fault::LosesTheAnswer),
];

/// One deployment and, where it fails, its undo.
async fn ending(is_new: bool, behaviour: Behaviour, fault: Option<(usize, usize, Fault)>) -> usize {
    let (fake, step) = world(is_new, behaviour);
    let untouched = fake.whole();
    fake.inject(fault);
    let phase = phase(&fake);
    let result = run(&phase, &step).await;
    let told = format!("{is_new} {behaviour:?} {fault:?}: {result:?}");
    if behaviour == Behaviour::Completes {
        assert!(result.is_ok(), "{told}");
        assert!(is_new || fake.shape() == Some(new_shape()), "{told}");
        assert!(fake.stack().unwrap().is_protected, "{told}");
    } else {
        assert_eq!(result.unwrap_err().name(), "Rejected", "{told}");
        put_back(&phase, &step)
            .await
            .unwrap_or_else(|error| panic!("{told} {error}"));
        assert_eq!(fake.whole(), untouched, "{told}");
    }
    let executed = fake.asked("ExecuteChangeSet").len();
    let lost = fault.is_some_and(|(_, _, fault)| fault == Fault::LosesTheAnswer);
    assert!(lost || executed <= 1, "{told}: executed {executed} times");
    fake.calls()
}

/// Every call of one ending may fail.
async fn every_call_may_fail(is_new: bool, behaviour: Behaviour) {
    let calls = ending(is_new, behaviour, None).await;
    for call in 0..calls {
        for (times, fault) in FAULTS {
            ending(is_new, behaviour, Some((call, times, fault))).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_call_of_an_update_may_fail() {
    every_call_may_fail(false, Behaviour::Completes).await;
}

#[tokio::test(start_paused = true)]
async fn every_call_of_an_update_that_fails_may_fail() {
    every_call_may_fail(false, Behaviour::Fails).await;
}

#[tokio::test(start_paused = true)]
async fn every_call_of_an_update_that_gets_stuck_may_fail() {
    every_call_may_fail(false, Behaviour::RollbackFails).await;
}

#[tokio::test(start_paused = true)]
async fn every_call_of_a_creation_may_fail() {
    every_call_may_fail(true, Behaviour::Completes).await;
    every_call_may_fail(true, Behaviour::Fails).await;
}

/// The handler is killed after any call, and undo runs all the same.
#[tokio::test(start_paused = true)]
async fn undo_restores_whatever_was_reached() {
    for is_new in [false, true] {
        let calls = ending(is_new, Behaviour::Completes, None).await;
        for call in 0..calls {
            for fault in Fault::ALL {
                let (fake, step) = world(is_new, Behaviour::Completes);
                let untouched = fake.whole();
                let phase = phase(&fake);
                fake.inject(Some((call, usize::MAX, fault)));
                for _ in 0..6 {
                    if let Ok(Progress::NotStarted) = phase.observe(&step).await {
                        let _ = phase.start(&step).await;
                    }
                }
                fake.inject(None);
                put_back(&phase, &step)
                    .await
                    .unwrap_or_else(|error| panic!("{is_new} {call} {fault:?} {error}"));
                assert_eq!(fake.whole(), untouched, "{is_new} {call} {fault:?}");
            }
        }
    }
}

/// Every call of the undo may fail, too.
#[tokio::test(start_paused = true)]
async fn every_call_of_the_undo_may_fail() {
    for is_new in [false, true] {
        for fault in Fault::ALL {
            for call in 0..40 {
                let (fake, step) = world(is_new, Behaviour::Completes);
                let untouched = fake.whole();
                let phase = phase(&fake);
                run(&phase, &step).await.unwrap();
                fake.inject(Some((fake.calls() + call, 3, fault)));
                put_back(&phase, &step)
                    .await
                    .unwrap_or_else(|error| panic!("{is_new} {call} {fault:?} {error}"));
                assert_eq!(fake.whole(), untouched, "{is_new} {call} {fault:?}");
            }
        }
    }
}
