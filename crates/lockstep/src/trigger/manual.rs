//! Deployments that a person or a pipeline asks for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::image::ImageReference;
use super::input::Fields;
use crate::image_build::{COMMIT, is_commit};
use crate::manifest::names::{is_ecs_name, is_name, is_release_version, nearest};
use crate::manifest::{CodeSource, ResolvedEnvironment};
use crate::release::Component;
use crate::stack::Approval;
use crate::{Only, PhaseError};

/// A person's wish: this application, in this environment, with these images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualRequest {
    /// The application's name.
    pub application: String,
    /// The environment's name.
    pub environment: String,
    /// Images by `service`, `service/container` or function. Containers that are not named stay as
    /// they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, ImageReference>,
    /// The version of an uploaded release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The commit whose images are wanted of all builds: those that are missing are built first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether images that are older than what was deployed last are wanted.
    #[serde(default)]
    pub allow_older: bool,
    /// What is allowed for this deployment only: `network/OrdersTable` lets the stack `network`
    /// replace or delete that resource although it holds data, and `network/skip:Resource` lets a
    /// rollback that got stuck skip it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approve: Vec<String>,
    /// The components to deploy, by the manifest's names; all of them where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
}

/// An image that is wanted of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitImage {
    /// The manifest's name of the build that makes it.
    pub build: String,
    /// The ECR repository's name.
    pub repository: String,
    /// The commit, which is its tag.
    pub commit: String,
    /// What is to run it.
    pub components: Vec<Component>,
}

impl ManualRequest {
    pub(super) fn read(input: &Fields<'_>) -> Result<Self, PhaseError> {
        input.only(&[
            "application",
            "environment",
            "images",
            "release",
            "commit",
            "by",
            "reason",
            "allow_older",
            "approve",
            "only",
        ])?;
        Ok(Self {
            application: name(input, "application")?,
            environment: name(input, "environment")?,
            images: images(input)?,
            release: release(input)?,
            commit: commit(input)?,
            by: input.optional_text("by")?.map(str::to_owned),
            reason: input.optional_text("reason")?.map(str::to_owned),
            allow_older: input.optional_bool("allow_older")?.unwrap_or(false),
            approve: approve(input)?,
            only: only(input)?,
        })
    }

    /// The images by component of the environment, each named as `service/container`, or by a
    /// function's name.
    ///
    /// # Errors
    /// [`PhaseError::InvalidRequest`] for a service or container the environment does not
    /// have, for a service with several containers that is named alone, and for a
    /// component that is named twice. The same for an approval of a stack that it does not have.
    pub fn components(
        &self,
        environment: &ResolvedEnvironment,
    ) -> Result<BTreeMap<Component, ImageReference>, PhaseError> {
        self.check_approvals(environment)?;
        let mut components = BTreeMap::new();
        for (key, image) in &self.images {
            let invalid = |reason| PhaseError::InvalidRequest {
                field: format!("images.{key}"),
                reason,
            };
            let component = component(key, environment).map_err(invalid)?;
            if components
                .insert(component.clone(), image.clone())
                .is_some()
            {
                return Err(invalid(format!(
                    "{component} is named twice, expected one image for it"
                )));
            }
        }
        Ok(components)
    }

