//! Whether an image can run where the task runs.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{items, text};
use super::live::LiveService;

/// What an image was built for, as image manifests write it: `linux/amd64`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// `linux` or `windows`.
    pub os: String,
    /// `amd64`, `arm64` and others.
    pub architecture: String,
}

impl Platform {
    /// Reads an image manifest's `platform`, or an image configuration, which has the
    /// same two fields. `None` for attestations, whose platform is `unknown`.
    pub fn parse(value: &Value) -> Option<Self> {
        let (os, architecture) = (text(value, "os"), text(value, "architecture"));
        if os.is_empty() || os == "unknown" || architecture.is_empty() {
            return None;
        }
        Some(Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
        })
    }

    /// The platforms of a multi-platform image's index.
    pub fn of_index(index: &Value) -> Vec<Self> {
        items(index, "manifests")
            .iter()
            .filter_map(|manifest| Self::parse(manifest.get("platform")?))
            .collect()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

/// The platform a task needs: its definition's `runtimePlatform`, by default Linux on x86.
///
/// `None` when nobody can know before the task is placed: outside Fargate, a definition
/// without an architecture runs on whatever instances the cluster has.
pub fn needed(definition: &Value, live: &LiveService) -> Option<Platform> {
    let platform = definition.get("runtimePlatform").unwrap_or(&Value::Null);
    let os = if text(platform, "operatingSystemFamily").starts_with("WINDOWS") {
        "windows"
    } else {
        "linux"
    };
    let fargate = live.fargate
        || items(definition, "requiresCompatibilities")
            .iter()
            .any(|item| item == "FARGATE");
    let architecture = match text(platform, "cpuArchitecture") {
        "ARM64" => "arm64",
        "" if !fargate => return None,
        _ => "amd64",
    };
    Some(Platform {
        os: os.into(),
        architecture: architecture.into(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Platform, needed};
    use crate::ecs::live::LiveService;

    #[test]
    fn reads_an_index_without_its_attestations() {
        let index = json!({"manifests": [
            {"platform": {"os": "linux", "architecture": "amd64"}},
            {"platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
            {"platform": {"os": "unknown", "architecture": "unknown"}},
            {"digest": "sha256:x"},
        ]});
        let platforms: Vec<_> = Platform::of_index(&index)
            .iter()
            .map(Platform::to_string)
            .collect();
        assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    }

    #[test]
    fn needs_the_platform_of_the_definition() {
        let ec2 = LiveService::parse(&json!({"launchType": "EC2"}));
        let fargate = LiveService::parse(
            &json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}),
        );
        let name =
            |definition, live| needed(&definition, live).map(|platform| platform.to_string());
        assert_eq!(name(json!({}), &ec2), None);
        assert_eq!(name(json!({}), &fargate).as_deref(), Some("linux/amd64"));
        assert_eq!(
            name(
                json!({"runtimePlatform": {"cpuArchitecture": "ARM64"}}),
                &ec2
            )
            .as_deref(),
            Some("linux/arm64")
        );
        let windows = json!({"requiresCompatibilities": ["FARGATE"], "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}});
        assert_eq!(name(windows, &ec2).as_deref(), Some("windows/amd64"));
    }
}
