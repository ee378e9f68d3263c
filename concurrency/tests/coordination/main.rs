//! Locks, elections and transactions over a store in memory, under interleavings drawn at random.

mod lines;
mod memory;
mod scheduler;
mod transactions;
