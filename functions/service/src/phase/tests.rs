//! The phase against a small ECS that can fail at every call, before and after it acts.

mod world;

use lockstep::ecs::ServiceStep;
use lockstep::{Phase, PhaseError, Progress};
use lockstep_ecs::Ecs;

use super::ServicePhase;
use world::{Behaviour, FakeEcs, Fault, arn, step};

/// More rounds than any ending takes.
const ROUNDS: usize = 30;

/// What the runner does with a phase, without the waiting.
async fn run(phase: &ServicePhase, step: &ServiceStep) -> Result<String, PhaseError> {
    for _ in 0..ROUNDS {
        let seen = match phase.observe(step).await {
            Ok(Progress::NotStarted) => phase.start(step).await.map(|()| Progress::NotStarted),
            seen => seen,
        };
        match seen {
            Ok(Progress::Done { summary }) => return Ok(summary),
            Err(error) if !error.is_transient() => return Err(error),
            _ => {}
        }
    }
    panic!("no end after {ROUNDS} rounds");
}

async fn put_back(phase: &ServicePhase, step: &ServiceStep) -> String {
    for _ in 0..ROUNDS {
        match phase.undo(step).await {
            Ok(Progress::Done { summary }) => return summary,
            Err(error) if !error.is_transient() => panic!("{error}"),
            _ => {}
        }
    }
    panic!("not put back after {ROUNDS} rounds");
}

fn phase(fake: &FakeEcs) -> ServicePhase {
    ServicePhase::new(Ecs::new(fake.client()))
}

#[tokio::test(start_paused = true)]
async fn a_good_release_goes_live_with_one_registration_and_one_update() {
    let fake = FakeEcs::new(Behaviour::Completes);
    let summary = run(&phase(&fake), &step()).await.unwrap();
    assert_eq!(
        summary,
        "service quiz/web runs web:8 (quiz/web@bbbbbbbbbbbb)"
    );
    assert_eq!(
        (
            fake.count("RegisterTaskDefinition"),
            fake.count("UpdateService")
        ),
        (1, 1)
    );
    assert_eq!(
        fake.bodies("UpdateService")[0],
        serde_json::json!({
            "cluster": "quiz", "service": "web", "taskDefinition": arn(8),
            "deploymentConfiguration": step().after.settings.deployment_configuration,
            "healthCheckGracePeriodSeconds": 60,
        })
    );
}

#[tokio::test(start_paused = true)]
async fn a_crashing_release_fails_early_and_is_put_back_exactly() {
    let fake = FakeEcs::new(Behaviour::Crashes);
    let untouched = fake.service();
    let phase = phase(&fake);
    let error = run(&phase, &step()).await.unwrap_err();
    assert!(
        error.to_string().starts_with(
            "service quiz/web: 2 tasks of web:8 stopped: container web exited with code 1"
        ),
        "{error}"
    );
    assert_eq!(
        put_back(&phase, &step()).await,
        "service quiz/web runs web:7 (quiz/web@aaaaaaaaaaaa) again"
    );
    assert_eq!(fake.service(), untouched);
    assert_eq!(fake.count("UpdateService"), 2);
}

#[tokio::test(start_paused = true)]
async fn after_the_breaker_rolled_back_only_the_settings_are_put_back() {
    let fake = FakeEcs::new(Behaviour::RolledBackByEcs);
    let untouched = fake.service();
    let phase = phase(&fake);
    let error = run(&phase, &step()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("went back to web:7 by itself (circuit breaker)"),
        "{error}"
    );
    put_back(&phase, &step()).await;
    assert_eq!(fake.service(), untouched);
    assert_eq!(fake.bodies("UpdateService")[1].get("taskDefinition"), None);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_deployed_in_between_is_not_overwritten() {
    let fake = FakeEcs::new(Behaviour::Completes);
    fake.deploy_foreign_revision();
    let phase = phase(&fake);
    assert_eq!(run(&phase, &step()).await.unwrap_err().name(), "Diverged");
    let summary = put_back(&phase, &step()).await;
    assert!(summary.contains("left alone"), "{summary}");
    assert_eq!(fake.count("UpdateService"), 0);
}

#[tokio::test(start_paused = true)]
async fn somebody_who_deploys_while_we_register_is_not_overwritten() {
    let fake = FakeEcs::new(Behaviour::ForeignAfterRegistration);
    let phase = phase(&fake);
    assert_eq!(run(&phase, &step()).await.unwrap_err().name(), "Diverged");
    assert_eq!(fake.count("UpdateService"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_revision_deregistered_meanwhile_is_repeated() {
    let fake = FakeEcs::new(Behaviour::Crashes);
    fake.deregister(7);
    let phase = phase(&fake);
    run(&phase, &step()).await.unwrap_err();
    put_back(&phase, &step()).await;
    assert_eq!(fake.service()["taskDefinition"], arn(9));
    assert_eq!(
        fake.revision(9)["containerDefinitions"],
        fake.revision(7)["containerDefinitions"]
    );
    // Undo that ran already finds nothing to do.
    put_back(&phase, &step()).await;
    assert_eq!(
        (
            fake.count("RegisterTaskDefinition"),
            fake.count("UpdateService")
        ),
        (2, 2)
    );
}

/// Every call of every ending, failing before it acts, after it acted, and by throttling,
/// once and as long as the SDK itself tries: the service ends on exactly what it ran or on
/// what it was to run, and nothing is registered twice.
#[tokio::test(start_paused = true)]
async fn every_call_may_fail() {
    for behaviour in [
        Behaviour::Completes,
        Behaviour::Crashes,
        Behaviour::RolledBackByEcs,
    ] {
        let calls = ending(behaviour, None).await;
        for call in 0..calls {
            for fault in Fault::ALL {
                for times in [1, 3] {
                    ending(behaviour, Some((call, times, fault))).await;
                }
            }
        }
    }
}

async fn ending(behaviour: Behaviour, fault: Option<(usize, usize, Fault)>) -> usize {
    let fake = FakeEcs::new(behaviour);
    let untouched = fake.service();
    fake.inject(fault);
    let phase = phase(&fake);
    let result = run(&phase, &step()).await;
    if behaviour == Behaviour::Completes {
        assert!(result.is_ok(), "{fault:?}: {result:?}");
        assert_eq!(fake.service()["taskDefinition"], arn(8), "{fault:?}");
    } else {
        assert_eq!(result.unwrap_err().name(), "Unhealthy", "{fault:?}");
        put_back(&phase, &step()).await;
        assert_eq!(fake.service(), untouched, "{fault:?}");
    }
    assert_eq!(fake.newest(), 8, "{fault:?}");
    fake.calls()
}

/// The handler is killed after any call, and undo runs all the same.
#[tokio::test(start_paused = true)]
async fn undo_restores_whatever_was_reached() {
    let calls = ending(Behaviour::Completes, None).await;
    for call in 0..calls {
        for fault in Fault::ALL {
            let fake = FakeEcs::new(Behaviour::Completes);
            let untouched = fake.service();
            let phase = phase(&fake);
            fake.inject(Some((call, usize::MAX, fault)));
            if let Ok(Progress::NotStarted) = phase.observe(&step()).await {
                let _ = phase.start(&step()).await;
            }
            fake.inject(None);
            put_back(&phase, &step()).await;
            assert_eq!(fake.service(), untouched, "{call} {fault:?}");
        }
    }
}
