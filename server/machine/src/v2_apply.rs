//! Applying what concerns the v2 tree: requests of its API, and what members of etcd 3.5 and older write to it.

use crate::{
    ApplyError, Machine, Outcome, Response, meta,
    v2_records::V2Records,
    v2_request::{self, V2Change},
};
use oxetcd_api::etcdserverpb::Request;
use oxetcd_storage::Step;

/// Applies a request.
pub(crate) fn request(machine: &Machine, step: &Step<'_>, request: &Request) -> Outcome {
    let members = machine.members();
    match v2_request::change(request) {
        V2Change::Attributes { id, name, client_urls } => {
            let known = members.set_attributes(step, id, name, client_urls);
            members_changed(machine, step, known.into());
        }
        V2Change::ClusterVersion(version) => {
            meta::set_storage_version(step, &version);
            members.set_cluster_version(step, version);
            members_changed(machine, step, 1);
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
pub(crate) fn members_changed(machine: &Machine, step: &Step<'_>, times: u64) {
    if times > 0 {
        let mut tree = machine.v2().lock();
        tree.count_elsewhere(times);
        V2Records::store(step, &mut tree);
    }
}
