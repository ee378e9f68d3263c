//! The v2 tree in a cluster: the same on every member, whoever was killed, cut off, or given a snapshot.

use crate::harness::{
    cluster::{Cluster, program},
    dice::Dice,
    member::{LIMIT, SNAPSHOTS_RECEIVED},
    network::Fault,
    v2::{self, Answer},
};
use std::{env, time::SystemTime};
use tokio::time::{Instant, sleep};

/// The log goes soon after a snapshot was written, and that happens often.
const FLAGS: [&str; 4] = ["--snapshot-count", "50", "--snapshot-catchup-entries", "5"];
/// Requests between two mishaps, and how many mishaps.
const REQUESTS: usize = 60;
const MISHAPS: u64 = 6;

/// A request at random: few names, so that they meet.
fn request(dice: &mut Dice) -> (&'static str, String) {
    let names = ["a", "b", "_c", "d"];
    let mut path = String::from("/v2/keys");
    for _ in 0..=dice.below(3) {
        path.push('/');
        path.push_str(names[dice.below(names.len())]);
    }
    let ttl = ["", "", "&ttl=0", "&ttl=1", "&ttl=2", "&ttl=1000"][dice.below(6)];
    let value = dice.below(3);
    match dice.below(9) {
        0 => ("POST", format!("{path}?value={value}{ttl}")),
        1 => ("PUT", format!("{path}?dir=true{ttl}")),
        2 => ("PUT", format!("{path}?prevExist=true&value={value}{ttl}")),
        3 => ("PUT", format!("{path}?prevValue={value}&value=0{ttl}")),
        4 => ("PUT", format!("{path}?refresh=true&prevExist=true&ttl=2")),
        5 => ("DELETE", format!("{path}?recursive=true")),
        6 => ("DELETE", format!("{path}?prevValue={value}")),
        _ => ("PUT", format!("{path}?value={value}{ttl}")),
    }
}

/// All that a member holds, as soon as it has caught up; what is left of a TTL aside, which depends on the moment.
async fn held(url: &str) -> (u64, String) {
    let tree = answered(url, "GET", "/v2/keys?recursive=true&sorted=true&quorum=true").await;
    let mut shown: serde_json::Value = serde_json::from_str(&tree.body).expect("JSON");
    forget_ttl(&mut shown);
    (tree.index, shown.to_string())
}

fn forget_ttl(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.remove("ttl");
            fields.values_mut().for_each(forget_ttl);
        }
        serde_json::Value::Array(nodes) => nodes.iter_mut().for_each(forget_ttl),
        _ => {}
    }
}

/// An answer of a member that may still look for a leader.
pub(crate) async fn answered(url: &str, method: &str, path: &str) -> Answer {
    let end = Instant::now() + LIMIT;
    loop {
        match v2::ask(url, method, path).await {
            // One refusal of the tree has the status of a failure.
            Ok(answer) if answer.status < 500 || answer.body.contains("Not a file") => return answer,
            other => assert!(Instant::now() < end, "{method} {path} at {url}: {other:?}"),
        }
        sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// All members hold the same. Keys may expire meanwhile, so it may take several looks.
pub(crate) async fn assert_same(cluster: &mut Cluster) {
    let end = Instant::now() + LIMIT;
    loop {
        let mut trees = Vec::new();
        for url in cluster.running_urls() {
            trees.push(held(&url).await);
        }
        let histories = histories(cluster).await;
        if trees.windows(2).all(|two| two[0] == two[1]) && histories.windows(2).all(|two| two[0] == two[1]) {
            return;
        }
        assert!(Instant::now() < end, "trees differ: {trees:#?}\nor what happened: {histories:#?}");
        sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// What each member remembers of the last changes.
async fn histories(cluster: &mut Cluster) -> Vec<Vec<String>> {
    let urls = cluster.running_urls();
    // A change that every watcher sees, so that nobody waits for one that may not come.
    let last = answered(&urls[0], "PUT", "/v2/keys/last?value=").await.index;
    let mut all = Vec::new();
    for url in &urls {
        answered(url, "GET", "/v2/keys/last?quorum=true").await;
        let (mut history, mut at) = (Vec::new(), last.saturating_sub(20).max(1));
        while at <= last {
            let path = format!("/v2/keys?wait=true&recursive=true&waitIndex={at}");
            let event = v2::first_line(url, &path).await.expect("an answer").expect("a change");
            let event: serde_json::Value = serde_json::from_str(&event).expect("JSON");
            at = event["node"]["modifiedIndex"].as_u64().expect("an index") + 1;
            history.push(event.to_string());
        }
        all.push(history);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tree_is_the_same_on_all_members_after_random_histories_with_crashes() {
    let number = |name| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seed = number("OXETCD_SEED").unwrap_or_else(|| now.map_or(0, |since| since.as_nanos() as u64));
    eprintln!("OXETCD_SEED={seed}");
    let mut dice = Dice::new(seed);
    let mut cluster = Cluster::start_with(&program(), 3, &FLAGS).await;
    // The first write needs all members: each is asked whether it can read such entries.
    let url = cluster.member(0).url();
    answered(&url, "PUT", "/v2/keys/first?value=1").await;
    let mut received = 0.0;
    for _ in 0..number("OXETCD_STEPS").unwrap_or(MISHAPS) {
        let victim = dice.below(3);
        let harm = dice.below(3);
        match harm {
            0 => cluster.kill(victim),
            1 => cluster.isolate(victim, Fault::Silent),
            _ => {}
        }
        let others = cluster.others(if harm < 2 { std::slice::from_ref(&victim) } else { &[] });
        for _ in 0..REQUESTS {
            let through = others[dice.below(others.len())];
            let (method, path) = request(&mut dice);
            let url = cluster.member(through).url();
            answered(&url, method, &path).await;
        }
        match harm {
            0 => cluster.restart(victim).await,
            1 => cluster.heal(),
            _ => {}
        }
        assert_same(&mut cluster).await;
        received += cluster.member(victim).metric(SNAPSHOTS_RECEIVED, "");
    }
    eprintln!("{received} snapshots received");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_was_away_for_long_gets_the_tree_in_a_snapshot() {
    let mut cluster = Cluster::start_with(&program(), 3, &FLAGS).await;
    let leader = cluster.leader().await;
    let follower = cluster.others(&[leader])[0];
    let url = cluster.member(leader).url();
    answered(&url, "PUT", "/v2/keys/before?value=1").await;
    assert_same(&mut cluster).await;
    cluster.kill(follower);
    for at in 0..500 {
        answered(&url, "PUT", &format!("/v2/keys/d{}?value={at}&ttl=1000", at % 9)).await;
    }
    answered(&url, "DELETE", "/v2/keys/before").await;
    cluster.restart(follower).await;
    assert_same(&mut cluster).await;
    assert!(cluster.member(follower).metric(SNAPSHOTS_RECEIVED, "") > 0.0, "it caught up without a snapshot");
    cluster.kill(follower);
    cluster.restart(follower).await;
    assert_same(&mut cluster).await;
}
