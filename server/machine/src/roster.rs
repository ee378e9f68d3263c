//! Who belongs to the cluster, as far as the rules for changing that need to know.
//!
//! A change of the members is checked twice: by the member that proposes it, for the sake of a prompt answer, and
//! by every member when it is committed, for by then an earlier change may have made it impossible. The second
//! check is the one that counts. It has to be made before raft carries the change out, so it is made on
//! this extract of the list, when all entries before the change have been applied.
//!
//! The rules are etcd's, all of them, since a member that admits what another refuses would have other voters.

use crate::{Member, MemberChange, MemberRefusal};
use std::collections::{BTreeMap, BTreeSet};

/// Members by their ids, and the ids that are used up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    members: BTreeMap<u64, Entry>,
    removed: BTreeSet<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    peer_urls: Vec<String>,
    is_learner: bool,
}

impl Roster {
    /// The roster of these members, and of these that were removed.
    pub fn new<'a>(
        members: impl IntoIterator<Item = &'a Member>,
        removed: impl IntoIterator<Item = u64>,
    ) -> Self {
        let entry = |member: &Member| (member.id, entry(member));
        let members = members.into_iter().map(entry).collect();
        Roster { members, removed: removed.into_iter().collect() }
    }

    /// Ids and peer URLs of all members.
    pub fn peers(&self) -> impl Iterator<Item = (u64, &[String])> {
        self.members.iter().map(|(id, entry)| (*id, &entry.peer_urls[..]))
    }

    /// Whether `id` is a member.
    pub fn has(&self, id: u64) -> bool {
        self.members.contains_key(&id)
    }

    /// Whether `id` was a member once.
    pub fn is_removed(&self, id: u64) -> bool {
        self.removed.contains(&id)
    }

    /// Whether `change` may be made, with at most `max_learners` learners.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check(&self, change: &MemberChange, max_learners: usize) -> Result<(), MemberRefusal> {
        let id = change.id();
        if self.removed.contains(&id) {
            return Err(MemberRefusal::Removed);
        }
        let known = self.members.get(&id);
        if let MemberChange::Add(member) = change {
            return if known.is_some() {
                Err(MemberRefusal::Exists)
            } else {
                self.may_add(member, max_learners)
            };
        }
        let known = known.ok_or(MemberRefusal::NotFound)?;
        match change {
            MemberChange::Promote(_) if !known.is_learner => Err(MemberRefusal::NotLearner),
            MemberChange::Update { peer_urls, .. } => self.urls_free(id, peer_urls),
            _ => Ok(()),
        }
    }

    fn may_add(&self, member: &Member, max_learners: usize) -> Result<(), MemberRefusal> {
        self.urls_free(member.id, &member.peer_urls)?;
        let learners = self.members.values().filter(|entry| entry.is_learner).count();
        if member.is_learner && learners >= max_learners {
            return Err(MemberRefusal::TooManyLearners);
        }
        Ok(())
    }

    /// A URL leads to one member. Its own it may name again.
    fn urls_free(&self, id: u64, urls: &[String]) -> Result<(), MemberRefusal> {
        let mut others = self.members.iter().filter(|(other, _)| **other != id);
        match others.any(|(_, entry)| entry.peer_urls.iter().any(|url| urls.contains(url))) {
            true => Err(MemberRefusal::PeerUrlExists),
            false => Ok(()),
        }
    }

    /// Makes a change that was checked.
    pub fn make(&mut self, change: &MemberChange) {
        match change {
            MemberChange::Add(member) => {
                self.members.insert(member.id, entry(member));
            }
            MemberChange::Remove(id) => {
                self.members.remove(id);
                self.removed.insert(*id);
            }
            MemberChange::Promote(id) => {
                if let Some(entry) = self.members.get_mut(id) {
                    entry.is_learner = false;
                }
            }
            MemberChange::Update { id, peer_urls } => {
                if let Some(entry) = self.members.get_mut(id) {
                    entry.peer_urls.clone_from(peer_urls);
                }
            }
        }
    }
}

fn entry(member: &Member) -> Entry {
    Entry { peer_urls: member.peer_urls.clone(), is_learner: member.is_learner }
}
