//! The messages people would get: an HTTP subscription to the controller's topic.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::Clients;

/// One message, in the order of arrival.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Our id: the same for the same moment of the same deployment.
    pub id: String,
    /// Groups the messages of one deployment: its id, or the execution's name where there is no deployment.
    pub thread: String,
    /// `started`, `rolling-back`, `concluded`.
    pub moment: String,
    /// The subject of the SNS message.
    pub subject: String,
    /// The whole notification, as Amazon Q gets it.
    pub notification: Value,
}

impl Message {
    /// Whether it tells how a deployment ended.
    pub fn is_final(&self) -> bool {
        self.moment == "concluded"
    }
}

/// Receives what SNS delivers.
#[derive(Debug)]
pub(crate) struct Inbox {
    clients: Clients,
    messages: Mutex<Vec<Message>>,
}

impl Inbox {
    pub(crate) fn new(clients: Clients) -> Self {
        Self {
            clients,
            messages: Mutex::default(),
        }
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        self.messages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) async fn receive(&self, body: &[u8]) {
        let envelope: Value = serde_json::from_slice(body).expect("SNS delivers JSON");
        let text = |name: &str| envelope[name].as_str().unwrap_or_default();
        if text("Type") == "SubscriptionConfirmation" {
            let confirm = self
                .clients
                .sns
                .confirm_subscription()
                .topic_arn(text("TopicArn"))
                .token(text("Token"));
            confirm
                .send()
                .await
                .expect("the subscription can be confirmed");
            return;
        }
        let notification: Value = serde_json::from_str(text("Message")).unwrap_or_default();
        let field = |pointer: &str| {
            notification
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let message = Message {
            id: field("/id"),
            thread: field("/metadata/threadId"),
            moment: field("/metadata/eventType"),
            subject: text("Subject").to_owned(),
            notification,
        };
        self.messages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(message);
    }
}
