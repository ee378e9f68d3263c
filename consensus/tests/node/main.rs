//! The node and its driver: one member, a cluster on a bad network, and messages that make no sense.

mod cluster;
mod departure;
mod inbound;
mod machine;
mod reads;
mod single;
mod support;
