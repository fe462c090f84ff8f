//! How people see the quiz: through its distribution, and through its load balancer.

use lockstep_tests::World;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the distribution of the environment is called, and its load balancer.
pub const NAME: &str = "live-quiz-development";

/// An answer to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: String,
    /// The header `Cache-Control`.
    pub control: String,
    /// The body.
    pub body: String,
}

/// The address, on this machine, under which the distribution is seen: it stands for the distribution's own domain
/// name, which does not exist before the stack does, and which nothing resolves here.
pub async fn distribution_address(world: &World) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (cloudfront, emulator) = (
        world.clients().cloudfront.clone(),
        world.engine().state().emulator_port,
    );
    tokio::spawn(async move {
        while let Ok((viewer, _)) = listener.accept().await {
            let cloudfront = cloudfront.clone();
            tokio::spawn(async move {
                if let Some((_, domain)) = distribution(&cloudfront).await {
                    hand_on(viewer, emulator, &domain).await;
                }
            });
        }
    });
    format!("http://{address}")
}

/// The id and the domain name of the environment's distribution, once there is one.
pub async fn distribution(cloudfront: &aws_sdk_cloudfront::Client) -> Option<(String, String)> {
    let listed = cloudfront.list_distributions().send().await.ok()?;
    let list = listed.distribution_list()?;
    let one = list.items().iter().find(|it| it.comment() == NAME)?;
    Some((one.id().to_owned(), one.domain_name().to_owned()))
}

async fn hand_on(mut viewer: TcpStream, emulator: u16, domain: &str) {
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while !head.windows(4).any(|it| it == b"\r\n\r\n") {
        match viewer.read(&mut piece).await {
            Ok(read) if read > 0 => head.extend_from_slice(&piece[..read]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let line = head.lines().next().unwrap_or_default();
    let mut origin = TcpStream::connect(("127.0.0.1", emulator)).await.unwrap();
    // The distribution sends viewers without TLS away.
    let request = format!(
        "{line}\r\nHost: {domain}\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
    );
    origin.write_all(request.as_bytes()).await.unwrap();
    // A viewer that went away is its own affair.
    drop(tokio::io::copy(&mut origin, &mut viewer).await);
}

/// What somebody gets at an address on this machine, such as `http://127.0.0.1:4566/health`.
pub async fn get(url: &str) -> Answer {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or_else(String::new, |(_, value)| value.trim().to_owned())
    };
    Answer {
        status: head.split_whitespace().nth(1).unwrap().parse().unwrap(),
        content_type: header("content-type"),
        control: header("cache-control"),
        body: body.to_owned(),
    }
}
