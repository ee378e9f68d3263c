//! Watchers that are behind: chunks, full sinks, fairness, compaction.

mod common;

use common::{Op, World, request};
use oxetcd_api::etcdserverpb::WatchCreateRequest;
use oxetcd_watch::{CatchUp, QueueLimit, ReplyQueue, Sink, SinkError, WatchReply};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake},
};

fn put_many(world: &World, key: &str, count: usize) {
    for _ in 0..count {
        world.put(key, "v");
    }
}

#[test]
fn the_past_is_served_in_chunks_and_ends_in_step() {
    let world = World::new();
    put_many(&world, "a", 2500);
    let client = world.client();
    client.watch(("a", ""), 1);
    assert!(world.wakes.load(Ordering::SeqCst) > 0);
    world.settle();
    world.put("a", "last");
    let counts: Vec<usize> = client.read().iter().map(|response| response.events.len()).collect();
    assert_eq!(counts, [1000, 1000, 500, 1]);
}

#[test]
fn a_chunk_is_bounded_in_bytes_and_splits_no_transaction() {
    let world = World::new();
    let big = "x".repeat(400 << 10);
    for _ in 0..4 {
        world.txn(&[Op::Put("a", &big), Op::Put("b", &big)]);
    }
    let client = world.client();
    client.watch(("a", "c"), 1);
    world.settle();
    let mut revisions = Vec::new();
    for response in client.read() {
        assert!(response.events.len() <= 4, "{}", response.events.len());
        assert_eq!(response.events.len() % 2, 0);
        revisions.extend(response.events.iter().filter_map(|e| e.kv.as_ref()).map(|kv| kv.mod_revision));
    }
    assert_eq!(revisions, [2, 2, 3, 3, 4, 4, 5, 5]);
}

#[test]
fn a_full_sink_costs_its_watcher_time_but_no_event() {
    let world = World::new();
    let (slow, quick) = (world.slow_client(2), world.client());
    slow.watch(("a", ""), 0);
    quick.watch(("a", ""), 0);
    put_many(&world, "a", 10);
    assert_eq!(quick.read().len(), 10, "others are not held back");
    assert_eq!(world.hub.stats().slow_watchers, 1);
    world.settle();
    assert_eq!(world.hub.catch_up(9), CatchUp::Idle, "a full sink is no reason to spin");
    assert_eq!(slow.room(), 0);
    assert_eq!(slow.brief(), ["0@2 +a=v:2", "0@3 +a=v:3"]);
    world.settle();
    let rest = slow.read();
    assert_eq!(rest.len(), 1, "what was missed comes in one piece");
    assert_eq!(rest[0].events.len(), 8);
    assert_eq!(world.hub.stats().slow_watchers, 0);
    world.put("a", "w");
    assert_eq!(slow.brief(), ["0@12 +a=w:12"]);
}

#[test]
fn a_full_sink_is_counted_in_bytes_too() {
    let world = World::new();
    let client = world.client_with(QueueLimit { replies: 100, size_bytes: 1000 });
    client.watch(("a", ""), 0);
    for _ in 0..20 {
        world.put("a", &"x".repeat(300));
    }
    assert!(client.queue.len() <= 4, "{}", client.queue.len());
    let mut events = 0;
    while events < 20 {
        events += client.read().iter().map(|response| response.events.len()).sum::<usize>();
        world.settle();
    }
    assert_eq!(events, 20);
}

#[test]
fn a_stream_has_room_for_one_reply_to_each_of_its_watchers() {
    let world = World::new();
    let client = world.slow_client(1);
    for _ in 0..50 {
        client.watch(("a", ""), 0);
    }
    world.put("a", "1");
    assert_eq!(world.hub.stats().slow_watchers, 0);
    assert_eq!(client.read().len(), 50);
}

#[test]
fn many_watchers_of_one_full_stream_all_get_their_turn() {
    let world = World::new();
    let client = world.slow_client(1);
    for _ in 0..40 {
        client.watch(("a", ""), 0);
    }
    put_many(&world, "a", 3);
    let mut seen = vec![0; 40];
    for _ in 0..200 {
        for response in client.take(7) {
            seen[response.watch_id as usize] += response.events.len();
        }
        world.settle();
    }
    assert_eq!(seen, vec![3; 40]);
}

