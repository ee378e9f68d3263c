//! Multi-version key-value store: revisions, key index, transactions, compaction, hashes.
//!
//! # The model
//!
//! The store is a log of changes and an index over it. Every transaction that changes something gets the next
//! *revision*; each change in it makes one *record*, kept in the table `key` under its revision (`main` is the
//! transaction, `sub` numbers the changes inside). A put's record is the encoded `mvccpb.KeyValue`; a
//! deletion's is a *tombstone* that names the key. Records are never changed:
//!
//! ```text
//!   revision  record                      index
//!   2.0       a = 1                       a -> 2.0, 4.0, 5.0 (tombstone)
//!   3.0       b = 1                       b -> 3.0, 4.1
//!   4.0       a = 2
//!   4.1       b = 2                       at revision 3:  a = 1, b = 1
//!   5.0       tombstone of a              at revision 5:  b = 2
//! ```
//!
//! The index lives in memory and is rebuilt from the records when a store is opened. Of each version it knows
//! the revision, `create_revision`, `version` and whether there is a lease; so counts, filters, most orders,
//! conditions and keys-only ranges need no record at all.
//!
//! *Compaction* at a revision forgets what that revision does not see any more: superseded puts, tombstones,
//! what was deleted. The revision itself and all later ones stay readable.
//!
//! # Who may do what, when
//!
//! There is one writer at a time: whoever holds the write buffer's step. Its changes are put into the index
//! and the buffer at once and become visible all together when the transaction ends and the current revision
//! moves on, because readers look at versions up to their revision only. Any number of readers work meanwhile.
//! A reader of a range holds the index's lock for a leaf of the tree at a time, and pins its revision, which
//! holds back the removal of records (not the compaction's announcement). A compaction works through the
//! records in small pieces between all of them. Nobody waits for anybody longer than a handful of keys takes.
//!
//! # Where to read on
//!
//! [`Store`] is the door: reads ([`Store::range`], [`Store::read_txn`], [`Store::range_stream`]), requests of
//! the log ([`Store::apply_put`] and so on), [`Store::compact`], [`Store::hash_kv`], and history for watchers
//! ([`Store::events`]). [`check`] says which requests are invalid whatever is stored. Inside: `history` and
//! `log` (versions of one key), `leaf`, `tree` and `index` (all keys), `record` (bytes), `range`.

mod apply;
pub mod check;
mod compaction;
mod compare;
mod encoded;
mod error;
mod hash;
mod history;
mod index;
mod intervals;
mod key;
mod leaf;
mod lease;
mod load;
mod log;
mod marks;
mod past;
mod pins;
mod range;
mod read;
mod record;
mod scan;
mod span;
mod store;
mod stream;
mod tree;
mod txn;
mod view;
mod write;

pub use compaction::{Compaction, Progress};
pub use encoded::EncodedKvs;
pub use error::{Error, Result};
pub use hash::KeyValueHash;
pub use lease::{LeaseBinding, NoLeases};
pub use past::HistoryLimit;
pub use pins::Pin;
pub use range::RangeResult;
pub use store::Store;
pub use stream::{PageEnd, RangePage, RangeStream};
pub use txn::Ranges;
pub use write::WriteTxn;
