//! Image references: registry host, repository, and a tag or a digest.

use super::arn::Arn;

/// `<host>/<repository>[:<tag>][@<digest>]`, split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageReference<'a> {
    /// The registry's host; empty for Docker Hub's short form.
    pub host: &'a str,
    /// The repository's name.
    pub repository: &'a str,
    /// The tag, where there is one.
    pub tag: Option<&'a str>,
    /// `sha256:` and 64 hex digits, where the reference is by digest.
    pub digest: Option<&'a str>,
}

impl<'a> ImageReference<'a> {
    /// Splits a reference. As in every container engine, the first part is a host when it
    /// has a dot or a colon in it, or is `localhost`.
    pub fn parse(reference: &'a str) -> Self {
        let (name, digest) = match reference.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (reference, None),
        };
        let (host, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
            _ => ("", name),
        };
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, None),
        };
        Self {
            host,
            repository,
            tag,
            digest,
        }
    }

    /// The reference for a person: repository, and tag or short digest.
    pub fn label(&self) -> String {
        match (self.digest, self.tag) {
            (Some(digest), _) => {
                let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
                format!("{}@{}", self.repository, hex.get(..12).unwrap_or(hex))
            }
            (None, Some(tag)) => format!("{}:{tag}", self.repository),
            (None, None) => self.repository.to_owned(),
        }
    }
}

/// The reference by digest that puts `repository@digest` in the place of `current`.
///
/// The registry's host is kept where the container already comes from that repository, so
/// that a host other than the account's default (dual-stack, FIPS, a local registry) stays
/// what it was. A container that already runs the digest keeps its reference as it is.
pub fn by_digest(current: &str, repository: &str, digest: &str, service_arn: &str) -> String {
    let image = ImageReference::parse(current);
    let same_place = image.repository == repository && !image.host.is_empty();
    if same_place && image.digest == Some(digest) {
        return current.to_owned();
    }
    let host = if same_place {
        image.host.to_owned()
    } else {
        ecr_host(service_arn)
    };
    format!("{host}/{repository}@{digest}")
}

/// The host of the account's own ECR registry, in the service's account and region.
fn ecr_host(service_arn: &str) -> String {
    let Some(arn) = Arn::parse(service_arn) else {
        return String::new();
    };
    let suffix = if arn.partition == "aws-cn" {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("{}.dkr.ecr.{}.{suffix}", arn.account, arn.region)
}

#[cfg(test)]
mod tests {
    use super::{ImageReference, by_digest};

    const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012:service/quiz/web";

    #[test]
    fn splits_references() {
        let parse = ImageReference::parse;
        let full = parse("127.0.0.1:4566/quiz/web:v1@sha256:ab");
        assert_eq!(
            (full.host, full.repository, full.tag, full.digest),
            ("127.0.0.1:4566", "quiz/web", Some("v1"), Some("sha256:ab"))
        );
        let short = parse("nginx");
        assert_eq!(
            (short.host, short.repository, short.tag, short.digest),
            ("", "nginx", None, None)
        );
        assert_eq!(parse("library/nginx:1.27").repository, "library/nginx");
        assert_eq!(
            parse("quiz/web@sha256:0123456789abcdef").label(),
            "quiz/web@0123456789ab"
        );
    }

    #[test]
    fn keeps_the_host_of_the_same_repository() {
        let image = by_digest(
            "123456789012.dkr-ecr.eu-west-1.on.aws/quiz/web:v1",
            "quiz/web",
            "sha256:b",
            ARN,
        );
        assert_eq!(
            image,
            "123456789012.dkr-ecr.eu-west-1.on.aws/quiz/web@sha256:b"
        );
    }

    #[test]
    fn another_repository_gets_the_accounts_own_host() {
        let image = by_digest("nginx:latest", "quiz/web", "sha256:b", ARN);
        assert_eq!(
            image,
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/quiz/web@sha256:b"
        );
    }

    #[test]
    fn the_same_digest_changes_nothing() {
        let current = "127.0.0.1:4566/quiz/web:v1@sha256:b";
        assert_eq!(by_digest(current, "quiz/web", "sha256:b", ARN), current);
    }
}
