//! What `lockstep verify` says.

use serde::Serialize;

use super::{Report, table};
use crate::exit::Exit;
use crate::inventory::{Resource, State};

/// `lockstep verify --json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The application.
    pub application: String,
    /// The environment.
    pub environment: String,
    /// The version of the manifest in force; `null` when none was applied yet and the file was
    /// taken.
    pub manifest_version: Option<u64>,
    /// Whether everything that must be there by now is there and can be used.
    pub complete: bool,
    /// Everything that the environment needs.
    pub resources: Vec<Resource>,
}

impl Verified {
    /// The report of what was seen.
    pub fn of(
        application: &str,
        environment: &str,
        manifest_version: Option<u64>,
        resources: Vec<Resource>,
    ) -> Self {
        Self {
            application: application.to_owned(),
            environment: environment.to_owned(),
            manifest_version,
            complete: resources
                .iter()
                .all(|it| matches!(it.state, State::Found | State::Awaited)),
            resources,
        }
    }

    /// 1 when something is missing or of no use; 3 when something could not be looked at.
    pub fn exit(&self) -> Exit {
        let is = |state| self.resources.iter().any(|it| it.state == state);
        if is(State::Missing) || is(State::Faulty) {
            Exit::Bad
        } else if is(State::Unknown) {
            Exit::Unreachable
        } else {
            Exit::Good
        }
    }

    fn summary(&self) -> String {
        let count = |state| self.resources.iter().filter(|it| it.state == state).count();
        let all = self.resources.len();
        let parts: Vec<_> = [
            (State::Missing, "missing"),
            (State::Faulty, "cannot be used as it is"),
            (State::Unknown, "could not be looked at"),
        ]
        .into_iter()
        .filter_map(|(state, words)| match count(state) {
            0 => None,
            number => Some(format!("{number} {words}")),
        })
        .collect();
        if parts.is_empty() {
            let awaited = match count(State::Awaited) {
                0 => String::new(),
                number => format!(", {number} of them with the first verified deployment"),
            };
            let resources = if all == 1 { "resource" } else { "resources" };
            return format!("everything is there: {all} {resources}{awaited}");
        }
        format!("of {all} resources: {}", parts.join(", "))
    }
}

impl Report for Verified {
    fn text(&self) -> String {
        let manifest = match self.manifest_version {
            Some(version) => format!("version {version} of its manifest"),
            None => "the manifest file, which was not applied yet".to_owned(),
        };
        let mut rows = table::new(&[]);
        for resource in &self.resources {
            let state = match resource.state {
                State::Found => "found",
                State::Awaited => "not yet",
                State::Faulty => "FAULTY",
                State::Missing => "MISSING",
                State::Unknown => "UNKNOWN",
            };
            rows.add_row([state, resource.kind, &resource.name, &resource.note]);
        }
        let todo = self.resources.iter().filter_map(|it| {
            let todo = it.todo.as_ref()?;
            Some(format!("{} {}: {todo}", it.kind, it.name))
        });
        let mut text = format!(
            "{} of {}, by {manifest}\n{}\n\n{}",
            self.environment,
            self.application,
            table::text(&mut rows, 2),
            self.summary()
        );
        for line in todo {
            text.push_str("\n- ");
            text.push_str(&line);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use lockstep::PhaseError;

    use super::Verified;
    use crate::exit::Exit;
    use crate::inventory::Resource;
    use crate::view::Report;

    fn of(resources: Vec<Resource>) -> Verified {
        Verified::of("shop", "production", Some(3), resources)
    }

    fn found() -> Resource {
        Resource::new("stack", "shop-production-data", Some("data")).found("UPDATE_COMPLETE")
    }

    fn denied() -> Resource {
        let error = PhaseError::Rejected {
            resource: "log group /shop/web".into(),
            reason: "logs:DescribeLogGroups is not allowed".into(),
        };
        Resource::new("log group", "/shop/web", Some("web")).unknown(&error)
    }

    #[test]
    fn everything_is_shown_and_what_is_missing_says_what_to_do() {
        let mut missing = Resource::new("cluster", "shop", Some("web")).missing();
        missing.todo = Some("create it".into());
        let faulty = Resource::new("role", "task", Some("web"))
            .faulty("ECS tasks may not assume it", "correct its trust policy");
        let report = of(vec![found(), missing, faulty, denied()]);
        assert_eq!(report.exit(), Exit::Bad);
        insta::assert_snapshot!(report.text());
        insta::assert_json_snapshot!(report);
    }

    #[test]
    fn what_could_not_be_looked_at_is_neither_there_nor_missing() {
        let report = of(vec![found(), denied()]);
        assert!(!report.complete);
        assert_eq!(report.exit(), Exit::Unreachable);
    }

    #[test]
    fn what_only_a_deployment_can_bring_is_no_fault_before_the_first_one() {
        let awaited = Resource::new("parameter", "/lockstep/shop/production/x", None);
        let report = of(vec![found(), awaited.awaited("with the first deployment")]);
        assert!(report.complete);
        assert_eq!(report.exit(), Exit::Good);
        let text = report.text();
        assert!(text.contains("not yet"), "{text}");
        assert!(text.ends_with("2 resources, 1 of them with the first verified deployment"));
    }

    #[test]
    fn a_complete_environment_is_exit_code_0() {
        let report = of(vec![found()]);
        assert!(report.complete);
        assert_eq!(report.exit(), Exit::Good);
        assert!(report.text().ends_with("everything is there: 1 resource"));
    }
}
