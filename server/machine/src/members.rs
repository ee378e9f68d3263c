//! The members of the cluster, as the log has made them.
//!
//! A member is added by a configuration change that carries its id and peer URLs; it tells its name and client
//! URLs later, once it serves. Both are stored as etcd does: JSON in table `members` under the id in hex.

use crate::{Downgrade, MemberChange, Roster};
use oxetcd_storage::{Buffer, Result, Step, Table};
use parking_lot::RwLock;
use serde::{Deserialize, Deserializer, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

/// One member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Member {
    /// Its id.
    pub id: u64,
    /// Where the other members reach it.
    #[serde(rename = "peerURLs", deserialize_with = "null_is_empty")]
    pub peer_urls: Vec<String>,
    /// Whether it has no vote.
    #[serde(rename = "isLearner", skip_serializing_if = "std::ops::Not::not")]
    pub is_learner: bool,
    /// Its name; empty until it has told it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where clients reach it; empty until it has told them.
    #[serde(
        rename = "clientURLs",
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_is_empty"
    )]
    pub client_urls: Vec<String>,
}

/// Go writes `null` for a list that is not there.
fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<String>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The members of the cluster, its removed ones, and its version.
#[derive(Debug, Default)]
pub struct Members {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    members: BTreeMap<u64, Member>,
    removed: BTreeSet<u64>,
    cluster_version: Option<String>,
    downgrade: Downgrade,
}

impl State {
    /// Changes a member, if there is one of that id, and writes it down.
    fn alter(&mut self, step: &Step<'_>, id: u64, change: impl FnOnce(&mut Member)) -> bool {
        let member = self.members.get_mut(&id).map(|member| {
            change(member);
            store(step, member);
        });
        member.is_some()
    }
}

const CLUSTER_VERSION: &[u8] = b"clusterVersion";

impl Members {
    /// Reads them back.
    ///
    /// # Errors
    /// When the engine cannot be read, or a record is not JSON.
    pub fn open(buffer: &Buffer) -> Result<Self> {
        let mut state = State::default();
        let mut damaged = None;
        buffer.scan(Table::Members, &[], None, &mut |key, value| {
            match serde_json::from_slice::<Member>(value) {
                Ok(member) => state.members.insert(member.id, member),
                Err(error) => {
                    damaged = Some(format!("member {}: {error}", String::from_utf8_lossy(key)));
                    return ControlFlow::Break(());
                }
            };
            ControlFlow::Continue(())
        })?;
        if let Some(damaged) = damaged {
            return Err(oxetcd_storage::Error::Corrupt(damaged));
        }
        buffer.scan(Table::MembersRemoved, &[], None, &mut |key, _| {
            let id = std::str::from_utf8(key).ok().and_then(|hex| u64::from_str_radix(hex, 16).ok());
            state.removed.extend(id);
            ControlFlow::Continue(())
        })?;
        let version = buffer.get(Table::Cluster, CLUSTER_VERSION)?;
        state.cluster_version = version.map(|v| String::from_utf8_lossy(&v).into_owned());
        state.downgrade = Downgrade::read(buffer)?;
        Ok(Members { state: RwLock::new(state) })
    }

    /// All members in order of their ids.
    pub fn list(&self) -> Vec<Member> {
        self.state.read().members.values().cloned().collect()
    }

    /// The member `id`.
    pub fn get(&self, id: u64) -> Option<Member> {
        self.state.read().members.get(&id).cloned()
    }

    /// Whether `id` was a member once and never can be again.
    pub fn is_removed(&self, id: u64) -> bool {
        self.state.read().removed.contains(&id)
    }

    /// The part of it that the rules for changes need.
    pub fn roster(&self) -> Roster {
        let state = self.state.read();
        Roster::new(state.members.values(), state.removed.iter().copied())
    }

    /// Ids of the members that were removed.
    pub fn removed(&self) -> Vec<u64> {
        self.state.read().removed.iter().copied().collect()
    }

