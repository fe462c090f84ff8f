//! What became of a build that failed, for a person.

use super::live::Build;
use super::step::BuildStep;
use crate::{Check, PhaseError};

/// The page that says what a buildspec has to do.
pub const CONTRACT: &str = "docs/infrastructure-builds.md";

/// How much of a log is told, in bytes.
const LOG: usize = 1024;

/// What became of a build: how it ended, in which phase, what CodeBuild and the log say, and where
/// to read on.
pub fn failure_words(build: &Build) -> String {
    let Build {
        id,
        status,
        phase,
        context,
        log,
        link,
        ..
    } = build;
    let mut words = format!("the build {id} {}", status.words());
    if !phase.is_empty() {
        words = format!("{words} in its phase {phase}");
    }
    if !context.is_empty() {
        words = format!("{words}: {}", context.trim());
    }
    let log = tail(log);
    if !log.is_empty() {
        words = format!("{words}; the end of its log: {log}");
    }
    if !link.is_empty() {
        words = format!("{words}; all of it: {link}");
    }
    words
}

/// The last lines of a log that are not too long together, in one line.
fn tail(lines: &[String]) -> String {
    let lines = lines.iter().map(|it| it.trim()).filter(|it| !it.is_empty());
    let mut told = Vec::new();
    let mut size = 0;
    for line in lines.rev() {
        let start = line.len().saturating_sub(LOG);
        let line = line.get(start..).unwrap_or(line);
        size += line.len() + 3;
        if size > LOG && !told.is_empty() {
            break;
        }
        told.push(line);
    }
    told.reverse();
    told.join(" | ")
}

pub(super) fn failed(step: &BuildStep, build: &Build) -> PhaseError {
    PhaseError::Rejected {
        resource: step.resource(),
        reason: failure_words(build),
    }
}

/// A build succeeded and did not leave what the contract says.
pub(super) fn unreadable(step: &BuildStep, undo: bool, name: &str, why: &str) -> PhaseError {
    PhaseError::Rejected {
        resource: step.resource(),
        reason: unreadable_words(step, undo, name, why),
    }
}

fn unreadable_words(step: &BuildStep, undo: bool, name: &str, why: &str) -> String {
    let object = step.work_of(undo).url(name);
    format!(
        "the build succeeded, but {object} cannot be read: {why}; what a buildspec has to leave there: {CONTRACT}"
    )
}

/// The failed check of a plan build: it failed, or, with `why`, its `changes.json` cannot be read.
pub fn failed_plan(step: &BuildStep, build: &Build, why: Option<&str>) -> Check {
    let (found, todo) = match why {
        None => (
            failure_words(build),
            "read its log, put right what it says, and deploy again".to_owned(),
        ),
        Some(why) => (
            unreadable_words(step, false, "changes.json", why),
            "correct the buildspec, and deploy again".to_owned(),
        ),
    };
    Check {
        what: "plan".into(),
        resource: step.resource(),
        found,
        expected: "a build that says what would change".into(),
        todo,
        curable: false,
    }
}

#[cfg(test)]
mod tests {
    use super::{failed_plan, failure_words};
    use crate::build::BuildStatus;
    use crate::build::testing::{build, step};

    #[test]
    fn a_failed_build_says_where_why_and_where_to_read_on() {
        let mut failed = build("b", BuildStatus::Failed);
        failed.phase = "BUILD".into();
        failed.context =
            "Error while executing command: terraform apply. Reason: exit status 1".into();
        failed.log = vec![
            "Error: no such role".into(),
            String::new(),
            "  exit 1 ".into(),
        ];
        failed.link = "https://console".into();
        assert_eq!(
            failure_words(&failed),
            "the build shop-apply:b failed in its phase BUILD: Error while executing command: terraform apply. Reason: \
             exit status 1; the end of its log: Error: no such role | exit 1; all of it: https://console"
        );
        let stopped = build("b", BuildStatus::Stopped);
        assert_eq!(
            failure_words(&stopped),
            "the build shop-apply:b was stopped"
        );
    }

    #[test]
    fn only_the_end_of_a_long_log_is_told() {
        let mut failed = build("b", BuildStatus::Failed);
        failed.log = (0..100)
            .map(|it| format!("line {it} {}", "x".repeat(50)))
            .collect();
        let words = failure_words(&failed);
        assert!(
            words.contains("line 99") && !words.contains("line 60"),
            "{words}"
        );
        assert!(words.len() < 1200, "{words}");
    }

    #[test]
    fn a_plan_that_cannot_be_read_names_the_object_and_the_contract() {
        let check = failed_plan(
            &step(),
            &build("b", BuildStatus::Succeeded),
            Some("there is none"),
        );
        assert_eq!(
            check.to_string(),
            "infrastructure platform: plan: found the build succeeded, but \
             s3://releases/infrastructure/shop/production/01JD5Q6Z8G0000000000000000/platform/changes.json cannot be read: \
             there is none; what a buildspec has to leave there: docs/infrastructure-builds.md, expected a build that says \
             what would change; correct the buildspec, and deploy again"
        );
    }
}
