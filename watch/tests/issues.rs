//! Bugs that etcd had, each under its number: the situation that showed it, and what must happen.

mod common;

use common::{Op, World, request};
use oxetcd_api::etcdserverpb::WatchCreateRequest;

const STEP: usize = 3;

/// Requested progress ran on a channel of its own, and told of revisions whose events were still to come.
#[test]
fn issue_15220_progress_never_overtakes_events() {
    let world = World::new();
    let client = world.slow_client(STEP);
    client.watch(("a", ""), 0);
    client.watch(("b", ""), 0);
    for _ in 0..10 {
        world.put("a", "v");
        client.stream.request_progress();
    }
    let mut seen = 1;
    for _ in 0..10 {
        for response in client.read() {
            let revision = response.header.as_ref().map_or(0, |header| header.revision);
            match response.events.last() {
                None => assert!(revision <= seen, "progress at {revision}, events up to {seen}"),
                Some(event) => seen = event.kv.as_ref().map_or(0, |kv| kv.mod_revision),
            }
        }
        world.settle();
        client.stream.request_progress();
    }
    assert_eq!(seen, 11);
}

/// Progress for a watcher that was sent no event was deferred forever.
#[test]
fn issue_17507_progress_comes_though_no_event_matched() {
    let world = World::new();
    world.put("other", "v");
    let client = world.client();
    client.watch(("quiet", ""), 2);
    world.settle();
    client.stream.request_progress();
    assert_eq!(client.brief(), ["-1@2"]);
}

/// After a snapshot from the leader, synced watchers were sent everything from their start again.
#[test]
fn issue_15271_a_snapshot_does_not_send_watchers_back_in_time() {
    let world = World::new();
    let client = world.client();
    client.watch(("a", ""), 1);
    client.watch(("a", "z"), 0);
    world.settle();
    world.put("a", "1");
    world.put("b", "2");
    client.read();
    // The store jumps ahead: revisions 4 and 5 come with the snapshot.
    world.store.put("a", "3");
    world.store.put("b", "4");
    world.hub.reset();
    world.settle();
    world.put("a", "5");
    let expected = ["0@5 +a=3:4", "1@5 +a=3:4 +b=4:5", "0@6 +a=5:6", "1@6 +a=5:6"];
    assert_eq!(client.brief(), expected);
}

/// The next revision of a watcher that stayed in step was not kept up, so that a reset gave events twice.
#[test]
fn issue_15248_a_reset_after_every_event_doubles_nothing() {
    let world = World::new();
    let client = world.client();
    client.watch(("a", ""), 1);
    for _ in 0..5 {
        world.put("a", "v");
        world.hub.reset();
        world.settle();
    }
    let revisions: Vec<i64> = client
        .read()
        .iter()
        .flat_map(|response| &response.events)
        .filter_map(|event| event.kv.as_ref())
        .map(|kv| kv.mod_revision)
        .collect();
    assert_eq!(revisions, [2, 3, 4, 5, 6]);
}

/// Events were shared between two transactions through a cache, and came twice.
#[test]
fn issue_17247_transactions_do_not_share_events() {
    let world = World::new();
    let client = world.client();
    client.watch(("a", "z"), 0);
    world.txn(&[Op::Put("a", "1"), Op::Put("b", "1")]);
    world.txn(&[Op::Put("b", "2")]);
    world.txn(&[Op::Delete("a"), Op::Put("c", "3")]);
    assert_eq!(client.brief(), ["0@2 +a=1:2 +b=1:2", "0@3 +b=2:3", "0@4 -a:4 +c=3:4"]);
}

/// With a full channel and a compaction, a slow watcher skipped what was compacted and went on as if nothing
/// was missing.
#[test]
fn issue_17529_a_starved_watcher_is_told_that_it_lost_history() {
    let world = World::new();
    let client = world.slow_client(STEP);
    client.watch(("a", ""), 0);
    for _ in 0..10 {
        world.put("a", "v");
    }
    world.settle();
    world.store.compact(9);
    world.put("a", "after");
    world.settle();
    assert_eq!(client.brief(), ["0@2 +a=v:2", "0@3 +a=v:3", "0@4 +a=v:4"]);
    world.settle();
    world.put("a", "later");
    world.settle();
    assert_eq!(client.brief(), ["0@0 canceled compacted:9"]);
}

