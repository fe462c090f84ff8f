//! What a person should do after a deployment.

use std::fmt::Write as _;

use crate::plan::{Change, Step};
use crate::record::{DeploymentRecord, Failure};
use crate::verdict::{Outcome, Verdict};

/// What to do next; empty when there is nothing to do.
pub(crate) fn next_steps(
    verdict: Verdict,
    record: &DeploymentRecord,
    steps: &[Step],
    outcome: &Outcome,
) -> Vec<String> {
    let show = format!("lockstep show {}", record.deployment.id);
    match verdict {
        Verdict::Succeeded | Verdict::NoChange | Verdict::Superseded => Vec::new(),
        Verdict::Stopped => vec![format!("To deploy it after all: {}", command(record))],
        Verdict::RolledBack => vec![
            format!("See every step: {show}"),
            after_rollback(record, outcome),
        ],
        Verdict::Rejected => vec![
            "Fix what is named above, then deploy again.".to_owned(),
            format!("Deploy by hand: {}", command(record)),
        ],
        Verdict::FailedDirty => {
            let mut next = vec![format!("Look now: {show}")];
            next.extend(by_hand(steps, outcome));
            next
        }
    }
}

fn after_rollback(record: &DeploymentRecord, outcome: &Outcome) -> String {
    if outcome
        .failure
        .as_ref()
        .is_some_and(Failure::blames_release)
    {
        return "Fix the release and push it again. This image is on hold here: it will not be deployed again by itself."
            .to_owned();
    }
    format!(
        "Fix what is named above; the image is not to blame. Then deploy it again: {}",
        command(record)
    )
}

/// The exact commands where undo failed; else where to look.
fn by_hand(steps: &[Step], outcome: &Outcome) -> Vec<String> {
    let failed = |step: &&Step| {
        let of_step = |undo: &&crate::record::StepUndo| undo.step == step.number;
        let undo = outcome.undo.iter().find(of_step);
        undo.is_some_and(|undo| undo.failure.is_some())
    };
    let commands: Vec<_> = steps.iter().filter(failed).map(restore).collect();
    if commands.is_empty() {
        return vec![
            "Everything is back on its previous revision, and that is not healthy either: look for a cause outside the release."
                .to_owned(),
        ];
    }
    commands
}

fn restore(step: &Step) -> String {
    let Change::Service(service) = &step.change;
    format!(
        "Put {} back by hand: {}",
        step.target,
        service.restore_command()
    )
}

/// The command that asks for the same images again. A push of them would not: they were asked
/// for before. They include what was taken over from deployments that made way for this one.
fn command(record: &DeploymentRecord) -> String {
    let mut command = format!("lockstep deploy {}", record.deployment.environment);
    for (component, image) in &record.requested {
        let reference = image.tag.as_ref().unwrap_or(&image.digest);
        let _ = write!(command, " --image {component}={reference}");
    }
    command
}
