//! Builds and what they leave, for tests.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Action, Applied, Build, BuildRecord, BuildStatus, BuildStep, InfrastructureChange, Looked,
    Planned, Projects, Source, Variable, Work,
};
use crate::DeploymentId;

pub(crate) fn id() -> DeploymentId {
    DeploymentId::parse("01JD5Q6Z8G0000000000000000").unwrap()
}

fn earlier() -> DeploymentId {
    DeploymentId::parse("01JD5Q6Z7G0000000000000000").unwrap()
}

pub(crate) fn texts(texts: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    texts.iter().map(owned).collect()
}

fn source(sha256: &str) -> Source {
    Source {
        bucket: "releases".into(),
        key: super::source_key("shop", sha256),
        sha256: sha256.into(),
    }
}

pub(crate) fn applied() -> Applied {
    Applied {
        source: source("aa"),
        project: Projects {
            plan: "shop-old".into(),
            apply: "shop-old".into(),
        },
        variables: texts(&[("size", "small")]),
        outputs: texts(&[("url", "old")]),
        deployment: earlier(),
    }
}

pub(crate) fn change(resource: &str, kind: &str, action: Action) -> InfrastructureChange {
    InfrastructureChange {
        resource: resource.into(),
        kind: kind.into(),
        action,
        detail: None,
    }
}

/// A step that changes what was applied before.
pub(crate) fn step() -> BuildStep {
    BuildStep {
        deployment: id(),
        application: "shop".into(),
        environment: "production".into(),
        component: "platform".into(),
        project: Projects {
            plan: "shop-plan".into(),
            apply: "shop-apply".into(),
        },
        source: source("bb"),
        variables: [("size".to_owned(), Variable::Text("large".into()))].into(),
        work: Work::of("releases", "shop", "production", &id(), "platform"),
        planned: Some(Planned::of(
            "shop-plan:1".into(),
            vec![change("aws_vpc.main", "aws_vpc", Action::Update)],
        )),
        before: BuildRecord {
            applied: Some(applied()),
            begun: None,
        },
        approved: [].into(),
        timeout_minutes: 60,
        deadline_seconds: 11_400,
    }
}

pub(crate) fn build(id: &str, status: BuildStatus) -> Build {
    Build {
        id: format!("shop-apply:{id}"),
        status,
        started_at: None,
        phase: String::new(),
        context: String::new(),
        log: vec![],
        link: String::new(),
    }
}

/// A look before anything was begun.
pub(crate) fn looked(step: &BuildStep) -> Looked {
    Looked {
        now: Timestamp::UNIX_EPOCH,
        plan: None,
        apply: None,
        undo_plan: None,
        undo_apply: None,
        changes: None,
        outputs: None,
        undo_changes: None,
        undo_outputs: None,
        variables: texts(&[("size", "large")]),
        record: step.before.clone(),
    }
}
