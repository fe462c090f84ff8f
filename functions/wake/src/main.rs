//! wake.
fn main() {}
