//! What one look at a service shows.

use std::collections::BTreeSet;

use super::live::{Deployment, LiveService};
use super::step::ServiceStep;
use super::task::StoppedTask;

/// Everything that a decision about a service step rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceWorld {
    /// The service.
    pub service: LiveService,
    /// The revisions registered for this step. Two, when two invocations overlapped.
    pub ours: BTreeSet<String>,
    /// The revisions registered to repeat the deregistered one that the service ran.
    pub restoring: BTreeSet<String>,
    /// The service's tasks that stopped within about the last hour.
    pub stopped: Vec<StoppedTask>,
    /// What ECS remembers of the service's deployments since the plan was made, beyond
    /// those it still lists.
    pub past: Vec<PastDeployment>,
}

/// One deployment from ECS's memory (`ListServiceDeployments`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastDeployment {
    /// The ARN of the revision it rolled out.
    pub task_definition: String,
    /// Its status, such as `ROLLBACK_SUCCESSFUL`.
    pub status: String,
    /// ECS's reason for the status.
    pub reason: String,
}

impl ServiceWorld {
    /// Whether the service works towards a revision of ours.
    pub fn runs_ours(&self) -> bool {
        self.ours.contains(self.service.revision())
    }

    /// Whether the service works towards what ran before.
    pub fn runs_before(&self, step: &ServiceStep) -> bool {
        let revision = self.service.revision();
        revision == step.before.task_definition || self.restoring.contains(revision)
    }

    /// A deployment of ours that ECS still lists, in whatever state.
    pub fn our_deployment(&self) -> Option<&Deployment> {
        self.service
            .deployments
            .iter()
            .find(|deployment| self.ours.contains(&deployment.task_definition))
    }

    /// Our tasks that stopped by themselves, first one first.
    pub fn our_failures(&self) -> Vec<&StoppedTask> {
        let ours = |task: &&StoppedTask| {
            self.ours.contains(&task.task_definition) && task.stopped_by_itself()
        };
        let mut tasks: Vec<_> = self.stopped.iter().filter(ours).collect();
        tasks.sort_by_key(|task| task.stopped_at);
        tasks
    }

    /// A deployment of ours in ECS's memory.
    pub fn our_past(&self) -> Option<&PastDeployment> {
        self.past
            .iter()
            .find(|deployment| self.ours.contains(&deployment.task_definition))
    }

    /// Whether the service was ever told to run a revision of ours, as far as ECS still
    /// lists it: an `UpdateService` may have acted and lost its answer, and its deployment
    /// may have failed and gone by now.
    pub fn ours_was_seen(&self) -> bool {
        self.our_deployment().is_some()
            || self
                .stopped
                .iter()
                .any(|task| self.ours.contains(&task.task_definition))
    }

    /// Whether ECS has to be asked for its memory: a revision of ours exists, the service
    /// does not run it, and nothing else tells whether it ever did.
    pub fn needs_memory(&self) -> bool {
        !self.ours.is_empty() && !self.runs_ours() && !self.ours_was_seen()
    }
}