/// Compacting at a deletion dropped the deletion, and a watch from there missed it.
#[test]
fn issue_18089_a_watch_from_the_compacted_revision_gets_its_deletion() {
    let world = World::new();
    for value in ["v2", "v3", "v4"] {
        world.put("k", value);
    }
    let deleted = world.delete("k");
    world.put("k", "v6");
    world.store.compact(deleted);
    let client = world.client();
    client.watch(("k", ""), deleted);
    world.settle();
    assert_eq!(client.brief(), ["0@6 -k:5 +k=v6:6"]);
}

/// The same when the watch opens while the compaction of that very revision is under way.
#[test]
fn issue_19179_a_compaction_at_the_start_of_a_waiting_watcher_ends_nothing() {
    let world = World::new();
    world.put("a", "1");
    let deleted = world.delete("a");
    let client = world.client();
    client.watch(("a", ""), deleted);
    world.store.compact(deleted);
    world.settle();
    assert_eq!(client.brief(), [format!("0@{deleted} -a:{deleted}")]);
}

/// A watcher of the future was told of progress before its start, and after a reset got events from before.
#[test]
fn issue_20221_a_watcher_of_the_future_hears_nothing_of_the_past() {
    let world = World::new();
    let client = world.client();
    client.create(&WatchCreateRequest { progress_notify: true, ..request(("a", ""), 5) });
    world.put("a", "2");
    client.stream.tick();
    client.stream.request_progress();
    world.store.put("a", "3");
    world.hub.reset();
    world.settle();
    client.stream.tick();
    client.stream.request_progress();
    world.put("a", "4");
    assert_eq!(client.brief(), [""; 0]);
    world.put("a", "5");
    client.stream.request_progress();
    assert_eq!(client.brief(), ["0@5 +a=5:5", "-1@5"]);
}

/// A watcher at the end of time (the gRPC proxy's way to notice a lost leader) made a reset panic.
#[test]
fn issue_9281_a_watcher_at_the_end_of_time_survives_a_reset() {
    let world = World::new();
    let client = world.client();
    client.watch(("a", ""), i64::MAX);
    client.watch(("a", ""), i64::MAX - 2);
    world.store.put("a", "1");
    world.hub.reset();
    world.settle();
    world.put("a", "2");
    assert_eq!(client.brief(), [""; 0]);
    assert_eq!(world.hub.stats().watchers, 2);
}

/// A start revision of -1 broke the catching up of all other watchers.
#[test]
fn issue_20693_a_negative_start_is_refused() {
    let world = World::new();
    world.put("a", "1");
    let client = world.client();
    client.watch(("a", ""), 1);
    for start in [-1, -2, i64::MIN] {
        assert_eq!(client.stream.create(&request(("a", ""), start), |_| Ok(())), None);
        let refused =
            "-1@2 created canceled (etcdserver: mvcc: required revision has been compacted)".to_string();
        assert_eq!(client.brief(), [refused]);
    }
    world.settle();
    assert_eq!(client.brief(), ["0@2 +a=1:2"]);
}

/// Canceling and closing at once counted a compacted watcher down twice; with more than 512 of them they were
/// never taken out, and were told of the compaction again and again (21174).
#[test]
fn issue_20067_and_21174_compacted_watchers_are_counted_and_told_once() {
    let world = World::new();
    for _ in 0..5 {
        world.put("a", "v");
    }
    let client = world.client();
    for _ in 0..1300 {
        client.watch(("a", ""), 2);
    }
    world.store.compact(4);
    world.settle();
    let told = client.read();
    assert_eq!(told.len(), 1300);
    assert!(told.iter().all(|response| response.canceled && response.compact_revision == 4));
    assert_eq!(world.hub.stats().watchers, 0);
    assert_eq!(world.hub.stats().slow_watchers, 0);
    assert!(client.stream.cancel(7));
    world.settle();
    assert_eq!(client.read().len(), 1, "only the answer to the cancel");
    drop(client);
    assert_eq!(world.hub.stats().streams, 0);
}

/// Canceling a watcher with a start in the past could hit it between two groups, and panicked.
#[test]
fn issue_6819_a_watcher_can_be_canceled_in_any_place() {
    let world = World::new();
    world.put("a", "1");
    let client = world.slow_client(1);
    let (ready, blocked, synced) =
        (client.watch(("a", ""), 1), client.watch(("a", ""), 0), client.watch(("b", ""), 0));
    for _ in 0..4 {
        world.put("a", "v");
    }
    for id in [ready, blocked, synced] {
        assert!(client.stream.cancel(id));
    }
    world.settle();
    world.put("a", "v");
    assert_eq!(world.hub.stats().watchers, 0);
    assert_eq!(client.read().iter().filter(|response| response.canceled).count(), 3);
}
