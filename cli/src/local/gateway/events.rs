//! The events that AWS services put on the default event bus by themselves and the emulator does not.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::upstream::Upstream;

/// One event as a service emits it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Event {
    /// `aws.ecr`, `aws.ecs`.
    pub source: String,
    /// `ECR Image Action`, `ECS Deployment State Change`…
    pub detail_type: String,
    /// The ARNs it is about.
    pub resources: Vec<String>,
    /// Its content.
    pub detail: Value,
}

/// How events reach the bus. AWS delivers at least once, in no order, and ECR and ECS only as best they can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// As seen.
    #[default]
    Once,
    /// Every event is lost.
    Never,
    /// Every event comes twice.
    Twice,
    /// Every event comes this much later.
    Late(Duration),
}

/// Puts events on the emulator's default bus.
#[derive(Clone)]
pub(super) struct EventBus {
    upstream: Upstream,
    state: Arc<Mutex<(Delivery, Vec<Event>)>>,
}

impl EventBus {
    pub(super) fn new(upstream: Upstream) -> Self {
        Self {
            upstream,
            state: Arc::default(),
        }
    }

    pub(super) fn set_delivery(&self, delivery: Delivery) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 = delivery;
    }

    pub(super) fn seen(&self) -> Vec<Event> {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            .clone()
    }

    /// Emits one event in the way that is set, and waits until it is on the bus (a late one is sent in the background).
    pub(super) async fn emit(&self, event: Event) {
        let delivery = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.1.push(event.clone());
            state.0
        };
        match delivery {
            Delivery::Never => {}
            Delivery::Once => self.put_or_log(&event).await,
            Delivery::Twice => {
                self.put_or_log(&event).await;
                self.put_or_log(&event).await;
            }
            Delivery::Late(by) => {
                let bus = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(by).await;
                    bus.put_or_log(&event).await;
                });
            }
        }
    }

    /// Puts one event on the bus.
    pub(super) async fn put(&self, event: &Event) -> io::Result<()> {
        let entry = json!({
            "Source": event.source,
            "DetailType": event.detail_type,
            "Resources": event.resources,
            "Detail": event.detail.to_string(),
        });
        let answer = self
            .upstream
            .own_route(
                Method::POST,
                "/_lockstep/events",
                json!([entry]).to_string().into(),
            )
            .await?;
        if answer["FailedEntryCount"] == 0 {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "the event bus refused {}: {answer}",
            event.detail_type
        )))
    }

    /// Like on AWS, where these events are best effort: nothing is repeated.
    async fn put_or_log(&self, event: &Event) {
        if let Err(error) = self.put(event).await {
            tracing::warn!(%error, event = event.detail_type, "An event did not reach the bus.");
        }
    }
}

/// What ECR announces after a push. A push by digest alone carries no tag.
pub(super) fn image_pushed(
    repository: &str,
    digest: &str,
    tag: Option<&str>,
    manifest: &[u8],
) -> Event {
    let manifest: Value = serde_json::from_slice(manifest).unwrap_or_default();
    let mut detail = json!({
        "result": "SUCCESS",
        "repository-name": repository,
        "image-digest": digest,
        "action-type": "PUSH",
    });
    let optional = [
        ("image-tag", tag),
        ("manifest-media-type", manifest["mediaType"].as_str()),
        (
            "artifact-media-type",
            manifest["artifactType"]
                .as_str()
                .or(manifest["config"]["mediaType"].as_str()),
        ),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            detail[name] = json!(value);
        }
    }
    Event {
        source: "aws.ecr".into(),
        detail_type: "ECR Image Action".into(),
        resources: vec![],
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_push_looks_as_on_aws() {
        let manifest = br#"{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",
            "config":{"mediaType":"application/vnd.docker.container.image.v1+json"}}"#;
        let event = image_pushed("live-quiz/websocket", "sha256:ab", Some("v2"), manifest);
        assert_eq!(event.source, "aws.ecr");
        assert_eq!(event.detail_type, "ECR Image Action");
        assert_eq!(
            event.detail,
            json!({
                "result": "SUCCESS", "repository-name": "live-quiz/websocket", "image-digest": "sha256:ab",
                "action-type": "PUSH", "image-tag": "v2",
                "manifest-media-type": "application/vnd.docker.distribution.manifest.v2+json",
                "artifact-media-type": "application/vnd.docker.container.image.v1+json",
            })
        );
    }

    #[test]
    fn a_push_by_digest_has_no_tag() {
        let event = image_pushed("a", "sha256:ab", None, b"{}");
        assert_eq!(event.detail.get("image-tag"), None);
    }
}
