//! Asking an HTTP address, as a visitor would.

use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

const PATIENCE: Duration = Duration::from_secs(5);

/// An answer: status and body. Why there is none is said in words.
pub async fn get(url: &str, accept: &str) -> Result<(u16, Bytes), String> {
    let asked = tokio::time::timeout(PATIENCE, ask(url, accept)).await;
    asked.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
}

async fn ask(url: &str, accept: &str) -> Result<(u16, Bytes), String> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let request = Request::get(url)
        .header("accept", accept)
        .header("user-agent", "lockstep-demo");
    let request = request
        .body(Empty::new())
        .map_err(|error| error.to_string())?;
    let response = client
        .request(request)
        .await
        .map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(|error| error.to_string())?;
    Ok((status, body.to_bytes()))
}

/// What a visitor reads at `url`, in one line.
pub async fn visit(url: &str) -> String {
    match get(url, "*/*").await {
        Ok((200, body)) => String::from_utf8_lossy(&body).trim().to_owned(),
        Ok((status, body)) => format!("HTTP {status}: {}", String::from_utf8_lossy(&body).trim()),
        Err(why) => why,
    }
}
