//! Writing the conclusion.

use jiff::Timestamp;
use lockstep::migration::RollbackFloor;
use lockstep::plan::Plan;
use lockstep::record::{Conclusion, DeploymentRecord, ReleaseRequest};
use lockstep::release::{Artifact, Release, inherit};
use lockstep::verdict::{Outcome, Verdict};
use lockstep::{PhaseError, Recovery};
use lockstep_handler::parse;
use lockstep_ledger::{Concluded, ConclusionWrite, Hold, Ledger, VerifiedRelease};
use serde_json::{Value, json};

use crate::request::Request;

pub(crate) struct Concluder {
    pub(crate) ledger: Ledger,
}

impl Concluder {
    pub(crate) async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let request: Request = parse(payload)?;
        let recovery = request.recovery_not_begun();
        let Some(record) = self.record(&request, recovery.as_ref()).await? else {
            return Ok(unreadable_trigger(&request));
        };
        if let Some(standing) = &record.conclusion {
            return Ok(answer(&record, standing));
        }
        if let Some(recovery) = recovery {
            return Ok(not_begun(&request, &recovery));
        }
        let plan = if request.steps.is_empty() {
            None
        } else {
            self.ledger.plan(&record.deployment.id).await?
        };
        let outcome = Outcome {
            gates: self.gates(&record, plan.as_ref()).await?,
            ..request.outcome()
        };
        let conclusion = lockstep::conclude(&record, plan.as_ref(), &outcome, Timestamp::now());
        let written = self
            .write(&request, &record, plan.as_ref(), conclusion)
            .await?;
        tracing::info!(
            deployment = record.deployment.id.as_str(),
            verdict = written.verdict.as_str(),
            "{}",
            written.message
        );
        Ok(answer(&record, &written))
    }

    /// What the gates came to that passed, as their journals have it.
    async fn gates(
        &self,
        record: &DeploymentRecord,
        plan: Option<&Plan>,
    ) -> Result<Vec<String>, PhaseError> {
        let steps = plan.into_iter().flat_map(|plan| &plan.steps);
        let mut told = Vec::new();
        for step in steps.filter(|step| step.change.as_gate().is_some()) {
            let journal = self.ledger.journal(&record.deployment.id, step.number);
            let journal = journal.await?;
            if journal.finished_at.is_some() && journal.failure.is_none() {
                let name = step.target.replacen("gate", "Gate", 1);
                told.push(format!("{name} {}", journal.note));
            }
        }
        Ok(told)
    }

    /// The record; also that of a deployment whose trigger created it but never answered.
    async fn record(
        &self,
        request: &Request,
        recovery: Option<&Recovery>,
    ) -> Result<Option<DeploymentRecord>, PhaseError> {
        let id = match (&request.deployment, recovery) {
            (Some(deployment), _) => Some(deployment.id.clone()),
            (None, Some(recovery)) => Some(recovery.deployment.clone()),
            (None, None) => {
                self.ledger
                    .deployment_of_execution(&request.execution.name)
                    .await?
            }
        };
        match id {
            Some(id) => Ok(self.ledger.record(&id).await?),
            None => Ok(None),
        }
    }

    async fn write(
        &self,
        request: &Request,
        record: &DeploymentRecord,
        plan: Option<&Plan>,
        conclusion: Conclusion,
    ) -> Result<Conclusion, PhaseError> {
        let record = DeploymentRecord {
            conclusion: Some(conclusion.clone()),
            ..record.clone()
        };
        let mut write = ConclusionWrite {
            record: &record,
            fence: request.fence,
            verified: None,
            previous: None,
            holds: holds(&record, &conclusion, request),
            lifted: Vec::new(),
        };
        let outcome = request.outcome();
        let is_live = conclusion.verdict == Verdict::Succeeded || outcome.is_live_all_the_same();
        if let (true, Some(plan)) = (is_live, plan) {
            let me = &record.deployment;
            let current = self
                .ledger
                .current_release(&me.application, &me.environment)
                .await?;
            write.verified = Some(verified(
                &record,
                plan,
                current.as_ref(),
                conclusion.concluded_at,
            ));
            write.previous = current;
            write.lifted = record.requested.values().map(Artifact::id).collect();
        }
        match self.ledger.conclude(&write).await? {
            Concluded::Now => Ok(conclusion),
            Concluded::Before(standing) => Ok(standing),
        }
    }
}

