//! Which applications are healthy: those whose service runs a good image now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::Clients;

/// Where an application's tasks run, and which of its images are bad.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health {
    clients: Option<Clients>,
    places: std::sync::Arc<Mutex<BTreeMap<String, Place>>>,
}

#[derive(Debug, Clone, Default)]
struct Place {
    cluster: String,
    service: String,
    bad: BTreeSet<String>,
    down: bool,
}

impl Health {
    pub(crate) fn new(clients: Clients) -> Self {
        Self {
            clients: Some(clients),
            places: std::sync::Arc::default(),
        }
    }

    pub(crate) fn watch(&self, application: &str, cluster: &str, service: &str) {
        let place = Place {
            cluster: cluster.to_owned(),
            service: service.to_owned(),
            ..Place::default()
        };
        self.places
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(application.to_owned(), place);
    }

    /// From now on an application is unhealthy while it runs this digest.
    pub(crate) fn spoil(&self, application: &str, digest: &str) {
        self.with(application, |place| place.bad.insert(digest.to_owned()));
    }

    /// Whether an application is unhealthy whatever it runs.
    pub(crate) fn set_down(&self, application: &str, down: bool) {
        self.with(application, |place| place.down = down);
    }

    fn with<T>(&self, application: &str, act: impl FnOnce(&mut Place) -> T) -> T {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        act(places
            .get_mut(application)
            .expect("the application is known"))
    }

    pub(crate) async fn is_good(&self, application: &str) -> bool {
        let place = self
            .places
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(application)
            .cloned();
        let (Some(place), Some(clients)) = (place, &self.clients) else {
            return false;
        };
        if place.down {
            return false;
        }
        let images = running_images(clients, &place.cluster, &place.service).await;
        !images
            .iter()
            .any(|image| place.bad.iter().any(|digest| image.ends_with(digest)))
    }
}

/// The images of the task definition that a service runs now.
async fn running_images(clients: &Clients, cluster: &str, service: &str) -> Vec<String> {
    let services = clients
        .ecs
        .describe_services()
        .cluster(cluster)
        .services(service)
        .send()
        .await
        .unwrap();
    let service = services.services().first().expect("the service exists");
    let revision = service.task_definition().unwrap_or_default();
    let described = clients
        .ecs
        .describe_task_definition()
        .task_definition(revision)
        .send()
        .await
        .unwrap();
    let definition = described
        .task_definition()
        .expect("the service's task definition exists");
    definition
        .container_definitions()
        .iter()
        .filter_map(|container| container.image().map(str::to_owned))
        .collect()
}
