//! Changes of a running cluster: members that come and go, learners, the leader's place.

use super::{
    ask::{self, ANSWER_LIMIT, within},
    cluster::Cluster,
    member::LIMIT,
    network::Index,
    verdict::ask_until,
};
use oxetcd_api::etcdserverpb::{
    Member, MemberAddRequest, MemberPromoteRequest, MemberRemoveRequest, MoveLeaderRequest,
};
use std::{path::Path, time::Duration};
use tokio::time::{Instant, sleep};
use tonic::Status;

const POLL: Duration = Duration::from_millis(100);

/// A member that is none any more.
pub(crate) struct Removed(super::member::Member);

impl Removed {
    /// Starts it once more: it must find out that it is not wanted, and end.
    pub(crate) async fn comes_back_and_is_told(mut self) {
        self.0.launch();
        self.0.end().await;
    }
}

impl Cluster {
    /// Adds a voter and waits until it serves.
    pub(crate) async fn add(&mut self, program: &Path) -> Index {
        self.join(program, false).await
    }

    /// Adds a learner and waits until it serves.
    pub(crate) async fn add_learner(&mut self, program: &Path) -> Index {
        self.join(program, true).await
    }

    async fn join(&mut self, program: &Path, is_learner: bool) -> Index {
        let index = self.admit(program, is_learner).await;
        self.member(index).ready().await;
        self.announce();
        index
    }

    /// Adds a member and starts it, whatever becomes of it.
    pub(crate) async fn admit(&mut self, program: &Path, is_learner: bool) -> Index {
        let through = self.through(&[]).await;
        let index = self.prepare(program).await;
        let peer_url = self.member(index).peer_url();
        let request = MemberAddRequest { peer_ur_ls: vec![peer_url.clone()], is_learner };
        let change = async || {
            within(ANSWER_LIMIT, ask::cluster(&through).await?.member_add(request.clone())).await.map(drop)
        };
        let is_there = |member: &Member| member.peer_ur_ls.contains(&peer_url);
        let members = settle(&through, change, |members| members.iter().any(is_there)).await;
        let mut initial = Vec::new();
        for member in members {
            // The new one has no name yet: it brings its own.
            let name = if is_there(&member) { self.member(index).name.clone() } else { member.name };
            initial.extend(member.peer_ur_ls.iter().map(|url| format!("{name}={url}")));
        }
        let member = self.member(index);
        member.initial = (initial.join(","), "existing");
        member.launch();
        index
    }

    /// Makes a voter of a learner, as soon as it has caught up.
    pub(crate) async fn promote(&mut self, index: Index) {
        let id = self.id(index).await;
        let through = self.through(&[index]).await;
        let request = MemberPromoteRequest { id };
        let change = async || {
            within(ANSWER_LIMIT, ask::cluster(&through).await?.member_promote(request)).await.map(drop)
        };
        let votes = |member: &Member| member.id == id && !member.is_learner;
        settle(&through, change, |members| members.iter().any(votes)).await;
    }

    /// Removes a member. Its process ends by itself, once it has heard of it.
    pub(crate) async fn remove(&mut self, index: Index) -> Removed {
        let id = self.id(index).await;
        let through = self.through(&[index]).await;
        let request = MemberRemoveRequest { id };
        let change = async || {
            within(ANSWER_LIMIT, ask::cluster(&through).await?.member_remove(request)).await.map(drop)
        };
        settle(&through, change, |members| members.iter().all(|member| member.id != id)).await;
        let member = self.member(index);
        if member.is_running() {
            member.end().await;
        }
        let at = self.members.iter().position(|member| member.index == index);
        let removed = self.members.remove(at.expect("it was there just now"));
        self.announce();
        Removed(removed)
    }

    /// Makes this member the leader.
    pub(crate) async fn move_leader(&mut self, to: Index) {
        let target = self.member(to).url();
        let target_id = ask_until(|| ask::status(&target)).await.header.map_or(0, |header| header.member_id);
        let end = Instant::now() + LIMIT;
        loop {
            let leader = self.leader().await;
            if leader == to {
                return;
            }
            let url = self.member(leader).url();
            let request = MoveLeaderRequest { target_id };
            let moved =
                async { within(ANSWER_LIMIT, ask::maintenance(&url).await?.move_leader(request)).await };
            // Somebody else may lead by now, or the transfer may have taken too long: look again.
            let moved = moved.await;
            assert!(Instant::now() < end, "the leader has not moved after {LIMIT:?}: {moved:?}");
        }
    }

    /// The id of a member.
    pub(crate) async fn id(&mut self, index: Index) -> u64 {
        let through = self.through(&[]).await;
        let peer_url = self.member(index).peer_url();
        let members = ask_until(|| ask::members(&through, true)).await;
        let member = members.into_iter().find(|member| member.peer_ur_ls.contains(&peer_url));
        member.expect("the cluster knows its member").id
    }

    /// The version that the cluster speaks.
    pub(crate) async fn version(&mut self) -> String {
        let leader = self.leader().await;
        self.member(leader).cluster_version()
    }

    /// The URL of the leader; of another voter if the leader is one of `not`.
    async fn through(&mut self, not: &[Index]) -> String {
        let leader = self.leader().await;
        if !not.contains(&leader) {
            return self.member(leader).url();
        }
        for index in self.others(not) {
            let url = self.member(index).url();
            if ask::status(&url).await.is_ok_and(|status| !status.is_learner) {
                return url;
            }
        }
        panic!("no voter is there to ask");
    }
}

/// Asks for a change until it is done, and returns the members then. A cluster may not be ready for it yet; and
/// where the answer is lost, the change may be done all the same.
async fn settle(
    through: &str,
    change: impl AsyncFn() -> Result<(), Status>,
    is_done: impl Fn(&[Member]) -> bool,
) -> Vec<Member> {
    let end = Instant::now() + LIMIT;
    loop {
        let changed = change().await;
        // What it has applied, not more: a cluster of two waits for the second to start.
        let members = ask_until(|| ask::members(through, false)).await;
        if is_done(&members) {
            return members;
        }
        assert!(Instant::now() < end, "the change is not done after {LIMIT:?}: {changed:?}");
        sleep(POLL).await;
    }
}
