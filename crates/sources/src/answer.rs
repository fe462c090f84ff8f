//! Questions that AWS refuses to answer, as failed checks.

use lockstep::{Check, PhaseError};

/// Turns an answer that was refused, most often for want of a permission, into a failed check, so
/// that it is listed with the others. Only what may pass by itself stays an error.
///
/// # Errors
/// Everything but a refusal.
pub fn or_check<T>(answer: Result<T, PhaseError>) -> Result<Result<T, Check>, PhaseError> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(PhaseError::Rejected { resource, reason }) => Ok(Err(refused(resource, reason))),
        Err(error) => Err(error),
    }
}

fn refused(resource: String, reason: String) -> Check {
    Check {
        what: "access".into(),
        resource,
        found: reason,
        expected: "an answer".into(),
        todo: "correct what is named there, then deploy again".into(),
        curable: false,
    }
}

#[cfg(test)]
mod tests {
    use lockstep::PhaseError;

    use super::or_check;

    #[test]
    fn only_what_is_refused_becomes_a_check() {
        let transient = PhaseError::Transient {
            operation: "cloudformation:DescribeStacks".into(),
            source_text: "later".into(),
        };
        assert_eq!(or_check::<()>(Err(transient.clone())), Err(transient));
        let denied = PhaseError::Rejected {
            resource: "stack s".into(),
            reason: "Template format error".into(),
        };
        let check = or_check::<()>(Err(denied)).unwrap().unwrap_err();
        assert_eq!(
            check.to_string(),
            "stack s: access: found Template format error, expected an answer; correct what is named there, then deploy again"
        );
    }
}
