//! The deployments whose every call is hit.

use std::collections::BTreeMap;

use lockstep::verdict::Verdict;
use lockstep_cli::local::gateway::{Call, Delivery};
use lockstep_tests::{Execution, Fleet, Shape, World};
use serde_json::json;

use crate::fault::Target;
use crate::migrated::Migrated;
use crate::seeded::Seeded;
use crate::sited::SiteSubject;
use crate::stacked::Stacked;
use crate::subject::{NEW, SETTINGS, Subject};

/// A deployment that always takes the same course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// A push of a good image.
    Good,
    /// A bad image deployed by hand: it fails verification and is put back.
    Bad,
    /// A deployment that a person stops while it is verified: the watchdog has it put back.
    Stopped,
    /// A release of functions with an alias.
    Functions,
    /// A release of functions whose traffic is shifted in stages.
    StagedFunctions,
    /// A release of functions with an alias that fails verification and is put back.
    BadFunctions,
    /// A release of functions without an alias that fails verification: code and settings are put back.
    BadDirectFunctions,
    /// A new template and parameter of a stack whose service stays as it is.
    Stack,
    /// The same with a bad image: service and stack are put back.
    BadStack,
    /// A stack is created, and the image is bad: it is deleted again.
    NewStack,
    /// A stack whose rollback failed is healed and updated, and a person stops that: the update is cancelled, its
    /// rollback fails, and is continued.
    StuckStack,
    /// A stack makes a function of code that is put there for it, and a service of the image that is asked for; others
    /// are told.
    Seeded,
    /// The same with a bad image: nothing is left.
    BadSeeded,
    /// A new release of a front end.
    Site,
    /// One whose page names a script that is not there: it is put back.
    BadSite,
    /// A good image whose service has a migration with a contract.
    Migration,
    /// A bad one: the migration is undone.
    BadMigration,
}

/// One run of a scenario that has begun.
pub struct Begun<'w> {
    /// What is deployed.
    pub subject: Subject<'w>,
    scenario: Scenario,
    world: &'w World,
}

impl Begun<'_> {
    /// Whether only the contract of a migration can have failed: a release that is as good as this one is put back
    /// before that, or stays live and verified.
    pub fn owes_a_contract(&self, verdict: Verdict) -> bool {
        matches!(self.scenario, Scenario::Migration) && verdict == Verdict::FailedDirty
    }
}

impl Scenario {
    /// All of them, in the order in which they build upon each other.
    pub const ALL: [Self; 17] = [
        Self::Good,
        Self::Bad,
        Self::Stopped,
        Self::Functions,
        Self::StagedFunctions,
        Self::BadFunctions,
        Self::BadDirectFunctions,
        Self::Stack,
        Self::BadStack,
        Self::NewStack,
        Self::StuckStack,
        Self::Seeded,
        Self::BadSeeded,
        Self::Site,
        Self::BadSite,
        Self::Migration,
        Self::BadMigration,
    ];

