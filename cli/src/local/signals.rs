//! Ctrl-C and its kin.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::{IoContext, LocalError};

/// The signals that ask a program to end: SIGINT (Ctrl-C), SIGTERM, SIGHUP (the terminal went away).
///
/// From [`Interrupts::listen`] on no such signal ends the process by itself, and none is lost, not even one that comes
/// while nobody waits in [`Interrupts::next`].
#[derive(Debug)]
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Interrupts {
    /// Begins to listen. Needs a Tokio runtime.
    pub fn listen() -> Result<Self, LocalError> {
        let listen = |kind| signal(kind).doing(|| "listening for signals".to_owned());
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Returns at the next signal.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
