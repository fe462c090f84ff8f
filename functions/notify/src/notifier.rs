//! One notification: read the record, publish. Publishing is the last call, so only a
//! lost answer of that very call can send a message twice, and then with the same id.

use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use lockstep::PhaseError;
use lockstep::notification::{Moment, Notification};
use lockstep::question::Question;
use lockstep::record::{DeploymentRecord, DeploymentRef, Failure};
use lockstep_aws::AwsError;
use lockstep_handler::parse;
use lockstep_ledger::Ledger;
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) struct Notifier {
    pub(crate) sns: Client,
    pub(crate) ledger: Ledger,
    /// The controller's own topic.
    pub(crate) topic: String,
}

#[derive(Deserialize)]
struct Request {
    deployment: Option<DeploymentRef>,
    moment: RequestedMoment,
    #[serde(default)]
    failure: Option<Failure>,
    /// Which question it is that is asked.
    #[serde(default)]
    question: Option<String>,
    /// What Conclude said; the only thing there is to tell without a deployment.
    #[serde(default)]
    conclusion: Option<Value>,
    #[serde(default)]
    execution: Option<Value>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RequestedMoment {
    Started,
    Asking,
    RollingBack,
    Concluded,
}

impl Notifier {
    pub(crate) async fn handle(&self, payload: Value) -> Result<Value, PhaseError> {
        let request: Request = parse(payload)?;
        let record = match &request.deployment {
            Some(deployment) => self.ledger.record(&deployment.id).await?,
            None => None,
        };
        let Some(record) = record else {
            return self
                .publish(&self.topic, &without_deployment(&request), None)
                .await;
        };
        let notification = self.compose(&request, &record).await?;
        let topic = self.topic_arn(record.topic.as_deref());
        match self.publish(&topic, &notification, Some(&record)).await {
            Err(error) if goes_elsewhere(&topic, &self.topic, &error) => {
                tracing::error!(
                    deployment = record.deployment.id.as_str(),
                    "{error}; telling the controller's own topic instead"
                );
                self.publish(&self.topic, &notification, Some(&record))
                    .await
            }
            answer => answer,
        }
    }

    async fn compose(
        &self,
        request: &Request,
        record: &DeploymentRecord,
    ) -> Result<Notification, PhaseError> {
        Ok(match request.moment {
            RequestedMoment::Started => {
                let plan = self.ledger.plan(&record.deployment.id).await?;
                Notification::of(record, &Moment::Started(plan.as_ref()))
            }
            RequestedMoment::Asking => {
                let question = self.question(request, &record.deployment).await?;
                Notification::of(record, &Moment::Asking(&question))
            }
            RequestedMoment::RollingBack => {
                Notification::of(record, &Moment::RollingBack(request.failure.as_ref()))
            }
            RequestedMoment::Concluded => {
                let conclusion =
                    record
                        .conclusion
                        .as_ref()
                        .ok_or_else(|| PhaseError::InvalidRequest {
                            field: "moment".to_owned(),
                            reason: format!(
                                "deployment {} has no conclusion yet",
                                record.deployment.id
                            ),
                        })?;
                Notification::of(record, &Moment::Concluded(conclusion))
            }
        })
    }

    async fn question(
        &self,
        request: &Request,
        deployment: &DeploymentRef,
    ) -> Result<Question, PhaseError> {
        let what = request.question.as_deref().unwrap_or_default();
        let question = self.ledger.question(&deployment.id, what).await?;
        question.ok_or_else(|| PhaseError::InvalidRequest {
            field: "question".to_owned(),
            reason: format!("deployment {} asks no question {what:?}", deployment.id),
        })
    }

    /// The manifest names a topic by ARN, or by its name beside the controller's own.
    fn topic_arn(&self, named: Option<&str>) -> String {
        match named {
            None => self.topic.clone(),
            Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
            Some(name) => {
                let beside = self.topic.rsplit_once(':').map_or("", |(prefix, _)| prefix);
                format!("{beside}:{name}")
            }
        }
    }

    async fn publish(
        &self,
        topic: &str,
        notification: &Notification,
        record: Option<&DeploymentRecord>,
    ) -> Result<Value, PhaseError> {
        let message = json!(notification).to_string();
        let subject: String = notification
            .title()
            .chars()
            .filter(char::is_ascii)
            .take(99)
            .collect();
        let mut publish = self
            .sns
            .publish()
            .topic_arn(topic)
            .subject(subject.trim())
            .message(message);
        for (name, value) in attributes(record) {
            publish = publish.message_attributes(name, text_attribute(&value)?);
        }
        let sent = publish.send().await;
        sent.map_err(|error| AwsError::new("sns:Publish", &error).about(format!("topic {topic}")))?;
        tracing::info!(notification = notification.id(), topic, "told people");
        Ok(json!({ "id": notification.id() }))
    }
}

/// Whether a message that the application's topic refused goes to the controller's own: a topic
/// that was deleted or misspelt must not hide that a person is needed. A call that may have
/// acted is only ever repeated as it is, or the message would be sent twice.
fn goes_elsewhere(topic: &str, own: &str, error: &PhaseError) -> bool {
    topic != own && !error.is_transient()
}

/// Attributes that a subscription can filter by.
fn attributes(record: Option<&DeploymentRecord>) -> Vec<(&'static str, String)> {
    let Some(record) = record else {
        return Vec::new();
    };
    let deployment = &record.deployment;
    let mut attributes = vec![
        ("application", deployment.application.clone()),
        ("environment", deployment.environment.clone()),
    ];
    if let Some(conclusion) = &record.conclusion {
        attributes.push(("verdict", conclusion.verdict.to_string()));
    }
    attributes
}

fn text_attribute(value: &str) -> Result<MessageAttributeValue, PhaseError> {
    MessageAttributeValue::builder()
        .data_type("String")
        .string_value(value)
        .build()
        .map_err(|error| PhaseError::InvalidRequest {
            field: "message attribute".to_owned(),
            reason: error.to_string(),
        })
}

fn without_deployment(request: &Request) -> Notification {
    let text = |value: &Option<Value>, field: &str| {
        value
            .as_ref()
            .and_then(|value| value.get(field))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Notification::without_deployment(
        &text(&request.execution, "arn"),
        &text(&request.conclusion, "message"),
    )
}

#[cfg(test)]
mod tests {
    use lockstep::PhaseError;

    use super::goes_elsewhere;

    #[test]
    fn only_a_topic_that_refuses_is_passed_over() {
        let gone = PhaseError::Rejected {
            resource: "topic a".into(),
            reason: "sns:Publish refused: NotFound: Topic does not exist".into(),
        };
        let later = PhaseError::Transient {
            operation: "sns:Publish".into(),
            source_text: "Throttled".into(),
        };
        assert!(goes_elsewhere("a", "own", &gone));
        assert!(!goes_elsewhere("own", "own", &gone));
        assert!(!goes_elsewhere("a", "own", &later));
    }
}
