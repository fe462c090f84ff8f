//! A distribution, as CloudFront has it.

use serde::{Deserialize, Serialize};

/// A distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveDistribution {
    /// Its id.
    pub id: String,
    /// Its own domain name, `d111111abcdef8.cloudfront.net`.
    pub domain: String,
    /// Whether it answers at all.
    pub enabled: bool,
    /// Whether all edge locations have its newest configuration.
    pub deployed: bool,
    /// Where it gets what it serves.
    pub origins: Vec<Origin>,
    /// Which paths it gets from where, the default last.
    #[serde(default)]
    pub behaviors: Vec<Behavior>,
}

/// What a distribution does with some paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behavior {
    /// The pattern of the paths; `*` for the default.
    pub pattern: String,
    /// The origin that they are got from.
    pub origin: String,
    /// Whether a CloudFront function sees the viewers' requests.
    pub has_function: bool,
}

/// Where a distribution gets what it serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its name in the distribution.
    pub id: String,
    /// Its host.
    pub domain: String,
    /// What is put before each path; empty for nothing.
    pub path: String,
}

impl Origin {
    /// Whether it is this bucket: `B.s3.eu-west-1.amazonaws.com`, `B.s3.amazonaws.com`,
    /// `B.s3-website-eu-west-1.amazonaws.com`, `B.s3-website.eu-west-1.amazonaws.com`.
    pub fn is_bucket(&self, bucket: &str) -> bool {
        let rest = self.domain.strip_prefix(bucket);
        let rest = rest.and_then(|rest| rest.strip_prefix(".s3"));
        rest.is_some_and(|rest| {
            (rest.starts_with('.') || rest.starts_with('-')) && rest.contains("amazonaws.com")
        })
    }
}

impl LiveDistribution {
    /// Its origins that are this bucket.
    pub fn origins_of(&self, bucket: &str) -> Vec<&Origin> {
        let origins = self.origins.iter();
        origins.filter(|it| it.is_bucket(bucket)).collect()
    }

    /// The origin of this name.
    pub fn origin(&self, id: &str) -> Option<&Origin> {
        self.origins.iter().find(|it| it.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn a_bucket_has_several_names() {
        let is = |domain: &str| {
            Origin {
                id: "o".into(),
                domain: domain.into(),
                path: String::new(),
            }
            .is_bucket("quiz.web")
        };
        assert!(is("quiz.web.s3.eu-west-1.amazonaws.com"));
        assert!(is("quiz.web.s3.amazonaws.com"));
        assert!(is("quiz.web.s3-website-eu-west-1.amazonaws.com"));
        assert!(is("quiz.web.s3-website.eu-west-1.amazonaws.com"));
        assert!(!is("quiz.web2.s3.amazonaws.com"));
        assert!(!is("my.quiz.web.s3.amazonaws.com"));
        assert!(!is("quiz.web.s3.example.com"));
    }
}
