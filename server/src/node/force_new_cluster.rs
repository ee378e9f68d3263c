//! `--force-new-cluster`: one member's log is rewritten so that it is a cluster alone.
//!
//! For the day on which a quorum is lost for good. What was not committed is dropped; then come entries that
//! remove all other members, committed by decree. Nobody is asked, so it is safe only when the others are gone.

use crate::conf_change;
use oxetcd_consensus::{
    RestoredLog, Wal,
    raftpb::{ConfChange, ConfChangeType, Entry, EntryType},
};
use oxetcd_machine::{Member, MemberChange};
use prost::Message;
use std::collections::BTreeSet;

/// Appends the entries that leave only `me`. `applied` is how far the state machine has come, and `log` names the
/// members as of then.
///
/// # Errors
/// When the log cannot be read or written.
pub(super) fn rewrite(wal: &mut Wal, log: &mut RestoredLog, me: u64, applied: u64) -> Result<(), String> {
    // The commit index is written lazily: what was applied was committed.
    let committed = log.hard_state.commit().max(applied);
    let known = log.entries.len();
    log.entries.retain(|entry| entry.index() <= committed);
    let members = members(log, applied)?;
    let term = log.hard_state.term();
    let mut last = log.entries.last().map_or(log.snapshot_index, Entry::index);
    let mut added = Vec::new();
    let mut add = |change: ConfChange| {
        last += 1;
        added.push(Entry {
            r#type: Some(EntryType::EntryConfChange.into()),
            term: Some(term),
            index: Some(last),
            data: Some(change.encode_to_vec().into()),
        });
    };
    // First this one, if need be: there is never a cluster without a vote.
    if !members.contains(&me) {
        let peer_urls = vec!["http://localhost:2380".to_owned()];
        add(conf_change::encode(0, MemberChange::Add(Member { id: me, peer_urls, ..Member::default() })));
    }
    for id in members.iter().filter(|id| **id != me) {
        add(conf_change::encode(0, MemberChange::Remove(*id)));
    }
    log.hard_state.commit = Some(last);
    wal.append(&added, Some(&log.hard_state), true).map_err(|error| error.to_string())?;
    tracing::warn!(
        dropped = known - log.entries.len(),
        removed = members.len().saturating_sub(1),
        "forced a new cluster of this member alone"
    );
    log.entries.extend(added);
    Ok(())
}

/// Voters and learners at the end of the log.
fn members(log: &RestoredLog, applied: u64) -> Result<BTreeSet<u64>, String> {
    let state = &log.conf_state;
    let mut members: BTreeSet<u64> = state.voters.iter().chain(&state.learners).copied().collect();
    let later = log.entries.iter().filter(|entry| entry.index() > applied);
    for entry in later.filter(|entry| entry.r#type() == EntryType::EntryConfChange) {
        let change = ConfChange::decode(entry.data.clone().unwrap_or_default());
        let change = change.map_err(|error| format!("log entry {}: {error}", entry.index()))?;
        match change.r#type() {
            ConfChangeType::ConfChangeRemoveNode => drop(members.remove(&change.node_id())),
            ConfChangeType::ConfChangeUpdateNode => {}
            _ => drop(members.insert(change.node_id())),
        }
    }
    Ok(members)
}