    /// The images of the commit, of all builds that make an image for a component that it is about;
    /// none where it names no commit. What [`Self::images`] names is left to that.
    ///
    /// # Errors
    /// [`PhaseError::InvalidRequest`] where there is no such build.
    pub fn of_commit(
        &self,
        environment: &ResolvedEnvironment,
        only: &Only,
        named: &BTreeMap<Component, ImageReference>,
    ) -> Result<Vec<CommitImage>, PhaseError> {
        let Some(commit) = &self.commit else {
            return Ok(Vec::new());
        };
        let wanted = environment.builds.iter().map(|(build, it)| CommitImage {
            build: build.clone(),
            repository: it.image.clone(),
            commit: commit.clone(),
            components: environment
                .components_of(&it.image)
                .into_iter()
                .filter(|component| only.has(component) && !named.contains_key(component))
                .collect(),
        });
        let wanted: Vec<_> = wanted.filter(|it| !it.components.is_empty()).collect();
        if !wanted.is_empty() {
            return Ok(wanted);
        }
        let reason = match only.words() {
            _ if environment.builds.is_empty() => format!(
                "found `{commit}`, but {} has no `builds` in its manifest, so that nobody knows how to build it; name images instead",
                environment.application
            ),
            Some(words) => format!(
                "found `{commit}`, but no build makes an image for what is deployed: {words}"
            ),
            None => {
                format!("found `{commit}`, but every image that a build makes is named by itself")
            }
        };
        Err(PhaseError::InvalidRequest {
            field: "commit".to_owned(),
            reason,
        })
    }

    /// The components that it is about.
    ///
    /// # Errors
    /// [`PhaseError::InvalidRequest`] for a name that no component has, and for an approval of
    /// something that it is not about.
    pub fn only(&self, environment: &ResolvedEnvironment) -> Result<Only, PhaseError> {
        let invalid = |field: &str, reason| PhaseError::InvalidRequest {
            field: field.to_owned(),
            reason,
        };
        let only = Only::of(environment, &self.only).map_err(|reason| invalid("only", reason))?;
        let outside = self.approve.iter().find(|text| !only.has(text));
        match (outside, only.words()) {
            (Some(text), Some(words)) => Err(invalid(
                "approve",
                format!("found `{text}`, which is not deployed: {words}"),
            )),
            _ => Ok(only),
        }
    }

    fn check_approvals(&self, environment: &ResolvedEnvironment) -> Result<(), PhaseError> {
        let stacks = environment.stacks.keys();
        let known = stacks.chain(environment.infrastructure.keys());
        let known: Vec<_> = known.map(String::as_str).collect();
        for text in &self.approve {
            let approval = Approval::parse(text).map_err(|expected| format!("expected {expected}"));
            let is_stack = |name: &String| environment.stacks.contains_key(name);
            let found = approval.and_then(|approval| match &approval.component {
                stack if is_stack(stack) && !approval.is_logical_id() => Err(format!(
                    "{stack} is a stack, whose resources are named by their logical ids, such as {stack}/OrdersTable"
                )),
                other if approval.skip && !is_stack(other) && known.contains(&other.as_str()) => {
                    Err(format!(
                        "{other} is no stack, so that there is no rollback that could skip something"
                    ))
                }
                stack if known.contains(&stack.as_str()) => Ok(()),
                _ if known.is_empty() => Err(format!(
                    "{} has no stacks and no infrastructure, so that there is nothing to approve",
                    environment.application
                )),
                other if environment.infrastructure.is_empty() => {
                    Err(unknown("stack", other, &known, &environment.application))
                }
                other => {
                    let what = "stack or infrastructure";
                    Err(unknown(what, other, &known, &environment.application))
                }
            });
            found.map_err(|reason| PhaseError::InvalidRequest {
                field: "approve".to_owned(),
                reason: format!("found `{text}`: {reason}"),
            })?;
        }
        Ok(())
    }
}

fn name(input: &Fields<'_>, key: &str) -> Result<String, PhaseError> {
    let text = input.text(key)?;
    if is_name(text) {
        return Ok(text.to_owned());
    }
    let expected =
        "a lower-case letter, then lower-case letters, digits and hyphens, at most 32 characters";
    Err(input.invalid(key, format!("found `{text}`, expected {expected}")))
}

fn release(input: &Fields<'_>) -> Result<Option<String>, PhaseError> {
    let Some(version) = input.optional_text("release")? else {
        return Ok(None);
    };
    if is_release_version(version) {
        return Ok(Some(version.to_owned()));
    }
    let expected = "a release's version: up to 128 letters, digits, `.`, `_`, `+` and `-`, beginning with a letter \
                    or a digit";
    Err(input.invalid("release", format!("found `{version}`, expected {expected}")))
}

