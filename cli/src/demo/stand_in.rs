//! Answering HTTP in the place of tasks that no container engine runs.
//!
//! Each request looks up, as any client could, which image the ECS service runs now and
//! what that image's configuration says, and is answered as its program would: a copy
//! that crashes does not answer at all.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::service::Service;
use crate::error::CliError;

/// A server on the loopback address. Dropping it ends it.
#[derive(Debug)]
pub struct StandIn {
    port: u16,
    serving: JoinHandle<()>,
}

impl StandIn {
    /// Starts answering in the place of `service`.
    pub async fn start(service: Arc<Service>) -> Result<Self, CliError> {
        let listening = |source| CliError::Io {
            what: "listening in the place of the tasks".to_owned(),
            source,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(listening)?;
        let port = listener.local_addr().map_err(listening)?.port();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&service)));
            }
        });
        Ok(Self { port, serving })
    }

    /// Where it answers, without a path.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A client that went away, or a copy that is not there, is no fault of the server's.
async fn answer(stream: TcpStream, service: Arc<Service>) {
    let Ok(running) = service.running().await else {
        return;
    };
    if running.mode == "crash" {
        return;
    }
    let handler = service_fn(move |request: Request<Incoming>| {
        let (status, body) = respond(request.uri().path(), &running.version, &running.mode);
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        async move { Ok::<_, Infallible>(response) }
    });
    let _ = http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), handler)
        .await;
}

/// What `examples/hello-service` answers.
fn respond(path: &str, version: &str, mode: &str) -> (StatusCode, String) {
    match path {
        "/health" if mode == "unhealthy" => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("version {version} is not well\n"),
        ),
        "/health" => (StatusCode::OK, "ok\n".to_owned()),
        "/" => (StatusCode::OK, format!("hello from version {version}\n")),
        _ => (StatusCode::NOT_FOUND, "there is / and /health\n".to_owned()),
    }
}
