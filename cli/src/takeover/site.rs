//! Sites: what a distribution serves from a bucket.

use std::collections::BTreeSet;

use lockstep::site::LiveDistribution;

use super::draft::DraftSite;

/// The site of a distribution, or why there is none that can be taken over. Its name is given
/// later.
pub fn drafted(live: &LiveDistribution) -> Result<DraftSite, String> {
    let buckets: BTreeSet<&str> = live
        .origins
        .iter()
        .filter_map(|origin| bucket_of(&origin.domain))
        .collect();
    let buckets: Vec<_> = buckets.into_iter().collect();
    match buckets.as_slice() {
        [] => Err("none of its origins is an S3 bucket".to_owned()),
        [bucket] => {
            let origins = live.origins_of(bucket);
            let several = origins.len() > 1;
            Ok(DraftSite {
                bucket: (*bucket).to_owned(),
                distribution: live.id.clone(),
                origin: origins.first().filter(|_| several).map(|it| it.id.clone()),
                ..DraftSite::default()
            })
        }
        several => Err(format!(
            "it serves several buckets ({}): write the one with the site under `sites:` yourself (docs/manifest.md)",
            several.join(", ")
        )),
    }
}

/// The bucket whose files an origin's host gives: `B.s3.eu-west-1.amazonaws.com` and the like.
fn bucket_of(domain: &str) -> Option<&str> {
    let mut ends = domain.match_indices(".s3");
    let (bucket, _) = ends.find_map(|(at, _)| {
        let rest = domain.get(at + 3..)?;
        let is_host = rest.starts_with(['.', '-']) && rest.contains("amazonaws.com");
        is_host.then(|| domain.split_at(at))
    })?;
    Some(bucket).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use lockstep::site::{LiveDistribution, Origin};

    use super::{bucket_of, drafted};

    fn live(domains: &[&str]) -> LiveDistribution {
        let origin = |(number, domain): (usize, &&str)| Origin {
            id: format!("o{number}"),
            domain: (*domain).into(),
            path: String::new(),
        };
        LiveDistribution {
            id: "E1".into(),
            domain: "d1.cloudfront.net".into(),
            enabled: true,
            deployed: true,
            origins: domains.iter().enumerate().map(origin).collect(),
        }
    }

    #[test]
    fn a_bucket_is_known_by_its_hosts() {
        for (domain, bucket) in [
            ("web.s3.eu-west-1.amazonaws.com", Some("web")),
            ("shop.web.s3.amazonaws.com", Some("shop.web")),
            ("web.s3-website-eu-west-1.amazonaws.com", Some("web")),
            ("web.s3-website.eu-west-1.amazonaws.com", Some("web")),
            ("api.s3cret.example.com", None),
            ("api.example.com", None),
        ] {
            assert_eq!(bucket_of(domain), bucket, "{domain}");
        }
    }

    #[test]
    fn a_site_is_the_one_bucket_of_a_distribution() {
        let (s3, api) = ("web.s3.amazonaws.com", "api.example.com");
        let site = drafted(&live(&[api, s3])).unwrap();
        assert_eq!((site.bucket.as_str(), site.origin), ("web", None));
        let twice = drafted(&live(&[s3, api, s3])).unwrap();
        assert_eq!(twice.origin.as_deref(), Some("o0"));
        let none = drafted(&live(&[api])).unwrap_err();
        assert!(none.contains("S3 bucket"), "{none}");
        let two = drafted(&live(&[s3, "web2.s3.amazonaws.com"])).unwrap_err();
        assert!(two.contains("web, web2"), "{two}");
    }
}