/// The release as a whole: what this deployment did not touch is as it was.
fn verified(
    record: &DeploymentRecord,
    plan: &Plan,
    current: Option<&VerifiedRelease>,
    verified_at: Timestamp,
) -> VerifiedRelease {
    let mut artifacts = plan.release.artifacts.clone();
    if let Some(current) = current {
        inherit(&mut artifacts, &current.release.artifacts);
    }
    let said = record.release.as_ref().and_then(ReleaseRequest::floor);
    let standing = current.and_then(|current| current.rollback_floor.as_ref());
    // Of a part only that is on this version of the manifest, so that the whole is not.
    let whole = current.filter(|_| !record.only.is_everything());
    let manifest_version = whole.map_or(plan.release.manifest_version, |current| {
        current.release.manifest_version
    });
    VerifiedRelease {
        release: Release {
            manifest_version,
            artifacts,
        },
        deployment: record.deployment.id.clone(),
        verified_at,
        rollback_floor: RollbackFloor::after(standing, said.as_ref()),
    }
}

fn holds(record: &DeploymentRecord, conclusion: &Conclusion, request: &Request) -> Vec<Hold> {
    let put_back = matches!(
        conclusion.verdict,
        Verdict::RolledBack | Verdict::FailedDirty
    ) && !request.outcome().is_live_all_the_same();
    let blamed = request
        .failure
        .as_ref()
        .filter(|failure| put_back && failure.blames_release());
    let Some(blamed) = blamed else {
        return Vec::new();
    };
    let reason = lockstep::cause_text(blamed);
    let mut digests: Vec<_> = record.requested.values().map(Artifact::id).collect();
    digests.sort_unstable();
    digests.dedup();
    let hold = |digest| Hold {
        digest,
        reason: reason.clone(),
        owner: "lockstep".to_owned(),
        deployment: record.deployment.id.clone(),
        since: conclusion.concluded_at,
    };
    digests.into_iter().map(hold).collect()
}

fn answer(record: &DeploymentRecord, conclusion: &Conclusion) -> Value {
    json!({
        "id": record.deployment.id,
        "application": record.deployment.application,
        "environment": record.deployment.environment,
        "verdict": conclusion.verdict,
        "message": conclusion.message,
    })
}

/// The trigger failed before it was known what to deploy, so there is no record to
/// conclude; the execution itself keeps the reason.
fn unreadable_trigger(request: &Request) -> Value {
    let cause = lockstep::sentence(&request.cause());
    rejected(&format!("{cause} Nothing was changed."))
}

/// The recovery could not even begin. Its deployment gets no verdict from that: the watchdog
/// starts the next recovery, and raises the alarm after the last.
fn not_begun(request: &Request, recovery: &Recovery) -> Value {
    let id = &recovery.deployment;
    let next = match recovery.next() {
        Some(next) => format!("Recovery {} begins now.", next.number),
        None => "No other one is started: put the environment in order by hand.".to_owned(),
    };
    rejected(&format!(
        "Recovery {} of deployment {id} could not begin: {} What the deployment changed is not put back yet. {next} See \
         every step: lockstep show {id}",
        recovery.number,
        lockstep::sentence(&request.cause()),
    ))
}

fn rejected(message: &str) -> Value {
    json!({
        "id": null,
        "application": null,
        "environment": null,
        "verdict": Verdict::Rejected,
        "message": message,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use jiff::Timestamp;
    use lockstep::release::Artifact;
    use lockstep_ledger::VerifiedRelease;
    use serde_json::{Value, json};

    use super::verified;

    fn image(digest: &str) -> Value {
        json!({"kind": "image", "repository": "r", "digest": digest, "pushed_at": "2026-11-20T10:00:00Z"})
    }

    /// What counts as verified after a deployment of web by version 7 of the manifest, where both
    /// services were verified by version 5.
    fn after(only: &Value) -> VerifiedRelease {
        let id = "01JD5Q6Z8G0000000000000000";
        let record = json!({
            "id": id, "application": "shop", "environment": "test",
            "execution": {"name": "x", "arn": "arn", "started_at": "2026-11-20T10:00:00Z"},
            "source": {"kind": "manual", "by": "ann"}, "only": only, "manifest_version": 7,
            "requested": {"web/web": image("new")},
        });
        let release = json!({"manifest_version": 7, "artifacts": {"web/web": image("new")}});
        let before = json!({"api/api": image("old"), "web/web": image("old")});
        let current = json!({
            "release": {"manifest_version": 5, "artifacts": before}, "deployment": id,
            "verified_at": "2026-11-20T10:00:00Z",
        });
        verified(
            &serde_json::from_value(record).unwrap(),
            &serde_json::from_value(json!({"release": release, "steps": []})).unwrap(),
            Some(&serde_json::from_value(current).unwrap()),
            Timestamp::UNIX_EPOCH,
        )
    }

    #[test]
    fn after_a_part_the_release_is_whole_and_what_was_not_named_is_as_it_was() {
        let part = after(&json!({"components": ["web"]})).release;
        let digests: Vec<_> = part.artifacts.values().map(Artifact::id).collect();
        assert_eq!(digests, ["old", "new"]);
        assert_eq!(part.manifest_version, 5);
        assert_eq!(after(&json!({})).release.manifest_version, 7);
    }
}