#[test]
fn a_read_that_brings_nothing_passes_its_room_on() {
    let world = World::new();
    let client = world.slow_client(1);
    client.watch(("quiet", ""), 0);
    client.watch(("a", ""), 0);
    put_many(&world, "a", 2);
    assert_eq!(client.room(), 0);
    world.store.put("b", "unpublished");
    world.hub.reset();
    world.settle();
    assert_eq!(world.hub.stats().slow_watchers, 2, "both wait for room");
    assert_eq!(client.take(1).len(), 1);
    world.settle();
    assert_eq!(world.hub.stats().slow_watchers, 0, "there was room for one, and neither needed it");
}

#[test]
fn a_quiet_watcher_has_missed_nothing_when_its_past_is_compacted() {
    let world = World::new();
    let client = world.slow_client(2);
    client.watch(("quiet", ""), 0);
    client.watch(("a", ""), 0);
    for _ in 0..10 {
        world.put("a", "v");
        client.read();
    }
    world.store.compact(11);
    world.store.put("quiet", "1");
    world.hub.reset();
    world.settle();
    assert_eq!(client.brief(), ["0@12 +quiet=1:12"]);
    for _ in 0..10 {
        world.put("a", "v");
        client.read();
    }
    world.store.compact(22);
    put_many(&world, "a", 2);
    world.put("quiet", "2");
    world.settle();
    client.read();
    world.settle();
    assert_eq!(client.brief(), ["0@25 +quiet=2:25"]);
}

