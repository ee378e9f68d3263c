//! A cluster on loopback: its members, the network between them, and what one can do to a member.

use super::{
    ask,
    load::{Endpoints, Load},
    member::{LIMIT, Member},
    network::{Fault, Index, Network},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    sync::{Mutex, MutexGuard, watch},
    time::{Instant, sleep},
};

const POLL: Duration = Duration::from_millis(50);

/// Clusters of one test program run one after the other: members that wait for a core look like members that hang.
static TURN: Mutex<()> = Mutex::const_new(());

/// The server that these tests are about: ours, or the one that this variable names.
const PROGRAM_VARIABLE: &str = "OXETCD_CLUSTER_PROGRAM";

pub(crate) fn program() -> PathBuf {
    std::env::var_os(PROGRAM_VARIABLE).unwrap_or_else(|| env!("CARGO_BIN_EXE_etcd").into()).into()
}

/// Whether the server under test is ours, which has features that no other has.
pub(crate) fn is_ours() -> bool {
    std::env::var_os(PROGRAM_VARIABLE).is_none()
}

/// A running cluster. When it goes, its processes and data go, too.
pub(crate) struct Cluster {
    pub(super) members: Vec<Member>,
    pub(crate) network: Network,
    pub(super) dir: TempDir,
    pub(super) flags: Vec<String>,
    pub(super) next_index: Index,
    endpoints: watch::Sender<Vec<String>>,
    _turn: MutexGuard<'static, ()>,
}

impl Cluster {
    /// Starts a cluster of the program under test.
    pub(crate) async fn start(size: usize) -> Cluster {
        Cluster::start_with(&program(), size, &[]).await
    }

    /// Starts a cluster of some program, with more flags for every member.
    pub(crate) async fn start_with(program: &Path, size: usize, flags: &[&str]) -> Cluster {
        Cluster::start_each(program, &vec![flags; size]).await
    }

    /// Starts a cluster whose members have flags of their own.
    pub(crate) async fn start_each(program: &Path, flags_of_members: &[&[&str]]) -> Cluster {
        let turn = TURN.lock().await;
        let mut cluster = Cluster {
            members: Vec::new(),
            network: Network::new(),
            dir: TempDir::with_prefix("oxetcd-cluster-").expect("a folder"),
            flags: Vec::new(),
            next_index: 0,
            endpoints: watch::Sender::default(),
            _turn: turn,
        };
        for flags in flags_of_members {
            cluster.flags_of_new_members(flags);
            cluster.prepare(program).await;
        }
        let initial: Vec<String> =
            cluster.members.iter().map(|m| format!("{}={}", m.name, m.peer_url())).collect();
        for member in &mut cluster.members {
            member.initial = (initial.join(","), "new");
            member.launch();
        }
        for member in &mut cluster.members {
            member.ready().await;
        }
        cluster.announce();
        cluster
    }

    /// A member that is not started yet.
    pub(super) async fn prepare(&mut self, program: &Path) -> Index {
        let index = self.next_index;
        self.next_index += 1;
        let mut member = Member::new(index, self.dir.path(), program, &self.network).await;
        member.flags.clone_from(&self.flags);
        self.members.push(member);
        index
    }

    /// More flags for members that are added from now on.
    pub(crate) fn flags_of_new_members(&mut self, flags: &[&str]) {
        self.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    }

    /// Clients that read and write through whatever members there are.
    pub(crate) fn load(&self) -> Load {
        let endpoints: Endpoints = self.endpoints.subscribe();
        Load::start(&endpoints)
    }

    /// Tells clients where the members are.
    pub(super) fn announce(&self) {
        self.endpoints.send_replace(self.members.iter().map(Member::url).collect());
    }

    /// The members by number.
    pub(crate) fn indices(&self) -> Vec<Index> {
        self.members.iter().map(|member| member.index).collect()
    }

    pub(crate) fn member(&mut self, index: Index) -> &mut Member {
        let member = self.members.iter_mut().find(|member| member.index == index);
        member.expect("a member of this cluster")
    }

    pub(crate) fn running_urls(&mut self) -> Vec<String> {
        let running = self.members.iter_mut().filter_map(|member| member.is_running().then(|| member.url()));
        running.collect()
    }

    /// All members but these.
    pub(crate) fn others(&self, than: &[Index]) -> Vec<Index> {
        let mut others = self.indices();
        others.retain(|index| !than.contains(index));
        others
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, index: Index) {
        self.member(index).kill();
    }

    /// Starts a stopped member and waits until it serves.
    pub(crate) async fn restart(&mut self, index: Index) {
        self.member(index).launch();
        self.member(index).ready().await;
        self.announce();
    }

    /// Mends the network.
    pub(crate) fn heal(&self) {
        self.network.heal();
    }

    /// Cuts a member off from all others, and them from it.
    pub(crate) fn isolate(&self, index: Index, fault: Fault) {
        self.network.split(&[index], &self.others(&[index]), fault);
    }

    /// The member that leads, as soon as one says so of itself and no other says so in a later term.
    pub(crate) async fn leader(&mut self) -> Index {
        let among = self.indices();
        self.leader_among(&among).await
    }

    /// The one of these members that leads, as soon as one does.
    pub(crate) async fn leader_among(&mut self, among: &[Index]) -> Index {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(leader) = self.leads_now(among).await {
                return leader;
            }
            assert!(Instant::now() < end, "none of {among:?} leads after {LIMIT:?}");
            sleep(POLL).await;
        }
    }

    /// The one of these members that says now that it leads, in the latest term if several do.
    pub(crate) async fn leads_now(&mut self, among: &[Index]) -> Option<Index> {
        let mut newest = None;
        for index in among {
            let member = self.member(*index);
            if !member.can_answer() {
                continue;
            }
            let Ok(status) = ask::status(&member.url()).await else { continue };
            let id = status.header.map_or(0, |header| header.member_id);
            if id == status.leader && newest.is_none_or(|(term, _)| term < status.raft_term) {
                newest = Some((status.raft_term, *index));
            }
        }
        newest.map(|(_, leader)| leader)
    }
}