    /// The heading of its table.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Migration => "A good image is deployed whose migration has a contract",
            Self::BadMigration => "A bad image is deployed whose migration is undone",
            Self::Seeded => {
                "A CloudFormation stack makes a service and a function from a release and an image"
            }
            Self::BadSeeded => {
                "A CloudFormation stack makes a service and a function from a release and an image, and the image is bad"
            }
            Self::Site => "A good release of a site is uploaded",
            Self::BadSite => "A release of a site is uploaded whose page names a missing script",
            Self::Good => "A good image is pushed",
            Self::Bad => "A bad image is deployed by hand",
            Self::Stopped => "A deployment is stopped while it is verified",
            Self::Functions => "A good release of two Lambda functions with an alias is uploaded",
            Self::StagedFunctions => {
                "The traffic of two Lambda functions is shifted to a good release in stages"
            }
            Self::BadFunctions => "A bad release of two Lambda functions with an alias is uploaded",
            Self::BadDirectFunctions => {
                "A bad release of two Lambda functions without an alias is uploaded"
            }
            Self::Stack => {
                "A CloudFormation stack is updated, and the service on it stays as it is"
            }
            Self::BadStack => "A CloudFormation stack is updated, and then the image is bad",
            Self::NewStack => "A CloudFormation stack is created, and then the image is bad",
            Self::StuckStack => {
                "A CloudFormation stack that is stuck is healed, its update is stopped, and the rollback of that gets stuck"
            }
        }
    }

    /// A short name, for applications and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Migration => "migration",
            Self::BadMigration => "bad-migration",
            Self::Seeded => "seeded",
            Self::BadSeeded => "bad-seeded",
            Self::Site => "site",
            Self::BadSite => "bad-site",
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Stopped => "stopped",
            Self::Functions => "functions",
            Self::StagedFunctions => "staged",
            Self::BadFunctions => "bad-functions",
            Self::BadDirectFunctions => "bad-direct",
            Self::Stack => "stack",
            Self::BadStack => "bad-stack",
            Self::NewStack => "new-stack",
            Self::StuckStack => "stuck-stack",
        }
    }

    /// How it ends without faults.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Good
            | Self::Functions
            | Self::StagedFunctions
            | Self::Stack
            | Self::Seeded
            | Self::Site
            | Self::Migration => Verdict::Succeeded,
            Self::Bad
            | Self::BadFunctions
            | Self::BadDirectFunctions
            | Self::BadStack
            | Self::NewStack
            | Self::BadSeeded
            | Self::BadSite
            | Self::BadMigration => Verdict::RolledBack,
            Self::Stopped | Self::StuckStack => Verdict::Stopped,
        }
    }

    /// The scenario whose calls are hit already when this one's are; what it calls in the same way is not hit again.
    pub const fn after(self) -> Option<Self> {
        match self {
            Self::Good => None,
            Self::Bad | Self::Stopped | Self::Functions | Self::Stack | Self::Migration => {
                Some(Self::Good)
            }
            Self::BadMigration => Some(Self::Migration),
            Self::BadStack | Self::StuckStack | Self::Seeded | Self::BadSeeded => Some(Self::Stack),
            Self::NewStack => Some(Self::BadStack),
            Self::StagedFunctions | Self::BadFunctions | Self::BadDirectFunctions | Self::Site => {
                Some(Self::Functions)
            }
            Self::BadSite => Some(Self::Site),
        }
    }

    /// Whether a call is hit in this scenario. A bad deployment goes the same way as a good one from the lock to the
    /// first look of verify, and a stopped one is put back in the same way as a bad one: those calls are hit once.
    pub fn has_of_its_own(self, target: &Target, hit: &[Target]) -> bool {
        let by = |functions: &[&str]| functions.iter().any(|name| target.is_by(name));
        match self {
            Self::Migration => by(&["migrate"]),
            Self::BadMigration => by(&["migrate"]) && !hit.contains(target),
            Self::Seeded => by(&["publish-live"]) || by(&["plan-stacks"]) && !hit.contains(target),
            // The same numbers are other calls here.
            Self::BadSeeded => by(&["publish-live"]),
            Self::Site => by(&["site"]) || by(&["plan"]) && !hit.contains(target),
            Self::BadSite => by(&["site"]) && !hit.contains(target),
            Self::Good => true,
            Self::Bad => by(&["trigger"]) || !hit.contains(target),
            Self::Stopped => by(&["watchdog", "trigger"]),
            // Lock, verify and messages are the same for all kinds of targets.
            Self::Functions => {
                by(&[
                    "trigger",
                    "release",
                    "plan",
                    "plan-functions",
                    "function",
                    "publish-live",
                    "conclude",
                ]) && !target.is_one_of_many_looks(LOOKS)
            }
            // How often it looks depends on the clock; it is sure to look so often.
            Self::StagedFunctions => {
                let looks = ["dynamodb:", "monitoring:"];
                let is_look = looks.iter().any(|it| target.operation.starts_with(it));
                by(&["traffic"]) && (!is_look || target.nth <= SURE)
            }
            Self::BadFunctions | Self::BadDirectFunctions => {
                by(&["plan-functions", "function", "publish-live"])
                    && !hit.contains(target)
                    && !target.is_one_of_many_looks(LOOKS)
            }
            Self::Stack => {
                by(&["plan-stacks", "infrastructure"]) || by(&["plan"]) && !hit.contains(target)
            }
            Self::BadStack => by(&["infrastructure"]) && !hit.contains(target),
            Self::NewStack => {
                by(&["infrastructure"]) && target.operation.starts_with("cloudformation:")
            }
            // How often it looks depends on the clock; it is sure to look so often.
            Self::StuckStack => {
                let is_look = ["Describe", "Get"]
                    .iter()
                    .any(|it| target.operation.contains(it));
                let is_sure = !is_look || target.nth <= SURE;
                by(&["plan-stacks"]) && !hit.contains(target)
                    || by(&["infrastructure"])
                        && target.operation.starts_with("cloudformation:")
                        && is_sure
            }
        }
    }

    /// Makes an application, or functions, and what is deployed; nothing is deployed yet.
    pub async fn prepare(self, world: &World, name: String) -> Begun<'_> {
        // The same calls in every run: nothing is woken early, everything is asked for again by the clock.
        world.engine().gateway().set_delivery(Delivery::Never);
        let subject = match self {
            Self::Good | Self::Bad | Self::Stopped => self.prepare_service(world, &name).await,
            Self::Seeded | Self::BadSeeded => {
                let is_good = self == Self::Seeded;
                Subject::Seeded(Seeded::prepare(world, &name, is_good).await)
            }
            Self::Site | Self::BadSite => {
                let is_good = self == Self::Site;
                Subject::Site(SiteSubject::prepare(world, &name, is_good).await)
            }
            Self::Migration | Self::BadMigration => {
                let is_good = self == Self::Migration;
                Subject::Migrated(Migrated::prepare(world, &name, is_good).await)
            }
            Self::Stack => Subject::Stacked(Stacked::prepare(world, &name, true).await, None),
            Self::StuckStack => Subject::Stacked(Stacked::stuck(world, &name).await, None),
            Self::BadStack | Self::NewStack => {
                let exists = self == Self::BadStack;
                let stacked = Stacked::prepare(world, &name, exists).await;
                let digest = stacked.application.push_bad("v2").await;
                Subject::Stacked(stacked, Some(digest))
            }
            Self::Functions | Self::StagedFunctions | Self::BadFunctions => {
                prepare_functions(world, &name, Shape::aliased(FUNCTIONS)).await
            }
            Self::BadDirectFunctions => {
                prepare_functions(world, &name, Shape::direct(FUNCTIONS)).await
            }
        };
        if let (Self::BadFunctions | Self::BadDirectFunctions, Subject::Functions(fleet, _)) =
            (self, &subject)
        {
            fleet.spoil(NEW);
        }
        if let (Self::StagedFunctions, Subject::Functions(fleet, _)) = (self, &subject) {
            let traffic = format!("    traffic: {{ {STAGES} }}\n    trigger:");
            let manifest = fleet.manifest(SETTINGS);
            fleet
                .apply(&manifest.replace("    trigger:", &traffic))
                .await;
        }
        Begun {
            subject,
            scenario: self,
            world,
        }
    }

    async fn prepare_service<'w>(self, world: &'w World, name: &str) -> Subject<'w> {
        let application = world.application(name).await;
        let digest = match self {
            Self::Bad | Self::Stopped => application.push_bad("v2").await,
            _ => application.push("v2").await,
        };
        if self == Self::Stopped {
            let url = world.health_url(name);
            let patient = application.manifest(&url);
            let patient = patient.replace("interval_seconds: 1", "interval_seconds: 100");
            application.apply(&patient).await;
        }
        Subject::Service(application, digest)
    }
}

