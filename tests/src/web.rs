//! The loopback HTTP server: answers the health checks of applications and receives SNS messages.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::health::Health;
use crate::inbox::Inbox;

/// Path under which SNS delivers.
pub(crate) const MESSAGES: &str = "/messages";

/// A running server; it ends with the runtime.
pub(crate) struct Web {
    pub(crate) port: u16,
}

impl Web {
    pub(crate) async fn start(health: Arc<Health>, inbox: Arc<Inbox>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (health, inbox) = (Arc::clone(&health), Arc::clone(&inbox));
                let answer = service_fn(move |request| {
                    let (health, inbox) = (Arc::clone(&health), Arc::clone(&inbox));
                    async move { Ok::<_, Infallible>(answer(request, &health, &inbox).await) }
                });
                // A client that went away is its own affair.
                tokio::spawn(async move {
                    drop(
                        http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), answer)
                            .await,
                    );
                });
            }
        });
        Self { port }
    }

    /// The URL that SNS delivers to.
    pub(crate) fn messages(&self) -> String {
        format!("http://127.0.0.1:{}{MESSAGES}", self.port)
    }

    /// The health URL of an application.
    pub(crate) fn health(&self, application: &str) -> String {
        format!("http://127.0.0.1:{}/{application}/health", self.port)
    }
}

async fn answer(
    request: Request<Incoming>,
    health: &Health,
    inbox: &Inbox,
) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    if request.method() == Method::POST && path == MESSAGES {
        let body = request
            .into_body()
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        inbox.receive(&body).await;
        return Response::new(Full::default());
    }
    let application = path.trim_start_matches('/').trim_end_matches("/health");
    let status = if health.is_good(application).await {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
