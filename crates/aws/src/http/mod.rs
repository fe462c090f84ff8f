//! HTTP for the handlers: one client for the SDK and for plain requests.
//!
//! It is put together from hyper and rustls here, and not taken from `aws-smithy-http-client`, because that one brings
//! HTTP/2, which no AWS control plane asks for, and reads the root certificates slowly: together a tenth of a handler's
//! size and a third of its start (`docs/adr/0011-own-http-client-in-handlers.md`).

mod client;
mod get;
mod roots;
mod sdk;

pub use get::{HttpAnswer, HttpFailure, HttpGet};
pub use sdk::http_client;
