//! Ending when the container engine asks for it.
//!
//! The first process of a container gets no default handlers: without one of its own it
//! ignores SIGTERM, and every stop takes the full grace time until SIGKILL.

const SIGTERM: i32 = 15;

// The C library that every Rust program on Linux links anyway.
unsafe extern "C" {
    safe fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    safe fn _exit(status: i32) -> !;
}

/// `_exit` is one of the few functions that a signal handler may call.
extern "C" fn end(_: i32) {
    _exit(0)
}

/// From here on SIGTERM ends the process with exit code 0.
pub fn end_on_sigterm() {
    signal(SIGTERM, end);
}
