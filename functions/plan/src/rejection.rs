//! The one error that lists every check that failed.

use std::fmt::Write as _;

use lockstep::PhaseError;
use lockstep::ecs::Check;
use lockstep::record::DeploymentRef;

/// Rejects the deployment for these checks.
pub(crate) fn reject(deployment: &DeploymentRef, failed: &[Check]) -> PhaseError {
    let checks = if failed.len() == 1 {
        "1 check"
    } else {
        &format!("{} checks", failed.len())
    };
    let mut reason = format!("{checks} failed:");
    for check in failed {
        let _ = write!(reason, "\n- {check}");
    }
    PhaseError::Rejected {
        resource: format!("{} in {}", deployment.application, deployment.environment),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use lockstep::DeploymentId;
    use lockstep::ecs::missing_cluster;
    use lockstep::record::DeploymentRef;

    use super::reject;

    #[test]
    fn every_check_is_a_line() {
        let deployment = DeploymentRef {
            id: DeploymentId::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap(),
            application: "quiz".into(),
            environment: "development".into(),
        };
        let error = reject(&deployment, &[missing_cluster("a"), missing_cluster("b")]);
        assert_eq!(
            error.to_string(),
            "quiz in development: 2 checks failed:\n\
             - cluster a: found none, expected an ACTIVE cluster; create the cluster, or correct its name in lockstep.yaml and apply it\n\
             - cluster b: found none, expected an ACTIVE cluster; create the cluster, or correct its name in lockstep.yaml and apply it"
        );
    }
}
