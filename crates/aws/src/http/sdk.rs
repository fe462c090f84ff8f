//! The client as the SDK's clients call it.

use std::error::Error;
use std::io;
use std::time::Duration;

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::retries::ErrorKind;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http::Request;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};

use super::client::{Client, client};

/// The HTTP client that all SDK clients of a process share: they share its connections, too.
pub fn http_client() -> SharedHttpClient {
    SharedHttpClient::new(SdkClient(client()))
}

#[derive(Debug)]
struct SdkClient(Client);

impl HttpClient for SdkClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            client: self.0.clone(),
            read_timeout: settings.read_timeout(),
        })
    }
}

/// Sends the requests of one SDK client.
#[derive(Debug)]
struct Connector {
    client: Client,
    /// How long an answer may take, once it is connected.
    read_timeout: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        let captured = capture_connection(&mut request);
        if let Some(of_sdk) = request.extensions().get::<CaptureSmithyConnection>() {
            of_sdk.set_connection_retriever(move || metadata(&captured));
        }
        let answer = answer(self.client.clone(), request);
        let read_timeout = self.read_timeout;
        HttpConnectorFuture::new(async move {
            let Some(limit) = read_timeout else {
                return answer.await;
            };
            let late = |error: tokio::time::error::Elapsed| ConnectorError::timeout(error.into());
            tokio::time::timeout(limit, answer).await.map_err(late)?
        })
    }
}

async fn answer(client: Client, request: Request<SdkBody>) -> Result<HttpResponse, ConnectorError> {
    let response = client.request(request).await.map_err(connector_error)?;
    HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
        .map_err(|error| ConnectorError::other(error.into(), None))
}

/// Lets the SDK leave a connection over which it got an answer that is worth another host.
fn metadata(captured: &CaptureConnection) -> Option<ConnectionMetadata> {
    let captured = captured.clone();
    let proxied = captured.connection_metadata().as_ref()?.is_proxied();
    let leave = move || {
        if let Some(connected) = captured.connection_metadata().as_ref() {
            connected.poison();
        }
    };
    let metadata = ConnectionMetadata::builder().proxied(proxied);
    Some(metadata.poison_fn(leave).build())
}

/// What the SDK's retries make of the failure: timeouts and broken connections are tried again.
fn connector_error(error: legacy::Error) -> ConnectorError {
    let broken = source::<io::Error>(&error).map(io::Error::kind);
    if broken == Some(io::ErrorKind::TimedOut) {
        return ConnectorError::timeout(error.into());
    }
    let hyper = source::<hyper::Error>(&error);
    if hyper.is_some_and(hyper::Error::is_user) {
        return ConnectorError::user(error.into());
    }
    if hyper.is_some_and(hyper::Error::is_incomplete_message) {
        return ConnectorError::other(error.into(), Some(ErrorKind::TransientError));
    }
    let ended = |it: &hyper::Error| it.is_closed() || it.is_canceled();
    if broken.is_some() || error.is_connect() || hyper.is_some_and(ended) {
        return ConnectorError::io(error.into());
    }
    ConnectorError::other(error.into(), None)
}

/// The first cause of this type.
fn source<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        next = cause.source();
    }
    None
}
