//! verify.
fn main() {}
