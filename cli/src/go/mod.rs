//! The text forms of Go's standard library that etcd's tools show and accept.
//!
//! Scripts depend on them: durations such as `1m30s`, quoted strings, numbers with a base prefix, and the very words of
//! the errors about them.

pub mod duration;
pub mod number;
pub mod quote;
pub mod scan;
pub mod size;
pub mod url;
