//! The contract: what every engine must do, as tests that its crate runs.
//!
//! An engine's test file describes how to open it ([`Subject`]) and calls [`engine_contract!`](crate::engine_contract):
//!
//! ```
//! use oxetcd_storage::{Memory, Result, contract::Subject};
//!
//! struct Mine;
//!
//! impl Subject for Mine {
//!     type Engine = Memory;
//!     fn open(&self, _dir: &std::path::Path) -> Result<Memory> {
//!         Ok(Memory::new())
//!     }
//! }
//!
//! // With files: `engine_contract!(Mine, durable)`.
//! oxetcd_storage::engine_contract!(Mine);
//! # fn main() {}
//! ```
//!
//! * `model`: random histories against sorted maps, with reopenings, checkpoints and defragmenting.
//! * `reads`, `sizes`: the corners of single calls.
//! * `views`: what readers may see while commits go on.
//! * `crashes`, `full`, `files` (durable engines only): processes that are killed, devices without room,
//!   directories that are taken or damaged. Where a test needs a process of its own, the test's program runs
//!   itself again for just the test `child`.
//!
//! The limits that it checks: keys of 1 byte to 32 KiB, values of 0 bytes to 10 MiB.

pub mod bench;
mod child;
mod crashes;
mod files;
mod full;
mod model;
mod reads;
mod sizes;
mod views;

pub use child::{Child, run_child as child};
pub use crashes::{
    copies_of_files_between_commits_are_whole, killed_processes_lose_no_commit,
    killed_processes_lose_nothing_in_any_stage_of_defragmenting,
};
pub use files::{a_directory_has_one_user, foreign_files_are_refused};
pub use full::full_devices_refuse_whole_batches;
pub use model::{Model, random_histories_match_the_model};
pub use reads::{
    keys_and_values_have_their_limits, later_changes_of_a_batch_win, lookups_answer_in_order,
    scans_keep_their_bounds, visitors_may_read,
};
pub use sizes::{
    commits_beside_defragmenting_are_kept, commits_do_not_wait_for_a_defragmentation,
    defragmenting_keeps_and_shrinks, sizes_are_plausible,
};
pub use views::{batches_are_seen_whole, checkpoints_stay_as_they_were};

use crate::{Engine, Result};
use std::path::Path;

/// How to get at an engine that is to be tested.
pub trait Subject: Sync {
    /// The engine.
    type Engine: Engine;

    /// Opens it in the directory `dir`, which is there; what was committed there before is in it.
    ///
    /// # Errors
    /// As the engine has them: the tests look at them.
    fn open(&self, dir: &Path) -> Result<Self::Engine>;

    /// Whether a full engine takes writes again as soon as enough was deleted.
    fn reuses_room(&self) -> bool {
        true
    }

    /// Whether defragmenting makes a half-empty engine smaller at once.
    fn shrinks(&self) -> bool {
        true
    }
}

/// Makes a test of every clause of the contract. With `durable` also of those about files and crashes.
///
/// The subject is an expression, usually a unit struct.
#[macro_export]
macro_rules! engine_contract {
    ($subject:expr) => {
        $crate::engine_contract!(@tests $subject;
            random_histories_match_the_model
            scans_keep_their_bounds
            lookups_answer_in_order
            later_changes_of_a_batch_win
            keys_and_values_have_their_limits
            visitors_may_read
            batches_are_seen_whole
            checkpoints_stay_as_they_were
            sizes_are_plausible
            defragmenting_keeps_and_shrinks
            commits_beside_defragmenting_are_kept
        );
    };
    ($subject:expr, durable) => {
        $crate::engine_contract!($subject);
        $crate::engine_contract!(@tests $subject;
            copies_of_files_between_commits_are_whole
            foreign_files_are_refused
            commits_do_not_wait_for_a_defragmentation
        );
        $crate::engine_contract!(@with_child $subject;
            killed_processes_lose_no_commit
            killed_processes_lose_nothing_in_any_stage_of_defragmenting
            full_devices_refuse_whole_batches
            a_directory_has_one_user
        );

        #[test]
        #[ignore = "other tests run it in a process of its own"]
        fn child() {
            $crate::contract::child(&$subject);
        }
    };
    (@tests $subject:expr; $($test:ident)*) => {
        $(
            #[test]
            fn $test() {
                $crate::contract::$test(&$subject);
            }
        )*
    };
    (@with_child $subject:expr; $($test:ident)*) => {
        $(
            #[test]
            fn $test() {
                $crate::contract::$test(&$subject, &$crate::contract::Child::new(module_path!()));
            }
        )*
    };
}