/// The reader took its replies just after the push failed and just before the watcher was set aside, so that
/// it had no reason to say that it has drained.
#[test]
fn room_made_while_a_watcher_is_set_aside_is_not_missed() {
    #[derive(Default)]
    struct Racing {
        full: AtomicBool,
        taken: AtomicUsize,
    }
    impl Sink for Racing {
        fn try_send(&self, _reply: WatchReply) -> Result<(), SinkError> {
            if self.full.swap(false, Ordering::SeqCst) {
                return Err(SinkError::Full);
            }
            self.taken.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
        fn send_control(&self, _reply: WatchReply) {}
        fn room(&self) -> usize {
            usize::from(!self.full.load(Ordering::SeqCst))
        }
    }
    let world = World::new();
    let sink = Arc::new(Racing::default());
    let stream = world.hub.open(sink.clone());
    stream.create(&request(("a", ""), 0), |_| Ok(()));
    sink.full.store(true, Ordering::SeqCst);
    world.put("a", "1");
    world.settle();
    assert_eq!(sink.taken.load(Ordering::SeqCst), 1);
}

#[test]
fn what_was_read_for_a_canceled_watcher_goes_to_nobody() {
    let world = World::new();
    world.put("a", "1");
    world.put("b", "2");
    let client = Arc::new(world.client());
    let id = client.watch(("a", ""), 1);
    let other = client.clone();
    let act = move || {
        other.stream.cancel(id);
        // It takes the place of the first in the hub's memory.
        other.stream.create(&request(("b", ""), 1), |_| Ok(()));
    };
    *world.store.during_read.lock().unwrap() = Some(Box::new(act));
    world.settle();
    assert_eq!(client.brief(), ["0@3 canceled", "1@3 created", "1@3 +b=2:3"]);
}

#[test]
fn writes_during_a_read_are_neither_lost_nor_doubled() {
    let world = World::new();
    world.put("a", "1");
    let client = world.client();
    client.watch(("a", ""), 1);
    let (hub, store) = (world.hub.clone(), world.store.clone());
    let act = move || hub.publish([store.put("a", "2")]);
    *world.store.during_read.lock().unwrap() = Some(Box::new(act));
    world.settle();
    world.put("a", "3");
    assert_eq!(client.brief(), ["0@2 +a=1:2", "0@3 +a=2:3", "0@4 +a=3:4"]);
}

#[test]
fn a_watcher_from_long_ago_does_not_hold_back_one_that_is_near() {
    let world = World::new();
    put_many(&world, "a", 20_000);
    let (old, near) = (world.client(), world.client());
    old.watch(("a", "z"), 1);
    near.watch(("a", "z"), 20_000);
    assert_eq!(world.hub.catch_up(2), CatchUp::More);
    let events: usize = near.read().iter().map(|response| response.events.len()).sum();
    assert_eq!(events, 2);
}

#[test]
fn watchers_that_fell_behind_together_share_the_reads() {
    let world = World::new();
    let clients: Vec<_> = (0..300).map(|_| world.client()).collect();
    for (number, client) in clients.iter().enumerate() {
        client.watch(if number % 2 == 0 { ("a", "") } else { ("a", "z") }, 0);
    }
    for _ in 0..5 {
        world.store.put("a", "v");
    }
    world.hub.reset();
    world.settle();
    assert!(clients.iter().all(|client| client.read()[0].events.len() == 5));
    assert_eq!(world.store.reads.load(Ordering::Relaxed), 1);
}

#[test]
fn few_keys_are_read_one_by_one_and_a_crowd_at_once() {
    for (keys, reads) in [(3, 3), (100, 1)] {
        let world = World::new();
        let client = world.client();
        let key = |number: i32| format!("key{number}");
        for number in 0..keys {
            client.watch((&key(number), ""), 0);
            world.store.put(&key(number), "v");
        }
        world.hub.reset();
        world.settle();
        assert_eq!(world.store.reads.load(Ordering::Relaxed), reads);
        let later = |id: i64| format!("{id}@{} +key{id}=v:{}", keys + 1, id + 2);
        let mut seen = client.brief();
        seen.sort_by_key(|line| line.split('@').next().and_then(|id| id.parse::<i64>().ok()));
        assert_eq!(seen, (0..i64::from(keys)).map(later).collect::<Vec<_>>());
    }
}

#[test]
fn a_history_that_stops_early_is_read_to_the_end() {
    let world = World::new();
    world.store.step.store(3, Ordering::Relaxed);
    put_many(&world, "a", 20);
    put_many(&world, "b", 5);
    let client = world.client();
    client.watch(("b", ""), 1);
    world.settle();
    let events: usize = client.read().iter().map(|response| response.events.len()).sum();
    assert_eq!(events, 5);
}

#[test]
fn a_history_that_fails_loses_nothing() {
    let world = World::new();
    world.put("a", "1");
    let client = world.client();
    client.watch(("a", ""), 1);
    world.store.broken.store(true, Ordering::Relaxed);
    assert_eq!(world.hub.catch_up(10), CatchUp::Failed);
    world.put("a", "2");
    world.store.broken.store(false, Ordering::Relaxed);
    world.settle();
    assert_eq!(client.brief(), ["0@3 +a=1:2 +a=2:3"]);
}

#[test]
fn a_compacted_start_ends_the_watcher_after_created() {
    let world = World::new();
    put_many(&world, "a", 5);
    world.store.compact(4);
    let client = world.client();
    client.stream.create(&request(("a", ""), 3), |_| Ok(()));
    assert_eq!(client.brief(), ["0@6 created", "0@0 canceled compacted:4"]);
    assert_eq!(world.hub.stats().watchers, 0);
    // The id stays taken until the client gives it back, and that is answered once.
    let again = WatchCreateRequest { watch_id: 0, ..request(("a", ""), 0) };
    assert_eq!(client.create(&again), 1);
    assert!(client.stream.cancel(0));
    assert!(!client.stream.cancel(0));
    assert_eq!(client.brief(), ["0@6 canceled"]);
}

#[test]
fn a_history_compacted_during_the_read_ends_the_watcher() {
    let world = World::new();
    put_many(&world, "a", 5);
    let client = world.client();
    client.watch(("a", ""), 2);
    world.store.compact(6);
    world.settle();
    assert_eq!(client.brief(), ["0@0 canceled compacted:6"]);
}

#[test]
fn publishing_twice_doubles_nothing_and_a_gap_loses_nothing() {
    let world = World::new();
    let client = world.client();
    client.watch(("a", ""), 0);
    let first = world.store.put("a", "1");
    world.publish(first.clone());
    world.publish(first.clone());
    world.store.put("a", "2");
    world.put("a", "3");
    world.publish(first);
    assert_eq!(world.hub.revision(), 4);
    world.settle();
    assert_eq!(client.brief(), ["0@2 +a=1:2", "0@4 +a=2:3 +a=3:4"]);
}

#[test]
fn a_closed_queue_takes_nothing_and_ends_its_reader() {
    struct Nobody;
    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }
    let world = World::new();
    let client = world.client();
    client.watch(("a", ""), 0);
    world.put("a", "1");
    let waker = Arc::new(Nobody).into();
    let mut context = Context::from_waker(&waker);
    client.queue.close();
    world.put("a", "2");
    world.settle();
    let mut out = Vec::new();
    assert_eq!(client.queue.poll_take(&mut context, 9, &mut out), Poll::Ready(1));
    assert_eq!(client.queue.poll_take(&mut context, 9, &mut out), Poll::Ready(0));
    assert!(ReplyQueue::new(QueueLimit::default()).poll_take(&mut context, 9, &mut out).is_pending());
}
