//! The rules for changing the members, against a small model, and the list beside the roster.

use oxetcd_machine::{Machine, Member, MemberChange, MemberRefusal, Roster, meta::Applied};
use oxetcd_storage::{Buffer, Memory};
use proptest::prelude::*;
use std::{collections::BTreeSet, sync::Arc};

const MAX_LEARNERS: usize = 1;

fn url(number: u8) -> String {
    format!("http://m{number}:2380")
}

fn change() -> impl Strategy<Value = MemberChange> {
    let urls = || proptest::collection::vec((0..5u8).prop_map(url), 1..3);
    prop_oneof![
        3 => (1..6u64, urls(), any::<bool>()).prop_map(|(id, peer_urls, is_learner)| {
            MemberChange::Add(Member { id, peer_urls, is_learner, ..Member::default() })
        }),
        1 => (1..6u64).prop_map(MemberChange::Promote),
        1 => (1..6u64, urls()).prop_map(|(id, peer_urls)| MemberChange::Update { id, peer_urls }),
        1 => (1..6u64).prop_map(MemberChange::Remove),
    ]
}

/// The rules once more, over plain lists: what is written here is what the reference does, in its order.
#[derive(Default)]
struct Model {
    members: Vec<Member>,
    removed: BTreeSet<u64>,
}

impl Model {
    fn make(&mut self, change: &MemberChange) -> Result<(), MemberRefusal> {
        let id = change.id();
        let place = self.members.iter().position(|member| member.id == id);
        let taken = |urls: &Vec<String>, but: Option<u64>| {
            self.members
                .iter()
                .filter(|m| Some(m.id) != but)
                .flat_map(|m| &m.peer_urls)
                .any(|u| urls.contains(u))
        };
        match (change, place) {
            _ if self.removed.contains(&id) => return Err(MemberRefusal::Removed),
            (MemberChange::Add(_), Some(_)) => return Err(MemberRefusal::Exists),
            (MemberChange::Add(member), None) => {
                if taken(&member.peer_urls, None) {
                    return Err(MemberRefusal::PeerUrlExists);
                }
                let learners = self.members.iter().filter(|member| member.is_learner).count();
                if member.is_learner && learners == MAX_LEARNERS {
                    return Err(MemberRefusal::TooManyLearners);
                }
                self.members.push(member.clone());
                self.members.sort_by_key(|member| member.id);
            }
            (_, None) => return Err(MemberRefusal::NotFound),
            (MemberChange::Promote(_), Some(place)) => {
                if !self.members[place].is_learner {
                    return Err(MemberRefusal::NotLearner);
                }
                self.members[place].is_learner = false;
            }
            (MemberChange::Update { peer_urls, .. }, Some(place)) => {
                if taken(peer_urls, Some(id)) {
                    return Err(MemberRefusal::PeerUrlExists);
                }
                self.members[place].peer_urls.clone_from(peer_urls);
            }
            (MemberChange::Remove(_), Some(place)) => {
                self.members.remove(place);
                self.removed.insert(id);
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn changes_follow_the_rules(changes in proptest::collection::vec(change(), 0..40)) {
        let buffer = Arc::new(Buffer::new(Arc::new(Memory::new())));
        let machine = Machine::open(buffer.clone(), Default::default()).expect("memory can be read").0;
        let (mut roster, mut model) = (Roster::default(), Model::default());
        for (index, change) in (1..).zip(changes) {
            let verdict = roster.check(&change, MAX_LEARNERS);
            prop_assert_eq!(verdict, model.make(&change), "{:?}", change);
            if verdict.is_ok() {
                roster.make(&change);
            }
            let change = verdict.ok().map(|()| change);
            machine.begin(1).apply_conf_change(Applied { index, term: 1 }, change, b"{}".to_vec());
            prop_assert_eq!(machine.members().list(), model.members.clone());
            prop_assert_eq!(machine.members().roster(), roster.clone());
        }
        let reopened = Machine::open(buffer, Default::default()).expect("memory can be read").0;
        prop_assert_eq!(reopened.members().list(), model.members);
        prop_assert_eq!(reopened.members().roster(), roster);
        prop_assert_eq!(reopened.members().removed(), model.removed.into_iter().collect::<Vec<_>>());
    }
}