/// How many functions are released.
const FUNCTIONS: usize = 2;

/// Half of the traffic for a moment, then all of it, although nobody calls the functions.
const STAGES: &str =
    "strategy: canary, percent: 50, seconds: 1, metrics_delay_seconds: 0, when_quiet: proceed";

/// So many looks, at functions or at whose the lock is, are sure to be made, however soon Lambda is done.
const LOOKS: usize = 3;

/// How often a stage is looked at at least.
const SURE: usize = 2;

/// The version of every release.
const VERSION: &str = "1.1.0";

async fn prepare_functions<'w>(world: &'w World, name: &str, shape: Shape) -> Subject<'w> {
    let fleet = world.fleet(name, shape).await;
    fleet.apply(&fleet.manifest(SETTINGS)).await;
    for function in &fleet.functions {
        fleet.build(function, NEW);
    }
    let artifacts = fleet.artifacts(VERSION).into_iter();
    let hashes = artifacts.map(|artifact| artifact.sha256).collect();
    Subject::Functions(fleet, hashes)
}

impl<'w> Begun<'w> {
    /// Starts the deployment and takes it to where its calls begin to count; `from_here` is called there.
    pub async fn start<T>(&self, from_here: impl FnOnce() -> T) -> (Execution<'w>, T) {
        let (application, digest) = match &self.subject {
            Subject::Service(application, digest) => (application, digest),
            Subject::Seeded(seeded) => {
                let counting = from_here();
                return (seeded.stacked.deploy(&seeded.request()).await, counting);
            }
            Subject::Site(site) => {
                let counting = from_here();
                return (site.release().await, counting);
            }
            Subject::Migrated(migrated) => {
                let counting = from_here();
                let deploy = migrated.application.deploy(&migrated.digest);
                return (deploy.await, counting);
            }
            Subject::Functions(fleet, _) => return self.upload(fleet, from_here).await,
            Subject::Stacked(stacked, digest) => {
                let counting = from_here();
                let images = digest.iter().map(|digest| ("web", digest));
                let images: BTreeMap<_, _> = images.collect();
                let asked = json!({ "images": images });
                let execution = stacked.application.deploy_with(&asked).await;
                if self.scenario == Scenario::StuckStack {
                    stacked.stop_amid_change(&execution).await;
                }
                return (execution, counting);
            }
        };
        match self.scenario {
            Scenario::Good => {
                let counting = from_here();
                self.announce(digest).await;
                (application.execution_of_push(digest).await, counting)
            }
            Scenario::Stopped => {
                let execution = application.deploy(digest).await;
                execution.reaches("VerifyWait").await;
                let counting = from_here();
                execution.stop().await;
                (execution, counting)
            }
            _ => {
                let counting = from_here();
                (application.deploy(digest).await, counting)
            }
        }
    }

    async fn upload<T>(
        &self,
        fleet: &Fleet<'w>,
        from_here: impl FnOnce() -> T,
    ) -> (Execution<'w>, T) {
        let counting = from_here();
        fleet.release(VERSION).await;
        (fleet.execution_of_release(VERSION).await, counting)
    }

    /// Delivers the event of the push, which was kept back.
    async fn announce(&self, digest: &str) {
        let gateway = self.world.engine().gateway();
        let events = gateway.events();
        let push = events
            .iter()
            .find(|event| event.detail["image-digest"] == digest);
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
    let phase = |target: &Target| PHASES.iter().position(|phase| target.is_by(phase));
    targets.sort_by_key(|target| (phase(target), target.operation.clone(), target.nth));
    targets
}

/// The order in which a deployment first calls the functions.
const PHASES: [&str; 19] = [
    "watchdog",
    "trigger",
    "release",
    "lock",
    "plan",
    "plan-functions",
    "plan-stacks",
    "notify",
    "infrastructure",
    "infrastructure-build",
    "migrate",
    "service",
    "function",
    "traffic",
    "site",
    "verify",
    "publish-live",
    "conclude",
    "wake",
];
