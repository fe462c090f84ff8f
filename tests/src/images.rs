//! Images that differ in nothing but what is asked for: no container ever runs them.

use lockstep_cli::local::image::{self, OciImage};
use lockstep_cli::local::registry;

use crate::Application;

/// An image of which only the digest matters; the same `content` gives the same digest.
pub(crate) fn image(content: &str) -> OciImage {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("service");
    std::fs::write(&binary, content).unwrap();
    image::build(&binary, &[("CONTENT", content)], &[]).unwrap()
}

impl Application<'_> {
    /// Pushes an image to the application's repository, as `docker push` does, and returns its digest.
    pub async fn push(&self, tag: &str) -> String {
        self.push_as(tag, &format!("{}:{tag}", self.repository))
            .await
    }

    /// Pushes an image of this content under a tag.
    pub async fn push_as(&self, tag: &str, content: &str) -> String {
        let endpoint = self.world.engine().endpoint();
        registry::push(&endpoint, &image(content), &self.repository, tag)
            .await
            .unwrap()
    }

    /// Pushes an image whose tasks never become healthy.
    pub async fn push_bad(&self, tag: &str) -> String {
        let content = format!("{}:{tag}", self.repository);
        self.world
            .health()
            .spoil(&self.name, &image(&content).digest());
        self.push_as(tag, &content).await
    }

    /// From now on the application is unhealthy (or as healthy as its image) whatever it runs.
    pub fn set_down(&self, down: bool) {
        self.world.health().set_down(&self.name, down);
    }
}