    /// Makes a change that [`Roster::check`] has admitted. What a member has told of itself stays.
    pub fn make(&self, step: &Step<'_>, change: MemberChange) {
        let mut state = self.state.write();
        match change {
            MemberChange::Add(member) => {
                store(step, &member);
                state.members.insert(member.id, member);
            }
            MemberChange::Promote(id) => {
                state.alter(step, id, |member| member.is_learner = false);
            }
            MemberChange::Update { id, peer_urls } => {
                state.alter(step, id, |member| member.peer_urls = peer_urls);
            }
            MemberChange::Remove(id) => {
                let hex = format!("{id:x}");
                step.delete(Table::Members, hex.clone().into_bytes());
                step.put(Table::MembersRemoved, hex.into_bytes(), &b"removed"[..]);
                state.members.remove(&id);
                state.removed.insert(id);
            }
        }
    }

    /// Notes what a member tells of itself. An unknown member is left alone; that is answered with `false`.
    pub fn set_attributes(&self, step: &Step<'_>, id: u64, name: String, client_urls: Vec<String>) -> bool {
        self.state.write().alter(step, id, |member| {
            member.name = name;
            member.client_urls = client_urls;
        })
    }

    /// The version that the cluster speaks (`3.7.0`), once it has been agreed.
    pub fn cluster_version(&self) -> Option<String> {
        self.state.read().cluster_version.clone()
    }

    /// Notes the version that the cluster speaks.
    pub fn set_cluster_version(&self, step: &Step<'_>, version: String) {
        step.put(Table::Cluster, CLUSTER_VERSION, version.clone().into_bytes());
        self.state.write().cluster_version = Some(version);
    }

    /// The downgrade that is under way, if one is.
    pub fn downgrade(&self) -> Option<Downgrade> {
        Some(self.state.read().downgrade.clone()).filter(|downgrade| downgrade.enabled)
    }

    /// Notes that a downgrade has begun, or that none is under way any more.
    pub fn set_downgrade(&self, step: &Step<'_>, downgrade: Downgrade) {
        downgrade.store(step);
        self.state.write().downgrade = downgrade;
    }
}

fn store(step: &Step<'_>, member: &Member) {
    // A struct of strings and numbers always has a JSON form.
    let json = serde_json::to_vec(member).unwrap_or_default();
    step.put(Table::Members, format!("{:x}", member.id).into_bytes(), json);
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_storage::Memory;
    use std::sync::Arc;

    #[test]
    fn members_survive_a_restart_in_etcds_form() -> Result<()> {
        let buffer = Buffer::new(Arc::new(Memory::new()));
        let members = Members::open(&buffer)?;
        let member = Member { id: 0xab, peer_urls: vec!["http://a:1".into()], ..Member::default() };
        members.make(&buffer.begin(), MemberChange::Add(member));
        let stored = buffer.get(Table::Members, b"ab")?;
        assert_eq!(stored.as_deref(), Some(&br#"{"id":171,"peerURLs":["http://a:1"]}"#[..]));
        members.set_attributes(&buffer.begin(), 0xab, "m".into(), vec!["http://a:2".into()]);
        members.set_attributes(&buffer.begin(), 1, "unknown".into(), vec![]);
        members.set_cluster_version(&buffer.begin(), "3.7.0".into());
        let reopened = Members::open(&buffer)?;
        assert_eq!(reopened.list(), members.list());
        assert_eq!(reopened.get(0xab).map(|m| m.name), Some("m".into()));
        assert_eq!(reopened.cluster_version().as_deref(), Some("3.7.0"));
        let update = MemberChange::Update { id: 0xab, peer_urls: vec!["http://b:1".into()] };
        reopened.make(&buffer.begin(), update);
        let updated = Members::open(&buffer)?.get(0xab).map(|m| (m.name, m.peer_urls));
        assert_eq!(updated, Some(("m".into(), vec!["http://b:1".into()])));
        reopened.make(&buffer.begin(), MemberChange::Remove(0xab));
        let again = Members::open(&buffer)?;
        assert!(again.list().is_empty() && again.is_removed(0xab));
        assert_eq!(again.roster(), Roster::new([], [0xab]));
        Ok(())
    }
}
