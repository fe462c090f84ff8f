//! A gate and its build, for tests.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;

use super::{GateBuild, GateStep};
use crate::DeploymentId;
use crate::build::{Build, BuildStatus};
use crate::manifest::GateTime;

pub(super) fn step(when: GateTime) -> GateStep {
    GateStep {
        deployment: DeploymentId::parse("01JD5Q6Z8G0000000000000000").unwrap(),
        component: "unit".into(),
        when,
        project: "shop-tests".into(),
        variables: BTreeMap::new(),
        source_version: None,
        timeout_minutes: 20,
    }
}

/// A build that was started at 10:00 and, where it ended, took a minute.
pub(super) fn seen(status: BuildStatus) -> GateBuild {
    let has_failed = !matches!(status, BuildStatus::InProgress | BuildStatus::Succeeded);
    let ended = status != BuildStatus::InProgress;
    GateBuild {
        build: Build {
            id: "shop-tests:1".into(),
            status,
            started_at: Some("2026-11-21T10:00:00Z".parse().unwrap()),
            phase: "BUILD".into(),
            context: if has_failed { "exit status 1" } else { "" }.into(),
            log: if has_failed {
                vec!["1 failed".into()]
            } else {
                Vec::new()
            },
            link: "https://build".into(),
        },
        ended_at: ended.then(|| "2026-11-21T10:01:00Z".parse().unwrap()),
        reports: Vec::new(),
    }
}
