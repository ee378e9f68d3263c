//! What would be lost if a cluster that has lost its quorum went on from one of the members that are left.
//!
//! `--force-new-cluster` makes a cluster of one member alone, and of its log keeps what that member knew to be committed.
//! Other members may have known of more. So for each member that is left there are two windows of the log that would go:
//!
//! ```text
//!   1 .. kept | kept+1 .. committed anywhere | .. the end of the most complete log
//!             | lost: clients were told      | in doubt: clients may have been told
//! ```
//!
//! An entry that is in no log here is not seen at all. A majority of the voters has every entry that clients were told
//! of, so that cannot be when those that are missing are fewer than a majority.

use crate::Survivor;
use oxetcd_api::etcdserverpb::{InternalRaftRequest, RequestOp, request_op::Request};
use oxetcd_consensus::raftpb::{ConfChange, ConfChangeType, Entry, EntryType};
use prost::Message;

/// Keys named for a window.
const KEYS_MAX: usize = 10;

/// Entries of the log that would go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The first one's index, and the last one's; none when the last is below the first.
    pub first: u64,
    /// See [`Window::first`].
    pub last: u64,
    /// Those that change keys, as far as any log here holds them.
    pub changes: usize,
    /// Some of these keys, in the order of the log.
    pub keys: Vec<Vec<u8>>,
    /// Entries that are in no log here any more, only in a member's data: what they change is not known.
    pub unseen: u64,
}

impl Window {
    /// Number of entries.
    pub fn len(&self) -> u64 {
        (self.last + 1).saturating_sub(self.first)
    }

    /// Whether nothing would go.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What would be lost with one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Index up to which everything is kept.
    pub kept: u64,
    /// What clients were told is done.
    pub lost: Window,
    /// What they may have been told is done.
    pub in_doubt: Window,
}

/// What there is to say of the members that are left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Place, among the members that are left, of the one that loses least.
    pub best: usize,
    /// For each of them, in order.
    pub losses: Vec<Loss>,
    /// Voters of the cluster; 0 when no log says.
    pub voters: usize,
    /// Whether all that clients were told is in these logs.
    pub is_complete: bool,
}

impl Recovery {
    /// Judges the members that are left. `applied` says for each how far its data goes.
    ///
    /// # Errors
    /// When there is none, or they are of several clusters.
    pub fn of(survivors: &[Survivor], applied: &[u64]) -> Result<Recovery, String> {
        let first = survivors.first().ok_or("there is no member to look at")?;
        if let Some(other) = survivors.iter().find(|other| other.cluster_id != first.cluster_id) {
            return Err(format!(
                "{} and {} are of different clusters ({:x} and {:x})",
                first.data_dir.display(),
                other.data_dir.display(),
                first.cluster_id,
                other.cluster_id
            ));
        }
        let kept: Vec<u64> = survivors
            .iter()
            .enumerate()
            .map(|(at, survivor)| survivor.committed.max(applied.get(at).copied().unwrap_or(0)))
            .collect();
        let committed = kept.iter().copied().max().unwrap_or(0);
        // Of entries with the same index the one of the higher term counts, so the most complete log is right.
        let fullest = survivors.iter().max_by_key(|survivor| survivor.last()).unwrap_or(first);
        let end = fullest.last().1.max(committed);
        let window = |first: u64, last: u64| window(fullest, survivors, first, last);
        let losses: Vec<Loss> = kept
            .iter()
            .map(|kept| Loss {
                kept: *kept,
                lost: window(kept + 1, committed),
                in_doubt: window(committed + 1, end),
            })
            .collect();
        let best = (0..survivors.len()).max_by_key(|at| (kept[*at], survivors[*at].last())).unwrap_or(0);
        let voters = &fullest.voters;
        let present = voters.iter().filter(|id| survivors.iter().any(|one| one.member_id == **id)).count();
        let majority = voters.len() / 2 + 1;
        Ok(Recovery {
            best,
            losses,
            voters: voters.len(),
            is_complete: !voters.is_empty() && voters.len() - present < majority,
        })
    }
}

/// The entries from `first` to `last`, as the most complete log has them, or any other that does.
fn window(fullest: &Survivor, survivors: &[Survivor], first: u64, last: u64) -> Window {
    let mut window = Window { first, last, ..Window::default() };
    for index in first..=last {
        let logs = std::iter::once(fullest).chain(survivors);
        match logs.filter_map(|survivor| entry_at(survivor, index)).next() {
            None => window.unseen += 1,
            Some(entry) => {
                let keys = keys_of(entry);
                window.changes += usize::from(!keys.is_empty());
                let room = KEYS_MAX - window.keys.len();
                window.keys.extend(keys.into_iter().take(room));
            }
        }
    }
    window
}

fn entry_at(survivor: &Survivor, index: u64) -> Option<&Entry> {
    let first = survivor.entries.first()?.index();
    survivor.entries.get(usize::try_from(index.checked_sub(first)?).ok()?)
}

