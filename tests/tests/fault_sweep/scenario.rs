//! The deployments whose every call is hit.

use lockstep::verdict::Verdict;
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
    /// A deployment that a person stops while it is verified: the watchdog has it put back.
    Stopped,
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
            Self::Stopped => "A deployment is stopped while it is verified",
        }
    }

    /// A short name, for applications and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Stopped => "stopped",
        }
    }

    /// How it ends without faults.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Good => Verdict::Succeeded,
            Self::Bad => Verdict::RolledBack,
            Self::Stopped => Verdict::Stopped,
        }
    }

    /// Whether a call is hit in this scenario. A bad deployment goes the same way as a good one from the lock to the
    /// first look of verify, and a stopped one is put back in the same way as a bad one: those calls are hit once.
    pub fn has_of_its_own(self, target: &Target, good: &[Target]) -> bool {
        let by = |function: &str| target.caller.ends_with(function);
        match self {
            Self::Good => true,
            Self::Bad => by("trigger") || !good.contains(target),
            Self::Stopped => by("watchdog") || by("trigger"),
        }
    }

    /// Makes an application and pushes its image; nothing is deployed yet.
    pub async fn prepare(self, world: &World, name: String) -> Begun<'_> {
        // The same calls in every run: nothing is woken early, everything is asked for again by the clock.
        world.engine().gateway().set_delivery(Delivery::Never);
        let application = world.application(&name).await;
        let digest = match self {
            Self::Good => application.push("v2").await,
            Self::Bad | Self::Stopped => application.push_bad("v2").await,
        };
        if self == Self::Stopped {
            let url = world.health_url(&name);
            let patient = application.manifest(&url);
            let patient = patient.replace("interval_seconds: 1", "interval_seconds: 100");
            application.apply(&patient).await;
        }
        Begun {
            application,
            digest,
            scenario: self,
            world,
        }
    }
}

impl<'w> Begun<'w> {
    /// Starts the deployment and takes it to where its calls begin to count; `from_here` is called there.
    pub async fn start<T>(&self, from_here: impl FnOnce() -> T) -> (Execution<'w>, T) {
        match self.scenario {
            Scenario::Good => {
                let counting = from_here();
                self.announce().await;
                let execution = self.application.execution_of_push(&self.digest).await;
                (execution, counting)
            }
            Scenario::Bad => {
                let counting = from_here();
                (self.application.deploy(&self.digest).await, counting)
            }
            Scenario::Stopped => {
                let execution = self.application.deploy(&self.digest).await;
                execution.reaches("VerifyWait").await;
                let counting = from_here();
                execution.stop().await;
                (execution, counting)
            }
        }
    }

    /// Delivers the event of the push, which was kept back.
    async fn announce(&self) {
        let gateway = self.world.engine().gateway();
        let events = gateway.events();
        let push = events
            .iter()
            .find(|event| event.detail["image-digest"] == self.digest.as_str());
        let sent = gateway.send_event(push.expect("the push was announced"));
        sent.await.expect("the event reaches the bus");
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
const PHASES: [&str; 9] = [
    "watchdog", "trigger", "lock", "plan", "notify", "service", "verify", "conclude", "wake",
];
