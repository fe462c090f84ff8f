//! From what is wanted and what is live to a step, or to what is in the way.

use super::{
    ConfigFile, Layout, LiveDistribution, Origin, SiteStep, Switch, default_key, is_release,
    release_id, scope, scope_in_place,
};
use crate::Check;
use crate::manifest::{ResolvedSite, ResolvedSwitch};
use crate::record::DeploymentRef;
use crate::release::ZipArtifact;

/// What there is of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The bucket's name.
    pub bucket: String,
    /// Why releases cannot be put there; `None` where they can.
    pub bucket_fault: Option<BucketFault>,
    /// The distribution's id.
    pub id: String,
    /// The distribution, if there is one of that id.
    pub distribution: Option<LiveDistribution>,
    /// The file that is made when the site is deployed.
    pub config: Option<ConfigFile>,
    /// The `KeyValueStore`, where the manifest names one.
    pub store: Option<FoundStore>,
    /// The release that the mark names, where releases lie in place; empty where there is none.
    pub marker: String,
}

/// What there is of a `KeyValueStore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundStore {
    /// What the manifest calls it.
    pub name: String,
    /// Its ARN; `None` where there is none of that name.
    pub arn: Option<String>,
    /// The value of the site's key; empty where it has none.
    pub path: String,
}

/// Why releases cannot be put into a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketFault {
    /// There is none of that name.
    Missing,
    /// It is in another region; this one, where that is known.
    Elsewhere(String),
}

/// Everything that a site is planned with.
#[derive(Debug, Clone, Copy)]
pub struct SiteInputs<'a> {
    /// The deployment.
    pub deployment: &'a DeploymentRef,
    /// The manifest's name of the site.
    pub component: &'a str,
    /// What the manifest says.
    pub site: &'a ResolvedSite,
    /// The bundle that is asked for, or else that of the last verified release.
    pub bundle: &'a ZipArtifact,
    /// What there is.
    pub found: &'a Found,
}

/// The step, or `None` where the release is live already.
///
/// # Errors
/// Every check that failed.
pub fn plan_site(inputs: &SiteInputs<'_>) -> Result<Option<SiteStep>, Vec<Check>> {
    let SiteInputs {
        deployment,
        component,
        site,
        bundle,
        found,
    } = *inputs;
    let bucket = found.bucket_fault.as_ref();
    let bucket = bucket.map(|fault| bucket_check(component, &found.bucket, fault));
    let (live, origin) = match origin(component, site, found) {
        Ok(place) if bucket.is_none() => place,
        Ok(_) => return Err(bucket.into_iter().collect()),
        Err(check) => return Err(bucket.into_iter().chain([check]).collect()),
    };
    let (switch, before) = switch(inputs, live, origin).map_err(|check| vec![check])?;
    let (layout, scope, before) = match &site.in_place {
        None => (Layout::Releases, scope(deployment, component), before),
        Some(prefix) => {
            let layout = layout(inputs, origin, prefix).map_err(|check| vec![check])?;
            let scope = scope_in_place(deployment, component, prefix);
            (layout, scope, found.marker.clone())
        }
    };
    let seen_below = match &layout {
        Layout::InPlace { seen_below, .. } => seen_below.clone(),
        Layout::Releases => String::new(),
    };
    let check = site.check.clone();
    let step = SiteStep {
        deployment: deployment.id.to_string(),
        component: component.to_owned(),
        layout,
        scope,
        bucket: found.bucket.clone(),
        distribution: found.id.clone(),
        origin: origin.id.clone(),
        switch,
        release: release_id(&bundle.sha256, found.config.as_ref(), &site.rules),
        bundle: bundle.clone(),
        rules: site.rules.clone(),
        config: found.config.clone(),
        before,
        invalidate: site.invalidate.clone(),
        check: check.unwrap_or_else(|| format!("https://{}/{seen_below}", live.domain)),
        keep: site.keep,
        deadline_seconds: site.timeout_seconds,
    };
    Ok((step.after() != step.before).then_some(step))
}

