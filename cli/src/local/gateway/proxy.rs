//! One request through the gateway.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::{TcpListener, TcpStream};

use super::Shared;
use super::calls::{Call, CallName, copy_source, identify};
use super::events::{Event, image_pushed};
use super::faults::{Fault, altered, answer};
use super::upstream::{Body, full};
use crate::local::ports::processes_behind;

/// The log keeps this much of a body.
const KEPT_BODY: usize = 16 * 1024;
/// Larger bodies (image layers, function code) stream through.
const BUFFERED_BODY: u64 = 4 * 1024 * 1024;

/// Accepts connections until the gateway is dropped.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => drop(tokio::spawn(connection(stream, peer, Arc::clone(&shared)))),
            Err(error) => {
                // Out of file descriptors, most likely: the next connection may go again.
                tracing::warn!(%error, "The gateway could not accept a connection.");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set.");
    }
    let service = service_fn(|request| handle(request, peer, Arc::clone(&shared)));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "A connection to the gateway ended early.");
    }
}

/// An error closes the connection without an answer: that is how an answer is lost.
async fn handle(
    request: Request<Incoming>,
    peer: SocketAddr,
    shared: Arc<Shared>,
) -> io::Result<Response<Body>> {
    let (at, begun) = (Timestamp::now(), Instant::now());
    let (parts, incoming) = request.into_parts();
    let (body, copy) = take_body(incoming).await?;
    let Some(name) = identify(&parts, &copy) else {
        return shared
            .forward(parts, body)
            .await
            .map(|response| response.map(Body::new));
    };
    let seq = shared.calls.number();
    let target = parts.uri.to_string();
    let fault = shared.faults.strike(&name, &target, &copy);
    let path = parts.uri.path().to_owned();
    let copy_source = copy_source(&parts.headers);
    let outcome = act(&shared, parts, body, fault.as_ref(), peer).await;
    let (result, response_copy) = match outcome {
        Ok(outcome) => {
            if outcome.acted {
                shared.announce(&name, &path, &copy, &outcome.copy).await;
            }
            (
                outcome
                    .response
                    .ok_or_else(|| io::Error::other("answer lost on purpose")),
                outcome.copy,
            )
        }
        Err(error) => (Err(error), Bytes::new()),
    };
    shared.calls.push(Call {
        seq,
        at,
        name,
        path: target,
        copy_source,
        status: result
            .as_ref()
            .ok()
            .map(|response| response.status().as_u16()),
        duration: begun.elapsed(),
        request: text(&copy),
        response: text(&response_copy),
        fault: fault.map(|fault| format!("{fault:?}")),
    });
    result
}

/// What became of a call.
struct Outcome {
    /// The answer for the caller; `None` closes the connection.
    response: Option<Response<Body>>,
    /// The beginning of what the emulator said.
    copy: Bytes,
    /// Whether the emulator did what it was asked.
    acted: bool,
}

async fn act(
    shared: &Shared,
    parts: Parts,
    body: Body,
    fault: Option<&Fault>,
    peer: SocketAddr,
) -> io::Result<Outcome> {
    if fault == Some(&Fault::KillBefore) {
        kill_caller(peer, shared.address);
        return Err(io::Error::other("the caller was killed on purpose"));
    }
    if let Some(response) = fault.and_then(|fault| answer(fault, &parts.headers)) {
        return Ok(Outcome {
            response: Some(response),
            copy: Bytes::new(),
            acted: false,
        });
    }
    let response = shared.forward(parts, body).await?;
    let (head, incoming) = response.into_parts();
    let (body, copy) = take_body(incoming).await?;
    let acted = head.status.is_success();
    if fault == Some(&Fault::KillAfter) {
        kill_caller(peer, shared.address);
    }
    let response = match fault {
        None => Some(Response::from_parts(head, body)),
        Some(fault) => altered(fault, &copy).map(|text| with_body(head, text)),
    };
    Ok(Outcome {
        response,
        copy,
        acted,
    })
}

/// The answer with another body.
fn with_body(mut head: hyper::http::response::Parts, text: String) -> Response<Body> {
    head.headers.insert("content-length", text.len().into());
    Response::from_parts(head, full(text))
}

/// A copy of the body where it is small enough to keep, and the body itself.
async fn take_body(incoming: Incoming) -> io::Result<(Body, Bytes)> {
    let size = hyper::body::Body::size_hint(&incoming).upper();
    if size.is_none_or(|size| size > BUFFERED_BODY) {
        return Ok((incoming.boxed(), Bytes::new()));
    }
    let bytes = incoming
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes();
    Ok((full(bytes.clone()), bytes))
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(KEPT_BODY)]).into_owned()
}

/// SIGKILL for the process at the other end of the connection.
fn kill_caller(peer: SocketAddr, gateway: SocketAddr) {
    let callers = processes_behind(peer, gateway)
        .into_iter()
        .filter(|pid| *pid != std::process::id());
    for pid in callers.filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
        if let Err(error) = kill_process(pid, Signal::KILL) {
            tracing::warn!(%error, pid = pid.as_raw_nonzero().get(), "The caller could not be killed.");
        }
    }
}

impl Shared {
    async fn forward(&self, parts: Parts, body: Body) -> io::Result<Response<Incoming>> {
        self.upstream
            .forward(Request::from_parts(parts, body))
            .await
    }

    /// Emits what the call makes AWS announce.
    async fn announce(&self, name: &CallName, path: &str, request: &[u8], response: &[u8]) {
        match (name.service.as_str(), name.operation.as_str()) {
            ("registry", "PutManifest") => self.events.emit(manifest_put(path, request)).await,
            ("ecr", "PutImage") => {
                if let Some(event) = image_put(response) {
                    self.events.emit(event).await;
                }
            }
            _ => self.watch.look_after(name),
        }
    }
}

/// `PUT /v2/<repository>/manifests/<tag or digest>`.
fn manifest_put(path: &str, manifest: &[u8]) -> Event {
    use sha2::{Digest, Sha256};
    let (repository, reference) = path
        .trim_start_matches("/v2/")
        .rsplit_once("/manifests/")
        .unwrap_or_default();
    let digest = Sha256::digest(manifest);
    let tag = (!reference.contains(':')).then_some(reference);
    image_pushed(repository, &format!("sha256:{digest:x}"), tag, manifest)
}

/// The answer of `PutImage` has all that the event needs.
fn image_put(response: &[u8]) -> Option<Event> {
    let answer: serde_json::Value = serde_json::from_slice(response).ok()?;
    let image = &answer["image"];
    let manifest = image["imageManifest"].as_str().unwrap_or_default();
    let tag = image["imageId"]["imageTag"].as_str();
    let digest = image["imageId"]["imageDigest"].as_str()?;
    Some(image_pushed(
        image["repositoryName"].as_str()?,
        digest,
        tag,
        manifest.as_bytes(),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pushed_manifest_names_repository_tag_and_digest() {
        let event = manifest_put("/v2/shop/web/manifests/v1", b"{}");
        assert_eq!(event.detail["repository-name"], "shop/web");
        assert_eq!(event.detail["image-tag"], "v1");
        let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(event.detail["image-digest"], digest);
        let by_digest = manifest_put(&format!("/v2/shop/web/manifests/{digest}"), b"{}");
        assert_eq!(by_digest.detail.get("image-tag"), None);
    }

    #[test]
    fn put_image_announces_a_push() {
        let answer = br#"{"image":{"repositoryName":"a","imageId":{"imageDigest":"sha256:1","imageTag":"t"},"imageManifest":"{}"}}"#;
        assert_eq!(image_put(answer).unwrap().detail["image-tag"], "t");
    }
}
