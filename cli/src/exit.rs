//! Exit codes, as scripts know them.

/// Something failed.
pub const ERROR: u8 = 1;
/// No connection, or a server that does not answer as it should.
pub const BAD_CONNECTION: u8 = 2;
/// The input of `txn` or `watch` cannot be read.
pub const INVALID_INPUT: u8 = 3;
/// A flag with a value that does not exist.
pub const BAD_FEATURE: u8 = 4;
/// Ended before it was complete.
pub const INTERRUPTED: u8 = 5;
/// Reading or writing files failed.
pub const IO: u8 = 6;
/// Wrong arguments.
pub const BAD_ARGS: u8 = 128;
