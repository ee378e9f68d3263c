//! Applying what concerns the v2 tree: requests of its API, and what members of etcd 3.5 and older write to it.

use crate::{
    ApplyError, Machine, MemberChange, Outcome, Response, meta,
    v2_records::V2Records,
    v2_request::{self, V2Change},
};
use bytes::Bytes;
use oxetcd_api::etcdserverpb::{InternalRaftRequest, Request};
use oxetcd_storage::Step;
use oxetcd_v2::{Elsewhere, Tree};
use prost::Message;

/// Applies a request.
pub(crate) fn request(machine: &Machine, step: &Step<'_>, request: &Request) -> Outcome {
    let members = machine.members();
    match v2_request::change(request) {
        V2Change::Attributes { id, name, client_urls } => {
            let known = members.set_attributes(step, id, name, client_urls);
            members_changed(machine, step, if known { &[Elsewhere::Set] } else { &[] });
        }
        V2Change::ClusterVersion(version) => {
            meta::set_storage_version(step, &version);
            members.set_cluster_version(step, version);
            members_changed(machine, step, &[Elsewhere::Set]);
        }
        V2Change::None => {
            let mut tree = machine.v2().lock();
            let done = tree.apply(request);
            V2Records::store(step, &mut tree);
            return done.map(Response::V2).map_err(ApplyError::V2);
        }
    }
    Ok(Response::Done)
}

/// Changes of the members have numbers among those of the tree, where etcd keeps its members.
pub(crate) fn members_changed(machine: &Machine, step: &Step<'_>, changes: &[Elsewhere]) {
    let mut tree = machine.v2().lock();
    changes.iter().for_each(|change| tree.count_elsewhere(*change));
    if !changes.is_empty() {
        V2Records::store(step, &mut tree);
    }
}

/// Does to a tree what an entry of the log did to it where it was applied: for one that was taken from a snapshot
/// behind which the log goes on. Changes of the voters and learners are other entries: [`of_change`].
pub fn replay(tree: &mut Tree, data: &Bytes, is_member: impl Fn(u64) -> bool) {
    let counted = match v2_request::decode(data) {
        Some(Err(_)) => return,
        Some(Ok(request)) => match v2_request::change(&request) {
            V2Change::Attributes { id, .. } => is_member(id),
            V2Change::ClusterVersion(_) => true,
            V2Change::None => {
                // What was refused then is refused now.
                let _ = tree.apply(&request);
                false
            }
        },
        None => InternalRaftRequest::decode(data.clone()).is_ok_and(|request| {
            let told = request.cluster_member_attr_set.is_some_and(|set| is_member(set.member_id));
            told || request.cluster_version_set.is_some()
        }),
    };
    if counted {
        tree.count_elsewhere(Elsewhere::Set);
    }
}

/// What a change of the voters and learners is among those that the tree counts.
pub fn of_change(change: &MemberChange) -> &'static [Elsewhere] {
    match change {
        MemberChange::Add(_) => &[Elsewhere::Made],
        MemberChange::Promote(_) | MemberChange::Update { .. } => &[Elsewhere::Updated],
        // One that goes is deleted in one place, and noted in another.
        MemberChange::Remove(_) => &[Elsewhere::Removed, Elsewhere::Made],
    }
}