fn commit(input: &Fields<'_>) -> Result<Option<String>, PhaseError> {
    let Some(commit) = input.optional_text("commit")? else {
        return Ok(None);
    };
    if is_commit(commit) {
        return Ok(Some(commit.to_owned()));
    }
    Err(input.invalid("commit", format!("found `{commit}`, expected {COMMIT}")))
}

fn images(input: &Fields<'_>) -> Result<BTreeMap<String, ImageReference>, PhaseError> {
    let Some(images) = input.optional_object("images")? else {
        return Ok(BTreeMap::new());
    };
    let read = |(key, value): (&String, &serde_json::Value)| {
        let (service, container) = key.split_once('/').unwrap_or((key, "-"));
        if !is_name(service) || !is_ecs_name(container) {
            return Err(images.invalid(key, "expected `service` or `service/container` as the key"));
        }
        let text = value
            .as_str()
            .ok_or_else(|| images.wrong(key, value, "a tag or a `sha256:` digest"))?;
        let image = ImageReference::parse(text).map_err(|reason| images.invalid(key, reason))?;
        Ok((key.clone(), image))
    };
    images.entries().map(read).collect()
}

fn approve(input: &Fields<'_>) -> Result<Vec<String>, PhaseError> {
    let read = |(index, value): (usize, &serde_json::Value)| {
        let key = format!("approve[{index}]");
        let expected = "`STACK/RESOURCE`";
        let text = value
            .as_str()
            .ok_or_else(|| input.wrong(&key, value, expected))?;
        let refused =
            |expected| input.invalid(&key, format!("found `{text}`, expected {expected}"));
        Approval::parse(text)
            .map(|it| it.to_string())
            .map_err(refused)
    };
    input
        .optional_list("approve")?
        .iter()
        .enumerate()
        .map(read)
        .collect()
}

fn only(input: &Fields<'_>) -> Result<Vec<String>, PhaseError> {
    let names = input.optional_list("only")?;
    if names.is_empty() && input.has("only") {
        // Whoever computed the list meant less than everything.
        return Err(input.invalid(
            "only",
            "found an empty list, expected names of components; leave `only` out to deploy everything",
        ));
    }
    let read = |(index, value): (usize, &serde_json::Value)| {
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| input.wrong(&format!("only[{index}]"), value, "a component's name"))
    };
    names.iter().enumerate().map(read).collect()
}

fn component(key: &str, environment: &ResolvedEnvironment) -> Result<Component, String> {
    let (name, container) = match key.split_once('/') {
        Some((name, container)) => (name, Some(container)),
        None => (key, None),
    };
    if let (None, Some(function)) = (container, environment.functions.get(name)) {
        return match function.code {
            CodeSource::Image(_) => Ok(key.to_owned()),
            CodeSource::Zip(_) => Err(format!(
                "the code of {name} comes from uploaded releases, expected a component with images; name a release instead"
            )),
        };
    }
    let functions = environment.functions.iter();
    let functions = functions.filter(|(_, it)| matches!(it.code, CodeSource::Image(_)));
    let (services, functions) = (environment.services.keys(), functions.map(|(name, _)| name));
    let service = environment.services.get(name).ok_or_else(|| {
        let known: Vec<_> = services.chain(functions).map(String::as_str).collect();
        unknown("service", name, &known, &environment.application)
    })?;
    let containers: Vec<_> = service.containers.keys().map(String::as_str).collect();
    match (container, containers.as_slice()) {
        (Some(container), _) if containers.contains(&container) => Ok(key.to_owned()),
        (Some(container), _) => Err(unknown("container", container, &containers, name)),
        (None, [only]) => Ok(format!("{name}/{only}")),
        (None, _) => {
            let all: Vec<_> = containers.iter().map(|it| format!("{name}/{it}")).collect();
            Err(format!(
                "{name} has several containers, expected one of: {}",
                all.join(", ")
            ))
        }
    }
}

