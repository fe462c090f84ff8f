//! Sites: what is live, what should be, and everything that is in the way.

use std::collections::BTreeMap;

use aws_types::SdkConfig;
use futures_util::future::try_join_all;
use lockstep::ecs::Check;
use lockstep::manifest::{ResolvedEnvironment, ResolvedSite, ResolvedSwitch, StackParameter};
use lockstep::plan::{Change, Part, PartStep};
use lockstep::record::DeploymentRef;
use lockstep::release::{Artifact, Artifacts, ZipArtifact};
use lockstep::site::{
    ConfigFile, Found, FoundStore, Pointer, SiteInputs, default_key, marker_key, missing_output,
    plan_site, scope_in_place,
};
use lockstep::{Only, PhaseError};
use lockstep_cloudformation::CloudFormation;
use lockstep_site::{Bucket, CloudFront, KeyValues};

use crate::answer::or_check;

/// Everything that sites are planned with.
#[derive(Debug)]
pub(crate) struct Sites {
    pub(crate) sdk: SdkConfig,
    pub(crate) cloudfront: CloudFront,
    pub(crate) key_values: KeyValues,
    pub(crate) cloudformation: CloudFormation,
}

/// The outputs of the stacks that sites use, by the manifest's name of the stack. `None` where
/// there is no such stack.
type Outputs = BTreeMap<String, Option<BTreeMap<String, String>>>;

impl Sites {
    /// The part of all sites that the deployment is about and that have a bundle: one that is asked for, or else that of the last
    /// verified release.
    pub(crate) async fn plan(
        &self,
        deployment: &DeploymentRef,
        (environment, only): (&ResolvedEnvironment, &Only),
        requested: &Artifacts,
        verified: &Artifacts,
    ) -> Result<Part, PhaseError> {
        let outputs = self.outputs(environment, only).await?;
        let sites = environment.sites.iter();
        let sites = sites.filter(|(component, _)| only.has(component));
        let sites = sites.filter_map(|(component, site)| {
            let bundle = |of: &'_ Artifacts| of.get(component).and_then(Artifact::as_site).cloned();
            Some((
                component,
                site,
                bundle(requested).or_else(|| bundle(verified))?,
            ))
        });
        let outputs = &outputs;
        let parts = sites.map(async |(component, site, bundle)| {
            self.site(deployment, (component, site), &bundle, outputs)
                .await
        });
        Ok(Part::merged(try_join_all(parts).await?))
    }

    async fn outputs(
        &self,
        environment: &ResolvedEnvironment,
        only: &Only,
    ) -> Result<Outputs, PhaseError> {
        let mut outputs = Outputs::new();
        let sites = environment.sites.iter();
        let sites = sites.filter(|(component, _)| only.has(component));
        for component in sites.flat_map(|(_, site)| site.stacks()) {
            let Some(stack) = environment.stacks.get(component) else {
                continue;
            };
            if !outputs.contains_key(component) {
                let live = self.cloudformation.stack(&stack.stack).await?;
                outputs.insert(component.to_owned(), live.map(|it| it.outputs));
            }
        }
        Ok(outputs)
    }

    async fn site(
        &self,
        deployment: &DeploymentRef,
        (component, site): (&str, &ResolvedSite),
        bundle: &ZipArtifact,
        outputs: &Outputs,
    ) -> Result<Part, PhaseError> {
        let failed = |failed| Part {
            steps: Vec::new(),
            failed,
        };
        let Values {
            bucket,
            distribution: id,
            config,
            store,
        } = match values(component, site, outputs) {
            Ok(values) => values,
            Err(checks) => return Ok(failed(checks)),
        };
        let place = Bucket::new(&self.sdk, &bucket);
        let (fault, distribution) = tokio::join!(place.fault(), self.cloudfront.distribution(&id));
        let (fault, distribution) = match (or_check(fault)?, or_check(distribution)?) {
            (Ok(fault), Ok(distribution)) => (fault, distribution),
            (fault, distribution) => {
                let checks = [fault.err(), distribution.err()].into_iter().flatten();
                return Ok(failed(checks.map(allowed_by).collect()));
            }
        };
        let store = match (&site.switch, store) {
            (ResolvedSwitch::KeyValueStore { key, .. }, Some(name)) => {
                let key = key.clone();
                let key = key.unwrap_or_else(|| default_key(deployment, component));
                match or_check(self.store(name, &key).await)? {
                    Ok(store) => Some(store),
                    Err(check) => return Ok(failed(vec![allowed_by(check)])),
                }
            }
            _ => None,
        };
        let marker = match &site.in_place {
            None => String::new(),
            Some(prefix) => {
                let key = marker_key(&scope_in_place(deployment, component, prefix));
                match or_check(place.read(&key).await)? {
                    Ok(mark) => String::from_utf8_lossy(&mark.unwrap_or_default()).into_owned(),
                    // Without the bucket there is no mark.
                    Err(_) if fault.is_some() => String::new(),
                    Err(check) => return Ok(failed(vec![allowed_by(check)])),
                }
            }
        };
        let found = Found {
            marker,
            store,
            bucket,
            bucket_fault: fault,
            id,
            distribution,
            config,
        };
        let inputs = SiteInputs {
            deployment,
            component,
            site,
            bundle,
            found: &found,
        };
        Ok(match plan_site(&inputs) {
            Err(checks) => failed(checks),
            Ok(step) => Part {
                steps: step
                    .into_iter()
                    .map(|step| PartStep {
                        target: step.resource(),
                        before: step.before_label(),
                        after: step.after_label(),
                        change: Change::Site(Box::new(step)),
                    })
                    .collect(),
                failed: Vec::new(),
            },
        })
    }
}

