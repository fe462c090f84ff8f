//! lock.
fn main() {}
