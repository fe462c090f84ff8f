//! One event, several environments: each gets an execution of its own.

use lockstep::PhaseError;
use lockstep_aws::AwsError;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Trigger;
use crate::answer::Answer;

/// The key that narrows an event down to one environment, added when an execution is
/// started for each of several.
const TARGET: &str = "lockstep_target";

/// An event that concerns several environments.
pub(crate) struct FanOut<'a> {
    /// What the executions' names begin with.
    pub(crate) kind: &'a str,
    /// The event's id.
    pub(crate) event: &'a str,
    /// What it is about, for people.
    pub(crate) subject: &'a str,
    /// The event as it came.
    pub(crate) input: &'a Value,
}

/// An application and one of its environments.
pub(crate) type Place = (String, String);

/// Whether an event is for this environment: it is for all of them until it is narrowed down.
pub(crate) fn is_for(input: &Value, (application, environment): &Place) -> bool {
    input
        .get(TARGET)
        .is_none_or(|wanted| *wanted == target(application, environment))
}

impl Trigger {
    /// Starts one execution for each environment. Their names follow from the event, so a
    /// retry starts none twice.
    pub(crate) async fn fan_out(
        &self,
        event: &FanOut<'_>,
        places: &[Place],
    ) -> Result<Answer, PhaseError> {
        let mut told = Vec::new();
        for (application, environment) in places {
            let place = format!("{application} in {environment}");
            let sent = self
                .sfn
                .start_execution()
                .state_machine_arn(&self.state_machine)
                .name(execution_name(event, application, environment))
                .input(narrowed(event.input, application, environment).to_string())
                .send()
                .await;
            if let Err(error) = sent {
                let error = AwsError::new("states:StartExecution", &error);
                if error.code != "ExecutionAlreadyExists" {
                    return Err(error.about(format!("the execution for {place}")));
                }
            }
            told.push(place);
        }
        Ok(Answer::FanOut {
            reason: format!("{} concerns {}", event.subject, told.join(", ")),
        })
    }
}

fn narrowed(input: &Value, application: &str, environment: &str) -> Value {
    let mut input = input.clone();
    if let Value::Object(fields) = &mut input {
        fields.insert(TARGET.to_owned(), target(application, environment));
    }
    input
}

fn target(application: &str, environment: &str) -> Value {
    json!({ "application": application, "environment": environment })
}

/// An execution's name has at most 80 characters, fewer than event id, application and
/// environment together.
fn execution_name(event: &FanOut<'_>, application: &str, environment: &str) -> String {
    let text = format!("{}#{application}#{environment}", event.event);
    let hash = format!("{:x}", Sha256::digest(text.as_bytes()));
    format!("{}-{hash:.32}", event.kind)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{FanOut, execution_name, is_for, narrowed};

    #[test]
    fn a_narrowed_event_is_for_its_environment_only() {
        let event = json!({"id": "e", "detail": {}});
        let [test, live] = ["test", "live"].map(|name| ("shop".to_owned(), name.to_owned()));
        assert!(is_for(&event, &test) && is_for(&event, &live));
        let narrowed = narrowed(&event, "shop", "test");
        assert!(is_for(&narrowed, &test) && !is_for(&narrowed, &live));
        assert_eq!(narrowed["id"], "e");
    }

    #[test]
    fn an_executions_name_follows_from_event_and_environment() {
        let (input, subject) = (json!({}), "s");
        let event = |kind| FanOut {
            kind,
            event: "e",
            subject,
            input: &input,
        };
        let name = execution_name(&event("release"), "shop", "test");
        assert_eq!(name.len(), "release-".len() + 32);
        assert_eq!(name, execution_name(&event("release"), "shop", "test"));
        assert_ne!(name, execution_name(&event("release"), "shop", "live"));
    }
}
