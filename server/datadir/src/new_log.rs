//! The log of a member that begins with data: who it is, who the first members are, and a snapshot record that says
//! that the data stands right behind them.

use crate::{cluster_id, encode_state, membership_json};
use oxetcd_api::etcdserverpb::Metadata;
use oxetcd_consensus::{
    Disk, SnapStore, Wal, WalOptions,
    driver::snapshot_record,
    node::bootstrap,
    raftpb::{HardState, Snapshot, SnapshotMetadata},
};
use oxetcd_machine::{Member, MemberChange, Members, meta::Applied};
use oxetcd_storage::{Buffer, Memory};
use oxetcd_v2::Tree;
use prost::Message;
use std::{path::Path, sync::Arc};

/// The first members of a cluster, as entries of a log.
pub(crate) struct Founding {
    members: Vec<Member>,
    me: u64,
    /// Where the data stands: behind the entries that name the members.
    pub(crate) applied: Applied,
    /// The voters as JSON.
    pub(crate) conf_state: Vec<u8>,
}

impl Founding {
    /// A cluster of `members`; `me` is the id of the one whose log it is.
    pub(crate) fn new(mut members: Vec<Member>, me: u64) -> Self {
        members.sort_by_key(|member| member.id);
        let applied = Applied { index: members.len() as u64, term: 1 };
        let conf_state = encode_state(&bootstrap(&peers(&members)).conf_state);
        Founding { members, me, applied, conf_state }
    }

    /// Writes the log, and the snapshot file that etcd 3.6 and older begin with. `tree` is the v2 tree of the data.
    ///
    /// # Errors
    /// When there is a log, or a file cannot be written; the text names it.
    pub(crate) fn write(
        &self,
        disk: &Arc<dyn Disk>,
        wal_dir: &Path,
        snap_dir: &Path,
        tree: &Tree,
    ) -> Result<(), String> {
        let ids: Vec<u64> = self.members.iter().map(|member| member.id).collect();
        let metadata = Metadata { node_id: Some(self.me), cluster_id: Some(cluster_id(&ids)) };
        let first = bootstrap(&peers(&self.members));
        let hard_state = HardState { vote: ids.first().copied(), ..first.hard_state };
        let mut wal = Wal::create(disk.clone(), wal_dir, &metadata.encode_to_vec(), WalOptions::default())
            .map_err(text)?;
        wal.append(&first.entries, Some(&hard_state), true).map_err(text)?;
        let snapshot = Snapshot {
            data: Some(self.membership(tree)?.into()),
            metadata: Some(SnapshotMetadata {
                conf_state: Some(first.conf_state),
                index: Some(self.applied.index),
                term: Some(self.applied.term),
            }),
        };
        SnapStore::new(disk.clone(), snap_dir).save(&snapshot).map_err(text)?;
        wal.save_snapshot(&snapshot_record(&snapshot)).map_err(text)?;
        wal.close().map_err(text)
    }

    /// Without the version that the old cluster spoke: etcd 3.5 finds it here, and would refuse to begin with a newer one, though
    /// it reads the data.
    fn membership(&self, tree: &Tree) -> Result<Vec<u8>, String> {
        let buffer = Buffer::new(Arc::new(Memory::new()));
        let members = Members::open(&buffer).map_err(text)?;
        let step = buffer.begin();
        for member in &self.members {
            members.make(&step, MemberChange::Add(member.clone()));
        }
        if tree.is_in_use() {
            let (cluster, _) = membership_json::cluster(&members);
            return Ok(tree.save(Some(&cluster))?.into_bytes());
        }
        membership_json::encode(&members)
    }

    /// The members as the records of their table.
    pub(crate) fn records(&self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
        self.members.iter().map(|member| (format!("{:x}", member.id).into_bytes(), json(member)))
    }
}

fn peers(members: &[Member]) -> Vec<(u64, bytes::Bytes)> {
    members.iter().map(|member| (member.id, json(member).into())).collect()
}

fn json(member: &Member) -> Vec<u8> {
    // A struct of strings and numbers always has a JSON form.
    serde_json::to_vec(member).unwrap_or_default()
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
