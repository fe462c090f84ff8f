//! The parts of an ECS ARN that names and links are made of.

/// `arn:<partition>:<service>:<region>:<account>:<resource>`, split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: &'a str,
    /// The region.
    pub region: &'a str,
    /// The account's 12 digits.
    pub account: &'a str,
    /// What comes after the account, such as `service/live-quiz/websocket`.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits an ARN; `None` when it is none.
    pub fn parse(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let (partition, _service) = (parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            partition,
            region,
            account,
            resource,
        })
    }
}

/// What comes after the last slash: the name of a cluster or service, the id of a task,
/// the `family:revision` of a task definition.
pub fn short_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// The family and number of a task definition's ARN or `family:revision`.
pub fn family_and_number(task_definition: &str) -> Option<(&str, u64)> {
    let (family, number) = short_name(task_definition).rsplit_once(':')?;
    Some((family, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{Arn, family_and_number, short_name};

    const REVISION: &str = "arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/web:42";

    #[test]
    fn splits_an_arn() {
        let arn = Arn::parse(REVISION);
        assert_eq!(
            arn.map(|arn| (arn.partition, arn.region, arn.account)),
            Some(("aws-cn", "cn-north-1", "123456789012"))
        );
        assert_eq!(Arn::parse("web:42"), None);
    }

    #[test]
    fn names_a_revision() {
        assert_eq!(short_name(REVISION), "web:42");
        assert_eq!(family_and_number(REVISION), Some(("web", 42)));
        assert_eq!(family_and_number("web"), None);
    }
}
