//! The watch hub's view of the past: the store's history.

use bytes::Bytes;
use oxetcd_api::{Event, KeyRange};
use oxetcd_mvcc::HistoryLimit;
use oxetcd_watch::{History, HistoryError, ReadLimit};
use std::sync::Arc;

use crate::node::Shared;

/// The past of a member's store.
pub(crate) struct StoreHistory(pub(crate) Arc<Shared>);

impl History for StoreHistory {
    fn current_revision(&self) -> i64 {
        self.0.machine.load().store().revision()
    }

    fn compacted_revision(&self) -> i64 {
        self.0.machine.load().store().compacted()
    }

    fn events(
        &self,
        range: &KeyRange,
        from_rev: i64,
        to_rev: i64,
        limit: ReadLimit,
        visit: &mut dyn FnMut(Event),
    ) -> Result<i64, HistoryError> {
        let machine = self.0.machine.load();
        let store = machine.store();
        let limit = HistoryLimit { revisions: limit.revisions, bytes: limit.size_bytes };
        match store.events(range, from_rev, limit) {
            Ok((batches, next)) => {
                // What lies beyond the end asked for is read again when its turn comes.
                let wanted = batches.into_iter().take_while(|batch| batch.revision <= to_rev);
                wanted.flat_map(|batch| batch.events).for_each(visit);
                Ok(next.min(to_rev + 1))
            }
            Err(oxetcd_mvcc::Error::Compacted) => Err(HistoryError::Compacted(store.compacted())),
            Err(error) => Err(HistoryError::Unavailable(error.to_string())),
        }
    }

    fn previous(&self, key: &[u8], mod_rev: i64) -> Option<Bytes> {
        match self.0.machine.load().store().previous(key, mod_rev) {
            Ok(previous) => previous,
            Err(error) => {
                self.0.fate.fail(error.to_string());
                None
            }
        }
    }
}
