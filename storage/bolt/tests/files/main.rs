//! Tests of bbolt files: byte by byte, there and back, damaged, and exported in two passes.

mod common;
mod damage;
mod export;
mod golden;
mod round_trip;
