//! A recovery that cannot even begin, however often it is tried.

use lockstep::verdict::Verdict;
use lockstep_cli::local::gateway::{Fault, FaultRule};
use lockstep_tests::{Execution, World, eventually, run};

use crate::scenario::Scenario;

/// The trigger's first call and all its retries by the state machine.
const TRIES: usize = 6;

#[test]
fn a_recovery_that_cannot_begin_is_followed_by_another() {
    let Some(world) = run(World::hurried("fault-sweep-recovery")) else {
        return;
    };
    run(follow(&world));
    run(world.stop());
}

async fn follow(world: &World) {
    let scenario = Scenario::Stopped;
    let begun = scenario.prepare(world, "stubborn".to_owned()).await;
    let before = begun.subject.look().await;
    let gateway = world.engine().gateway();
    let refuse = FaultRule::on("lockstep-trigger", "GetItem", Fault::RefuseBefore).times(TRIES);
    let (execution, refused) = begun.start(|| gateway.inject(refuse)).await;
    let conclusion = eventually("the deployment concludes", async || {
        execution.record().await?.conclusion
    })
    .await;
    world.idle().await;
    assert_eq!(refused.fired(), TRIES);
    assert_eq!(conclusion.verdict, Verdict::Stopped);
    let after = begun.subject.look().await;
    assert!(after.runs_the_same_as(&before), "{before:#?}\n{after:#?}");
    assert!(after.is_unlocked());
    let id = execution.deployment().await.expect("it was created");
    let input = format!("\"deployment\":\"{id}\"");
    let recoveries = world.executions_with(&input).await;
    let names: Vec<_> = recoveries.iter().map(Execution::name).collect();
    assert_eq!(
        names,
        [format!("{id}-recovery"), format!("{id}-recovery-2")]
    );
    let told = world.messages(id.as_str());
    assert_eq!(told.iter().filter(|message| message.is_final()).count(), 1);
    let attempt = world.messages(names[0]);
    assert!(attempt[0].subject.contains("A recovery could not begin"));
    let text = attempt[0].notification.to_string();
    assert!(text.contains("could not begin"), "{text}");
    assert!(!text.contains("Nothing was changed"), "{text}");
}
