//! The storage seam.
//!
//! etcd needs little of a storage engine: ordered byte tables and an atomic batch. Records are keyed by
//! revision and never change once written, so no engine transaction is asked for: a reader that re-checks the
//! compacted revision afterwards cannot see a torn state. That is what makes engines exchangeable.
//!
//! * [`Engine`]: what an engine must do; [`Memory`] is the one that is always there.
//! * [`Buffer`]: the open write batch over an engine. Writes are readable at once and reach the engine in the
//!   background, so no engine is ever on the latency path of a request.
//! * [`Meanwhile`] and [`Doomed`]: what engines share that put new files in the place of old ones while they are used.
//! * `contract` (feature `contract`): the tests that every engine must pass.

mod batch;
mod buffer;
#[cfg(feature = "contract")]
pub mod contract;
mod engine;
mod error;
mod meanwhile;
mod memory;
mod shed;
mod sorted_map;
mod table;

pub use batch::{Batch, Op};
pub use buffer::{Buffer, Pending, Step};
pub use engine::{Checkpoint, Durability, Engine, Size, Visit, VisitFound};
pub use error::{Error, Result};
pub use meanwhile::{Meanwhile, catch_up};
pub use memory::Memory;
pub use shed::Doomed;
pub use table::Table;
