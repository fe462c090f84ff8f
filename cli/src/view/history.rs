//! The deployments of an environment, as a table.

use jiff::Timestamp;
use lockstep::verdict::Verdict;
use lockstep_ledger::HistoryLine;
use serde::Serialize;

use super::duration::{ago, moment, seconds, words};
use super::{Report, table};

/// `lockstep history --json`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct History {
    /// The application.
    pub application: String,
    /// The environment.
    pub environment: String,
    /// The deployments, newest first.
    pub deployments: Vec<DeploymentLine>,
}

/// One deployment in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeploymentLine {
    /// Its id.
    pub deployment: String,
    /// Its verdict; `null` while it runs.
    pub verdict: Option<Verdict>,
    /// What it was asked to deploy.
    pub release: String,
    /// Who or what asked for it.
    pub source: String,
    /// When its execution began.
    pub started_at: Timestamp,
    /// How long it took, or has been running, in seconds.
    pub seconds: f64,
    /// What happened, in a sentence; empty while it runs.
    pub message: String,
    #[serde(skip)]
    now: Timestamp,
}

impl DeploymentLine {
    /// The line for what the ledger has, as of `now`.
    pub fn of(line: HistoryLine, now: Timestamp) -> Self {
        Self {
            deployment: line.id.to_string(),
            verdict: line.verdict,
            release: line.release,
            source: line.source,
            started_at: line.started_at,
            seconds: seconds(line.started_at, line.concluded_at.unwrap_or(now)),
            message: line.message,
            now,
        }
    }

    fn row(&self) -> [String; 6] {
        let took = jiff::SignedDuration::try_from_secs_f64(self.seconds).unwrap_or_default();
        [
            self.deployment.clone(),
            self.verdict
                .map_or_else(|| "running".to_owned(), |verdict| verdict.to_string()),
            words(took),
            ago(self.started_at, self.now),
            self.release.clone(),
            if self.message.is_empty() {
                self.source.clone()
            } else {
                table::sentence(&self.message).to_owned()
            },
        ]
    }
}

/// Lines as a table; `indent` is its left margin.
pub fn lines(lines: &[DeploymentLine], indent: usize) -> String {
    let mut all = table::new(&[
        "DEPLOYMENT",
        "VERDICT",
        "TOOK",
        "BEGAN",
        "RELEASE",
        "WHAT HAPPENED",
    ]);
    for line in lines {
        all.add_row(line.row());
    }
    table::text(&mut all, indent)
}

impl Report for History {
    fn text(&self) -> String {
        let Self {
            application,
            environment,
            ..
        } = self;
        let Some(newest) = self.deployments.first() else {
            return format!("{application} was never deployed to {environment} by this controller");
        };
        let last = format!("the newest began {}", moment(newest.started_at));
        format!(
            "{}\n\n{} in {environment}; {last}",
            lines(&self.deployments, 0),
            application
        )
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use jiff::{SignedDuration, Timestamp};
    use lockstep::DeploymentId;
    use lockstep::record::{Conclusion, DeploymentRecord, DeploymentRef, Execution, Source};
    use lockstep::release::{Artifact, ImageArtifact};
    use lockstep::verdict::Verdict;
    use lockstep_ledger::HistoryLine;

    use super::{DeploymentLine, History};
    use crate::view::Report;

    pub(crate) fn start() -> Timestamp {
        "2026-11-20T10:00:00Z".parse().unwrap()
    }

    pub(crate) fn image() -> Artifact {
        Artifact::Image(ImageArtifact {
            repository: "hello/web".into(),
            digest: format!("sha256:{}", "4f".repeat(32)),
            tag: Some("v3".into()),
            pushed_at: start(),
        })
    }

    pub(crate) fn conclusion() -> Conclusion {
        Conclusion {
            verdict: Verdict::RolledBack,
            message: "service hello/web: task exited with code 1. Put back and verified: service hello/web on hello-web:2 (v2).".into(),
            next_steps: vec!["See every step: lockstep show 01JD5Q6Z8G0000000000000000".into()],
            concluded_at: start() + SignedDuration::from_secs(95),
        }
    }

    pub(crate) fn record(conclusion: Option<Conclusion>) -> DeploymentRecord {
        DeploymentRecord {
            deployment: DeploymentRef {
                id: DeploymentId::parse("01JD5Q6Z8G0000000000000000").unwrap(),
                application: "hello".into(),
                environment: "local".into(),
            },
            execution: Execution {
                name: "01JD5Q6Z8G0000000000000000".into(),
                arn: "arn:aws:states:eu-west-1:111122223333:execution:lockstep-deploy:01JD5Q6Z8G0000000000000000".into(),
                started_at: start(),
            },
            source: Source::EcrPush { event: "e1".into(), image: "hello/web:v3".into() },
            manifest_version: 2,
            requested: BTreeMap::from([("web/web".to_owned(), image())]),
            release: None,
            topic: None,
            approved: Vec::new(),
            builds: std::collections::BTreeMap::new(),
            only: lockstep::Only::default(),
            conclusion,
        }
    }

    pub(crate) fn history_lines() -> Vec<DeploymentLine> {
        let now = start() + SignedDuration::from_mins(10);
        let running = HistoryLine {
            started_at: now - SignedDuration::from_secs(12),
            ..HistoryLine::of(&record(None))
        };
        let ended = HistoryLine::of(&record(Some(conclusion())));
        [running, ended]
            .into_iter()
            .map(|line| DeploymentLine::of(line, now))
            .collect()
    }

    #[test]
    fn running_and_ended_deployments_are_told_apart() {
        let history = History {
            application: "hello".into(),
            environment: "local".into(),
            deployments: history_lines(),
        };
        insta::assert_snapshot!(history.text());
    }

    #[test]
    fn programs_get_seconds_and_nulls() {
        let history = History {
            application: "hello".into(),
            environment: "local".into(),
            deployments: history_lines(),
        };
        insta::assert_json_snapshot!(history);
    }

    #[test]
    fn an_empty_history_says_so() {
        let history = History {
            application: "hello".into(),
            environment: "local".into(),
            deployments: Vec::new(),
        };
        assert_eq!(
            history.text(),
            "hello was never deployed to local by this controller"
        );
    }
}
