//! Looking at the buckets and distributions of sites.

use lockstep::manifest::{ResolvedSite, StackParameter};
use lockstep::site::{BucketFault, LiveDistribution, release_of, scope};

use super::look::Scope;
use super::resource::Resource;

impl Scope<'_> {
    /// The bucket and the distribution of every site, and what is live there.
    pub(super) async fn sites(&self) -> Vec<Resource> {
        let sites = self.environment.sites.iter();
        let looks = sites.map(|(component, site)| self.site(component, site));
        let looks = futures_util::future::join_all(looks).await;
        looks.into_iter().flatten().collect()
    }

    async fn site(&self, component: &str, site: &ResolvedSite) -> Vec<Resource> {
        let (bucket, distribution) = tokio::join!(
            self.named("site bucket", component, &site.bucket),
            self.named("distribution", component, &site.distribution),
        );
        let name = bucket.as_ref().ok().cloned();
        let (bucket, distribution) = tokio::join!(
            async {
                match bucket {
                    Ok(name) => self.site_bucket(component, &name).await,
                    Err(unnamed) => *unnamed,
                }
            },
            async {
                match distribution {
                    Ok(id) => {
                        self.distribution((component, site), name.as_deref(), &id)
                            .await
                    }
                    Err(unnamed) => *unnamed,
                }
            },
        );
        vec![bucket, distribution]
    }

    /// A text of the manifest, or what a stack gives; where it gives nothing, what to tell of it.
    async fn named(
        &self,
        kind: &'static str,
        component: &str,
        value: &StackParameter,
    ) -> Result<String, Box<Resource>> {
        let (stack, output) = match value {
            StackParameter::Text(text) => return Ok(text.clone()),
            StackParameter::Output { component, output } => (component, output),
            // The manifest knows no others for sites.
            StackParameter::Ssm(name) | StackParameter::Code(name) => return Ok(name.clone()),
            StackParameter::Image { component, .. } => return Ok(component.clone()),
        };
        let resource = Resource::new(kind, format!("{stack}.{output}"), Some(component));
        let Some(resolved) = self.environment.stacks.get(stack) else {
            let todo = format!("correct `output` in lockstep.yaml: it has no stack {stack}");
            return Err(Box::new(resource.faulty("no such stack", todo)));
        };
        let live = match self.account.cloudformation.stack(&resolved.stack).await {
            Ok(live) => live,
            Err(error) => return Err(Box::new(resource.unknown(&error))),
        };
        let given = live.and_then(|live| live.outputs.get(output).cloned());
        given.ok_or_else(|| {
            let mut resource = resource.missing();
            resource.todo = Some(format!(
                "`lockstep deploy {}` creates it, if the template of stack {stack} has the output {output}",
                self.environment.environment
            ));
            Box::new(resource)
        })
    }

    async fn site_bucket(&self, component: &str, name: &str) -> Resource {
        let resource = Resource::new("site bucket", name, Some(component));
        match self.account.bucket(name).fault().await {
            Ok(None) => resource.found(""),
            Ok(Some(BucketFault::Missing)) => resource.missing(),
            Ok(Some(BucketFault::Elsewhere(region))) => resource.faulty(
                format!("it is in another region {region}").trim_end(),
                "CloudFront serves from any region: use a bucket in the controller's",
            ),
            Err(error) => resource.unknown(&error),
        }
    }

    async fn distribution(
        &self,
        (component, site): (&str, &ResolvedSite),
        bucket: Option<&str>,
        id: &str,
    ) -> Resource {
        let resource = Resource::new("distribution", id, Some(component));
        let live = match self.account.cloudfront.distribution(id).await {
            Ok(Some(live)) => live,
            Ok(None) => return resource.missing(),
            Err(error) => return resource.unknown(&error),
        };
        if !live.enabled {
            return resource.faulty("it is disabled", "enable it: nobody can see the site");
        }
        let Some(bucket) = bucket else {
            return resource.found("");
        };
        let scope = scope(&self.any_deployment(), component);
        match served(&live, bucket, site.origin.as_deref(), &scope) {
            Ok(note) => resource.found(note),
            Err((note, todo)) => resource.faulty(note, todo),
        }
    }
}

/// What a distribution serves from a bucket, or why that cannot be said and what to do.
fn served(
    live: &LiveDistribution,
    bucket: &str,
    origin: Option<&str>,
    scope: &str,
) -> Result<String, (String, String)> {
    let mut origins = live.origins_of(bucket);
    if let Some(name) = origin {
        origins.retain(|it| it.id == name);
    }
    match origins.as_slice() {
        [one] if one.path.is_empty() => Ok("serves what the bucket itself holds".to_owned()),
        [one] => Ok(match release_of(scope, &one.path) {
            Some(release) => format!("serves release {}", release.get(..12).unwrap_or(release)),
            None => format!("serves what the bucket holds at {}", one.path),
        }),
        [] => Err((
            format!("none of its origins is the bucket {bucket}"),
            "add the bucket to its origins, or correct `bucket` or `origin` in lockstep.yaml"
                .to_owned(),
        )),
        _ => Err((
            format!("several of its origins are the bucket {bucket}"),
            "say which one is the site, with `origin` in lockstep.yaml".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use lockstep::site::{LiveDistribution, Origin};

    use super::served;

    fn live(origins: &[(&str, &str)]) -> LiveDistribution {
        let origin = |(id, path): &(&str, &str)| Origin {
            id: (*id).into(),
            domain: "web.s3.eu-west-1.amazonaws.com".into(),
            path: (*path).into(),
        };
        LiveDistribution {
            id: "E1".into(),
            domain: "d1.cloudfront.net".into(),
            enabled: true,
            deployed: true,
            origins: origins.iter().map(origin).collect(),
        }
    }

    #[test]
    fn what_is_served_is_told() {
        let scope = "releases/quiz/production/web/";
        let told = |path| served(&live(&[("s3", path)]), "web", None, scope).unwrap();
        assert_eq!(told(""), "serves what the bucket itself holds");
        assert_eq!(
            told("/releases/quiz/production/web/0123456789abcdef0123"),
            "serves release 0123456789ab"
        );
        assert_eq!(told("/v1"), "serves what the bucket holds at /v1");
    }

    #[test]
    fn an_origin_that_cannot_be_told_is_a_fault() {
        let refused = |live: &LiveDistribution, bucket, origin| {
            served(live, bucket, origin, "releases/").unwrap_err().0
        };
        let two = live(&[("one", ""), ("other", "")]);
        assert_eq!(
            refused(&two, "web", None),
            "several of its origins are the bucket web"
        );
        assert!(served(&two, "web", Some("other"), "releases/").is_ok());
        assert_eq!(
            refused(&two, "web2", None),
            "none of its origins is the bucket web2"
        );
    }
}
