//! conclude.
fn main() {}
