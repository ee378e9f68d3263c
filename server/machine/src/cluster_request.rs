//! What members say to each other through the log: the cluster's version, their names, a downgrade. Only members
//! propose these, and nothing in them is refused.

use crate::{Downgrade, Members, meta};
use oxetcd_api::etcdserverpb::InternalRaftRequest;
use oxetcd_storage::Step;
use oxetcd_v2::Elsewhere;

/// Applies the request if it is one of these, and says what the v2 tree counts of it; `None` if it is none.
pub(crate) fn apply(
    members: &Members,
    step: &Step<'_>,
    request: InternalRaftRequest,
) -> Option<&'static [Elsewhere]> {
    if let Some(set) = request.cluster_version_set {
        meta::set_storage_version(step, &set.ver);
        members.set_cluster_version(step, set.ver);
        Some(&[Elsewhere::Set])
    } else if let Some(set) = request.cluster_member_attr_set {
        let attributes = set.member_attributes.unwrap_or_default();
        let known = members.set_attributes(step, set.member_id, attributes.name, attributes.client_urls);
        Some(if known { &[Elsewhere::Set] } else { &[] })
    } else if let Some(set) = request.downgrade_info_set {
        members.set_downgrade(step, Downgrade::of(set.enabled, set.ver));
        Some(&[])
    } else {
        None
    }
}
