//! What is done to one AWS call of a deployment.

use std::sync::atomic::{AtomicUsize, Ordering};

use lockstep_cli::local::gateway::{CallName, Fault, FaultHandle, FaultRule};
use lockstep_tests::World;

/// The SDK's standard retry mode tries three times.
const SDK_ATTEMPTS: usize = 3;

/// The operations that our adapters do not let the SDK repeat by itself.
const NOT_REPEATED: [&str; 11] = [
    "ecs:RegisterTaskDefinition",
    "lambda:GetAlias",
    "lambda:DeleteFunction",
    "lambda:ListAliases",
    "lambda:ListFunctions",
    "lambda:ListProvisionedConcurrencyConfigs",
    "lambda:ListVersionsByFunction",
    "lambda:PublishVersion",
    "lambda:UpdateAlias",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
];

/// One way in which a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// AWS refuses it once, without acting.
    Refused,
    /// AWS answers 500 without acting, for as long as the SDK tries in one invocation.
    ServerError,
    /// AWS acts, and the connection closes before the answer.
    AnswerLost,
    /// AWS throttles it for as long as the SDK tries in one invocation.
    Throttled,
    /// The function dies before the call reaches AWS.
    KilledBefore,
    /// AWS acts, and the function dies before it gets the answer.
    KilledAfter,
    /// A person stops the execution at this very moment; the function goes on.
    Stopped,
}

impl Kind {
    /// All of them, in the order of the table's columns.
    pub const ALL: [Self; 7] = [
        Self::Refused,
        Self::ServerError,
        Self::AnswerLost,
        Self::Throttled,
        Self::KilledBefore,
        Self::KilledAfter,
        Self::Stopped,
    ];

    /// The column's head.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::ServerError => "server error",
            Self::AnswerLost => "answer lost",
            Self::Throttled => "throttled",
            Self::KilledBefore => "killed before",
            Self::KilledAfter => "killed after",
            Self::Stopped => "stopped",
        }
    }

    /// Whether the call may have acted although its caller, or its caller's execution, does not know it.
    pub const fn may_act_unseen(self) -> bool {
        matches!(self, Self::AnswerLost | Self::KilledAfter | Self::Stopped)
    }
}

/// One call of a deployment: the nth of this function to this operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The function.
    pub caller: String,
    /// `service:Operation`.
    pub operation: String,
    /// Counts from 1.
    pub nth: usize,
}

impl Target {
    /// Whether a call is of this function and operation.
    fn fits(&self, call: &CallName) -> bool {
        call.caller == self.caller
            && format!("{}:{}", call.service, call.operation) == self.operation
    }

    /// Whether the function of this name makes the call.
    pub fn is_by(&self, function: &str) -> bool {
        self.caller.strip_prefix("lockstep-") == Some(function)
    }

    /// Whether it is one of the looks of the function phase that are made again and again, beyond the first ones: at
    /// a function until Lambda is done, and before every change at whose the lock is.
    pub fn is_one_of_many_looks(&self, sure: usize) -> bool {
        let looks = ["lambda:GetFunction", "dynamodb:GetItem"];
        self.is_by("function") && looks.contains(&self.operation.as_str()) && self.nth > sure
    }

    /// Whether there is such a thing: while the watchdog decides, no execution runs that could be stopped.
    pub fn can_be(&self, kind: Kind) -> bool {
        kind != Kind::Stopped || !self.caller.ends_with("watchdog")
    }

    /// `service ecs:UpdateService #1`.
    pub fn label(&self) -> String {
        format!(
            "{} {} #{}",
            self.caller.trim_start_matches("lockstep-"),
            self.operation,
            self.nth
        )
    }
}

/// Tells whether a fault has struck.
#[derive(Debug, Clone)]
pub struct Installed(FaultHandle, std::sync::Arc<AtomicUsize>);

impl Installed {
    /// Whether it has.
    pub fn struck(&self) -> bool {
        self.0.fired() > 0 || self.1.load(Ordering::SeqCst) > 0
    }
}

/// Installs a fault on one call.
pub fn install(world: &World, target: &Target, kind: Kind) -> Installed {
    let stopped = std::sync::Arc::new(AtomicUsize::new(0));
    let rule = match kind {
        Kind::Stopped => stop_at(world, target.clone(), std::sync::Arc::clone(&stopped)),
        _ => rule(target.clone(), kind),
    };
    Installed(world.engine().gateway().inject(rule), stopped)
}

fn rule(target: Target, kind: Kind) -> FaultRule {
    let (nth, repeats) = (
        target.nth,
        if NOT_REPEATED.contains(&target.operation.as_str()) {
            1
        } else {
            SDK_ATTEMPTS
        },
    );
    let (fault, times) = match kind {
        Kind::Refused => (Fault::RefuseBefore, 1),
        Kind::ServerError => (Fault::ServerErrorBefore, repeats),
        Kind::Throttled => (Fault::Throttle, repeats),
        Kind::AnswerLost => (Fault::LoseAnswer, 1),
        Kind::KilledBefore => (Fault::KillBefore, 1),
        Kind::KilledAfter | Kind::Stopped => (Fault::KillAfter, 1),
    };
    FaultRule::new(fault, move |call| target.fits(call))
        .nth(nth)
        .times(times)
}

/// A rule that never strikes: on its call it stops what runs, and the call goes on.
fn stop_at(world: &World, target: Target, stopped: std::sync::Arc<AtomicUsize>) -> FaultRule {
    let (fitted, stop) = (AtomicUsize::new(0), world.stopper());
    FaultRule::new(Fault::RefuseBefore, move |call| {
        if target.fits(call) && fitted.fetch_add(1, Ordering::SeqCst) + 1 == target.nth {
            stopped.store(stop(), Ordering::SeqCst);
        }
        false
    })
}
