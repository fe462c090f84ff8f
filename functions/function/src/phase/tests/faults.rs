//! Calls that fail, and handlers that are killed, at every point.

use lockstep::Phase;

use super::world::{FakeLambda, Fault, Faults};
use super::{FLEET, lambda, phase, put_back, released, run, serving, step};

/// Every call of every ending, failing before it acts, after it acted, by throttling and by
/// an update of somebody else's, once and several times: what serves is exactly what was
/// released or exactly what was there, and nothing is published twice.
#[tokio::test(start_paused = true)]
async fn every_call_may_fail() {
    for broken in [None, Some("configured")] {
        let (_, calls) = ending(broken, None).await;
        for call in 0..calls {
            for fault in Fault::ALL {
                ending(broken, Some((call, 1, fault))).await;
            }
            ending(broken, Some((call, 4, Fault::LosesTheAnswer))).await;
        }
    }
}

async fn ending(broken: Option<&str>, faults: Faults) -> (FakeLambda, usize) {
    let fleet = &FLEET[..3];
    let fake = lambda(fleet);
    let step = step(&fake, fleet);
    let before = serving(&fake, fleet);
    if let Some(broken) = broken {
        fake.breaks(broken);
    }
    let planned = fake.calls();
    fake.inject(faults.map(|(call, times, fault)| (planned + call, times, fault)));
    let phase = phase(&fake);
    let result = run(&phase, &step).await;
    if broken.is_none() {
        assert!(result.is_ok(), "{faults:?}: {result:?}");
        assert_eq!(serving(&fake, fleet), released()[..3], "{faults:?}");
    } else {
        assert_eq!(result.unwrap_err().name(), "Unhealthy", "{faults:?}");
        put_back(&phase, &step).await.unwrap();
        assert_eq!(serving(&fake, fleet), before, "{faults:?}");
    }
    for (name, ..) in fleet {
        assert!(fake.versions(name).len() <= 2, "{faults:?}: {name}");
    }
    let calls = fake.calls() - planned;
    (fake, calls)
}

/// The handler is killed after any call, and undo runs all the same.
#[tokio::test(start_paused = true)]
async fn undo_restores_whatever_was_reached() {
    let (_, calls) = ending(None, None).await;
    for call in 0..calls {
        for fault in Fault::ALL {
            let fake = lambda(&FLEET[..3]);
            let step = step(&fake, &FLEET[..3]);
            let before = serving(&fake, &FLEET[..3]);
            let phase = phase(&fake);
            fake.inject(Some((fake.calls() + call, usize::MAX, fault)));
            let _ = phase.start(&step).await;
            fake.inject(None);
            put_back(&phase, &step).await.unwrap();
            assert_eq!(serving(&fake, &FLEET[..3]), before, "{call} {fault:?}");
        }
    }
}