impl Sites {
    /// A store by its name or ARN, and what the key says there.
    async fn store(&self, name: String, key: &str) -> Result<FoundStore, PhaseError> {
        let arn = if name.starts_with("arn:") {
            Some(name.clone())
        } else {
            self.cloudfront.key_value_store(&name).await?
        };
        let pointer = match &arn {
            Some(arn) => self.key_values.pointer(arn, key).await?,
            None => None,
        };
        let arn = arn.filter(|_| pointer.is_some());
        let Pointer { path, .. } = pointer.unwrap_or_default();
        Ok(FoundStore { name, arn, path })
    }
}

/// Sites have a parameter of their own.
fn allowed_by(check: Check) -> Check {
    Check {
        todo:
            "allow it with the parameters SiteBuckets, SiteBucketsInPlace, SiteDistributions and SiteKeyValueStores of the lockstep stack"
                .into(),
        ..check
    }
}

/// What a site is made from, with the outputs of stacks filled in.
#[derive(Debug, PartialEq, Eq)]
struct Values {
    bucket: String,
    distribution: String,
    config: Option<ConfigFile>,
    /// The name or the ARN of the `KeyValueStore`.
    store: Option<String>,
}

/// All of them, or every output that is missing.
fn values(component: &str, site: &ResolvedSite, outputs: &Outputs) -> Result<Values, Vec<Check>> {
    let mut checks = Vec::new();
    let mut value = |from: &StackParameter| match value(component, from, outputs) {
        Ok(text) => text,
        Err(check) => {
            checks.push(check);
            String::new()
        }
    };
    let (bucket, distribution) = (value(&site.bucket), value(&site.distribution));
    let store = match &site.switch {
        ResolvedSwitch::OriginPath => None,
        ResolvedSwitch::KeyValueStore { store, .. } => Some(value(store)),
    };
    let config = site.config.as_ref().map(|config| {
        let values = config.values.iter();
        let values: BTreeMap<&str, String> = values
            .map(|(key, from)| (key.as_str(), value(from)))
            .collect();
        let text = serde_json::to_string_pretty(&values).unwrap_or_default();
        ConfigFile {
            path: config.file.clone(),
            content: text + "\n",
        }
    });
    if checks.is_empty() {
        Ok(Values {
            bucket,
            distribution,
            config,
            store,
        })
    } else {
        Err(checks)
    }
}

fn value(component: &str, from: &StackParameter, outputs: &Outputs) -> Result<String, Check> {
    match from {
        StackParameter::Output {
            component: stack,
            output,
        } => {
            let Some(Some(known)) = outputs.get(stack) else {
                return Err(missing_output(component, stack, output, "no such stack"));
            };
            let found = || {
                let names: Vec<_> = known.keys().map(String::as_str).collect();
                match names.as_slice() {
                    [] => "no outputs".to_owned(),
                    names => names.join(", "),
                }
            };
            known
                .get(output)
                .cloned()
                .ok_or_else(|| missing_output(component, stack, output, &found()))
        }
        StackParameter::Text(text) => Ok(text.clone()),
        // The manifest knows no others for sites.
        StackParameter::Ssm(name) | StackParameter::Code(name) => Ok(name.clone()),
        StackParameter::Image { component, .. } => Ok(component.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lockstep::manifest::{ResolvedSite, ResolvedSiteConfig, ResolvedSwitch, StackParameter};
    use lockstep::site::Rules;

    use super::{Outputs, values};

    fn output(name: &str) -> StackParameter {
        StackParameter::Output {
            component: "platform".into(),
            output: name.into(),
        }
    }

    fn site() -> ResolvedSite {
        ResolvedSite {
            bucket: output("Bucket"),
            distribution: StackParameter::Text("E1".into()),
            origin: None,
            switch: ResolvedSwitch::OriginPath,
            in_place: None,
            artifact: "web.zip".into(),
            rules: Rules::default(),
            config: Some(ResolvedSiteConfig {
                file: "config.json".into(),
                values: [
                    ("apiUrl".to_owned(), output("ApiUrl")),
                    ("stage".to_owned(), StackParameter::Text("dev".into())),
                ]
                .into(),
            }),
            check: None,
            invalidate: vec![],
            keep: 5,
            timeout_seconds: 60,
        }
    }

    #[test]
    fn outputs_of_stacks_go_where_they_are_used() {
        let known = BTreeMap::from([
            ("Bucket".to_owned(), "web-dev".to_owned()),
            ("ApiUrl".to_owned(), "https://api.example.com".to_owned()),
        ]);
        let outputs = Outputs::from([("platform".to_owned(), Some(known))]);
        let mut site = site();
        site.switch = ResolvedSwitch::KeyValueStore {
            store: output("Bucket"),
            key: None,
        };
        let found = values("web", &site, &outputs).unwrap();
        assert_eq!(
            (found.bucket.as_str(), found.distribution.as_str()),
            ("web-dev", "E1")
        );
        assert_eq!(found.store.as_deref(), Some("web-dev"));
        assert_eq!(
            found.config.unwrap().content,
            "{\n  \"apiUrl\": \"https://api.example.com\",\n  \"stage\": \"dev\"\n}\n"
        );
    }

    #[test]
    fn missing_ones_are_told_together_and_a_stack_may_bring_them() {
        let known = BTreeMap::from([("Bucket".to_owned(), "web-dev".to_owned())]);
        let outputs = Outputs::from([("platform".to_owned(), Some(known))]);
        let checks = values("web", &site(), &outputs).unwrap_err();
        assert_eq!(checks.len(), 1);
        assert!(checks[0].curable && checks[0].found == "Bucket");
        let outputs = Outputs::from([("platform".to_owned(), None)]);
        assert_eq!(values("web", &site(), &outputs).unwrap_err().len(), 2);
    }
}
