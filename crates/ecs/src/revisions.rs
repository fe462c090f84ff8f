//! Finding the revisions that were registered for a step, after any number of lost answers.

use std::collections::BTreeSet;

use lockstep::PhaseError;
use lockstep::ecs::{LiveService, Revision, ServiceStep, family_and_number};

use crate::Ecs;

/// How many of a family's newest revisions are looked at. More than one is looked at only
/// when somebody else registered some since the plan was made.
const NEWEST: u64 = 5;

/// The revisions that carry a step's mark.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marked {
    /// Those to go to.
    pub(crate) ours: BTreeSet<String>,
    /// Those that repeat the deregistered one to go back to.
    pub(crate) restoring: BTreeSet<String>,
}

impl Marked {
    /// The one to go to: the first, so that overlapping invocations agree.
    pub(crate) fn chosen(&self) -> Option<&str> {
        let number = |arn: &&String| family_and_number(arn).map(|(_, number)| number);
        self.ours.iter().min_by_key(number).map(String::as_str)
    }

    fn add(&mut self, step: &ServiceStep, revision: Revision) {
        if step.is_ours(&revision) {
            self.ours.insert(revision.arn);
        } else if step.is_restoring(&revision) {
            self.restoring.insert(revision.arn);
        }
    }
}

impl Ecs {
    /// The revisions marked with the step's deployment: among the newest of the families,
    /// and among those that the service's deployments run.
    pub(crate) async fn marked(
        &self,
        step: &ServiceStep,
        live: Option<&LiveService>,
    ) -> Result<Marked, PhaseError> {
        let mut marked = Marked::default();
        let mut seen = BTreeSet::from([step.before.task_definition.clone()]);
        self.walk(step, step.family(), step.floor(), &mut marked, &mut seen)
            .await?;
        if let Some((family, number)) = family_and_number(&step.before.task_definition)
            && family != step.family()
        {
            self.walk(step, family, number, &mut marked, &mut seen)
                .await?;
        }
        let listed = live
            .map(|live| live.deployments.as_slice())
            .unwrap_or_default();
        for deployment in listed {
            if seen.insert(deployment.task_definition.clone())
                && let Some(revision) = self.revision(&deployment.task_definition).await?
            {
                marked.add(step, revision);
            }
        }
        Ok(marked)
    }

    /// Looks at a family's newest revisions above `floor`, newest first.
    async fn walk(
        &self,
        step: &ServiceStep,
        family: &str,
        floor: u64,
        marked: &mut Marked,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), PhaseError> {
        let Some(newest) = self.revision(family).await? else {
            return Ok(());
        };
        let Some(top) = newest.number() else {
            return Ok(());
        };
        seen.insert(newest.arn.clone());
        if top > floor {
            marked.add(step, newest);
        }
        let bottom = floor.max(top.saturating_sub(NEWEST));
        for number in ((bottom + 1)..top).rev() {
            if let Some(revision) = self.revision(&format!("{family}:{number}")).await? {
                seen.insert(revision.arn.clone());
                marked.add(step, revision);
            }
        }
        Ok(())
    }
}
