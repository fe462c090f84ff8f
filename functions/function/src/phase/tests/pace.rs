//! How quickly it works, for how long, and when it stops.

use lockstep::{Phase, PhaseError, Progress};
use lockstep_lambda::Mandate;
use tokio::time::Instant;

use super::world::{FakeLambda, Fault};
use super::{FLEET, TIMEOUT, lambda, phase, released, run, serving, step};

#[tokio::test(start_paused = true)]
async fn a_hundred_functions_are_as_fast_as_the_budget_allows() {
    let names: Vec<_> = (0..100).map(|number| format!("shop-{number:03}")).collect();
    let fleet: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), true, false))
        .collect();
    let fake = lambda(&fleet);
    let step = step(&fake, &fleet);
    let looks = fake.count("GET");
    let start = Instant::now();
    run(&phase(&fake), &step).await.unwrap();
    let took = start.elapsed().as_secs_f64();
    // Three calls for each function at 15 a second: within one invocation.
    assert!((19.5..23.0).contains(&took), "{took}");
    assert_eq!(fake.count("PUT") + fake.count("POST"), 300);
    let looks = fake.count("GET") - looks;
    assert!(looks <= 100 * 7 + 5, "{looks}");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_account_only_takes_longer() {
    let fake = lambda(&FLEET);
    let step = step(&fake, &FLEET);
    fake.inject(Some((30, 40, Fault::Throttled)));
    run(&phase(&fake), &step).await.unwrap();
    assert_eq!(serving(&fake, &FLEET), released());
}

/// An execution that is stopped leaves its invocation behind, which goes on: nothing that it
/// would change would be put back.
#[tokio::test(start_paused = true)]
async fn nothing_is_changed_any_more_once_it_is_not_wanted() {
    const WANTED: usize = 3;
    let fake = lambda(&FLEET);
    let step = step(&fake, &FLEET);
    let phase = phase(&fake);
    let writes = move |fake: &FakeLambda| fake.count("PUT") + fake.count("POST");
    let (asked, planned) = (fake.clone(), writes(&fake));
    let mandate = Mandate::new(move || {
        let wanted = writes(&asked) - planned < WANTED;
        let stopped = PhaseError::Halted {
            by: "deployment 01E".into(),
        };
        async move { wanted.then_some(()).ok_or(stopped) }
    });
    phase.permit.begin(TIMEOUT, Some(mandate));
    let error = phase.start(&step).await.unwrap_err();
    assert_eq!(error.name(), "Halted", "{error}");
    assert_eq!(writes(&fake) - planned, WANTED);
}

#[tokio::test(start_paused = true)]
async fn an_invocation_ends_in_time_and_says_how_far_it_came() {
    let fake = lambda(&FLEET);
    let step = step(&fake, &FLEET);
    fake.inject(Some((fake.calls() + 4, usize::MAX, Fault::Throttled)));
    let phase = phase(&fake);
    let start = Instant::now();
    phase.start(&step).await.unwrap();
    let took = start.elapsed().as_secs();
    assert!((24..35).contains(&took), "{took}");
    let Progress::Running { note } = phase.observe(&step).await.unwrap() else {
        unreachable!()
    };
    assert!(note.starts_with("0 of 4 functions done; lambda:"), "{note}");
}
