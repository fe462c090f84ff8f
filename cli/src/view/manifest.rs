//! What `lockstep validate` and `lockstep apply` say.

use lockstep::manifest::{Manifest, ManifestError};
use serde::Serialize;

use super::Report;

/// `lockstep validate --json`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Validated {
    /// Whether `lockstep apply` would take it.
    pub valid: bool,
    /// The file as it was named.
    pub file: String,
    /// The application; absent when the file is faulty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// The services' names.
    pub services: Vec<String>,
    /// The functions' names, and those of groups of them.
    pub functions: Vec<String>,
    /// The stacks' names.
    pub stacks: Vec<String>,
    /// The names of the infrastructure that CodeBuild builds; left out where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub infrastructure: Vec<String>,
    /// The sites' names; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<String>,
    /// The environments' names.
    pub environments: Vec<String>,
    /// Everything that is wrong.
    pub faults: Vec<ManifestError>,
}

impl Validated {
    /// A manifest without a fault.
    pub fn good(file: &str, manifest: &Manifest) -> Self {
        Self {
            valid: true,
            file: file.to_owned(),
            application: Some(manifest.application.clone()),
            services: manifest.services.keys().cloned().collect(),
            functions: manifest.functions.keys().cloned().collect(),
            stacks: manifest.stacks.keys().cloned().collect(),
            infrastructure: manifest.infrastructure.keys().cloned().collect(),
            sites: manifest.sites.keys().cloned().collect(),
            environments: manifest.environments.keys().cloned().collect(),
            faults: Vec::new(),
        }
    }

    /// A manifest with faults.
    pub fn faulty(file: &str, faults: Vec<ManifestError>) -> Self {
        Self {
            valid: false,
            file: file.to_owned(),
            application: None,
            services: Vec::new(),
            functions: Vec::new(),
            stacks: Vec::new(),
            infrastructure: Vec::new(),
            sites: Vec::new(),
            environments: Vec::new(),
            faults,
        }
    }
}

impl Report for Validated {
    fn text(&self) -> String {
        if !self.valid {
            let faults: Vec<_> = self.faults.iter().map(ToString::to_string).collect();
            let count = if faults.len() == 1 {
                "1 fault".to_owned()
            } else {
                format!("{} faults", faults.len())
            };
            return format!("{}\n\n{}: {count}", faults.join("\n\n"), self.file);
        }
        let application = self.application.as_deref().unwrap_or_default();
        let mut parts = vec![format!("{} is valid: application {application}", self.file)];
        let kinds = [
            ("services", &self.services),
            ("functions", &self.functions),
            ("stacks", &self.stacks),
            ("infrastructure", &self.infrastructure),
            ("sites", &self.sites),
            ("environments", &self.environments),
        ];
        let some = kinds.iter().filter(|(_, names)| !names.is_empty());
        parts.extend(some.map(|(kind, names)| format!("{kind} {}", names.join(", "))));
        parts.join(", ")
    }
}

/// `lockstep apply --json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// The application.
    pub application: String,
    /// The version that is in force now.
    pub version: u64,
    /// Whether that is a new version.
    pub changed: bool,
    /// What starts a deployment from now on: a line an environment.
    pub triggers: Vec<EnvironmentTrigger>,
}

/// What starts a deployment to one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnvironmentTrigger {
    /// The environment.
    pub environment: String,
    /// The repositories whose images it runs.
    pub repositories: Vec<String>,
    /// The tags whose pushes deploy by themselves; empty when no push does.
    pub tags: Vec<String>,
    /// Whether uploaded releases deploy by themselves.
    pub releases: bool,
}

impl Report for Applied {
    fn text(&self) -> String {
        let Self {
            application,
            version,
            ..
        } = self;
        if !self.changed {
            return format!("{application}: unchanged, version {version} is in force");
        }
        let mut lines = vec![format!("{application}: version {version} is in force")];
        lines.extend(self.triggers.iter().map(EnvironmentTrigger::line));
        lines.join("\n")
    }
}

impl EnvironmentTrigger {
    fn line(&self) -> String {
        let Self { environment, .. } = self;
        let mut when = Vec::new();
        if !self.tags.is_empty() && !self.repositories.is_empty() {
            let (tags, repositories) = (self.tags.join(", "), self.repositories.join(", "));
            when.push(format!(
                "an image tagged {tags} is pushed to {repositories}"
            ));
        }
        if self.releases {
            when.push("a release is uploaded".to_owned());
        }
        if when.is_empty() {
            return format!(
                "  {environment}: deployed by hand, with `lockstep deploy {environment}`"
            );
        }
        format!("  {environment}: deployed when {}", when.join(", or when "))
    }
}

#[cfg(test)]
mod tests {
    use lockstep::manifest::Manifest;

    use super::{Applied, EnvironmentTrigger, Validated};
    use crate::view::Report;

    #[test]
    fn every_fault_is_shown_and_counted() {
        let faults =
            Manifest::parse("lockstep.yaml", "aplication: hello\nservices: {}\n").unwrap_err();
        let text = Validated::faulty("lockstep.yaml", faults).text();
        assert!(text.contains("aplication"), "{text}");
        assert!(
            text.lines().last().unwrap().starts_with("lockstep.yaml: "),
            "{text}"
        );
    }

    #[test]
    fn a_good_manifest_is_told_by_what_it_has() {
        let text = "application: quiz\nfunctions:\n  api: {}\nenvironments: { local: {} }\n";
        let manifest = Manifest::parse("lockstep.yaml", text).unwrap();
        assert_eq!(
            Validated::good("lockstep.yaml", manifest.manifest()).text(),
            "lockstep.yaml is valid: application quiz, functions api, environments local"
        );
    }

    #[test]
    fn applying_says_what_deploys_by_itself_from_now_on() {
        let trigger = |environment: &str, tags: &[&str], releases| EnvironmentTrigger {
            environment: environment.into(),
            repositories: vec!["hello/web".into()],
            tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
            releases,
        };
        let applied = Applied {
            application: "hello".into(),
            version: 3,
            changed: true,
            triggers: vec![
                trigger("development", &["*"], false),
                trigger("staging", &["v*"], true),
                trigger("preview", &[], true),
                trigger("production", &[], false),
            ],
        };
        insta::assert_snapshot!(applied.text());
        assert_eq!(
            Applied {
                changed: false,
                ..applied
            }
            .text(),
            "hello: unchanged, version 3 is in force"
        );
    }
}
