//! What people are told of gates, and where they read on.

use super::look::GateBuild;
use super::step::GateStep;
use crate::PhaseError;
use crate::build::{BuildStatus, failure_words};
use crate::ecs::{Arn, console};
use crate::manifest::GateTime;

/// The phases in which commands of a buildspec run.
const COMMANDS: [&str; 4] = ["INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"];

/// The console's page of a build, with its log and its reports; empty for what is no build's ARN.
pub fn build_page(arn: &str) -> String {
    page(arn, "build/", |project, id| {
        format!("projects/{project}/build/{project}%3A{id}/")
    })
}

/// The console's page of a test report; empty for what is no report's ARN.
pub fn report_page(arn: &str) -> String {
    page(arn, "report/", |group, id| {
        format!("testReports/reports/{group}/{group}%3A{id}")
    })
}

fn page(arn: &str, kind: &str, path: impl Fn(&str, &str) -> String) -> String {
    let parts = Arn::parse(arn);
    let name = parts.and_then(|it| it.resource.strip_prefix(kind));
    let (Some(arn), Some((owner, id))) = (parts, name.and_then(|it| it.split_once(':'))) else {
        return String::new();
    };
    let (console, account, region) = (console(arn.partition, arn.region), arn.account, arn.region);
    format!(
        "{console}/codesuite/codebuild/{account}/{}?region={region}",
        path(owner, id)
    )
}

impl GateStep {
    /// What came of a build that passed, and where to see it.
    pub fn passed(&self, seen: &GateBuild) -> String {
        let mut pages = vec![seen.build.link.as_str()];
        pages.extend(seen.reports.iter().map(String::as_str));
        pages.retain(|it| !it.is_empty());
        match pages.split_first() {
            None => "passed".to_owned(),
            Some((page, [])) => format!("passed ({page})"),
            Some((page, reports)) => format!("passed ({page}; reports: {})", reports.join(", ")),
        }
    }

    /// Why it did not pass. What commands found out once the release was live says something of
    /// the release; that they could not run, or were stopped, does not.
    pub(super) fn failure(&self, seen: &GateBuild, late: bool) -> PhaseError {
        let mut words = failure_words(&seen.build);
        if !seen.reports.is_empty() {
            words = format!("{words}; reports: {}", seen.reports.join(", "));
        }
        let resource = self.resource();
        if late {
            return PhaseError::DeadlineExceeded {
                what: format!("{resource}: {words}; it"),
                after: self.timeout(),
            };
        }
        let build = &seen.build;
        let told = build.status == BuildStatus::Failed && COMMANDS.contains(&build.phase.as_str());
        if told && self.when == GateTime::After {
            return PhaseError::Unhealthy {
                signal: format!("{resource}: {words}"),
            };
        }
        PhaseError::Rejected {
            resource,
            reason: words,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{build_page, report_page};
    use crate::PhaseError;
    use crate::build::BuildStatus;
    use crate::gate::testing::{seen, step};
    use crate::manifest::GateTime;

    #[test]
    fn pages_of_builds_and_reports() {
        assert_eq!(
            build_page("arn:aws:codebuild:eu-west-1:111122223333:build/shop-tests:8745a7a9"),
            "https://eu-west-1.console.aws.amazon.com/codesuite/codebuild/111122223333/projects/shop-tests/build/shop-tests%3A8745a7a9/?region=eu-west-1"
        );
        assert_eq!(
            report_page("arn:aws:codebuild:eu-west-1:111122223333:report/shop-tests-unit:8745a7a9"),
            "https://eu-west-1.console.aws.amazon.com/codesuite/codebuild/111122223333/testReports/reports/shop-tests-unit/shop-tests-unit%3A8745a7a9?region=eu-west-1"
        );
        assert_eq!(build_page("shop-tests:8745a7a9"), "");
    }

    #[test]
    fn a_gate_that_passed_says_where_to_see_it() {
        let mut seen = seen(BuildStatus::Succeeded);
        assert_eq!(
            step(GateTime::Before).passed(&seen),
            "passed (https://build)"
        );
        seen.reports = vec!["https://report".into()];
        assert_eq!(
            step(GateTime::Before).passed(&seen),
            "passed (https://build; reports: https://report)"
        );
        seen.build.link = String::new();
        seen.reports.clear();
        assert_eq!(step(GateTime::Before).passed(&seen), "passed");
    }

    #[test]
    fn only_what_tests_say_of_a_live_release_blames_it() {
        let mut seen = seen(BuildStatus::Failed);
        seen.reports = vec!["https://report".into()];
        let told = step(GateTime::After).failure(&seen, false);
        assert_eq!(
            told.to_string(),
            "gate unit: the build shop-tests:1 failed in its phase BUILD: exit status 1; the end of its log: 1 failed; all of it: \
             https://build; reports: https://report"
        );
        assert!(matches!(told, PhaseError::Unhealthy { .. }));
        let before = step(GateTime::Before).failure(&seen, false);
        assert!(matches!(before, PhaseError::Rejected { .. }));
        seen.build.phase = "DOWNLOAD_SOURCE".into();
        let told = step(GateTime::After).failure(&seen, false);
        assert!(matches!(told, PhaseError::Rejected { .. }));
    }
}