/// The keys that an entry changes. The end of a lease changes keys that are not named: it counts as one without a name.
fn keys_of(entry: &Entry) -> Vec<Vec<u8>> {
    if entry.r#type() != EntryType::EntryNormal {
        return Vec::new();
    }
    let Ok(request) = InternalRaftRequest::decode(entry.data.clone().unwrap_or_default()) else {
        return Vec::new();
    };
    let mut keys = Vec::new();
    keys.extend(request.put.map(|put| put.key.to_vec()));
    keys.extend(request.delete_range.map(|delete| delete.key.to_vec()));
    if let Some(txn) = request.txn {
        txn.success.iter().chain(&txn.failure).for_each(|op| keys_of_op(op, &mut keys));
    }
    keys.extend(request.lease_revoke.map(|_| Vec::new()));
    keys
}

fn keys_of_op(op: &RequestOp, keys: &mut Vec<Vec<u8>>) {
    match &op.request {
        Some(Request::RequestPut(put)) => keys.push(put.key.to_vec()),
        Some(Request::RequestDeleteRange(delete)) => keys.push(delete.key.to_vec()),
        Some(Request::RequestTxn(txn)) => {
            txn.success.iter().chain(&txn.failure).for_each(|op| keys_of_op(op, keys));
        }
        _ => {}
    }
}

/// The voters after the changes among `entries`.
pub(crate) fn voters_after(voters: &[u64], entries: &[Entry]) -> Vec<u64> {
    let mut voters = voters.to_vec();
    for entry in entries.iter().filter(|entry| entry.r#type() == EntryType::EntryConfChange) {
        let Ok(change) = ConfChange::decode(entry.data.clone().unwrap_or_default()) else { continue };
        let id = change.node_id();
        match change.r#type() {
            ConfChangeType::ConfChangeAddNode if !voters.contains(&id) => voters.push(id),
            ConfChangeType::ConfChangeRemoveNode => voters.retain(|voter| *voter != id),
            _ => {}
        }
    }
    voters
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_api::etcdserverpb::PutRequest;

    fn put(index: u64, term: u64) -> Entry {
        let put = PutRequest { key: format!("k{index}").into(), ..PutRequest::default() };
        let request = InternalRaftRequest { put: Some(put), ..InternalRaftRequest::default() };
        Entry {
            r#type: Some(EntryType::EntryNormal.into()),
            term: Some(term),
            index: Some(index),
            data: Some(request.encode_to_vec().into()),
        }
    }

    /// A member whose log holds `entries` with their terms and which knew `committed`.
    fn survivor(id: u64, entries: std::ops::RangeInclusive<u64>, term: u64, committed: u64) -> Survivor {
        Survivor {
            data_dir: format!("/m{id}").into(),
            member_id: id,
            cluster_id: 7,
            term,
            committed,
            snapshot_index: entries.start() - 1,
            snapshot_term: 1,
            entries: entries.map(|index| put(index, term)).collect(),
            voters: vec![1, 2, 3],
            written: None,
        }
    }

    #[test]
    fn the_member_that_knew_of_most_loses_least() {
        let members = [survivor(1, 1..=12, 2, 10), survivor(2, 1..=9, 2, 8)];
        let recovery = Recovery::of(&members, &[0, 0]).expect("one cluster");
        assert_eq!((recovery.best, recovery.voters, recovery.is_complete), (0, 3, true));
        let [first, second] = &recovery.losses[..] else { panic!("two members") };
        assert!(first.lost.is_empty());
        assert_eq!((first.kept, first.in_doubt.first, first.in_doubt.last), (10, 11, 12));
        assert_eq!((second.kept, second.lost.first, second.lost.last, second.lost.changes), (8, 9, 10, 2));
        assert_eq!(second.lost.keys, [b"k9".to_vec(), b"k10".to_vec()]);
        assert_eq!(second.in_doubt.len(), 2);
    }

    #[test]
    fn what_was_applied_was_committed() {
        let members = [survivor(1, 1..=12, 2, 8), survivor(2, 1..=12, 2, 9)];
        let recovery = Recovery::of(&members, &[11, 0]).expect("one cluster");
        assert_eq!((recovery.best, recovery.losses[0].kept, recovery.losses[1].lost.len()), (0, 11, 2));
    }

    #[test]
    fn one_of_three_may_miss_what_the_others_had() {
        let recovery = Recovery::of(&[survivor(3, 1..=4, 1, 4)], &[4]).expect("one cluster");
        assert!(!recovery.is_complete && recovery.losses[0].lost.is_empty());
        assert!(recovery.losses[0].in_doubt.is_empty());
    }

    #[test]
    fn entries_that_only_the_data_holds_are_counted() {
        let members = [survivor(1, 100..=110, 3, 110), survivor(2, 50..=60, 2, 60)];
        let recovery = Recovery::of(&members, &[110, 60]).expect("one cluster");
        let lost = &recovery.losses[1].lost;
        assert_eq!((lost.len(), lost.unseen, lost.changes, lost.keys.len()), (50, 39, 11, KEYS_MAX));
    }

    #[test]
    fn members_of_two_clusters_are_refused() {
        let other = Survivor { cluster_id: 8, ..survivor(2, 1..=2, 1, 2) };
        let refused = Recovery::of(&[survivor(1, 1..=2, 1, 2), other], &[0, 0]);
        assert!(refused.is_err_and(|error| error.contains("different clusters")));
        assert!(Recovery::of(&[], &[]).is_err());
    }
}
