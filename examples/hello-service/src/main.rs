//! The smallest service worth deploying: it says which version it is, and whether it is
//! well. It uses nothing but the standard library, so its image is one static file.
//!
//! | variable | meaning |
//! |---|---|
//! | `PORT` | the port to listen on; 8080 |
//! | `HELLO_VERSION` | what `/` answers; `unknown` |
//! | `HELLO_MODE` | `ok`; `crash`: end at once with exit code 1; `unhealthy`: `/health` answers 500 |

mod http;
mod signal;

use std::env;
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;

/// How this copy of the service behaves. Part of the image, as a real fault would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As it should.
    Ok,
    /// It cannot start.
    Crash,
    /// It starts, and is of no use.
    Unhealthy,
}

/// What the environment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The port to listen on.
    pub port: u16,
    /// The version to name.
    pub version: String,
    /// How to behave.
    pub mode: Mode,
}

fn main() -> ExitCode {
    match Config::read(|name| env::var(name).ok()).and_then(serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("hello-service: {why}");
            ExitCode::FAILURE
        }
    }
}

fn serve(config: Config) -> Result<(), String> {
    if config.mode == Mode::Crash {
        return Err(format!(
            "version {} cannot start: HELLO_MODE is crash",
            config.version
        ));
    }
    signal::end_on_sigterm();
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, config.port))
        .map_err(|error| format!("cannot listen on port {}: {error}", config.port))?;
    eprintln!(
        "hello-service: version {} listens on port {}",
        config.version, config.port
    );
    let config = Arc::new(config);
    for stream in listener.incoming().flatten() {
        let config = Arc::clone(&config);
        std::thread::spawn(move || http::answer(stream, &config));
    }
    Ok(())
}

impl Config {
    /// Reads the variables. An unknown mode is refused: a misspelling must not look healthy.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let port = variable("PORT").unwrap_or_else(|| "8080".to_owned());
        let mode = match variable("HELLO_MODE").as_deref() {
            None | Some("" | "ok") => Mode::Ok,
            Some("crash") => Mode::Crash,
            Some("unhealthy") => Mode::Unhealthy,
            Some(other) => {
                return Err(format!(
                    "HELLO_MODE is {other:?}, expected ok, crash or unhealthy"
                ));
            }
        };
        Ok(Self {
            port: port
                .parse()
                .map_err(|_| format!("PORT is {port:?}, expected a port number"))?,
            version: variable("HELLO_VERSION").unwrap_or_else(|| "unknown".to_owned()),
            mode,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, Mode};

    fn read(pairs: &[(&str, &str)]) -> Result<Config, String> {
        Config::read(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn everything_has_a_default() {
        let config = Config {
            port: 8080,
            version: "unknown".into(),
            mode: Mode::Ok,
        };
        assert_eq!(read(&[]), Ok(config));
    }

    #[test]
    fn a_misspelled_mode_is_refused() {
        assert!(
            read(&[("HELLO_MODE", "unhealhty")])
                .unwrap_err()
                .contains("unhealhty")
        );
        assert_eq!(
            read(&[("HELLO_MODE", "unhealthy")]).unwrap().mode,
            Mode::Unhealthy
        );
    }
}
