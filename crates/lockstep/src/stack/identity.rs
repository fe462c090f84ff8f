//! The names by which a deployment's own change sets and operations are found again.
//!
//! CloudFormation repeats the token of a call (`ClientRequestToken`) in every event of the
//! operation that the call began. A call that is made again with the same token does nothing, so
//! that an answer that was lost needs no memory.

use crate::DeploymentId;

/// What every change set and token of Lockstep begins with.
pub const PREFIX: &str = "lockstep-";

/// Which of a deployment's operations on a stack it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The change itself.
    Change,
    /// Getting the stack out of a state in which it cannot be changed, before the change.
    Heal,
    /// Stopping the change while it is under way.
    Cancel,
    /// Bringing the rollback to an end that CloudFormation gave up on.
    Continue,
    /// Putting back what was there before.
    Undo,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Change,
        Self::Heal,
        Self::Cancel,
        Self::Continue,
        Self::Undo,
    ];

    const fn suffix(self) -> &'static str {
        match self {
            Self::Change => "",
            Self::Heal => "-heal",
            Self::Cancel => "-cancel",
            Self::Continue => "-continue",
            Self::Undo => "-undo",
        }
    }
}

/// The `ClientRequestToken` of an operation.
pub fn token(deployment: &DeploymentId, purpose: Purpose) -> String {
    format!("{PREFIX}{deployment}{}", purpose.suffix())
}

/// The name of the change set of the change, or of its undo.
pub fn change_set(deployment: &DeploymentId, undo: bool) -> String {
    token(
        deployment,
        if undo { Purpose::Undo } else { Purpose::Change },
    )
}

/// Whose operation a token, or a change set's name, stands for; `None` when it is not Lockstep's.
pub fn of_token(token: &str) -> Option<(DeploymentId, Purpose)> {
    let rest = token.strip_prefix(PREFIX)?;
    // A ULID has 26 characters.
    let id = DeploymentId::parse(rest.get(..26)?)?;
    let suffix = rest.get(26..)?;
    let purpose = Purpose::ALL.into_iter().find(|it| it.suffix() == suffix)?;
    Some((id, purpose))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::{Purpose, change_set, of_token, token};
    use crate::DeploymentId;

    #[test]
    fn every_token_tells_whose_it_is() {
        let id = DeploymentId::parse("01JD5Q6Z8G0000000000000000").unwrap();
        for purpose in Purpose::ALL {
            assert_eq!(of_token(&token(&id, purpose)), Some((id.clone(), purpose)));
        }
        assert_eq!(
            change_set(&id, false),
            "lockstep-01JD5Q6Z8G0000000000000000"
        );
        assert_eq!(
            change_set(&id, true),
            "lockstep-01JD5Q6Z8G0000000000000000-undo"
        );
    }

    #[test]
    fn everything_else_is_somebody_elses() {
        for token in [
            "",
            "Console-ExecuteChangeSet-1f6b",
            "lockstep-",
            "lockstep-01JD5Q6Z8G0000000000000000-x",
            "lockstep-01JD5Q6Z8G",
        ] {
            assert_eq!(of_token(token), None, "{token}");
        }
    }
}
