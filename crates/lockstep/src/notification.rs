//! What people are told, in the custom notification schema of Amazon Q Developer in chat
//! applications. A message that does not follow the schema is dropped without a word, so
//! the schema is written out here and held by a test.

use serde::Serialize;

use crate::Recovery;
use crate::conclusion::{cause_text, sentence};
use crate::plan::Plan;
use crate::question::{Choice, Question};
use crate::record::{Conclusion, DeploymentRecord, Failure};
use crate::verdict::Verdict;

/// Amazon Q cuts longer descriptions; 8,000 characters is what it documents.
const DESCRIPTION_LIMIT: usize = 8_000;

/// A moment at which people are told something.
#[derive(Debug, Clone, PartialEq)]
pub enum Moment<'a> {
    /// The plan is made and its first step begins.
    Started(Option<&'a Plan>),
    /// It waits for a person's answer.
    Asking(&'a Question),
    /// Something failed, and what ran before is being put back.
    RollingBack(Option<&'a Failure>),
    /// The deployment has its verdict.
    Concluded(&'a Conclusion),
}

/// One notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notification {
    version: &'static str,
    source: &'static str,
    id: String,
    content: Content,
    metadata: Metadata,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    text_type: &'static str,
    title: String,
    description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    next_steps: Vec<String>,
    keywords: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    thread_id: String,
    summary: String,
    event_type: String,
    related_resources: Vec<String>,
}

impl Notification {
    /// The notification for a moment of a deployment. All of a deployment's notifications
    /// share one thread, and the same moment always has the same id.
    pub fn of(record: &DeploymentRecord, moment: &Moment<'_>) -> Self {
        let deployment = &record.deployment;
        let place = format!("{} in {}", deployment.application, deployment.environment);
        let (name, title) = titled(moment, &place);
        let (description, next_steps) = described(record, moment);
        let only = record.only.words();
        let only = only.map_or_else(String::new, |only| format!(" It is about {only}."));
        let context = format!(
            "Deployment {}, asked for by {}.{only}",
            deployment.id,
            record.source.label()
        );
        Self {
            version: "1.0",
            source: "custom",
            id: match moment {
                Moment::Asking(question) => format!("{}-{name}-{}", deployment.id, question.what),
                _ => format!("{}-{name}", deployment.id),
            },
            content: Content {
                text_type: "client-markdown",
                title: title.clone(),
                description: limited(&format!("{description}\n{context}")),
                next_steps,
                keywords: vec![
                    deployment.application.clone(),
                    deployment.environment.clone(),
                ],
            },
            metadata: Metadata {
                thread_id: deployment.id.to_string(),
                summary: title,
                event_type: name.to_owned(),
                related_resources: vec![record.execution.arn.clone()],
            },
        }
    }

    /// The notification for an execution that failed before it was known what to deploy.
    pub fn without_deployment(execution_arn: &str, conclusion: &str) -> Self {
        let name = execution_arn.rsplit(':').next().unwrap_or(execution_arn);
        let (title, next_step) = match Recovery::of_execution(name) {
            Some(recovery) => (
                "\u{274c} A recovery could not begin".to_owned(),
                format!("See every step: lockstep show {}", recovery.deployment),
            ),
            None => (
                "\u{274c} A trigger could not be read".to_owned(),
                "Look at the execution's input in the Step Functions console.".to_owned(),
            ),
        };
        Self {
            version: "1.0",
            source: "custom",
            id: format!("{name}-concluded"),
            content: Content {
                text_type: "client-markdown",
                title: title.clone(),
                description: limited(&format!("{conclusion}\nExecution {name}.")),
                next_steps: vec![next_step],
                keywords: Vec::new(),
            },
            metadata: Metadata {
                thread_id: name.to_owned(),
                summary: title,
                event_type: "concluded".to_owned(),
                related_resources: vec![execution_arn.to_owned()],
            },
        }
    }

    /// The title, also the subject of the SNS message (at most 99 characters there).
    pub fn title(&self) -> &str {
        &self.content.title
    }

    /// The id: the same for the same moment of the same deployment.
    pub fn id(&self) -> &str {
        &self.id
    }
}

fn titled(moment: &Moment<'_>, place: &str) -> (&'static str, String) {
    match moment {
        Moment::Started(_) => ("started", format!("\u{1f680} Deploying {place}")),
        Moment::Asking(_) => ("asking", format!("\u{2753} Go on with {place}?")),
        Moment::RollingBack(_) => (
            "rolling-back",
            format!("\u{21a9}\u{fe0f} Rolling back {place}"),
        ),
        Moment::Concluded(conclusion) => (
            "concluded",
            format!(
                "{} {}: {place}",
                symbol(conclusion.verdict),
                conclusion.verdict
            ),
        ),
    }
}

const fn symbol(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Succeeded => "\u{2705}",
        Verdict::NoChange | Verdict::Superseded => "\u{2796}",
        Verdict::RolledBack | Verdict::Stopped => "\u{21a9}\u{fe0f}",
        Verdict::Rejected => "\u{274c}",
        Verdict::FailedDirty => "\u{1f6a8}",
    }
}

fn described(record: &DeploymentRecord, moment: &Moment<'_>) -> (String, Vec<String>) {
    match moment {
        Moment::Started(plan) => {
            let mut told = plan.map(Plan::told).unwrap_or_default();
            if let Some(left_out) = record.only.left_out_words() {
                told = format!("{told}\n{left_out}");
            }
            (told, Vec::new())
        }
        Moment::Asking(question) => asked(record, question),
        Moment::RollingBack(failure) => {
            let why = failure.map_or_else(|| "The deployment failed".to_owned(), cause_text);
            (
                format!("{}\nWhat ran before is being put back.", sentence(&why)),
                Vec::new(),
            )
        }
        Moment::Concluded(conclusion) => {
            let seconds = conclusion
                .concluded_at
                .duration_since(record.execution.started_at)
                .as_secs();
            let took = format!("Took {}.", took(seconds));
            (
                format!("{}\n{took}", conclusion.message),
                conclusion.next_steps.clone(),
            )
        }
    }
}

fn asked(record: &DeploymentRecord, question: &Question) -> (String, Vec<String>) {
    let command = |choice| question.command(&record.deployment.id, choice);
    let text = format!(
        "{}\nLive now: {}\nWithout an answer by {} everything is put back. Should enough traffic come before, it decides.",
        question.text,
        sentence(&question.live),
        question.until()
    );
    let next_steps = vec![
        format!("Go on: {}", command(Choice::Proceed)),
        format!("Put everything back: {}", command(Choice::Stop)),
    ];
    (text, next_steps)
}

fn took(seconds: i64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

fn limited(text: &str) -> String {
    text.chars().take(DESCRIPTION_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Moment, Notification};
    use crate::DeploymentId;
    use crate::record::{Conclusion, DeploymentRecord, DeploymentRef, Execution, Source};
    use crate::verdict::Verdict;

    fn record() -> Option<DeploymentRecord> {
        let started_at = "2026-11-20T10:00:00Z".parse().ok()?;
        Some(DeploymentRecord {
            deployment: DeploymentRef {
                id: DeploymentId::parse("01JD5Q6Z8G0000000000000000")?,
                application: "live-quiz".into(),
                environment: "production".into(),
            },
            execution: Execution {
                name: "x".into(),
                arn: "arn:aws:states:::execution:m:x".into(),
                started_at,
            },
            source: Source::Manual {
                by: "deploy pipeline".into(),
                reason: None,
            },
            manifest_version: 3,
            requested: std::collections::BTreeMap::default(),
            release: None,
            topic: None,
            approved: Vec::new(),
            builds: std::collections::BTreeMap::new(),
            only: crate::Only::default(),
            conclusion: None,
        })
    }

    #[test]
    fn a_question_says_what_is_live_and_how_to_answer() {
        let record = record().unwrap_or_else(|| unreachable!("the fixture is valid"));
        let question = json!({
            "what": "traffic-20",
            "text": "function quiz-api:live had 3 of 50 invocations of version 7, 11 min after the stage began: too little \
                     to judge the release by. Shall the new versions have all of the traffic?",
            "live": "20 % of the traffic is on the new versions, 80 % on what served before",
            "fence": 3, "asked_at": "2026-11-20T10:12:00Z", "ends_at": "2026-11-20T11:12:00Z",
        });
        let question = serde_json::from_value(question)
            .unwrap_or_else(|_| unreachable!("the fixture is valid"));
        let sent = serde_json::to_value(Notification::of(&record, &Moment::Asking(&question))).ok();
        let expected = json!({
            "version": "1.0",
            "source": "custom",
            "id": "01JD5Q6Z8G0000000000000000-asking-traffic-20",
            "content": {
                "textType": "client-markdown",
                "title": "\u{2753} Go on with live-quiz in production?",
                "description": "function quiz-api:live had 3 of 50 invocations of version 7, 11 min after the stage began: too \
                                little to judge the release by. Shall the new versions have all of the traffic?\n\
                                Live now: 20 % of the traffic is on the new versions, 80 % on what served before.\n\
                                Without an answer by 11:12 UTC on 20 Nov everything is put back. Should enough traffic come \
                                before, it decides.\n\
                                Deployment 01JD5Q6Z8G0000000000000000, asked for by deploy pipeline.",
                "nextSteps": [
                    "Go on: lockstep proceed 01JD5Q6Z8G0000000000000000 --question traffic-20",
                    "Put everything back: lockstep stop 01JD5Q6Z8G0000000000000000 --question traffic-20",
                ],
                "keywords": ["live-quiz", "production"],
            },
            "metadata": {
                "threadId": "01JD5Q6Z8G0000000000000000",
                "summary": "\u{2753} Go on with live-quiz in production?",
                "eventType": "asking",
                "relatedResources": ["arn:aws:states:::execution:m:x"],
            },
        });
        assert_eq!(sent, Some(expected));
    }

    #[test]
    fn a_conclusion_follows_the_custom_notification_schema() {
        let record = record().unwrap_or_else(|| unreachable!("the fixture is valid"));
        let conclusion = Conclusion {
            verdict: Verdict::RolledBack,
            message: "service live-quiz/web: task exited with code 1. Put back and verified."
                .into(),
            next_steps: vec!["Fix it.".into()],
            concluded_at: record.execution.started_at + jiff::SignedDuration::from_secs(95),
        };
        let sent =
            serde_json::to_value(Notification::of(&record, &Moment::Concluded(&conclusion))).ok();
        let expected = json!({
            "version": "1.0",
            "source": "custom",
            "id": "01JD5Q6Z8G0000000000000000-concluded",
            "content": {
                "textType": "client-markdown",
                "title": "\u{21a9}\u{fe0f} ROLLED_BACK: live-quiz in production",
                "description": "service live-quiz/web: task exited with code 1. Put back and verified.\nTook 1 min 35 s.\nDeployment 01JD5Q6Z8G0000000000000000, asked for by deploy pipeline.",
                "nextSteps": ["Fix it."],
                "keywords": ["live-quiz", "production"],
            },
            "metadata": {
                "threadId": "01JD5Q6Z8G0000000000000000",
                "summary": "\u{21a9}\u{fe0f} ROLLED_BACK: live-quiz in production",
                "eventType": "concluded",
                "relatedResources": ["arn:aws:states:::execution:m:x"],
            },
        });
        assert_eq!(sent, Some(expected));
    }
}
