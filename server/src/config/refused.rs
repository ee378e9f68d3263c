//! Why there is no configuration.

use super::exit::Exit;
use crate::logging::Notice;

/// What came in place of a configuration.
#[derive(Debug, PartialEq)]
pub(crate) enum Refused {
    /// The program is to print something and end: help, a version, a command line that is none.
    Ended(Exit),
    /// A flag and a variable say the same thing; which one was meant is anyone's guess.
    Conflict(Notice),
    /// A setting is wrong, or does not go with another one.
    Mistake(String),
}
