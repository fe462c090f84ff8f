//! HTTP/1.1 over TCP, or over TLS with ring, whose first handshake costs 20 ms of CPU less than that of aws-lc.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_types::body::SdkBody;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::crypto::ring::default_provider;
use tower_service::Service;

use super::roots::root_certificates;

/// How long a connection may take, the name's lookup and the TLS handshake included: what the AWS SDKs allow.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);

/// The client. Its clones share their connections.
pub(super) type Client = legacy::Client<InTime<HttpsConnector<HttpConnector>>, SdkBody>;

/// Builds the client. Reads the root certificates, which takes longer than all else in a handler's start.
pub(super) fn client() -> Client {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls())
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build(InTime(connector))
}

#[expect(
    clippy::expect_used,
    reason = "ring has TLS 1.2 and 1.3; a build where it had not would not start once"
)]
fn tls() -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the protocol versions")
        .with_root_certificates(root_certificates())
        .with_no_client_auth()
}

/// A connector that gives up after [`CONNECT_TIMEOUT`].
#[derive(Debug, Clone)]
pub(super) struct InTime<C>(C);

impl<C> Service<Uri> for InTime<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Response: Send + 'static,
    C::Error: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    type Response = C::Response;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, self.0.call(address));
        Box::pin(async move {
            let late = || io::Error::new(io::ErrorKind::TimedOut, "no connection within 3.1 s");
            connecting.await.map_err(|_| late())?.map_err(Into::into)
        })
    }
}
