//! Applications with two services, `web` and `api`.

use lockstep_cli::local::emulator::{ACCOUNT, REGION};
use lockstep_cli::local::registry;

use crate::{Application, World};

impl World {
    /// Creates an application with the services `web` and `api`, each given as if it were the only
    /// one. `more` is what the manifest says of `api` beside cluster and containers, a line each,
    /// indented by four.
    pub async fn paired(&self, name: &str, more: &str) -> [Application<'_>; 2] {
        let web = self.application(name).await;
        let repository = format!("{name}/api");
        let registry = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com");
        let api = Application {
            service: "api".to_owned(),
            first_image: format!("{registry}/{repository}@sha256:{:064}", 1),
            repository,
            ..web.clone()
        };
        registry::ensure_repository(&self.endpoint(), &api.repository)
            .await
            .unwrap();
        api.add_service().await;
        let pair = [web, api];
        pair[0].apply(&self.manifest_of_two(&pair, more)).await;
        pair
    }

    /// The manifest of two services.
    pub fn manifest_of_two(&self, [web, api]: &[Application<'_>; 2], more: &str) -> String {
        let name = &web.name;
        let manifest = web.manifest(&self.health_url(name));
        let service = format!(
            "services:\n  api:\n    cluster: {name}\n    containers: {{ api: {} }}\n{more}",
            api.repository
        );
        manifest.replacen("services:\n", &service, 1)
    }
}
