//! The gateway: a reverse proxy in front of the emulator through which every AWS call goes.
//!
//! It passes requests on unchanged (the Host header too: signatures cover it) and adds what the emulator lacks: the
//! events AWS emits by itself ([`events`]), a log of calls ([`calls`]) and faults for tests ([`faults`]).
//! Without an installed fault rule it never alters an answer.

pub mod builds;
pub mod calls;
mod ecs;
pub mod events;
pub mod faults;
mod proxy;
mod rest;
pub mod stacks;
pub mod tasks;
mod upstream;
mod watch;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use hyper::Method;
use tokio::task::JoinHandle;

pub use builds::BuildFault;
pub use calls::{Call, CallName};
pub use events::{Delivery, Event};
pub use faults::{Fault, FaultHandle, FaultRule};
pub use stacks::{ResourceAction, ResourceFault};

pub use tasks::TaskEnding;

use calls::CallLog;
use events::EventBus;
use faults::Faults;
use upstream::Upstream;

/// What all connections share.
struct Shared {
    address: SocketAddr,
    upstream: Upstream,
    calls: CallLog,
    faults: Faults,
    events: EventBus,
    watch: watch::Watch,
}

/// A running gateway. Dropping it closes its port.
pub struct Gateway {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

impl Gateway {
    /// Starts to serve `listener` for the emulator at `upstream`; `token` is what the emulator knows us by.
    /// Needs a running Tokio runtime.
    pub fn start(listener: TcpListener, upstream: SocketAddr, token: &str) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let upstream = Upstream::new(upstream, token);
        let shared = Arc::new(Shared {
            address: listener.local_addr()?,
            events: EventBus::new(upstream.clone()),
            upstream,
            calls: CallLog::default(),
            faults: Faults::default(),
            watch: watch::Watch::default(),
        });
        let tasks = vec![
            tokio::spawn(proxy::serve(listener, Arc::clone(&shared))),
            tokio::spawn(watch::watch(Arc::clone(&shared))),
        ];
        Ok(Self { shared, tasks })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.shared.address.port()
    }

    /// The endpoint for AWS calls.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// The AWS calls since the start (the newest 20,000), oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.since(0)
    }

    /// The AWS calls with a sequence number above `seq`.
    pub fn calls_since(&self, seq: u64) -> Vec<Call> {
        self.shared.calls.since(seq)
    }

    /// The number of the newest call: a mark for [`Self::calls_since`].
    pub fn last_call(&self) -> u64 {
        self.shared.calls.last()
    }

    /// Installs a fault. Rules are tried in the order of their installation; the first that fits is used.
    pub fn inject(&self, rule: FaultRule) -> FaultHandle {
        self.shared.faults.install(rule)
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Has resources of stacks fail or take their time, these and no others any more. Without any, all is as usual.
    pub async fn hit_resources(&self, faults: &[ResourceFault]) -> io::Result<()> {
        let rules: Vec<_> = faults.iter().map(ResourceFault::rule).collect();
        let body = serde_json::Value::from(rules).to_string().into_bytes();
        let upstream = &self.shared.upstream;
        let answer = upstream.own_route(Method::POST, "/_lockstep/resources", body);
        answer.await.map(drop)
    }

    /// Chooses how the commands of one-shot tasks end, in these ways and no others any more. Without any they end well.
    /// Only where no container engine runs them.
    pub async fn end_tasks(&self, endings: &[TaskEnding]) -> io::Result<()> {
        let body = serde_json::json!(endings).to_string().into_bytes();
        let upstream = &self.shared.upstream;
        let answer = upstream.own_route(Method::POST, "/_lockstep/tasks", body);
        answer.await.map(drop)
    }

    /// Has builds end in another way than their commands say, or take their time, these and no others any more.
    pub async fn hit_builds(&self, faults: &[BuildFault]) -> io::Result<()> {
        let rules: Vec<_> = faults.iter().map(BuildFault::rule).collect();
        let body = serde_json::Value::from(rules).to_string().into_bytes();
        let upstream = &self.shared.upstream;
        let answer = upstream.own_route(Method::POST, "/_lockstep/builds", body);
        answer.await.map(drop)
    }

    /// How events are delivered from now on; [`Delivery::Once`] at the start.
    pub fn set_delivery(&self, delivery: Delivery) {
        self.shared.events.set_delivery(delivery);
    }

    /// Every event that was seen since the start, also those that [`Delivery::Never`] kept back.
    pub fn events(&self) -> Vec<Event> {
        self.shared.events.seen()
    }

    /// Sends one event now, whatever the delivery is set to: for tests of duplicates and stragglers.
    pub async fn send_event(&self, event: &Event) -> io::Result<()> {
        self.shared.events.put(event).await
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
