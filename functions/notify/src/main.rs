//! notify.
fn main() {}
