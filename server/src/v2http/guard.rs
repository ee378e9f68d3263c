//! Whether every member can read entries of the v2 API.
//!
//! etcd 3.6 and later take such an entry for something else, and stop. So before the first write the other members
//! are asked. While the tree holds anything nobody need be asked: whoever cannot read it then gets nothing from the
//! other members, and has no part in the cluster (see `oxetcd_peer::PeerHost::has_v2`). When it is empty again such a member
//! may be in the cluster, which is known of it by what it says in every request; whoever is away now does no harm.

use super::SPOKEN;
use crate::{
    cluster::Question,
    service::{Others, Read},
};
use futures::future::join_all;
use http::StatusCode;
use oxetcd_machine::{Member, meta::version_parts};
use std::time::Duration;

/// The first version of etcd that does not read them.
const UNABLE: (u64, u64) = (3, 6);
const TIMEOUT: Duration = Duration::from_secs(1);

/// Refuses a write that a member could not read.
///
/// # Errors
/// With the reason, in plain words.
pub(super) async fn all_can_read<M: Read + Others>(member: &M) -> Result<(), String> {
    let (others, in_use, holds_anything) = {
        let machine = member.machine();
        let own = member.header().member_id;
        let mut others = machine.members().list();
        others.retain(|other| other.id != own);
        let tree = machine.v2().lock();
        (others, tree.is_in_use(), tree.holds_anything())
    };
    if holds_anything {
        return Ok(());
    }
    if in_use {
        let unable = others.iter().find(|other| member.reads_v2(other.id) == Some(false));
        return unable.map_or(Ok(()), |unable| Err(cannot_read(unable)));
    }
    let asked = others.iter().map(|other| async move {
        match can_read(member, other.id).await {
            Some(true) => Ok(()),
            Some(false) => Err(cannot_read(other)),
            None => Err(format!(
                "etcdserver: v2 API: member {} cannot be asked whether it reads v2 entries",
                shown(other)
            )),
        }
    });
    join_all(asked).await.into_iter().collect()
}

fn cannot_read(member: &Member) -> String {
    let name = shown(member);
    format!("etcdserver: v2 API: member {name} runs etcd 3.6 or later, which cannot read v2 entries")
}

/// A member's name, or its id if it has not told one.
fn shown(member: &Member) -> String {
    if member.name.is_empty() { format!("{:x}", member.id) } else { member.name.clone() }
}

/// Whether a member reads them; `None` if it does not answer.
async fn can_read<M: Others>(member: &M, id: u64) -> Option<bool> {
    let spoken = member.ask(id, Question::get(SPOKEN).within(TIMEOUT)).await.ok()?;
    if spoken.status == StatusCode::OK {
        return Some(true);
    }
    let told = member.ask(id, Question::get("/version").within(TIMEOUT)).await.ok()?;
    let told: serde_json::Value = serde_json::from_slice(&told.body).ok()?;
    version_parts(told["etcdserver"].as_str()?).map(|version| version < UNABLE)
}
