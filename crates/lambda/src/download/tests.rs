use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use lockstep::PhaseError;
use lockstep::lambda::LiveFunction;
use serde_json::json;

use crate::testing::{asked, configuration, function, lambda, ok};
use crate::{Lambda, Sent};

/// `abc`, in base64 of its SHA-256.
const HASH: &str = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";

/// A server that answers every connection with these bytes, and a handle that finds all of
/// AWS there.
fn serving(answer: &'static str, mut lambda: Lambda) -> Lambda {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /f HTTP/1.1"));
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    lambda.endpoint = Some(format!("http://127.0.0.1:{port}/"));
    lambda
}

fn snapshot(code_sha256: &str) -> LiveFunction {
    LiveFunction::parse(&function("7", code_sha256))
}

const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc";

#[tokio::test]
async fn the_code_of_a_version_is_put_back() {
    let (lambda, http) = lambda(&[ok(configuration("$LATEST", HASH))]);
    let lambda = serving(GOOD, lambda);
    let sent = lambda.restore_code("shop-api", &snapshot(HASH), "r1").await;
    assert_eq!(sent.unwrap(), Sent::Accepted(()));
    assert_eq!(
        asked(&http),
        [(
            "PUT /2015-03-31/functions/shop-api/code".to_owned(),
            json!({"ZipFile": "YWJj", "RevisionId": "r1"})
        )]
    );
}

#[tokio::test]
async fn code_with_another_hash_is_never_sent() {
    for (answer, told) in [
        (GOOD, "expected other"),
        (
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "the answer was 403",
        ),
    ] {
        let (lambda, http) = lambda(&[]);
        let lambda = serving(answer, lambda);
        let snapshot = snapshot("other");
        let sent = lambda.restore_code("shop-api", &snapshot, "r1").await;
        let failed = sent.unwrap_err();
        assert!(failed.is_transient(), "{failed}");
        let text = failed.to_string();
        assert!(text.contains("the code of function shop-api:7"), "{text}");
        assert!(text.contains(told), "{text}");
        assert_eq!(http.actual_requests().count(), 0);
    }
}

#[tokio::test]
async fn an_image_has_no_code_to_download() {
    let (lambda, _http) = lambda(&[]);
    let mut image = snapshot(HASH);
    image.location = None;
    let failed = lambda.restore_code("shop-api", &image, "r1").await;
    assert!(matches!(failed, Err(PhaseError::Rejected { .. })));
}
