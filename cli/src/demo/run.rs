//! One release of the demo, from the push to what a visitor sees.

use std::time::{Duration, Instant};

use lockstep::DeploymentId;
use lockstep::record::DeploymentRecord;

use super::example::ENVIRONMENT;
use super::http;
use super::releases::Release;
use super::report::DemoRow;
use super::stage::Stage;
use super::world::World;
use crate::error::CliError;
use crate::view::duration::seconds;
use crate::watch::display::Display;
use crate::watch::{Ending, Watcher, follow};

/// The emulator's ECR knows times in whole seconds, and of two images of the same second
/// neither is newer.
const BETWEEN_PUSHES: Duration = Duration::from_millis(1_100);
/// How long a push may take to become a deployment.
const PUSH_TO_DEPLOYMENT: Duration = Duration::from_mins(1);

impl World {
    /// Pushes a release and shows what becomes of it.
    pub async fn release(&self, release: &Release, stage: &Stage) -> Result<DemoRow, CliError> {
        let tag = release.version.tag;
        stage.say(&format!("{tag}: {}", release.story))?;
        let before = self.newest().await?;
        tokio::time::sleep(BETWEEN_PUSHES).await;
        stage.step(&format!("Pushing {}:{tag}", self.service.repository));
        self.push(release.version).await?;
        let record = self.deployment_after(before.as_ref()).await?;
        stage.done();
        let id = record.deployment.id.clone();
        let mut watcher = Watcher::new(self.controller.clone(), id, &record.execution.arn);
        let ending = follow(&mut watcher, &mut Display::new(stage.output())).await?;
        self.judge(release, &record, &ending, stage).await
    }

    async fn judge(
        &self,
        release: &Release,
        record: &DeploymentRecord,
        ending: &Ending,
        stage: &Stage,
    ) -> Result<DemoRow, CliError> {
        let serving = self.service.running().await?.version;
        let answer = match self.containers {
            Some(_) => Some(http::visit(&format!("{}/", self.url)).await),
            None => None,
        };
        match &answer {
            Some(answer) => stage.say(&format!("{}/ answers: {answer}", self.url))?,
            None => stage.say(&format!("The service is on {serving}."))?,
        }
        let (verdict, reason, ended_at) = match ending {
            Ending::Verdict { conclusion, .. } => (
                Some(conclusion.verdict),
                conclusion.message.clone(),
                conclusion.concluded_at,
            ),
            other => (None, format!("{other:?}"), jiff::Timestamp::now()),
        };
        Ok(DemoRow {
            version: release.version.tag,
            story: release.story,
            deployment: record.deployment.id.to_string(),
            verdict,
            expected: release.verdict,
            seconds: seconds(record.execution.started_at, ended_at),
            reason,
            as_expected: DemoRow::judge(release, verdict, &serving, answer.as_deref()),
            serving,
            answer,
        })
    }

    async fn newest(&self) -> Result<Option<DeploymentId>, CliError> {
        let lines = self
            .controller
            .ledger
            .history(&self.application, ENVIRONMENT, 1)
            .await;
        let lines =
            lines.map_err(|error| self.controller.explain("looking for the deployment", error))?;
        Ok(lines.into_iter().next().map(|line| line.id))
    }

    /// The deployment that a push became: ids sort by time.
    async fn deployment_after(
        &self,
        before: Option<&DeploymentId>,
    ) -> Result<DeploymentRecord, CliError> {
        let limit = Instant::now() + PUSH_TO_DEPLOYMENT;
        while Instant::now() < limit {
            if let Some(id) = self.newest().await?.filter(|newest| Some(newest) > before) {
                let record = self.controller.ledger.record(&id).await;
                let record = record
                    .map_err(|error| self.controller.explain("reading the deployment", error))?;
                if let Some(record) = record {
                    return Ok(record);
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(CliError::Failed {
            message: format!(
                "the push did not become a deployment within {} s",
                PUSH_TO_DEPLOYMENT.as_secs()
            ),
            help: Some("the functions' output is in .lockstep/logs/emulator.log".to_owned()),
        })
    }
}
