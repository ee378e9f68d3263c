//! Finds members whose data differ from the others'.
//!
//! All members apply the same entries, so the same revision has the same hash everywhere. When it has not, a
//! disk, a memory or a program has failed, and the member that differs gives wrong answers without knowing it.
//! Three occasions to compare:
//!
//! * **at the start**, with the others' hashes at the revision that this member has come to, before clients are
//!   served: a member that differs does not start;
//! * **after each compaction**: every member hashes what it compacts as it goes, so that comparing costs next to
//!   nothing. The leader does it once a minute;
//! * **from time to time**, all data, by the leader: each member reads all it has.
//!
//! A majority of all members that agrees is right, and the CORRUPT alarm is raised for those that do not; without
//! a majority nobody can tell, and it is raised for the cluster (member 0). While it stands, writes are refused.

mod check;
mod peers;
mod verdict;

pub(crate) use check::{CorruptionCheck, check_at_start};
