//! The etcd server program.
fn main() {}
