//! What `lockstep init` says.

use serde::Serialize;

use super::Report;
use crate::args::InitArgs;
use crate::takeover::Gathered;

/// `lockstep init --json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Initialised {
    /// The application.
    pub application: String,
    /// The environment.
    pub environment: String,
    /// The manifest that was written.
    pub manifest: String,
    /// The folder with the backup.
    pub backup: String,
    /// The stacks, by the manifest's names.
    pub stacks: Vec<String>,
    /// The services.
    pub services: Vec<String>,
    /// The functions.
    pub functions: Vec<String>,
    /// The sites; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<String>,
    /// What was not taken over, or has to be known.
    pub remarks: Vec<String>,
}

impl Initialised {
    /// The report of what was written.
    pub fn of(args: &InitArgs, gathered: &Gathered) -> Self {
        let draft = &gathered.draft;
        let stacks = draft.stacks.iter().map(|it| it.component.clone());
        let services = draft.services.iter().map(|it| it.component.clone());
        let functions = draft.functions.iter().map(|it| it.component.clone());
        let sites = draft.sites.iter().map(|it| it.component.clone());
        Self {
            application: draft.application.clone(),
            environment: draft.environment.clone(),
            manifest: args.out.display().to_string(),
            backup: args.backup.display().to_string(),
            stacks: stacks.collect(),
            services: services.collect(),
            functions: functions.collect(),
            sites: sites.collect(),
            remarks: gathered.remarks.clone(),
        }
    }
}

impl Report for Initialised {
    fn text(&self) -> String {
        let kinds = [
            ("stacks", &self.stacks),
            ("services", &self.services),
            ("functions", &self.functions),
            ("sites", &self.sites),
        ];
        let some = kinds.iter().filter(|(_, names)| !names.is_empty());
        let what: Vec<_> = some
            .map(|(kind, names)| format!("{kind} {}", names.join(", ")))
            .collect();
        let mut text = format!(
            "{} is written: application {}, {}\n{} has what AWS said of it, to make it again by hand. It may hold secrets: only \
             you can read it; keep it out of the repository",
            self.manifest,
            self.application,
            what.join(", "),
            self.backup
        );
        for remark in &self.remarks {
            text.push_str("\n- ");
            text.push_str(remark);
        }
        let Self { environment, .. } = self;
        text.push_str(
            "\nnothing was changed; next: lockstep validate, lockstep apply, lockstep deploy ",
        );
        text.push_str(environment);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Initialised;
    use crate::view::Report;

    #[test]
    fn it_says_what_was_taken_over_and_what_was_not() {
        let report = Initialised {
            application: "shop".into(),
            environment: "production".into(),
            manifest: "lockstep.yaml".into(),
            backup: "lockstep-backup".into(),
            stacks: vec!["data".into()],
            services: vec![],
            functions: vec!["api".into(), "mail".into()],
            sites: vec!["pages".into()],
            remarks: vec!["service shop/web was left out: …".into()],
        };
        insta::assert_snapshot!(report.text());
    }
}
