//! The v2 tree that a member of etcd 3.4 or 3.5 has left in its files.
//!
//! Such a member keeps it in memory. On disk are a copy in the newest `.snap` file, and the requests since then in the
//! write-ahead log. Nothing is changed here: the member can be started again as if nobody had looked.

use crate::reason;
use oxetcd_consensus::{Disk, OsDisk, SnapStore, Wal, raftpb::EntryType, wal::Replay};
use oxetcd_machine::v2_replay;
use oxetcd_v2::{Elsewhere, Tree};
use std::{path::Path, sync::Arc};

/// Reads the tree of a member that does not run. The log is in `wal_dir`, or where it usually is.
///
/// # Errors
/// When there is no log, it is in use, or files are damaged or missing; the text names them.
pub fn read_v2_tree(data_dir: &Path, wal_dir: Option<&Path>) -> Result<Tree, String> {
    let (usual, snap_dir) = (data_dir.join("member/wal"), data_dir.join("member/snap"));
    let wal_dir = wal_dir.unwrap_or(&usual);
    if let Err(error) = wal_dir.metadata() {
        return Err(format!("stat {}: {}", wal_dir.display(), reason(&error)));
    }
    let disk: Arc<dyn Disk> = Arc::new(OsDisk);
    let replay = Wal::read_newest(&*disk, wal_dir).map_err(|error| error.to_string())?;
    // What is not committed may never have been so.
    until(&replay, &snap_dir, replay.hard_state.commit())
}

/// The tree as of entry `last` of a log, which begins with a snapshot of `snap_dir`.
///
/// # Errors
/// When the snapshot is damaged or missing; the text names it.
pub(crate) fn until(replay: &Replay, snap_dir: &Path, last: u64) -> Result<Tree, String> {
    let mut tree = match replay.start.index() {
        0 => Tree::default(),
        index => {
            let disk: Arc<dyn Disk> = Arc::new(OsDisk);
            let snapshot = SnapStore::new(disk, snap_dir).load(replay.start.term(), index);
            let data = snapshot.map_err(|error| error.to_string())?.data.unwrap_or_default();
            Tree::recover(&data).map_err(|error| format!("the snapshot at index {index}: {error}"))?
        }
    };
    for entry in replay.entries.iter().take_while(|entry| entry.index() <= last) {
        match (entry.r#type(), &entry.data) {
            // What was refused then is refused now.
            (EntryType::EntryNormal, Some(data)) => v2_replay(&mut tree, data, |_| true),
            // Members have numbers among the changes, too.
            (EntryType::EntryConfChange, _) => tree.count_elsewhere(Elsewhere::Updated),
            _ => {}
        }
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_api::etcdserverpb::Request;
    use oxetcd_consensus::{
        WalOptions,
        driver::snapshot_record,
        raftpb::{ConfState, Entry, HardState, Snapshot, SnapshotMetadata},
    };
    use oxetcd_machine::v2_request;
    use prost::Message as _;

    fn put(index: u64, key: &str, value: &str) -> Entry {
        let request = Request {
            id: Some(index),
            method: Some("PUT".to_owned()),
            path: Some(format!("/1/{key}")),
            val: Some(value.to_owned()),
            ..Request::default()
        };
        let data = Some(request.encode_to_vec().into());
        Entry { term: Some(1), index: Some(index), data, ..Entry::default() }
    }

    fn append(wal: &mut Wal, entries: &[Entry], commit: u64) {
        let state = HardState { term: Some(1), vote: Some(1), commit: Some(commit) };
        wal.append(entries, Some(&state), true).expect("the disk is fine");
    }

    fn found(dir: &Path) -> Vec<(String, Option<String>)> {
        let tree = read_v2_tree(dir, None).expect("it can be read");
        tree.files("/1").into_iter().map(|file| (file.path, file.value)).collect()
    }

    #[test]
    fn a_tree_is_its_snapshot_and_what_was_committed_behind_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let (wal_dir, snap_dir) = (dir.path().join("member/wal"), dir.path().join("member/snap"));
        std::fs::create_dir_all(&snap_dir).expect("a folder");
        let disk: Arc<dyn Disk> = Arc::new(OsDisk);
        let mut wal = Wal::create(disk.clone(), &wal_dir, b"", WalOptions::default()).expect("a log");
        let first = [put(1, "a", "1"), put(2, "d/b", "2"), put(3, "c", "not yet")];
        append(&mut wal, &first, 2);
        let pair = |key: &str, value: &str| (format!("/1/{key}"), Some(value.to_owned()));
        drop(wal);
        assert_eq!(found(dir.path()), [pair("a", "1"), pair("d/b", "2")]);

        // A snapshot after the second entry; the third is replaced, a fourth comes.
        let mut tree = Tree::default();
        for entry in &first[..2] {
            let request = entry.data.as_ref().and_then(v2_request).expect("a request");
            tree.apply(&request).expect("it is done");
        }
        let snapshot = Snapshot {
            data: Some(tree.save(None).expect("a tree").into()),
            metadata: Some(SnapshotMetadata {
                conf_state: Some(ConfState { voters: vec![1], ..Default::default() }),
                index: Some(2),
                term: Some(1),
            }),
        };
        SnapStore::new(disk.clone(), &snap_dir).save(&snapshot).expect("the disk is fine");
        let (mut wal, _) = Wal::open_newest(disk, &wal_dir, WalOptions::default()).expect("a log");
        wal.save_snapshot(&snapshot_record(&snapshot)).expect("the disk is fine");
        append(&mut wal, &[put(3, "a", "3"), put(4, "_hidden", "4")], 4);
        drop(wal);
        let expected = [pair("_hidden", "4"), pair("a", "3"), pair("d/b", "2")];
        assert_eq!(found(dir.path()), expected);
        std::fs::remove_dir_all(&snap_dir).expect("it is there");
        assert!(read_v2_tree(dir.path(), None).is_err_and(|error| error.contains(".snap")));
    }
}
