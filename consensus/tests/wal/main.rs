//! The write-ahead log through its public interface: format, damage, crashes.

mod crash;
mod damage;
mod format;
mod segments;
mod support;
