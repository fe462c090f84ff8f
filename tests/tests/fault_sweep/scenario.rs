//! The deployments whose every call is hit.

use lockstep_cli::local::gateway::{Call, Delivery};
use lockstep_tests::{Application, Execution, World};

use crate::fault::Target;

/// A deployment that always takes the same course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// A push of a good image.
    Good,
    /// A bad image deployed by hand: it fails verification and is put back.
    Bad,
}

/// One run of a scenario that has begun.
pub struct Begun<'w> {
    /// What is deployed.
    pub application: Application<'w>,
    /// The digest that is deployed.
    pub digest: String,
    scenario: Scenario,
    world: &'w World,
}

impl Scenario {
    /// The heading of its table.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Good => "A good image is pushed",
            Self::Bad => "A bad image is deployed by hand",
        }
    }

    /// A short name, for applications and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }

    /// Whether a call is hit in this scenario. A bad deployment goes the same way as a good one from the lock to the
    /// first look of verify; those calls are hit once, in the good one.
    pub fn has_of_its_own(self, target: &Target, good: &[Target]) -> bool {
        self == Self::Good || target.caller.ends_with("trigger") || !good.contains(target)
    }

    /// Makes an application and pushes its image; nothing is deployed yet.
    pub async fn prepare(self, world: &World, name: String) -> Begun<'_> {
        // The same calls in every run: nothing is woken early, everything is asked for again by the clock.
        world.engine().gateway().set_delivery(Delivery::Never);
        let application = world.application(&name).await;
        let digest = match self {
            Self::Good => application.push("v2").await,
            Self::Bad => application.push_bad("v2").await,
        };
        Begun {
            application,
            digest,
            scenario: self,
            world,
        }
    }
}

impl<'w> Begun<'w> {
    /// Starts the deployment.
    pub async fn start(&self) -> Execution<'w> {
        if self.scenario == Scenario::Bad {
            return self.application.deploy(&self.digest).await;
        }
        let gateway = self.world.engine().gateway();
        let events = gateway.events();
        let push = events
            .iter()
            .find(|event| event.detail["image-digest"] == self.digest.as_str());
        gateway
            .send_event(push.expect("the push was announced"))
            .await
            .expect("the event reaches the bus");
        self.application.execution_of_push(&self.digest).await
    }
}

/// The calls as targets: phase by phase, since some of a phase's calls are made at the same time.
pub fn targets(calls: &[Call]) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for call in calls
        .iter()
        .filter(|call| call.name.caller.starts_with("lockstep-"))
    {
        let operation = format!("{}:{}", call.name.service, call.name.operation);
        let same =
            |target: &&Target| target.caller == call.name.caller && target.operation == operation;
        let nth = targets.iter().filter(same).count() + 1;
        targets.push(Target {
            caller: call.name.caller.clone(),
            operation,
            nth,
        });
    }
    let phase = |target: &Target| {
        PHASES
            .iter()
            .position(|phase| target.caller.ends_with(phase))
    };
    targets.sort_by_key(|target| (phase(target), target.operation.clone(), target.nth));
    targets
}

/// The order in which a deployment first calls the functions.
const PHASES: [&str; 8] = [
    "trigger", "lock", "plan", "notify", "service", "verify", "conclude", "wake",
];
