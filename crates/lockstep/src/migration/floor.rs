//! The oldest release that a schema supports.

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::Check;

/// What a release says of the releases that may be gone back to once it ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackFloor {
    /// The oldest version that its schema supports.
    pub version: String,
    /// The version of the release that says so.
    pub said_by: String,
}

impl RollbackFloor {
    /// Which floor holds once a release ran: a newer release's word replaces the standing one,
    /// an older release cannot lower it, and one that says nothing leaves it.
    pub fn after(standing: Option<&Self>, said: Option<&Self>) -> Option<Self> {
        match (standing, said) {
            (Some(standing), Some(said)) if is_below(&said.said_by, &standing.said_by) => {
                Some(highest(standing, said))
            }
            (standing, said) => said.or(standing).cloned(),
        }
    }
}

fn highest(one: &RollbackFloor, other: &RollbackFloor) -> RollbackFloor {
    if is_below(&one.version, &other.version) {
        other.clone()
    } else {
        one.clone()
    }
}

/// Whether a release may not be deployed, because the schema that others left does not support
/// it. Only semantic versions can be compared; of others nothing is said.
pub fn below_floor<'a>(
    release: &str,
    floors: impl IntoIterator<Item = &'a RollbackFloor>,
) -> Option<Check> {
    let mut floors = floors.into_iter();
    let floor = floors.find(|floor| is_below(release, &floor.version))?;
    let RollbackFloor { version, said_by } = floor;
    Some(Check {
        what: "rollback floor".into(),
        resource: format!("release {release}"),
        found: format!("{release}, which the schema of release {said_by} does not support"),
        expected: format!("{version} or newer"),
        todo: format!(
            "deploy {version} or newer; where the schema supports {release} after all, upload a release newer than {said_by} whose rollback_floor says so"
        ),
        curable: false,
    })
}

fn is_below(version: &str, floor: &str) -> bool {
    match (semantic(version), semantic(floor)) {
        (Some(version), Some(floor)) => version.cmp_precedence(&floor).is_lt(),
        _ => false,
    }
}

fn semantic(version: &str) -> Option<Version> {
    Version::parse(version.strip_prefix('v').unwrap_or(version)).ok()
}

/// Whether a text can be a floor.
pub(crate) fn is_floor(text: &str) -> bool {
    semantic(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::{RollbackFloor, below_floor};

    fn floor(version: &str, said_by: &str) -> RollbackFloor {
        RollbackFloor {
            version: version.into(),
            said_by: said_by.into(),
        }
    }

    #[test]
    fn only_a_newer_release_lowers_the_floor() {
        let standing = floor("1.4.0", "1.5.0");
        let after = |said: Option<&RollbackFloor>| RollbackFloor::after(Some(&standing), said);
        assert_eq!(after(None), Some(standing.clone()));
        assert_eq!(
            after(Some(&floor("1.3.0", "1.4.0"))),
            Some(standing.clone())
        );
        assert_eq!(
            after(Some(&floor("1.2.0", "v1.6.0"))),
            Some(floor("1.2.0", "v1.6.0"))
        );
        let first = floor("1.0.0", "1.1.0");
        assert_eq!(RollbackFloor::after(None, Some(&first)), Some(first));
    }

    #[test]
    fn a_release_below_the_floor_is_told_why() {
        let floors = [floor("1.3.0", "1.5.0")];
        assert!(below_floor("1.3.0", &floors).is_none());
        assert!(below_floor("v1.10.0", &floors).is_none());
        assert!(below_floor("build-7", &floors).is_none());
        let check = below_floor("1.2.9", &floors).map(|check| check.to_string());
        assert_eq!(
            check.as_deref(),
            Some(
                "release 1.2.9: rollback floor: found 1.2.9, which the schema of release 1.5.0 does not support, \
                 expected 1.3.0 or newer; deploy 1.3.0 or newer; where the schema supports 1.2.9 after all, upload a \
                 release newer than 1.5.0 whose rollback_floor says so"
            )
        );
    }
}
