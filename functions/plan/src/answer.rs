//! Facts that AWS gives, refuses to give, or does not have.

use lockstep::PhaseError;
use lockstep::ecs::Check;

/// Turns an answer that was refused, most often for want of a permission, into a failed
/// check, so that it is listed with the others. Only what may pass by itself stays an error.
pub(crate) fn or_check<T>(answer: Result<T, PhaseError>) -> Result<Result<T, Check>, PhaseError> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.is_transient() => Err(error),
        Err(PhaseError::Rejected { resource, reason }) => Ok(Err(refused(resource, reason))),
        Err(other) => Ok(Err(refused("the check".into(), other.to_string()))),
    }
}

fn refused(resource: String, reason: String) -> Check {
    Check {
        what: "access".into(),
        resource,
        found: reason,
        expected: "an answer".into(),
        todo: "allow it with the parameters EcsClusters, Repositories and TaskRoles of the lockstep stack".into(),
        curable: false,
    }
}

#[cfg(test)]
mod tests {
    use lockstep::PhaseError;

    use super::or_check;

    #[test]
    fn only_what_may_pass_by_itself_stays_an_error() {
        let transient = PhaseError::Transient {
            operation: "iam:GetRole".into(),
            source_text: "later".into(),
        };
        assert_eq!(or_check::<()>(Err(transient.clone())), Err(transient));
        let denied = PhaseError::Rejected {
            resource: "role r".into(),
            reason: "may not call iam:GetRole".into(),
        };
        let check = or_check::<()>(Err(denied)).unwrap().unwrap_err();
        assert_eq!(
            (check.resource.as_str(), check.found.as_str()),
            ("role r", "may not call iam:GetRole")
        );
    }
}
