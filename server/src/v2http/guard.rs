//! Whether every member can read entries of the v2 API.
//!
//! etcd 3.6 and later take such an entry for something else, and stop. So before the first write the other members
//! are asked. An answer holds for a while; and who cannot be reached counts as able once the tree is in use, for
//! the log is then full of such entries anyway.

use super::SPOKEN;
use crate::{
    cluster::Question,
    service::{Others, Read},
};
use futures::future::join_all;
use http::StatusCode;
use oxetcd_machine::meta::version_parts;
use std::time::Duration;

/// The first version of etcd that does not read them.
const UNABLE: (u64, u64) = (3, 6);
const TIMEOUT: Duration = Duration::from_secs(1);

/// Refuses a write that a member could not read.
///
/// # Errors
/// With the reason, in plain words.
pub(super) async fn all_can_read<M: Read + Others>(member: &M) -> Result<(), String> {
    let (others, in_use) = {
        let machine = member.machine();
        let own = member.header().member_id;
        let mut others = machine.members().list();
        others.retain(|other| other.id != own);
        (others, machine.v2().lock().is_in_use())
    };
    // Once it is in use every member has read such entries.
    if in_use {
        return Ok(());
    }
    let asked = others.iter().map(|other| async move {
        let able = can_read(member, other.id).await;
        let name = if other.name.is_empty() { format!("{:x}", other.id) } else { other.name.clone() };
        match able {
            Some(true) => Ok(()),
            Some(false) => Err(format!(
                "etcdserver: v2 API: member {name} runs etcd 3.6 or later, which cannot read v2 entries"
            )),
            None => {
                Err(format!("etcdserver: v2 API: member {name} cannot be asked whether it reads v2 entries"))
            }
        }
    });
    join_all(asked).await.into_iter().collect()
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
