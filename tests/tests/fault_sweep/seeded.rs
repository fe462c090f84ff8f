//! A stack that makes a service and a function out of nothing, from what is deployed with it: the code is put where the
//! stack reads it, and what came of it is told to other stacks.

use std::collections::BTreeMap;

use lockstep_tests::{FleetSnapshot, StackSnapshot, Stacked, Wanted, World, eventually};

/// An application of which nothing exists but an image and a release.
pub struct Seeded<'w> {
    /// The application.
    pub stacked: Stacked<'w>,
    world: &'w World,
    digest: String,
}

/// What there is of it.
#[derive(Debug)]
pub struct SeenSeeded {
    stack: StackSnapshot,
    image: Option<String>,
    code: Option<String>,
    live: Option<String>,
    told: BTreeMap<String, String>,
    /// The change sets of the stack that deployments made.
    pub change_sets: Vec<String>,
    /// What the ledger keeps.
    pub kept: FleetSnapshot,
}

/// The stack, and the version of the one release.
const STACK: &str = "app";
const VERSION: &str = "1.0.0";

impl<'w> Seeded<'w> {
    /// With an image, good or bad, and a release.
    pub async fn prepare(world: &'w World, name: &str, is_good: bool) -> Self {
        let wanted = Wanted {
            seeded: true,
            ..Wanted::default()
        };
        let stacked = world.stacked(name, &wanted).await;
        let digest = if is_good {
            stacked.push("v1").await
        } else {
            stacked.push_bad("v1").await
        };
        stacked.fleet.release(VERSION).await;
        Self {
            stacked,
            world,
            digest,
        }
    }

    /// What is asked for.
    pub fn request(&self) -> serde_json::Value {
        serde_json::json!({ "images": { "web": self.digest }, "release": VERSION })
    }

    /// Whether an artifact on hold is one of the new ones.
    pub fn has(&self, held: &str) -> bool {
        held.ends_with(&self.digest) || held.ends_with(&self.code())
    }

    fn code(&self) -> String {
        self.stacked.fleet.artifacts(VERSION)[0].sha256.clone()
    }

    /// What there is now, once CloudFormation is done.
    pub async fn look(&self) -> SeenSeeded {
        let name = self.stacked.stack(STACK);
        let stack = eventually("nothing is changed any more", async || {
            let stack = self.world.stack_now(&name).await;
            let works =
                stack.status.ends_with("_IN_PROGRESS") && stack.status != "REVIEW_IN_PROGRESS";
            (!works).then_some(stack)
        })
        .await;
        SeenSeeded {
            stack,
            image: self.stacked.image().await,
            code: self.stacked.code().await,
            live: self.stacked.live_code().await,
            told: self.stacked.published().await,
            change_sets: self.stacked.change_sets(STACK).await,
            kept: self.stacked.kept().await,
        }
    }

    /// Whether everything is there, and others are told.
    pub fn is_released(&self, after: &SeenSeeded) -> bool {
        let code = Some(self.code());
        let names: Vec<_> = after.told.keys().map(String::as_str).collect();
        let expected = [
            "release/version",
            "stacks/app/ClusterName",
            "web/task-definition",
            "web/web/image",
        ];
        after.stack.status == "CREATE_COMPLETE"
            && after.image == after.told.get("web/web/image").cloned()
            && after
                .image
                .as_ref()
                .is_some_and(|it| it.ends_with(&self.digest))
            && after.code == code
            && after.live == code
            && names == expected
    }

    /// Takes it away.
    pub async fn delete(self) {
        let delete = self.world.clients().cloudformation.delete_stack();
        let delete = delete.stack_name(self.stacked.stack(STACK));
        delete.send().await.unwrap();
    }
}

impl SeenSeeded {
    /// Whether everything is as in the other.
    pub fn runs_the_same_as(&self, other: &Self) -> bool {
        let all = |seen: &Self| {
            (
                seen.stack.clone(),
                seen.image.clone(),
                seen.code.clone(),
                seen.live.clone(),
                seen.told.clone(),
            )
        };
        all(self) == all(other)
    }

    /// Whether the stack is nothing but a name.
    pub fn is_shell(&self) -> bool {
        self.stack.status == "REVIEW_IN_PROGRESS"
    }
}
