//! Deployment ids.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ulid::Ulid;

/// The id of one deployment: a ULID, so ids sort by the time their execution began.
///
/// It is a pure function of the Step Functions execution, so a retried or duplicated
/// invocation always finds the same deployment.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct DeploymentId(String);

impl DeploymentId {
    /// The id for an execution: its name where that is a ULID (people's tools name
    /// executions so), else a ULID of its start time and the hash of its ARN.
    pub fn for_execution(name: &str, arn: &str, started_at_ms: u64) -> Self {
        Self::parse(name).unwrap_or_else(|| {
            let hash = Sha256::digest(arn.as_bytes());
            let random = hash
                .iter()
                .take(10)
                .fold(0_u128, |acc, byte| acc << 8 | u128::from(*byte));
            Self(Ulid::from_parts(started_at_ms, random).to_string())
        })
    }

    /// Reads an id as it is printed. `None` when it is not a ULID in upper case.
    pub fn parse(text: &str) -> Option<Self> {
        let ulid = Ulid::from_string(text).ok()?;
        (ulid.to_string() == text).then(|| Self(text.to_owned()))
    }

    /// When its execution began, by the clock of whoever named it: a person's machine, or AWS.
    pub fn began_at(&self) -> Timestamp {
        let ulid = Ulid::from_string(&self.0).unwrap_or_default();
        let millis = i64::try_from(ulid.timestamp_ms()).unwrap_or_default();
        Timestamp::from_millisecond(millis).unwrap_or_default()
    }

    /// The id as it is printed and stored: 26 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::DeploymentId;

    const ARN: &str = "arn:aws:states:eu-west-1:111122223333:execution:lockstep-deploy:5c9b_1";

    #[test]
    fn a_ulid_name_is_the_id() {
        let id = DeploymentId::for_execution("01JD5Q6Z8G0000000000000000", ARN, 1);
        assert_eq!(id.as_str(), "01JD5Q6Z8G0000000000000000");
    }

    #[test]
    fn an_id_tells_when_its_execution_began() {
        let id = DeploymentId::for_execution("5c9b_1", ARN, 1_700_000_000_000);
        assert_eq!(id.began_at().as_millisecond(), 1_700_000_000_000);
    }

    #[test]
    fn any_other_name_gives_the_same_id_every_time_and_sorts_by_start() {
        let first = DeploymentId::for_execution("5c9b_1", ARN, 1_700_000_000_000);
        assert_eq!(
            first,
            DeploymentId::for_execution("5c9b_1", ARN, 1_700_000_000_000)
        );
        assert!(first < DeploymentId::for_execution("5c9b_1", ARN, 1_700_000_000_001));
    }

    #[test]
    fn lower_case_is_not_an_id() {
        assert_eq!(DeploymentId::parse("01jd5q6z8g0000000000000000"), None);
    }
}
