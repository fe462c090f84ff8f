//! A Lambda function as a container image: its only file. Where Lambda runs an image it asks the runtime API for what
//! to do; the local engine posts each event to the image's own port, as the runtime interface emulator takes it.
//!
//! | variable | meaning |
//! |---|---|
//! | `LABEL` | what it answers; `crash`: it ends as soon as it starts |

use std::env;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

fn main() {
    let label = env::var("LABEL").unwrap_or_default();
    assert_ne!(label, "crash", "this image cannot start");
    let version = env::var("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_default();
    let listener = TcpListener::bind("0.0.0.0:8080").expect("the port is free");
    for mut stream in listener.incoming().flatten() {
        let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
            line.clear();
        }
        let mut event = vec![0; length];
        if reader.read_exact(&mut event).is_err() {
            continue;
        }
        let answer = format!("{{\"label\": \"{label}\", \"version\": \"{version}\"}}");
        let head = format!("content-type: application/json\r\ncontent-length: {}", answer.len());
        drop(write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\nconnection: close\r\n\r\n{answer}"));
    }
}
