//! The v2 tree of a member of etcd 3.5 or older, taken over with its data.
//!
//! Such a member does not have it in its database but in `.snap` files, and behind that in the log. Ours has it in both,
//! and what a database of ours says may be old: the other program may have gone on with it. So whenever data are
//! taken over from a file, the tree comes from the snapshot and the log.

use crate::conf_change;
use oxetcd_consensus::{
    RestoredLog, SnapStore,
    raftpb::{EntryType, SnapshotMetadata},
};
use oxetcd_datadir::membership_json;
use oxetcd_machine::{Roster, V2Records, v2_counts, v2_replay};
use oxetcd_storage::Buffer;
use oxetcd_v2::Tree;

/// Most learners that members of such versions allow.
const MAX_LEARNERS: usize = 1;

/// The tree in the snapshot file of `metadata`, and who the members were; `None` if it holds none.
fn saved(snapshots: &SnapStore, metadata: &SnapshotMetadata) -> Option<(Tree, Roster)> {
    let loaded = snapshots.load(metadata.term(), metadata.index()).map_err(|error| error.to_string());
    let data = loaded.map(|snapshot| snapshot.data.unwrap_or_default());
    match data.and_then(|data| Ok((Tree::recover(&data)?, membership_json::roster(&data)))) {
        Ok(found) => Some(found),
        Err(error) => {
            tracing::debug!(error, "no v2 tree beside the database");
            None
        }
    }
}

/// Puts the tree of a snapshot into `buffer`, whose data came with it.
///
/// # Errors
/// When the engine cannot be read.
pub(crate) fn in_snapshot(
    snapshots: &SnapStore,
    metadata: &SnapshotMetadata,
    buffer: &Buffer,
) -> Result<(), String> {
    let Some((mut tree, _)) = saved(snapshots, metadata) else { return Ok(()) };
    V2Records::replace(buffer, &mut tree).map_err(|error| error.to_string())
}

/// Puts the tree as of entry `applied` of the log into `buffer`, whose data are as new.
///
/// # Errors
/// When the engine cannot be read.
pub(crate) fn until(
    snapshots: &SnapStore,
    log: &RestoredLog,
    applied: u64,
    buffer: &Buffer,
) -> Result<(), String> {
    let metadata =
        SnapshotMetadata { index: Some(log.snapshot_index), term: Some(log.snapshot_term), conf_state: None };
    let found = match log.snapshot_index {
        0 => Some((Tree::default(), Roster::default())),
        _ => saved(snapshots, &metadata),
    };
    let Some((mut tree, mut roster)) = found else { return Ok(()) };
    for entry in log.entries.iter().take_while(|entry| entry.index() <= applied) {
        match (entry.r#type(), &entry.data) {
            (EntryType::EntryNormal, Some(data)) => v2_replay(&mut tree, data, |id| roster.has(id)),
            (EntryType::EntryConfChange, _) => {
                let Ok((_, change)) = conf_change::decode(entry) else { continue };
                if roster.check(&change, MAX_LEARNERS).is_ok() {
                    roster.make(&change);
                    v2_counts(&change).iter().for_each(|counted| tree.count_elsewhere(*counted));
                }
            }
            _ => {}
        }
    }
    V2Records::replace(buffer, &mut tree).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_api::etcdserverpb::Request;
    use oxetcd_consensus::{OsDisk, raftpb};
    use oxetcd_machine::{Member, MemberChange};
    use oxetcd_storage::Memory;
    use prost::Message;
    use std::sync::Arc;

    fn put(index: u64, path: &str, value: &str) -> raftpb::Entry {
        let request = Request {
            id: Some(index),
            method: Some("PUT".into()),
            path: Some(path.into()),
            val: Some(value.into()),
            ..Request::default()
        };
        let data = Some(request.encode_to_vec().into());
        raftpb::Entry { index: Some(index), term: Some(1), data, ..Default::default() }
    }

    fn added(index: u64, id: u64) -> raftpb::Entry {
        let member = Member { id, peer_urls: vec![format!("http://m:{id}")], ..Member::default() };
        raftpb::Entry {
            index: Some(index),
            term: Some(1),
            r#type: Some(EntryType::EntryConfChange.into()),
            data: Some(conf_change::encode(index, MemberChange::Add(member)).encode_to_vec().into()),
        }
    }

    fn tree_in(buffer: &Buffer) -> Tree {
        V2Records::in_buffer(buffer).expect("memory can be read").open().expect("records are whole")
    }

    #[test]
    fn the_tree_is_that_of_the_snapshot_and_of_what_follows() -> Result<(), String> {
        let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
        let snapshots = SnapStore::new(Arc::new(OsDisk), dir.path());
        let first = RestoredLog {
            entries: vec![
                added(1, 10),
                // Refused: it is a member already.
                added(2, 10),
                put(3, "/0/members/a/attributes", r#"{"name":"m","clientURLs":["http://c:1"]}"#),
                put(4, "/0/version", "3.5.0"),
                put(5, "/1/a", "1"),
                put(6, "/1/late", "not applied"),
            ],
            ..RestoredLog::default()
        };
        let buffer = Buffer::new(Arc::new(Memory::new()));
        until(&snapshots, &first, 5, &buffer)?;
        let mut tree = tree_in(&buffer);
        let node = tree.get("/1/a", false, 0).map_err(|error| error.to_string())?.node.unwrap_or_default();
        // A member, its name, the version, the key.
        assert_eq!((node.modified_index, tree.index()), (4, 4));
        assert!(tree.get("/1/late", false, 0).is_err());

        // The same tree in a snapshot, in the place of older records.
        let metadata = SnapshotMetadata { index: Some(5), term: Some(1), conf_state: None };
        let data = Some(tree.save(None)?.into_bytes().into());
        snapshots
            .save(&raftpb::Snapshot { data, metadata: Some(metadata.clone()) })
            .map_err(|error| error.to_string())?;
        let behind = RestoredLog {
            snapshot_index: 5,
            snapshot_term: 1,
            entries: vec![put(6, "/1/b", "2")],
            ..RestoredLog::default()
        };
        let mut old = Tree::default();
        let stale =
            Request { method: Some("PUT".into()), path: Some("/1/stale".into()), ..Request::default() };
        old.apply(&stale).map_err(|error| error.to_string())?;
        let buffer = Buffer::new(Arc::new(Memory::new()));
        V2Records::replace(&buffer, &mut old).map_err(|error| error.to_string())?;
        until(&snapshots, &behind, 6, &buffer)?;
        let mut tree = tree_in(&buffer);
        assert_eq!(tree.index(), 5);
        assert!(tree.get("/1/b", false, 0).is_ok() && tree.get("/1/stale", false, 0).is_err());
        in_snapshot(&snapshots, &metadata, &buffer)?;
        assert_eq!(tree_in(&buffer).index(), 4);
        Ok(())
    }
}
