//! One request, one answer, by the part of HTTP/1.1 that a health check needs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::{Config, Mode};

/// More than any health check sends; a client that sends more is not one.
const REQUEST_LIMIT: u64 = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers one request and closes the connection. A client that went away is no fault of ours.
pub fn answer(stream: TcpStream, config: &Config) {
    let _ = try_answer(stream, config);
}

fn try_answer(mut stream: TcpStream, config: &Config) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new((&mut stream).take(REQUEST_LIMIT)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // The headers are read to their end: closing earlier would reset the connection.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let (status, body) = respond(&request, config);
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    if !request.starts_with("HEAD ") {
        stream.write_all(body.as_bytes())?;
    }
    stream.flush()
}

/// Status and body for a request line such as `GET /health HTTP/1.1`.
fn respond(request: &str, config: &Config) -> (&'static str, String) {
    let mut words = request.split_whitespace();
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let path = target.split('?').next().unwrap_or_default();
    match (method, path) {
        ("GET" | "HEAD", "/health") if config.mode == Mode::Unhealthy => (
            "500 Internal Server Error",
            format!("version {} is not well\n", config.version),
        ),
        ("GET" | "HEAD", "/health") => ("200 OK", "ok\n".to_owned()),
        ("GET" | "HEAD", "/") => ("200 OK", format!("hello from version {}\n", config.version)),
        ("GET" | "HEAD", _) => ("404 Not Found", "there is / and /health\n".to_owned()),
        _ => ("405 Method Not Allowed", "only GET and HEAD\n".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::respond;
    use crate::{Config, Mode};

    fn status(request: &str, mode: Mode) -> &'static str {
        respond(
            request,
            &Config {
                port: 0,
                version: "v1".into(),
                mode,
            },
        )
        .0
    }

    #[test]
    fn only_the_health_check_tells_an_unhealthy_copy() {
        assert_eq!(status("GET /health HTTP/1.1", Mode::Ok), "200 OK");
        assert_eq!(
            status("GET /health?probe=1 HTTP/1.1", Mode::Unhealthy),
            "500 Internal Server Error"
        );
        assert_eq!(status("GET / HTTP/1.1", Mode::Unhealthy), "200 OK");
    }

    #[test]
    fn everything_else_is_refused_politely() {
        assert_eq!(status("GET /nothing HTTP/1.1", Mode::Ok), "404 Not Found");
        assert_eq!(
            status("POST / HTTP/1.1", Mode::Ok),
            "405 Method Not Allowed"
        );
        assert_eq!(status("", Mode::Ok), "405 Method Not Allowed");
    }
}
