//! The crate through its public interface.

mod intervals;
mod store;
mod tokens;
