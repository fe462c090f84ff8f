//! New versions that are invoked before they serve.

use lockstep::lambda::FunctionsStep;
use lockstep::manifest::FunctionCheck;
use serde_json::json;

use super::world::{FakeLambda, Fault};
use super::{FLEET, lambda, phase, put_back, released, run, serving, step};

/// The same with a check of every function's new version.
fn checking(fake: &FakeLambda, fleet: &[(&str, bool, bool)]) -> FunctionsStep {
    let mut step = step(fake, fleet);
    let check = serde_json::from_value(json!({"payload": {"ping": true}}));
    let check: FunctionCheck = check.unwrap();
    let names = fleet.iter().map(|(name, ..)| (*name).to_owned());
    step.checks = names.map(|name| (name, check.clone())).collect();
    step
}

#[tokio::test(start_paused = true)]
async fn every_new_version_is_invoked_once_before_it_serves() {
    let fake = lambda(&FLEET);
    let step = checking(&fake, &FLEET);
    let phase = phase(&fake);
    run(&phase, &step).await.unwrap();
    assert_eq!(serving(&fake, &FLEET), released());
    let invoked =
        |name: &str, version: &str| fake.count(&format!("{name}/invocations?Qualifier={version}"));
    for (name, alias, _) in FLEET {
        let version = if alias { "2" } else { "%24LATEST" };
        assert_eq!(invoked(name, version), 1, "{name}");
    }
    run(&phase, &step).await.unwrap();
    assert_eq!(fake.count("invocations"), 4, "this process remembers");
    run(&super::phase(&fake), &step).await.unwrap();
    assert_eq!(
        fake.count("invocations"),
        5,
        "another one checks what no alias tells"
    );
}

#[tokio::test(start_paused = true)]
async fn code_that_does_not_start_never_serves() {
    for crashing in ["worker", "direct"] {
        let fake = lambda(&FLEET);
        let before = serving(&fake, &FLEET);
        fake.crashes(crashing);
        let step = checking(&fake, &FLEET);
        let phase = phase(&fake);
        let error = run(&phase, &step).await.unwrap_err();
        assert_eq!(error.name(), "Unhealthy");
        let text = error.to_string();
        assert!(
            text.contains("failed its check: SyntaxError: invalid syntax; see https://"),
            "{text}"
        );
        assert_eq!(fake.count(&format!("{crashing}/invocations")), 1);
        if crashing == "worker" {
            assert_eq!(serving(&fake, &FLEET)[3], before[3], "it never served");
        }
        put_back(&phase, &step).await.unwrap();
        assert_eq!(serving(&fake, &FLEET), before);
    }
}

/// An answer that is lost is asked for once more; one that Lambda has no time for as long as
/// it takes.
#[tokio::test(start_paused = true)]
async fn a_check_may_fail_for_now() {
    let fleet = &FLEET[..1];
    for (fault, times, ends_well) in [
        (Fault::LosesTheAnswer, 1, true),
        (Fault::LosesTheAnswer, 9, false),
        (Fault::Throttled, 5, true),
    ] {
        let fake = lambda(fleet);
        let step = checking(&fake, fleet);
        fake.inject_at("invocations", (times, fault));
        let result = run(&phase(&fake), &step).await;
        assert_eq!(result.is_ok(), ends_well, "{fault:?} {times}: {result:?}");
        if let Err(error) = result {
            let text = error.to_string();
            assert!(
                text.contains("version 2 could not be checked: ServiceException"),
                "{text}"
            );
            assert_eq!(fake.count("invocations"), 2);
        }
    }
}
