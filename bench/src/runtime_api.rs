//! The Lambda runtime API as a function sees it, on loopback, with a clock: one function process is started, gets one
//! event, and is stopped.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::Result;

/// How long a function may take for all of it.
const LIMIT: Duration = Duration::from_secs(10);

/// When a function did what, counted from right before its process was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// It asked for its first event.
    pub first_poll: Duration,
    /// It answered the event, well or badly; `None` if it was given none.
    pub answer: Option<Duration>,
}

/// What the API saw.
enum Seen {
    Poll(Instant),
    Answer(Instant),
}

/// Starts a program as a function and gives it `event`, if there is one.
pub fn start_once(
    program: &OsStr,
    environment: impl FnOnce(&str) -> Vec<(&'static str, String)>,
    event: Option<&str>,
) -> Result<Start> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let api = listener.local_addr()?.to_string();
    let seen = serve(listener, event.map(str::to_owned));
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(environment(&api))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let result = watch(&seen, begun, event.is_some());
    stop(&mut child)?;
    result.map_err(|why| format!("{}: {why}", program.display()).into())
}

fn watch(seen: &Receiver<Seen>, begun: Instant, has_event: bool) -> Result<Start> {
    let mut start = None;
    loop {
        match seen.recv_timeout(LIMIT)? {
            Seen::Poll(at) if start.is_none() => {
                start = Some(Start {
                    first_poll: at - begun,
                    answer: None,
                });
            }
            Seen::Poll(_) => {}
            Seen::Answer(at) => {
                if let Some(start) = &mut start {
                    start.answer = Some(at - begun);
                }
            }
        }
        match &start {
            Some(start) if start.answer.is_some() || !has_event => return Ok(start.clone()),
            _ => {}
        }
    }
}

fn stop(child: &mut Child) -> Result<()> {
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// Accepts the function's connections until nobody listens to what is seen.
fn serve(listener: TcpListener, event: Option<String>) -> Receiver<Seen> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        // The runtime keeps one connection, and may open another for the answer.
        for stream in listener.incoming().flatten().take(2) {
            let (sender, event) = (sender.clone(), event.clone());
            std::thread::spawn(move || connection(&stream, &sender, event.as_deref()));
        }
    });
    receiver
}

/// Serves one connection until the process at its other end is stopped.
fn connection(stream: &TcpStream, sender: &Sender<Seen>, event: Option<&str>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    loop {
        let is_poll = request(&mut reader)?.starts_with("GET");
        let now = Instant::now();
        let answer = if is_poll {
            sender.send(Seen::Poll(now)).ok()?;
            invocation(event?)
        } else {
            sender.send(Seen::Answer(now)).ok()?;
            "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_owned()
        };
        writer.write_all(answer.as_bytes()).ok()?;
    }
}

/// Reads one HTTP request and returns its first line; `None` at the connection's end.
pub fn request(reader: &mut impl BufRead) -> Option<String> {
    let mut first = String::new();
    if reader.read_line(&mut first).ok()? == 0 {
        return None;
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    reader.take(length).read_to_end(&mut Vec::new()).ok()?;
    Some(first)
}

fn invocation(event: &str) -> String {
    let length = event.len();
    format!(
        "HTTP/1.1 200 OK\r\n\
         lambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
         lambda-runtime-deadline-ms: 4102444800000\r\n\
         lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:000000000000:function:hello\r\n\
         lambda-runtime-trace-id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700\r\n\
         content-type: application/json\r\n\
         content-length: {length}\r\n\r\n{event}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ends_where_its_length_says() {
        let mut two: &[u8] =
            b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n";
        assert_eq!(request(&mut two).as_deref(), Some("POST /a HTTP/1.1\r\n"));
        assert_eq!(request(&mut two).as_deref(), Some("GET /b HTTP/1.1\r\n"));
        assert_eq!(request(&mut two), None);
    }
}
