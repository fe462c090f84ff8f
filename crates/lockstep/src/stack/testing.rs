//! Stacks and their histories for tests.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use jiff::{SignedDuration, Timestamp};

use super::{StackBefore, StackEvent, StackStep, Template};
use crate::DeploymentId;

pub(crate) const ARN: &str =
    "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-production-data/9b2e";
pub(crate) const NESTED_ARN: &str =
    "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-production-data-Data-1X/7c1f";

pub(crate) fn id() -> DeploymentId {
    DeploymentId::parse("01JD5Q6Z8G0000000000000000").unwrap()
}

fn template(digit: char) -> Template {
    let sha256 = digit.to_string().repeat(64);
    Template {
        url: format!("https://releases.s3.eu-west-1.amazonaws.com/templates/shop/{sha256}"),
        sha256,
        size: 100,
    }
}

/// A step that updates a stack.
pub(crate) fn step() -> StackStep {
    StackStep {
        deployment: id(),
        application: "shop".into(),
        environment: "production".into(),
        component: "data".into(),
        stack: "shop-production-data".into(),
        role: None,
        template: template('b'),
        parameters: [].into(),
        capabilities: vec![],
        tags: [("team".to_owned(), "new".to_owned())].into(),
        alarms: vec![],
        monitoring_minutes: 0,
        termination_protection: false,
        approved: [].into(),
        serves: Vec::new(),
        skip: [].into(),
        before: Some(StackBefore {
            id: ARN.into(),
            template: template('a'),
            tags: [("team".to_owned(), "old".to_owned())].into(),
            ..StackBefore::default()
        }),
        heal: None,
        preview: None,
        deadline_seconds: 3600,
    }
}

/// Events as they happen, a second apart.
#[derive(Debug, Default)]
pub(crate) struct Events(Vec<StackEvent>);

impl Events {
    fn push(mut self, event: StackEvent) -> Self {
        let number = self.0.len();
        let after = SignedDuration::from_secs(i64::try_from(number).unwrap());
        let at = Timestamp::UNIX_EPOCH + after;
        self.0.push(StackEvent {
            id: format!("event-{number}"),
            at,
            ..event
        });
        self
    }

    pub(crate) fn stack(self, status: &str, token: Option<&str>) -> Self {
        self.stack_because(status, "", token)
    }

    pub(crate) fn stack_because(self, status: &str, reason: &str, token: Option<&str>) -> Self {
        let mut event = event(
            "shop-production-data",
            "AWS::CloudFormation::Stack",
            status,
            reason,
            token,
        );
        event.physical = Some(ARN.into());
        self.push(event)
    }

    pub(crate) fn resource(
        self,
        logical: &str,
        kind: &str,
        status: &str,
        reason: &str,
        token: Option<&str>,
    ) -> Self {
        self.push(event(logical, kind, status, reason, token))
    }

    pub(crate) fn nested(
        self,
        stack: &str,
        logical: &str,
        kind: &str,
        status: &str,
        reason: &str,
    ) -> Self {
        let mut event = event(logical, kind, status, reason, None);
        event.stack = NESTED_ARN.into();
        event.nesting = vec![stack.into()];
        self.push(event)
    }

    pub(crate) fn newest_first(mut self) -> Vec<StackEvent> {
        self.0.reverse();
        self.0
    }
}

fn event(logical: &str, kind: &str, status: &str, reason: &str, token: Option<&str>) -> StackEvent {
    StackEvent {
        id: String::new(),
        stack: ARN.into(),
        at: Timestamp::UNIX_EPOCH,
        logical: logical.into(),
        physical: Some(format!("physical-{logical}")),
        resource_type: kind.into(),
        status: status.into(),
        reason: reason.into(),
        token: token.map(Into::into),
        nesting: vec![],
    }
}
