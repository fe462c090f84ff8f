//! The way to the emulator.

use std::io;
use std::net::SocketAddr;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// A body on its way through the gateway.
pub type Body = BoxBody<Bytes, hyper::Error>;

/// A body that is all there.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed()
}

/// A client for the emulator with pooled connections.
#[derive(Clone)]
pub struct Upstream {
    address: SocketAddr,
    token: String,
    client: Client<HttpConnector, Body>,
}

impl Upstream {
    /// A client for the emulator at `address`.
    pub fn new(address: SocketAddr, token: &str) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .set_host(false)
            .build_http();
        Self {
            address,
            token: token.to_owned(),
            client,
        }
    }

    /// Passes a request on; only the destination is ours, path, query and headers stay.
    pub async fn forward(&self, mut request: Request<Body>) -> io::Result<Response<Incoming>> {
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        let uri: Uri = format!("http://{}{path}", self.address)
            .parse()
            .map_err(io::Error::other)?;
        *request.uri_mut() = uri;
        self.client.request(request).await.map_err(io::Error::other)
    }

    /// Asks one of the emulator's routes that exist for the gateway.
    pub async fn own_route(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> io::Result<serde_json::Value> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string())
            .header("x-lockstep-token", &self.token)
            .body(full(body))
            .map_err(io::Error::other)?;
        let response = self.forward(request).await?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(io::Error::other)?
            .to_bytes();
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(io::Error::other);
        }
        Err(io::Error::other(format!(
            "{path}: {status} {}",
            String::from_utf8_lossy(&body)
        )))
    }
}
