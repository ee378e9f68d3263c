//! The peer protocol through its public interface: members in this process that talk over loopback, and
//! members written down byte for byte.

mod exchange;
mod frames;
mod requests;
mod support;
