//! Whole clusters in one thread, driven by one seed.
//!
//! Everything that can differ between two runs of a cluster is drawn from the seed: when messages arrive and
//! whether, which sectors of an unfinished write reach the disk, how fast each clock goes, who crashes, what
//! the clients ask for. So a run that goes wrong can be run again, step for step, and a run takes milliseconds.
//!
//! * [`plan`]: what kind of run a seed stands for, and the ways in which it can be built wrong on purpose.
//! * [`world`]: the events and the clocks. [`network`]. [`faults`]: what goes wrong, and the operator.
//! * [`member`]: one member: a `Node` over the real log and snapshot files on a disk in memory, driven the way
//!   a server's raft loop does it. [`store`]: its state machine. [`reads`]: its linearizable reads.
//! * [`oracle`]: sees everything and knows what must never happen; asked at every step.
//! * [`finish`]: the faults end, and the cluster has to come back.
//! * [`tests`]: many seeds; the same seed twice; builds that are wrong on purpose and must be caught.
//!
//! A failure names its seed. `SIM_SEED=<seed> SIM_TRACE=1 cargo test -p oxetcd-consensus --test sim one_seed --
//! --ignored --nocapture` runs it again and prints every event.

mod counts;
mod faults;
mod finish;
mod member;
mod network;
mod oracle;
mod plan;
mod random;
mod reads;
mod run;
mod start;
mod store;
mod tests;
mod world;
