//! What tests of processes share: ports that stay free until a member listens there, and where the programs are.
//!
//! No crate of the product uses this one; `xtask` and tests do.

mod port;
mod program;

pub use port::free_port;
pub use program::beside;