/// Where files lie in place, and where viewers see them.
fn layout(inputs: &SiteInputs<'_>, origin: &Origin, prefix: &str) -> Result<Layout, Check> {
    let check = |what: &str, found: String, expected: String, todo: &str| Check {
        what: what.into(),
        resource: format!("site {}", inputs.component),
        found,
        expected,
        todo: todo.into(),
        curable: true,
    };
    let marker = &inputs.found.marker;
    if !(marker.is_empty() || is_release(marker)) {
        return Err(check(
            "mark",
            marker.clone(),
            "the name of a release, or nothing".into(),
            "somebody wrote it: put back what was there, or delete it",
        ));
    }
    let path = origin.path.trim_start_matches('/');
    let seen_below = match path {
        "" => Some(prefix),
        path => prefix
            .strip_prefix(path)
            .and_then(|it| it.strip_prefix('/')),
    };
    let seen_below = seen_below.ok_or_else(|| {
        check(
            "origin path",
            origin.path.clone(),
            format!("one that leads to the prefix `{prefix}`"),
            "correct `prefix` in lockstep.yaml and apply it: viewers would not see the files",
        )
    })?;
    Ok(Layout::InPlace {
        prefix: prefix.to_owned(),
        seen_below: seen_below.to_owned(),
    })
}

/// How viewers are sent to a release, and where they are sent now.
fn switch(
    inputs: &SiteInputs<'_>,
    live: &LiveDistribution,
    origin: &Origin,
) -> Result<(Switch, String), Check> {
    let ResolvedSwitch::KeyValueStore { key, .. } = &inputs.site.switch else {
        return Ok((Switch::OriginPath, origin.path.clone()));
    };
    let check = |what: &str, found: String, expected: &str, todo: &str, curable| Check {
        what: what.into(),
        resource: format!("site {}", inputs.component),
        found,
        expected: expected.into(),
        todo: todo.into(),
        curable,
    };
    let store = inputs.found.store.clone().unwrap_or(FoundStore {
        name: "of this site".into(),
        arn: None,
        path: String::new(),
    });
    let Some(arn) = store.arn else {
        return Err(check(
            "key value store",
            format!("no KeyValueStore {}", store.name),
            "a KeyValueStore of this account",
            "create it, or correct `switch.key_value_store` in lockstep.yaml and apply it",
            true,
        ));
    };
    if !origin.path.is_empty() {
        return Err(check(
            "origin path",
            origin.path.clone(),
            "none: with a key as the switch, the whole path is the function's",
            "take it away in CloudFront's console, or use `switch: origin-path` in lockstep.yaml and apply it",
            true,
        ));
    }
    let behaviors = live.behaviors.iter();
    let blind = behaviors.filter(|it| it.origin == origin.id && !it.has_function);
    let blind: Vec<_> = blind.map(|it| it.pattern.as_str()).collect();
    if !blind.is_empty() {
        return Err(check(
            "function",
            format!("none on viewer requests for {}", blind.join(", ")),
            "a CloudFront function that puts the value of the key before the path",
            "associate it with each behavior of the origin; examples/site-key-value-store has one",
            true,
        ));
    }
    if !(store.path.is_empty() || store.path.starts_with('/')) {
        return Err(check(
            "key",
            store.path,
            "a path that begins with `/`, or no such key",
            "it is used for something else: name another `switch.key` in lockstep.yaml and apply it",
            true,
        ));
    }
    let key = key.clone();
    let key = key.unwrap_or_else(|| default_key(inputs.deployment, inputs.component));
    Ok((Switch::KeyValueStore { arn, key }, store.path))
}

