//! What a deployment is of: a service, or a fleet of functions.

use std::collections::BTreeMap;

use lockstep::verdict::Verdict;
use lockstep_tests::{Application, Execution, Fleet, World};

/// What is deployed.
pub enum Subject<'w> {
    /// A service.
    Service(Application<'w>),
    /// Functions.
    Functions(Fleet<'w>),
}

impl<'w> Subject<'w> {
    /// The application's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Service(application) => &application.name,
            Self::Functions(fleet) => &fleet.name,
        }
    }

    /// Everything that an invocation could change outside of the deployment's own records.
    pub async fn look(&self) -> String {
        match self {
            Self::Service(application) => format!("{:#?}", application.snapshot().await),
            Self::Functions(fleet) => format!("{:#?}", fleet.snapshot().await),
        }
    }

    /// What runs: an image's digest, or the labels that the functions answer.
    pub async fn runs(&self) -> String {
        match self {
            Self::Service(application) => application.snapshot().await.digest().to_owned(),
            Self::Functions(fleet) => {
                let labels: BTreeMap<_, _> = fleet.labels().await;
                format!("{:?}", labels.values().collect::<Vec<_>>())
            }
        }
    }

    /// Whether nobody holds the lock.
    pub async fn is_unlocked(&self) -> bool {
        match self {
            Self::Service(application) => application.snapshot().await.is_unlocked(),
            Self::Functions(fleet) => fleet.snapshot().await.is_unlocked(),
        }
    }

    /// From now on its health is asked for many times before it counts as bad.
    pub async fn be_patient(&self, world: &World) {
        let patient = |manifest: String| manifest.replace("attempts: 2", "attempts: 60");
        match self {
            Self::Service(application) => {
                let manifest = application.manifest(&world.health_url(&application.name));
                application.apply(&patient(manifest)).await
            }
            Self::Functions(fleet) => fleet.apply(&patient(fleet.manifest(""))).await,
        };
    }

    /// Whether it is unhealthy whatever it runs.
    pub fn set_down(&self, down: bool) {
        match self {
            Self::Service(application) => application.set_down(down),
            Self::Functions(fleet) => fleet.set_down(down),
        }
    }

    /// The states that are entered inside of a Map: the history does not tell of them.
    pub fn inside(&self, map: &str) -> &'static [&'static str] {
        match (self, map) {
            (Self::Service(_), "Rollout") => &["Service"],
            (Self::Service(_), "UndoRollout") => &["UndoService"],
            (Self::Functions(_), "Rollout") => &["Function"],
            (Self::Functions(_), "UndoRollout") => &["UndoFunction", "UndoPublishLive"],
            _ => &[],
        }
    }

    /// Deploys this version; the names of images and functions follow from it.
    pub async fn deploy(&self, number: u32, bad: bool) -> Execution<'w> {
        match self {
            Self::Service(application) => {
                // ECR's times have no fractions: a push within the same second would not be newer.
                tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
                let tag = format!("v{number}");
                let digest = if bad {
                    application.push_bad(&tag).await
                } else {
                    application.push(&tag).await
                };
                application.execution_of_push(&digest).await
            }
            Self::Functions(fleet) => {
                let (label, version) = (format!("v{number}"), format!("1.{number}.0"));
                if bad {
                    fleet.spoil(&label);
                }
                fleet.build_all(&label);
                fleet.release(&version).await;
                fleet.execution_of_release(&version).await
            }
        }
    }
}

/// How an execution's deployment ended.
pub async fn verdict(execution: &Execution<'_>) -> Verdict {
    let (record, _) = execution.concluded().await;
    record.conclusion.expect("it is concluded").verdict
}
