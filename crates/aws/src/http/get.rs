//! Plain HTTP GET.

use std::error::Error;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_types::body::SdkBody;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{Request, Uri};
use http_body_util::BodyExt as _;
use thiserror::Error;

use super::client::{Client, client};

/// Gets things over HTTP. Follows no redirects. Keeps its connections.
///
/// Costs nothing until it is used: the first use reads the system's root certificates,
/// which takes longer than all else in a handler's start.
#[derive(Debug, Default)]
pub struct HttpGet {
    client: OnceLock<Client>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// The header `Content-Type`; empty where there is none.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Why nothing came back, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HttpFailure {
    /// The address is none.
    #[error("{0} is not an address that can be asked")]
    Address(String),
    /// The host's name does not resolve.
    #[error("the host's name cannot be resolved")]
    Name,
    /// Nothing listens.
    #[error("the connection was refused")]
    Refused,
    /// TLS was not agreed on.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The time was up.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The connection ended early, or something else went wrong.
    #[error("the connection failed: {0}")]
    Connection(String),
}

impl HttpGet {
    /// Gets `url`, all of it within `timeout`.
    ///
    /// # Errors
    /// Only when there was no answer; any status is an answer.
    pub async fn get(&self, url: &str, timeout: Duration) -> Result<HttpAnswer, HttpFailure> {
        let request = request(url)?;
        let answer = tokio::time::timeout(timeout, self.exchange(request)).await;
        answer.unwrap_or(Err(HttpFailure::Timeout(timeout)))
    }

    async fn exchange(&self, request: Request<SdkBody>) -> Result<HttpAnswer, HttpFailure> {
        let client = self.client.get_or_init(client);
        let response = client.request(request).await;
        let response = response.map_err(|error| failure(&error))?;
        let status = response.status().as_u16();
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.map(|it| String::from_utf8_lossy(it.as_bytes()));
        let content_type = content_type.unwrap_or_default().into_owned();
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| failure(&error))?.to_bytes();
        Ok(HttpAnswer {
            status,
            content_type,
            body: body.to_vec(),
        })
    }
}

fn request(url: &str) -> Result<Request<SdkBody>, HttpFailure> {
    let not_one = || HttpFailure::Address(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| not_one())?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
        return Err(not_one());
    }
    let request = Request::get(uri).header(USER_AGENT, "lockstep");
    request.body(SdkBody::empty()).map_err(|_| not_one())
}

/// Reads the failure off the chain of causes: the libraries below keep their own words.
fn failure(error: &(dyn Error + 'static)) -> HttpFailure {
    let mut last = error.to_string();
    let mut next = Some(error);
    while let Some(cause) = next {
        last = cause.to_string();
        if let Some(known) = known(cause, &last) {
            return known;
        }
        let inner = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = inner
            .map(|inner| inner as &(dyn Error + 'static))
            .or_else(|| cause.source());
    }
    HttpFailure::Connection(last)
}

fn known(cause: &(dyn Error + 'static), text: &str) -> Option<HttpFailure> {
    if text.contains("dns error") || text.contains("failed to lookup address") {
        return Some(HttpFailure::Name);
    }
    if text.contains("certificate")
        || text.contains("handshake")
        || text.contains("corrupt message")
    {
        return Some(HttpFailure::Tls(text.to_owned()));
    }
    let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
    (kind == Some(io::ErrorKind::ConnectionRefused)).then_some(HttpFailure::Refused)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    use super::{HttpFailure, HttpGet};

    const SOON: Duration = Duration::from_secs(5);

    /// A server that answers every connection with these bytes.
    fn server(answer: &'static [u8]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 1024]);
                stream.write_all(answer).unwrap();
            }
        });
        port
    }

    async fn get(url: &str) -> Result<(u16, String), HttpFailure> {
        let answer = HttpGet::default().get(url, SOON).await?;
        Ok((answer.status, String::from_utf8(answer.body).unwrap()))
    }

    #[tokio::test]
    async fn any_status_is_an_answer() {
        let port = server(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy");
        assert_eq!(
            get(&format!("http://127.0.0.1:{port}/health")).await,
            Ok((503, "busy".to_owned()))
        );
    }

    #[tokio::test]
    async fn every_failure_has_its_words() {
        let closed = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let refused = get(&format!("http://127.0.0.1:{closed}/"))
            .await
            .unwrap_err();
        assert_eq!(refused.to_string(), "the connection was refused");

        let plain = server(b"this is not TLS");
        let tls = get(&format!("https://127.0.0.1:{plain}/"))
            .await
            .unwrap_err();
        assert!(matches!(tls, HttpFailure::Tls(_)), "{tls:?}");

        let hangs_up = server(b"");
        let early = get(&format!("http://127.0.0.1:{hangs_up}/"))
            .await
            .unwrap_err();
        assert!(matches!(early, HttpFailure::Connection(_)), "{early:?}");

        for address in ["ftp://example.com", "health", "http://"] {
            let odd = get(address).await.unwrap_err();
            assert!(
                matches!(odd, HttpFailure::Address(_) | HttpFailure::Connection(_)),
                "{address}: {odd:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_is_told() {
        let unknown = get("http://no-such-host.invalid/").await.unwrap_err();
        assert_eq!(unknown, HttpFailure::Name);
    }

    #[tokio::test]
    async fn a_server_that_never_answers_costs_only_the_timeout() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "http://127.0.0.1:{}/",
            listener.local_addr().unwrap().port()
        );
        let late = HttpGet::default().get(&url, Duration::from_secs(1)).await;
        assert_eq!(late, Err(HttpFailure::Timeout(Duration::from_secs(1))));
    }
}