fn origin<'a>(
    component: &str,
    site: &ResolvedSite,
    found: &'a Found,
) -> Result<(&'a LiveDistribution, &'a Origin), Check> {
    let resource = format!("site {component}");
    let check = |what: &str, found: String, expected: String, todo: &str, curable| Check {
        what: what.into(),
        resource: resource.clone(),
        found,
        expected,
        todo: todo.into(),
        curable,
    };
    let Some(live) = &found.distribution else {
        return Err(check(
            "distribution",
            format!("no distribution {}", found.id),
            "a distribution of this account".into(),
            "create it, or correct `distribution` in lockstep.yaml and apply it",
            true,
        ));
    };
    if !live.enabled {
        return Err(check(
            "distribution",
            format!("{} disabled", live.id),
            "an enabled distribution".into(),
            "enable it: nobody could see the site",
            true,
        ));
    }
    let of_bucket = live.origins_of(&found.bucket);
    let named = |name: &str| of_bucket.iter().find(|it| it.id == name).copied();
    let ids = |origins: &[&Origin]| {
        let ids: Vec<_> = origins.iter().map(|it| it.id.as_str()).collect();
        ids.join(", ")
    };
    let domains: Vec<_> = live.origins.iter().map(|it| it.domain.as_str()).collect();
    match (&site.origin, of_bucket.as_slice()) {
        (Some(name), _) if named(name).is_some() => {}
        (None, [_]) => {}
        (Some(name), [_, ..]) => {
            return Err(check(
                "origin",
                ids(&of_bucket),
                format!("an origin {name} that is the bucket {}", found.bucket),
                "correct `origin` in lockstep.yaml and apply it",
                true,
            ));
        }
        (_, []) => {
            return Err(check(
                "origin",
                domains.join(", "),
                format!(
                    "an origin of {} that is the bucket {}",
                    live.id, found.bucket
                ),
                "add the bucket to the distribution's origins, or correct `bucket` in lockstep.yaml and apply it",
                true,
            ));
        }
        (None, _) => {
            return Err(check(
                "origin",
                format!(
                    "{}, which all are the bucket {}",
                    ids(&of_bucket),
                    found.bucket
                ),
                "one of them".into(),
                "say which one is the site, with `origin` in lockstep.yaml, and apply it",
                false,
            ));
        }
    }
    let chosen = match &site.origin {
        Some(name) => named(name),
        None => of_bucket.first().copied(),
    };
    chosen.map(|origin| (live, origin)).ok_or_else(|| {
        check(
            "origin",
            domains.join(", "),
            "an origin".into(),
            "add the bucket to the distribution's origins",
            true,
        )
    })
}

fn bucket_check(component: &str, bucket: &str, fault: &BucketFault) -> Check {
    let resource = format!("site {component}");
    match fault {
        BucketFault::Missing => Check {
            what: "bucket".into(),
            resource,
            found: format!("no bucket {bucket}"),
            expected: "a bucket that the controller may write to".into(),
            todo: "create it, or correct `bucket` in lockstep.yaml and apply it".into(),
            curable: true,
        },
        BucketFault::Elsewhere(region) => Check {
            what: "bucket".into(),
            resource,
            found: format!(
                "{bucket} in another region{}",
                match region.as_str() {
                    "" => String::new(),
                    region => format!(", {region}"),
                }
            ),
            expected: "a bucket in the controller's region".into(),
            todo: "CloudFront serves from any region: use a bucket in this one".into(),
            curable: false,
        },
    }
}

