//! Whether a stack can be changed.

use lockstep::PhaseError;
use lockstep::stack::{Diagnosis, LiveStack, Patient, approved, diagnose};
use lockstep_cloudformation::CloudFormation;

use crate::stack::Wanted;

/// Asks the doctor, with what it needs to know of the stack.
pub(crate) async fn health(
    cloudformation: &CloudFormation,
    wanted: &Wanted<'_>,
    live: &LiveStack,
) -> Result<Diagnosis, PhaseError> {
    let tells = live.status.is_healthy() || live.status.is_in_progress();
    let (resources, events) = if tells {
        (Vec::new(), Vec::new())
    } else {
        (
            cloudformation.resources(&live.id).await?,
            cloudformation.events(&live.id, None).await?,
        )
    };
    let sources = wanted.sources;
    Ok(diagnose(&Patient {
        stack: live,
        resources: &resources,
        events: &events,
        deployment: Some(&sources.deployment.id),
        skip: &approved(&sources.record.approved, wanted.component, true),
        environment: &sources.deployment.environment,
        component: wanted.component,
    }))
}
