//! AWS behind TLS, on loopback: it refuses every call, which no SDK makes a second time.

use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::Result;
use crate::runtime_api::request;

const REFUSAL: &str =
    r#"{"__type":"AccessDeniedException","message":"the benchmark's stub refuses everything"}"#;

/// A running stub; its thread ends with the process.
#[derive(Debug)]
pub struct Stub {
    /// Its address as an AWS endpoint.
    pub endpoint: String,
    /// The certificate that its clients have to trust.
    pub certificate: String,
    handshakes: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
}

impl Stub {
    /// Starts it with a new certificate of its own (ECDSA P-256).
    pub fn start() -> Result<Self> {
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stub = Self {
            endpoint: format!("https://{}", listener.local_addr()?),
            certificate: own.cert.pem(),
            handshakes: Arc::default(),
            calls: Arc::default(),
        };
        let (handshakes, calls) = (Arc::clone(&stub.handshakes), Arc::clone(&stub.calls));
        let config = Arc::new(config);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, calls) = (Arc::clone(&config), Arc::clone(&calls));
                handshakes.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || connection(stream, config, &calls));
            }
        });
        Ok(stub)
    }

    /// Connections and calls since the last time this was asked.
    pub fn take_counts(&self) -> (usize, usize) {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::SeqCst);
        (take(&self.handshakes), take(&self.calls))
    }
}

/// Serves one connection until the process at its other end is stopped.
fn connection(stream: TcpStream, config: Arc<ServerConfig>, calls: &AtomicUsize) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let connection = ServerConnection::new(config).ok()?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    loop {
        request(&mut stream)?;
        calls.fetch_add(1, Ordering::SeqCst);
        let length = REFUSAL.len();
        let answer = format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\n\r\n{REFUSAL}"
        );
        stream.get_mut().write_all(answer.as_bytes()).ok()?;
        stream.get_mut().flush().ok()?;
    }
}
