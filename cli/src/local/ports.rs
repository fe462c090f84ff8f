//! Ports: taken, free, and by whom.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};

use super::error::LocalError;

/// Binds a port on the loopback address; 0 takes any free one.
pub fn bind(
    port: u16,
    what: &'static str,
    option: &'static str,
) -> Result<TcpListener, LocalError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => LocalError::PortInUse {
            port,
            what,
            option,
            by: describe_owner(port),
        },
        _ => LocalError::Io {
            what: format!("listening on port {port} for the {what}"),
            source: error,
        },
    })
}

/// A port that a child process can listen on: `port` itself if it is free, any free one if it is 0.
pub fn reserve(port: u16, what: &'static str, option: &'static str) -> Result<u16, LocalError> {
    let listener = bind(port, what, option)?;
    let address = listener.local_addr();
    address
        .map(|address| address.port())
        .map_err(|source| LocalError::Io {
            what: format!("finding a free port for the {what}"),
            source,
        })
}

fn describe_owner(port: u16) -> String {
    let owner = sockets()
        .into_iter()
        .find(|socket| socket.local.port() == port && socket.listening)
        .and_then(|socket| owners(socket.inode).first().copied());
    let Some(pid) = owner else {
        return String::new();
    };
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!(" ({}, process {pid})", name.trim())
}

/// The processes at the client end of a connection from `client` to `server`, both on this machine.
pub fn processes_behind(client: SocketAddr, server: SocketAddr) -> Vec<u32> {
    sockets()
        .into_iter()
        .find(|socket| {
            SocketAddr::V4(socket.local) == client && SocketAddr::V4(socket.remote) == server
        })
        .map(|socket| owners(socket.inode))
        .unwrap_or_default()
}

/// One line of `/proc/net/tcp`.
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    local: SocketAddrV4,
    remote: SocketAddrV4,
    listening: bool,
    inode: u64,
}

fn sockets() -> Vec<Socket> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    table.lines().skip(1).filter_map(parse_socket).collect()
}

fn parse_socket(line: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    Some(Socket {
        local: parse_address(fields.get(1)?)?,
        remote: parse_address(fields.get(2)?)?,
        listening: *fields.get(3)? == "0A",
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// The kernel prints the address as a hexadecimal number in its own byte order.
fn parse_address(text: &str) -> Option<SocketAddrV4> {
    let (address, port) = text.split_once(':')?;
    let address = u32::from_str_radix(address, 16).ok()?;
    Some(SocketAddrV4::new(
        Ipv4Addr::from(address.to_ne_bytes()),
        u16::from_str_radix(port, 16).ok()?,
    ))
}

fn owners(inode: u64) -> Vec<u32> {
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| {
            let files = fs::read_dir(format!("/proc/{pid}/fd"))
                .into_iter()
                .flatten()
                .flatten();
            files.into_iter().any(|file| {
                fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == wanted.as_str())
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_the_kernels_table() {
        let line = "   0: 0100007F:11D6 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31337 1 0";
        let socket = parse_socket(line).unwrap();
        assert_eq!(socket.local, "127.0.0.1:4566".parse().unwrap());
        assert!(socket.listening);
        assert_eq!(socket.inode, 31337);
    }

    #[test]
    fn names_the_program_that_holds_a_port() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = held.local_addr().unwrap().port();
        let error = bind(port, "gateway", "--gateway-port")
            .unwrap_err()
            .to_string();
        assert!(error.contains(&format!("port {port} is in use")), "{error}");
        assert!(
            error.contains(&format!("process {}", std::process::id())),
            "{error}"
        );
        assert!(error.contains("--gateway-port"), "{error}");
    }

    #[test]
    fn finds_the_process_at_the_other_end() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let found = processes_behind(client.local_addr().unwrap(), server.local_addr().unwrap());
        assert_eq!(found, [std::process::id()]);
    }
}
