//! Which applications are healthy: those whose service runs a good image now, or whose function answers a good label.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::Clients;
use crate::fleet_snapshot::invoke;

/// Where an application's tasks run, and which of its images are bad.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health {
    clients: Option<Clients>,
    places: std::sync::Arc<Mutex<BTreeMap<String, Place>>>,
}

#[derive(Debug, Clone)]
struct Place {
    serves: Serves,
    bad: BTreeSet<String>,
    down: bool,
}

#[derive(Debug, Clone)]
enum Serves {
    Service {
        cluster: String,
        service: String,
    },
    Function {
        name: String,
        qualifier: Option<String>,
    },
}

impl Health {
    pub(crate) fn new(clients: Clients) -> Self {
        Self {
            clients: Some(clients),
            places: std::sync::Arc::default(),
        }
    }

    pub(crate) fn watch(&self, application: &str, cluster: &str, service: &str) {
        let serves = Serves::Service {
            cluster: cluster.to_owned(),
            service: service.to_owned(),
        };
        self.place(application, serves);
    }

    pub(crate) fn watch_function(&self, application: &str, name: &str, qualifier: Option<&str>) {
        let serves = Serves::Function {
            name: name.to_owned(),
            qualifier: qualifier.map(str::to_owned),
        };
        self.place(application, serves);
    }

    fn place(&self, application: &str, serves: Serves) {
        let place = Place {
            serves,
            bad: BTreeSet::new(),
            down: false,
        };
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.insert(application.to_owned(), place);
    }

    /// From now on an application is unhealthy while it runs this digest, or answers this label.
    pub(crate) fn spoil(&self, application: &str, what: &str) {
        self.with(application, |place| place.bad.insert(what.to_owned()));
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
        let running = match &place.serves {
            Serves::Service { cluster, service } => running_images(clients, cluster, service).await,
            Serves::Function { name, qualifier } => {
                let answer = invoke(&clients.lambda, name, qualifier.as_deref()).await;
                vec![answer.label]
            }
        };
        let is_bad = |one: &String| place.bad.iter().any(|bad| one.ends_with(bad));
        !running.iter().any(is_bad)
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
