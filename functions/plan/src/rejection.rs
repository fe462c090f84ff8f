//! The one error that lists every check that failed.

use std::fmt::Write as _;

use lockstep::PhaseError;
use lockstep::ecs::Check;
use lockstep::record::DeploymentRef;

/// Rejects the deployment for these checks. Those of the second plan failed on what `changed` by
/// then, and a person should know that.
pub(crate) fn reject(
    deployment: &DeploymentRef,
    failed: &[Check],
    changed: Option<&str>,
) -> PhaseError {
    let checks = if failed.len() == 1 {
        "1 check"
    } else {
        &format!("{} checks", failed.len())
    };
    let when = changed.map_or_else(String::new, |what| format!(" after {what} changed"));
    let mut reason = format!("{checks} failed{when}:");
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
        let checks = [missing_cluster("a"), missing_cluster("b")];
        let error = reject(&deployment, &checks, None);
        assert_eq!(
            error.to_string(),
            "quiz in development: 2 checks failed:\n\
             - cluster a: found none, expected an ACTIVE cluster; create the cluster, or correct its name in lockstep.yaml and apply it\n\
             - cluster b: found none, expected an ACTIVE cluster; create the cluster, or correct its name in lockstep.yaml and apply it"
        );
    }
    #[test]
    fn checks_of_the_second_plan_say_so() {
        let deployment = DeploymentRef {
            id: DeploymentId::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap(),
            application: "quiz".into(),
            environment: "development".into(),
        };
        let error = reject(
            &deployment,
            &[missing_cluster("a")],
            Some("the stacks were"),
        );
        let text = error.to_string();
        assert!(
            text.starts_with(
                "quiz in development: 1 check failed after the stacks were changed:\n- "
            ),
            "{text}"
        );
    }
}
