//! Names and client URLs that members of etcd 3.5 told the v2 store only.
//!
//! Such a member's database knows who the members are, and the v2 store - saved in `.snap` files, and behind that
//! in the log - where clients reach them. Whoever takes over the database takes that over with it.

use oxetcd_consensus::{RestoredLog, SnapStore, raftpb::SnapshotMetadata};
use oxetcd_datadir::membership_json;
use oxetcd_machine::{Members, V2Change, v2_change};
use oxetcd_storage::Buffer;
use std::collections::BTreeMap;

/// What members told, by their ids.
#[derive(Default)]
pub(crate) struct ToldAttributes(BTreeMap<u64, (String, Vec<String>)>);

impl ToldAttributes {
    /// What the snapshot file of `metadata` holds.
    pub(crate) fn in_snapshot(snapshots: &SnapStore, metadata: &SnapshotMetadata) -> Self {
        let data = match snapshots.load(metadata.term(), metadata.index()) {
            Ok(snapshot) => snapshot.data.unwrap_or_default(),
            Err(error) => {
                tracing::debug!(%error, "no membership beside the database");
                return ToldAttributes::default();
            }
        };
        let told = membership_json::attributes(&data).into_iter();
        ToldAttributes(told.map(|(id, name, client_urls)| (id, (name, client_urls))).collect())
    }

    /// What was told until entry `applied` of the log.
    pub(crate) fn until(snapshots: &SnapStore, log: &RestoredLog, applied: u64) -> Self {
        let (index, term) = (Some(log.snapshot_index), Some(log.snapshot_term));
        let metadata = SnapshotMetadata { index, term, conf_state: None };
        let mut told = match log.snapshot_index {
            0 => ToldAttributes::default(),
            _ => ToldAttributes::in_snapshot(snapshots, &metadata),
        };
        for entry in log.entries.iter().take_while(|entry| entry.index() <= applied) {
            let change = entry.data.as_ref().map(v2_change);
            if let Some(V2Change::Attributes { id, name, client_urls }) = change {
                told.0.insert(id, (name, client_urls));
            }
        }
        told
    }

    /// Gives it to the members in `buffer` that have told nothing else.
    ///
    /// # Errors
    /// When the engine cannot be read.
    pub(crate) fn complete(self, buffer: &Buffer) -> Result<(), String> {
        let members = Members::open(buffer).map_err(|error| error.to_string())?;
        for member in members.list().into_iter().filter(|member| member.client_urls.is_empty()) {
            if let Some((name, client_urls)) = self.0.get(&member.id) {
                members.set_attributes(&buffer.begin(), member.id, name.clone(), client_urls.clone());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use oxetcd_api::etcdserverpb::Request;
    use oxetcd_consensus::{OsDisk, raftpb};
    use oxetcd_machine::{Member, MemberChange};
    use oxetcd_storage::Memory;
    use prost::Message;
    use std::sync::Arc;

    fn member(id: u64, client_url: &str) -> Member {
        let client_urls = Some(client_url).filter(|url| !url.is_empty()).map(str::to_owned);
        Member {
            id,
            name: format!("m{id}"),
            client_urls: client_urls.into_iter().collect(),
            ..Member::default()
        }
    }

    fn members(all: &[Member]) -> (Buffer, Members) {
        let buffer = Buffer::new(Arc::new(Memory::new()));
        let members = Members::open(&buffer).expect("memory can be read");
        all.iter().for_each(|member| members.make(&buffer.begin(), MemberChange::Add(member.clone())));
        (buffer, members)
    }

    fn told_in_entry(index: u64, id: u64, url: &str) -> raftpb::Entry {
        let request = Request {
            id: Some(index),
            method: Some("PUT".into()),
            path: Some(format!("/0/members/{id:x}/attributes")),
            val: Some(format!(r#"{{"name":"m{id}","clientURLs":["{url}"]}}"#)),
            ..Request::default()
        };
        let data = Some(Bytes::from(request.encode_to_vec()));
        raftpb::Entry { index: Some(index), term: Some(1), data, ..Default::default() }
    }

    #[test]
    fn who_told_the_v2_store_only_is_found_there() -> Result<(), String> {
        let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
        let snapshots = SnapStore::new(Arc::new(OsDisk), dir.path());
        let saved = members(&[member(10, "http://snap:10"), member(11, "http://snap:11")]).1;
        let metadata = SnapshotMetadata { index: Some(5), term: Some(1), conf_state: None };
        let data = Some(membership_json::encode(&saved)?.into());
        let snapshot = raftpb::Snapshot { data, metadata: Some(metadata) };
        snapshots.save(&snapshot).map_err(|error| error.to_string())?;
        let log = RestoredLog {
            snapshot_index: 5,
            snapshot_term: 1,
            entries: vec![told_in_entry(6, 11, "http://log:11"), told_in_entry(7, 10, "http://late:10")],
            ..RestoredLog::default()
        };
        let (buffer, _) = members(&[member(10, ""), member(11, ""), member(12, "http://db:12")]);
        ToldAttributes::until(&snapshots, &log, 6).complete(&buffer)?;
        let known = Members::open(&buffer).map_err(|error| error.to_string())?.list();
        let urls: Vec<&str> = known.iter().map(|member| member.client_urls[0].as_str()).collect();
        assert_eq!(urls, ["http://snap:10", "http://log:11", "http://db:12"]);
        Ok(())
    }
}