/// The check that fails when a stack does not have what a site is made from.
pub fn missing_output(component: &str, stack: &str, output: &str, found: &str) -> Check {
    Check {
        what: "output".into(),
        resource: format!("site {component}"),
        found: found.to_owned(),
        expected: format!("the output {output} of the stack {stack}"),
        todo: "add it to the stack's template, or correct its name in lockstep.yaml and apply it"
            .into(),
        curable: true,
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::super::{Behavior, Layout, LiveDistribution, Origin, Rules, SiteStep, Switch};
    use crate::release::ZipArtifact;

    pub(in super::super) const BEFORE: &str = "0123456789abcdef0123";

    pub(in super::super) fn bundle() -> ZipArtifact {
        ZipArtifact {
            bucket: "releases".into(),
            key: "releases/quiz/1.1.0/web.zip".into(),
            version_id: None,
            sha256: "ab".repeat(32),
            size: 9,
            path: "web.zip".into(),
            release: "1.1.0".into(),
            released_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    pub(in super::super) fn distribution(path: &str) -> LiveDistribution {
        let origin = |id: &str, domain: &str, path: &str| Origin {
            id: id.into(),
            domain: domain.into(),
            path: path.into(),
        };
        LiveDistribution {
            id: "E1".into(),
            domain: "d1.cloudfront.net".into(),
            enabled: true,
            deployed: true,
            origins: vec![
                origin("api", "api.example.com", "/v1"),
                origin("s3", "web.s3.eu-west-1.amazonaws.com", path),
            ],
            behaviors: [("/api/*", "api"), ("/assets/*", "s3"), ("*", "s3")]
                .map(|(pattern, origin)| Behavior {
                    pattern: pattern.into(),
                    origin: origin.into(),
                    has_function: false,
                })
                .into(),
        }
    }

    pub(in super::super) fn step() -> SiteStep {
        SiteStep {
            deployment: "01JD".into(),
            component: "web".into(),
            layout: Layout::Releases,
            scope: "releases/quiz/production/web/".into(),
            bucket: "web".into(),
            distribution: "E1".into(),
            origin: "s3".into(),
            switch: Switch::OriginPath,
            release: "fedcba9876543210fedc".into(),
            bundle: bundle(),
            rules: Rules {
                html: vec!["**/*.html".into()],
                cache: vec![],
            },
            config: None,
            before: format!("/releases/quiz/production/web/{BEFORE}"),
            invalidate: vec![],
            check: "https://d1.cloudfront.net/".into(),
            keep: 5,
            deadline_seconds: 1800,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::super::{Layout, Origin, Rules, Switch};
    use super::testing::{bundle, distribution};
    use super::{BucketFault, Found, FoundStore, SiteInputs, plan_site};
    use crate::manifest::{ResolvedSite, ResolvedSwitch, StackParameter};
    use crate::record::DeploymentRef;
    use crate::site::SiteStep;

    fn site() -> ResolvedSite {
        ResolvedSite {
            bucket: StackParameter::Text("web".into()),
            distribution: StackParameter::Text("E1".into()),
            origin: None,
            switch: ResolvedSwitch::OriginPath,
            in_place: None,
            artifact: "web.zip".into(),
            rules: Rules::default(),
            config: None,
            check: None,
            invalidate: vec![],
            keep: 5,
            timeout_seconds: 60,
        }
    }

    fn found(path: &str) -> Found {
        Found {
            bucket: "web".into(),
            bucket_fault: None,
            id: "E1".into(),
            distribution: Some(distribution(path)),
            config: None,
            store: None,
            marker: String::new(),
        }
    }

    fn site_by_key() -> ResolvedSite {
        ResolvedSite {
            switch: ResolvedSwitch::KeyValueStore {
                store: StackParameter::Text("pointers".into()),
                key: None,
            },
            ..site()
        }
    }

    /// All that a site needs whose switch is a key with this value.
    fn found_by_key(path: &str) -> Found {
        let mut found = found("");
        let distribution = found.distribution.as_mut().unwrap();
        for behavior in &mut distribution.behaviors {
            behavior.has_function = behavior.origin == "s3";
        }
        found.store = Some(FoundStore {
            name: "pointers".into(),
            arn: Some("arn:aws:cloudfront::000000000000:key-value-store/s".into()),
            path: path.into(),
        });
        found
    }

    fn plan(site: &ResolvedSite, found: &Found) -> Result<Option<SiteStep>, Vec<String>> {
        let deployment = DeploymentRef {
            id: crate::DeploymentId::for_execution("x", "arn", 0),
            application: "quiz".into(),
            environment: "production".into(),
        };
        let inputs = SiteInputs {
            deployment: &deployment,
            component: "web",
            site,
            bundle: &bundle(),
            found,
        };
        let told = |checks: Vec<crate::Check>| checks.iter().map(ToString::to_string).collect();
        plan_site(&inputs).map_err(told)
    }

    #[test]
    fn the_first_release_takes_the_place_of_whatever_was_there() {
        let step = plan(&site(), &found("")).unwrap().unwrap();
        assert_eq!((step.before.as_str(), step.origin.as_str()), ("", "s3"));
        assert_eq!(step.check, "https://d1.cloudfront.net/");
        assert_eq!(step.before_label(), "what the bucket itself holds");
        assert_eq!(step.release_before(), None);
        let path = step.after();
        assert!(path.starts_with("/releases/") && !path.ends_with('/'));
        assert_eq!(plan(&site(), &found(&path)), Ok(None), "live already");
    }

    #[test]
    fn what_is_in_the_way_is_told_at_once() {
        let mut broken = found("");
        broken.bucket_fault = Some(BucketFault::Missing);
        broken.distribution = None;
        let told = plan(&site(), &broken).unwrap_err();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("no bucket web") && told[1].contains("no distribution E1"));
        let mut disabled = found("");
        disabled.distribution.as_mut().unwrap().enabled = false;
        assert!(plan(&site(), &disabled).unwrap_err()[0].contains("E1 disabled"));
        let mut other = found("");
        other.bucket = "other".into();
        let told = plan(&site(), &other).unwrap_err();
        assert!(
            told[0].contains("api.example.com, web.s3.eu-west-1.amazonaws.com"),
            "{told:?}"
        );
    }

    #[test]
    fn of_several_origins_the_manifest_names_one() {
        let mut twice = found("/old");
        twice.distribution.as_mut().unwrap().origins.push(Origin {
            id: "docs".into(),
            domain: "web.s3.amazonaws.com".into(),
            path: "/docs".into(),
        });
        assert!(plan(&site(), &twice).unwrap_err()[0].contains("s3, docs, which all are"));
        let named = |name: &str| ResolvedSite {
            origin: Some(name.into()),
            ..site()
        };
        let step = plan(&named("docs"), &twice).unwrap().unwrap();
        assert_eq!(
            (step.origin.as_str(), step.before.as_str()),
            ("docs", "/docs")
        );
        assert!(plan(&named("nope"), &twice).unwrap_err()[0].contains("an origin nope"));
    }

    #[test]
    fn in_place_the_mark_says_what_is_live() {
        let below = |prefix: &str| ResolvedSite {
            in_place: Some(prefix.into()),
            ..site()
        };
        let step = plan(&below("app/"), &found("")).unwrap().unwrap();
        assert_eq!((step.before.as_str(), step.seen_below()), ("", "app/"));
        assert_eq!(step.check, "https://d1.cloudfront.net/app/");
        assert_eq!(step.scope, ".lockstep/quiz/production/web/below:app/");
        let mut live = found("/app");
        live.marker = step.release.clone();
        assert_eq!(plan(&below("app/"), &live), Ok(None), "live already");
        live.marker = "0123456789abcdef0123".into();
        let step = plan(&below("app/"), &live).unwrap().unwrap();
        assert_eq!(
            (step.before, step.layout),
            (
                live.marker.clone(),
                Layout::InPlace {
                    prefix: "app/".into(),
                    seen_below: String::new()
                }
            )
        );
        let lost = plan(&below(""), &live).unwrap_err();
        assert!(lost[0].contains("/app"), "{lost:?}");
        live.marker = "<html>".into();
        assert!(plan(&below("app/"), &live).unwrap_err()[0].contains("<html>"));
    }

    #[test]
    fn a_key_is_read_where_it_is_the_switch() {
        let step = plan(&site_by_key(), &found_by_key("/old")).unwrap();
        let step = step.unwrap();
        assert_eq!(step.before, "/old");
        let expected = Switch::KeyValueStore {
            arn: "arn:aws:cloudfront::000000000000:key-value-store/s".into(),
            key: "quiz/production/web".into(),
        };
        assert_eq!(step.switch, expected);
        let live = found_by_key(&step.after());
        assert_eq!(plan(&site_by_key(), &live), Ok(None), "live already");
        let first = plan(&site_by_key(), &found_by_key("")).unwrap().unwrap();
        assert!(first.restore_command().contains("delete-key"));
        assert!(step.restore_command().contains("put-key --value '/old'"));
    }

    #[test]
    fn what_a_key_needs_is_told_before_anything_changes() {
        let told = |change: &dyn Fn(&mut Found)| {
            let mut found = found_by_key("/old");
            change(&mut found);
            plan(&site_by_key(), &found).unwrap_err().remove(0)
        };
        let missing = told(&|it| it.store.as_mut().unwrap().arn = None);
        assert!(missing.contains("no KeyValueStore pointers"), "{missing}");
        let moved = told(&|it| it.distribution.as_mut().unwrap().origins[1].path = "/x".into());
        assert!(moved.contains("/x"), "{moved}");
        let blind = told(&|it| it.distribution.as_mut().unwrap().behaviors[1].has_function = false);
        assert!(blind.contains("/assets/*"), "{blind}");
        let other = told(&|it| it.store.as_mut().unwrap().path = "blue".into());
        assert!(other.contains("blue"), "{other}");
    }
}
