//! What a start finds in a data dir: databases in etcd's own format, received or left by etcd's own server.

#[path = "../support/mod.rs"]
mod support;

mod go_dir;
mod mixed;
mod received;
mod state;