fn unknown(what: &str, name: &str, known: &[&str], owner: &str) -> String {
    let meant = nearest(name, known.iter().copied()).map(|it| format!("; did you mean `{it}`?"));
    let known = known.join(", ");
    format!(
        "{owner} has no {what} `{name}`, expected one of: {known}{}",
        meant.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use serde_json::json;

    use super::ManualRequest;
    use crate::manifest::{ResolvedEnvironment, ResolvedStack};
    use crate::trigger::TriggerInput;

    fn environment() -> ResolvedEnvironment {
        let service = |containers| json!({"cluster": "c", "service": "s", "containers": containers, "rollout": {}});
        let services = json!({
            "web": service(json!({"app": "quiz/web"})),
            "worker": service(json!({"worker": "quiz/worker", "metrics": "shared/metrics"})),
        });
        let environment = json!({"application": "quiz", "environment": "local", "services": services, "verify": {}});
        serde_json::from_value(environment).unwrap()
    }

    fn components(images: &serde_json::Value) -> Result<Vec<String>, String> {
        let request = json!({"application": "quiz", "environment": "local", "images": images});
        let request: ManualRequest = serde_json::from_value(request).unwrap();
        let components = request
            .components(&environment())
            .map_err(|error| error.to_string())?;
        Ok(components
            .into_iter()
            .map(|(component, image)| format!("{component}={image}"))
            .collect())
    }

    #[test]
    fn a_service_with_one_container_needs_no_container_name() {
        let images = json!({"web": "v2", "worker/metrics": "v7"});
        assert_eq!(
            components(&images).unwrap(),
            ["web/app=v2", "worker/metrics=v7"]
        );
        assert!(components(&json!({})).unwrap().is_empty());
    }

    #[test]
    fn approvals_are_for_stacks_that_there_are() {
        let stack = json!({
            "stack": "quiz-local-data", "template": {"released": "data.yaml"}, "tags": {}, "monitoring_minutes": 0,
            "termination_protection": false, "timeout_seconds": 3600,
        });
        let stack: ResolvedStack = serde_json::from_value(stack).unwrap();
        let mut with_stack = environment();
        with_stack.stacks.insert("data".to_owned(), stack);
        let asked = |approval: &str, environment: &ResolvedEnvironment| {
            let request =
                json!({"application": "quiz", "environment": "local", "approve": [approval]});
            let TriggerInput::Manual(request) =
                TriggerInput::parse(&request).map_err(|error| error.to_string())?
            else {
                panic!("not a manual request");
            };
            request
                .components(environment)
                .map(drop)
                .map_err(|error| error.to_string())
        };
        assert_eq!(asked("data/Orders", &with_stack), Ok(()));
        assert_eq!(asked("data/skip:Nested/Orders", &with_stack), Ok(()));
        let refused = asked("dta/Orders", &with_stack).unwrap_err();
        assert!(
            refused
                .contains("quiz has no stack `dta`, expected one of: data; did you mean `data`?"),
            "{refused}"
        );
        assert!(
            asked("data/Orders", &environment())
                .unwrap_err()
                .contains("has no stacks")
        );
        let refused = asked("data/aws_db_instance.main", &with_stack).unwrap_err();
        assert!(refused.contains("logical ids"), "{refused}");
        let build = json!({"project": {"plan": "p", "apply": "p"}, "source": {"released": "p.zip"}, "timeout_minutes": 60});
        let build = serde_json::from_value(build).unwrap();
        let mut with_both = with_stack.clone();
        with_both
            .infrastructure
            .insert("platform".to_owned(), build);
        assert_eq!(
            asked(
                "platform/module.db[\"a\"].aws_db_instance.main[0]",
                &with_both
            ),
            Ok(())
        );
        let refused = asked("platform/skip:a", &with_both).unwrap_err();
        assert!(refused.contains("platform is no stack"), "{refused}");
        let refused = asked("plattform/a", &with_both).unwrap_err();
        assert!(
            refused.contains("expected one of: data, platform"),
            "{refused}"
        );
        let refused = asked("Orders", &with_stack).unwrap_err();
        assert!(
            refused.starts_with(
                "invalid request: approve[0]: found `Orders`, expected `NAME/RESOURCE`"
            ),
            "{refused}"
        );
    }

    #[test]
    fn what_the_environment_does_not_have_is_named() {
        let message = |images| components(&images).unwrap_err();
        assert_eq!(
            message(json!({"wep": "v2"})),
            "invalid request: images.wep: quiz has no service `wep`, expected one of: web, worker; did you mean `web`?"
        );
        assert_eq!(
            message(json!({"worker/metric": "v2"})),
            "invalid request: images.worker/metric: worker has no container `metric`, expected one of: metrics, \
             worker; did you mean `metrics`?"
        );
        assert_eq!(
            message(json!({"worker": "v2"})),
            "invalid request: images.worker: worker has several containers, expected one of: worker/metrics, \
             worker/worker"
        );
    }

    fn of_commit(request: &serde_json::Value) -> Result<Vec<Vec<String>>, String> {
        let mut environment = environment();
        for (name, image) in [("web", "quiz/web"), ("metrics", "shared/metrics")] {
            let build = json!({"project": format!("lockstep-{name}"), "image": image, "timeout_minutes": 30});
            let build = serde_json::from_value(build).unwrap();
            environment.builds.insert(name.to_owned(), build);
        }
        let request = TriggerInput::parse(request).map_err(|error| error.to_string())?;
        let TriggerInput::Manual(request) = request else {
            panic!("not a manual request");
        };
        let named = request.components(&environment).unwrap();
        let only = request.only(&environment).unwrap();
        let wanted = request.of_commit(&environment, &only, &named);
        let wanted = wanted.map_err(|error| error.to_string())?;
        Ok(wanted.into_iter().map(|it| it.components).collect())
    }

    #[test]
    fn a_commit_is_for_whatever_runs_what_builds_make() {
        let request = |more: serde_json::Value| {
            let mut request =
                json!({"application": "quiz", "environment": "local", "commit": "3f2a9c1"});
            request
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            of_commit(&request)
        };
        let both = vec![
            vec!["worker/metrics".to_owned()],
            vec!["web/app".to_owned()],
        ];
        assert_eq!(request(json!({})), Ok(both.clone()));
        let web = vec![both[1].clone()];
        assert_eq!(request(json!({"only": ["web"]})), Ok(web.clone()));
        assert_eq!(
            request(json!({"images": {"worker/metrics": "v7"}})),
            Ok(web)
        );
        let all = json!({"images": {"worker/metrics": "v7", "web": "v2"}});
        let refused = request(all).unwrap_err();
        assert!(refused.contains("named by itself"), "{refused}");
        let refused = request(json!({"commit": "main"})).unwrap_err();
        assert_eq!(
            refused,
            "invalid request: commit: found `main`, expected a commit: 7 to 40 hexadecimal digits, in lower case"
        );
    }

    #[test]
    fn a_commit_needs_builds() {
        let request = json!({"application": "quiz", "environment": "local", "commit": "3f2a9c1"});
        let request: ManualRequest = serde_json::from_value(request).unwrap();
        let (none, everything) = (BTreeMap::new(), crate::Only::default());
        let told = request.of_commit(&environment(), &everything, &none);
        let told = told.unwrap_err().to_string();
        assert!(told.contains("quiz has no `builds`"), "{told}");
    }

    #[test]
    fn one_container_cannot_get_two_images() {
        let message = components(&json!({"web": "v2", "web/app": "v3"})).unwrap_err();
        assert!(
            message.ends_with("images.web/app: web/app is named twice, expected one image for it"),
            "{message}"
        );
    }
}
