//! watchdog.
fn main() {}
