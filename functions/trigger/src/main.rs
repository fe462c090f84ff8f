//! trigger.
fn main() {}
