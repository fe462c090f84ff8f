//! The names by which a deployment's own builds are found again.
//!
//! Every build gets its name as the variable `LOCKSTEP_BUILD`, which `BatchGetBuilds` shows. It is
//! looked for before a build is started. The token of `StartBuild` (`idempotencyToken`) is made of
//! the same name: CodeBuild gives the same build for the same token, but for five minutes only.

use sha2::{Digest, Sha256};

use crate::DeploymentId;

/// The variable of a build that says which one it is.
pub const VARIABLE: &str = "LOCKSTEP_BUILD";

/// The longest token that `StartBuild` takes, in characters.
const TOKEN: usize = 64;

/// Which of a deployment's builds of a component it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Says what would change.
    Plan,
    /// Changes it.
    Apply,
    /// Says what going back would change.
    UndoPlan,
    /// Goes back.
    UndoApply,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plan, Self::Apply, Self::UndoPlan, Self::UndoApply];

    /// The name of the purpose.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::UndoPlan => "undo-plan",
            Self::UndoApply => "undo-apply",
        }
    }

    /// What the build is told to do, as `LOCKSTEP_VERB`.
    pub const fn verb(self) -> &'static str {
        if self.is_plan() { "plan" } else { "apply" }
    }

    /// Whether the build only plans.
    pub const fn is_plan(self) -> bool {
        matches!(self, Self::Plan | Self::UndoPlan)
    }

    /// Whether it belongs to the way back.
    pub const fn is_undo(self) -> bool {
        matches!(self, Self::UndoPlan | Self::UndoApply)
    }
}

/// The name of a build. The purpose comes first: components may end in `-undo`.
pub fn build(deployment: &DeploymentId, component: &str, purpose: Purpose) -> String {
    format!("lockstep-{deployment}-{}-{component}", purpose.as_str())
}

/// The token with which the build of this name is started.
pub fn token(name: &str) -> String {
    if name.len() <= TOKEN {
        return name.to_owned();
    }
    let mut hash = format!("{:x}", Sha256::digest(name));
    hash.truncate(TOKEN);
    hash
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::collections::BTreeSet;

    use super::{Purpose, build, token};
    use crate::DeploymentId;

    #[test]
    fn every_build_has_a_name_of_its_own() {
        let id = DeploymentId::parse("01JD5Q6Z8G0000000000000000").unwrap();
        let components = ["a", "a-undo", "undo-a", "plan-a", "undo"];
        let names = components
            .iter()
            .flat_map(|component| Purpose::ALL.map(|purpose| build(&id, component, purpose)));
        let names: BTreeSet<_> = names.collect();
        assert_eq!(names.len(), components.len() * Purpose::ALL.len());
        assert!(names.contains("lockstep-01JD5Q6Z8G0000000000000000-undo-plan-a"));
    }

    #[test]
    fn tokens_are_no_longer_than_they_may_be() {
        assert_eq!(token("short"), "short");
        let long = token(&"x".repeat(80));
        assert_eq!(long.len(), 64);
        assert_ne!(long, token(&"x".repeat(81)));
    }
}
