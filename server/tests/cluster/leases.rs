//! Leases in a cluster: renewed through any member, ended by nobody but a leader that still is one.

use crate::harness::{
    ask::{ANSWER_LIMIT, connect, get, within},
    cluster::Cluster,
};
use oxetcd_api::etcdserverpb::{
    LeaseGrantRequest, LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseTimeToLiveRequest, PutRequest,
};
use oxetcd_grpc::etcdserverpb::{kv_client::KvClient, lease_client::LeaseClient};
use std::time::Duration;
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

const ID: i64 = 7;
const TTL_S: i64 = 3;
const TTL: Duration = Duration::from_secs(TTL_S as u64);
const KEY: &str = "leased";
/// Pause between two renewals, and between two looks.
const PAUSE: Duration = Duration::from_millis(100);
const LIMIT: Duration = Duration::from_secs(60);

/// A client that keeps the lease alive over one stream to one member.
struct Renewals {
    requests: mpsc::Sender<LeaseKeepAliveRequest>,
    answers: Streaming<LeaseKeepAliveResponse>,
}

impl Renewals {
    /// Grants the lease, hangs a key on it, and opens the stream.
    async fn of_new_lease(url: &str) -> Renewals {
        let channel = connect(url).await.expect("a member that serves");
        let mut leases = LeaseClient::new(channel.clone());
        let grant = LeaseGrantRequest { ttl: TTL_S, id: ID };
        within(ANSWER_LIMIT, leases.lease_grant(grant)).await.expect("granted");
        let put = PutRequest { key: KEY.into(), lease: ID, ..Default::default() };
        within(ANSWER_LIMIT, KvClient::new(channel).put(put)).await.expect("written");
        let (requests, sent) = mpsc::channel(1);
        // The answer to the call itself comes with the first message at the earliest.
        requests.send(LeaseKeepAliveRequest { id: ID }).await.expect("open");
        let answers = within(ANSWER_LIMIT, leases.lease_keep_alive(ReceiverStream::new(sent))).await;
        let mut renewals = Renewals { requests, answers: answers.expect("a stream") };
        renewals.renewed().await;
        renewals
    }

    async fn renewed(&mut self) {
        let answer = tokio::time::timeout(ANSWER_LIMIT, self.answers.message()).await;
        let answer = answer.expect("in time").expect("no error").expect("no end");
        assert_eq!((answer.id, answer.ttl), (ID, TTL_S));
    }

    /// Renews the lease again and again for some time.
    async fn go_on(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.requests.send(LeaseKeepAliveRequest { id: ID }).await.expect("open");
            self.renewed().await;
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn is_there(url: &str) -> bool {
    get(url, KEY).await.expect("a member that answers").count == 1
}

/// What is left of the lease, and what was granted, as a member says.
async fn left(url: &str) -> (i64, i64) {
    let mut leases = LeaseClient::new(connect(url).await.expect("a member that serves"));
    let request = LeaseTimeToLiveRequest { id: ID, keys: true };
    let answer = within(ANSWER_LIMIT, leases.lease_time_to_live(request)).await.expect("an answer");
    assert!(answer.ttl < 0 || answer.keys == [KEY.as_bytes()], "{answer:?}");
    (answer.ttl, answer.granted_ttl)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_kept_alive_through_a_follower_while_leaders_change() {
    let mut cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    let follower = cluster.others(&[leader])[0];
    let url = cluster.member(follower).url();
    let mut renewals = Renewals::of_new_lease(&url).await;
    renewals.go_on(TTL + PAUSE).await;
    cluster.kill(leader);
    renewals.go_on(2 * TTL).await;
    assert!(is_there(&url).await);
    for url in cluster.running_urls() {
        let (left_s, granted_s) = left(&url).await;
        assert!((0..=TTL_S).contains(&left_s) && granted_s == TTL_S, "{left_s} of {granted_s} s at {url}");
    }
    let end = Instant::now() + LIMIT;
    while is_there(&url).await {
        assert!(Instant::now() < end, "a lease that nobody renews does not end");
        tokio::time::sleep(PAUSE).await;
    }
    for url in cluster.running_urls() {
        assert_eq!(left(&url).await, (-1, 0), "at {url}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_slept_ends_no_lease() {
    let mut cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    let others = cluster.others(&[leader]);
    let url = cluster.member(others[0]).url();
    let mut renewals = Renewals::of_new_lease(&url).await;
    cluster.member(leader).pause();
    cluster.leader_among(&others).await;
    // For the one that sleeps the lease has long run out when it wakes up.
    renewals.go_on(2 * TTL).await;
    cluster.member(leader).resume();
    renewals.go_on(TTL).await;
    assert!(is_there(&url).await);
    let woken = cluster.member(leader).url();
    assert!(is_there(&woken).await);
    assert_eq!(left(&woken).await.1, TTL_S);
}
