//! What a client of one stream sees: creation, events, filters, previous values, fragments, progress.

mod common;

use common::{Client, Op, Store, World, request};
use oxetcd_api::etcdserverpb::{WatchCreateRequest, watch_create_request::FilterType};
use oxetcd_watch::{Hub, progress_period};
use prost::Message;
use std::{sync::Arc, time::Duration};

fn refusal(client: &Client, request: &WatchCreateRequest) -> Vec<String> {
    assert_eq!(client.stream.create(request, |_| Ok(())), None);
    client.brief()
}

#[test]
fn events_follow_created() {
    let world = World::new();
    let client = world.client();
    client.stream.create(&request(("a", ""), 0), |_| Ok(()));
    world.put("a", "1");
    world.put("b", "2");
    world.delete("a");
    assert_eq!(client.brief(), ["0@1 created", "0@2 +a=1:2", "0@4 -a:4"]);
}

#[test]
fn ranges_are_read_as_on_the_wire() {
    let world = World::new();
    let client = world.client();
    for range in [("b", ""), ("b", "d"), ("c", "\0"), ("", "\0"), ("", "")] {
        client.watch(range, 0);
    }
    for key in ["a", "b", "c", "d", "\0"] {
        world.put(key, "1");
    }
    let mut seen: Vec<String> = client.brief();
    seen.sort();
    let expected = [
        "0@3 +b=1:3",
        "1@3 +b=1:3",
        "1@4 +c=1:4",
        "2@4 +c=1:4",
        "2@5 +d=1:5",
        "3@2 +a=1:2",
        "3@3 +b=1:3",
        "3@4 +c=1:4",
        "3@5 +d=1:5",
        "3@6 +\0=1:6",
        "4@6 +\0=1:6",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn the_events_of_a_transaction_come_together() {
    let world = World::new();
    let client = world.client();
    client.watch(("a", "z"), 0);
    world.txn(&[Op::Put("c", "1"), Op::Put("zz", "2"), Op::Put("a", "3")]);
    assert_eq!(client.brief(), ["0@2 +c=1:2 +a=3:2"]);
}

#[test]
fn ids_are_the_clients_or_count_up() {
    let world = World::new();
    let client = world.client();
    let with_id = |watch_id| WatchCreateRequest { watch_id, ..request(("a", ""), 0) };
    assert_eq!(client.create(&with_id(0)), 0);
    assert_eq!(client.create(&with_id(2)), 2);
    assert_eq!(client.create(&with_id(0)), 1);
    assert_eq!(client.create(&with_id(0)), 3);
    let duplicate = "-1@1 created canceled (mvcc: duplicate watch ID provided on the WatchStream)";
    assert_eq!(refusal(&client, &with_id(2)), [duplicate]);
    client.stream.cancel(2);
    client.read();
    assert_eq!(client.create(&with_id(2)), 2);
    assert_eq!(world.client().create(&with_id(0)), 0, "each stream counts for itself");
}

#[test]
fn bad_requests_are_refused() {
    let world = World::new();
    let client = world.client();
    let empty = "-1@1 created canceled (mvcc: watcher range is empty)";
    assert_eq!(refusal(&client, &request(("b", "a"), 0)), [empty]);
    assert_eq!(refusal(&client, &request(("b", "b"), 0)), [empty]);
    let denied = |_: &_| Err("rpc error: code = PermissionDenied desc = no".to_string());
    assert_eq!(client.stream.create(&request(("b", "a"), 0), denied), None);
    assert_eq!(client.brief(), ["-1@1 created canceled (rpc error: code = PermissionDenied desc = no)"]);
    world.put("a", "1");
    assert_eq!(client.brief(), [""; 0]);
    assert_eq!(world.hub.stats().watchers, 0);
}

#[test]
fn cancel_is_answered_once_and_ends_the_events() {
    let world = World::new();
    let client = world.client();
    let id = client.watch(("a", ""), 0);
    world.put("a", "1");
    assert!(client.stream.cancel(id));
    world.put("a", "2");
    assert!(!client.stream.cancel(id));
    assert!(!client.stream.cancel(77));
    assert_eq!(client.brief(), ["0@2 +a=1:2", "0@2 canceled"]);
}

#[test]
fn a_watcher_that_is_behind_can_be_canceled() {
    let world = World::new();
    world.put("a", "1");
    let client = world.client();
    let id = client.watch(("a", ""), 1);
    client.stream.cancel(id);
    world.settle();
    assert_eq!(client.brief(), ["0@2 canceled"]);
    assert_eq!(world.hub.stats().watchers, 0);
}

#[test]
fn dropping_a_stream_removes_its_watchers() {
    let world = World::new();
    world.put("a", "1");
    let (client, other) = (world.client(), world.client());
    for number in 0..200 {
        client.watch(("a", ""), number % 3);
    }
    other.watch(("a", ""), 0);
    drop(client);
    let stats = world.hub.stats();
    assert_eq!((stats.streams, stats.watchers), (1, 1));
    world.put("a", "2");
    world.settle();
    assert_eq!(other.brief(), ["0@3 +a=2:3"]);
}

#[test]
fn filters_leave_out_kinds() {
    let world = World::new();
    let client = world.client();
    let filtered = |filters: &[FilterType], start| WatchCreateRequest {
        filters: filters.iter().map(|filter| *filter as i32).collect(),
        ..request(("a", "z"), start)
    };
    let all = [&[FilterType::Noput][..], &[FilterType::Nodelete], &[FilterType::Noput, FilterType::Nodelete]];
    for filters in all {
        client.create(&filtered(filters, 0));
    }
    world.put("b", "1");
    world.txn(&[Op::Put("a", "2"), Op::Delete("b")]);
    let live = client.brief();
    assert_eq!(live, ["1@2 +b=1:2", "0@3 -b:3", "1@3 +a=2:3"]);
    for filters in all {
        client.create(&filtered(filters, 1));
    }
    world.settle();
    assert_eq!(client.brief(), ["3@3 -b:3", "4@3 +b=1:2 +a=2:3"]);
    assert_eq!(world.hub.stats().slow_watchers, 0, "a watcher that gets nothing is in step all the same");
}

#[test]
fn previous_values_come_for_changes_only_and_from_history_that_is_there() {
    let world = World::new();
    let client = world.client();
    client.create(&WatchCreateRequest { prev_kv: true, ..request(("a", "z"), 0) });
    client.watch(("a", "z"), 0);
    world.put("a", "1");
    world.put("a", "2");
    world.delete("a");
    world.put("a", "3");
    let seen: Vec<String> = client.brief().into_iter().filter(|line| line.starts_with("0@")).collect();
    assert_eq!(seen, ["0@2 +a=1:2", "0@3 +a=2:3<1", "0@4 -a:4<2", "0@5 +a=3:5"]);
    world.store.compact(4);
    let id = client.create(&WatchCreateRequest { prev_kv: true, ..request(("a", ""), 4) });
    world.settle();
    assert_eq!(client.brief(), [format!("{id}@5 -a:4 +a=3:5")]);
}

#[test]
fn previous_values_are_read_once_for_all_watchers() {
    let world = World::new();
    let client = world.client();
    for _ in 0..3 {
        client.create(&WatchCreateRequest { prev_kv: true, ..request(("a", ""), 0) });
    }
    world.put("a", "1");
    client.read();
    world.put("a", "2");
    assert_eq!(client.take(1).len(), 1);
    // Too late for whoever had to read it again.
    world.store.compact(3);
    assert_eq!(client.brief(), ["1@3 +a=2:3<1", "2@3 +a=2:3<1"]);
}

#[test]
fn big_replies_are_cut_between_events_for_those_who_ask() {
    let world = World::new();
    let mut client = world.client();
    client.fragment_bytes = 250;
    let value = "x".repeat(80);
    for key in ["a", "b", "c", "d", "e"] {
        world.put(key, &value);
    }
    let whole = client.watch(("a", "z"), 2);
    let cut = client.create(&WatchCreateRequest { fragment: true, ..request(("a", "z"), 2) });
    world.settle();
    let responses = client.read();
    let shape = |id| -> Vec<(usize, bool)> {
        responses.iter().filter(|r| r.watch_id == id).map(|r| (r.events.len(), r.fragment)).collect()
    };
    assert_eq!(shape(whole), [(5, false)]);
    assert_eq!(shape(cut), [(2, true), (2, true), (1, false)]);
    let huge = "x".repeat(300);
    world.txn(&[Op::Put("a", &huge), Op::Put("b", &huge)]);
    let sizes: Vec<(usize, bool)> =
        client.read().iter().filter(|r| r.watch_id == cut).map(|r| (r.events.len(), r.fragment)).collect();
    assert_eq!(sizes, [(1, true), (1, false)], "an event bigger than the limit goes alone");
    world.put("a", &huge);
    assert!(client.read().iter().all(|response| !response.fragment), "one event cannot be cut");
}

#[test]
fn fragments_are_as_big_as_the_limit_allows() {
    let world = World::new();
    let mut client = world.client();
    let id = client.create(&WatchCreateRequest { fragment: true, ..request(("a", "z"), 0) });
    for limit_bytes in 60..400 {
        client.fragment_bytes = limit_bytes;
        let value = "x".repeat(limit_bytes % 50);
        let ops: Vec<Op<'_>> = ["a", "b", "c", "d", "e"].map(|key| Op::Put(key, &value)).into();
        world.txn(&ops);
        let responses = client.read();
        assert_eq!(responses.iter().map(|response| response.events.len()).sum::<usize>(), 5);
        for pair in responses.windows(2) {
            let (mut first, second) = (pair[0].clone(), &pair[1]);
            assert!(first.fragment && first.watch_id == id);
            assert!(first.encoded_len() < limit_bytes || first.events.len() == 1);
            first.events.push(second.events[0].clone());
            assert!(first.encoded_len() >= limit_bytes, "one more event fitted into {limit_bytes}");
        }
        assert!(responses.last().is_some_and(|response| !response.fragment));
    }
}

#[test]
fn progress_is_told_on_request_when_all_is_seen() {
    let world = World::new();
    let client = world.client();
    client.stream.request_progress();
    assert_eq!(client.brief(), [""; 0], "nobody watches");
    client.watch(("a", ""), 0);
    client.watch(("b", ""), 0);
    world.put("c", "1");
    client.stream.request_progress();
    assert_eq!(client.brief(), ["-1@2"]);
    client.watch(("a", ""), 1);
    client.stream.request_progress();
    assert_eq!(client.brief(), [""; 0], "one is still behind");
    world.settle();
    client.stream.request_progress();
    assert_eq!(client.brief(), ["-1@2"]);
}

#[test]
fn progress_comes_with_the_tick_unless_an_event_came() {
    let world = World::new();
    let client = world.client();
    client.create(&WatchCreateRequest { progress_notify: true, ..request(("a", ""), 0) });
    client.watch(("a", ""), 0);
    client.stream.tick();
    assert_eq!(client.brief(), ["0@1"]);
    world.put("a", "1");
    client.stream.tick();
    assert_eq!(client.brief(), ["0@2 +a=1:2", "1@2 +a=1:2"]);
    world.put("b", "1");
    client.stream.tick();
    assert_eq!(client.brief(), ["0@3"]);
}

#[test]
fn the_progress_period_has_a_floor_and_a_jitter() {
    assert_eq!(progress_period(Duration::from_secs(600), 0.0), Duration::from_secs(600));
    assert_eq!(progress_period(Duration::from_secs(600), 0.5), Duration::from_secs(630));
    assert_eq!(progress_period(Duration::from_millis(1), 0.0), Duration::from_millis(100));
}

#[test]
fn a_watch_from_now_starts_after_what_is_applied_though_not_yet_published() {
    let world = World::new();
    let client = world.client();
    let early = world.store.put("a", "1");
    client.stream.create(&request(("a", ""), 0), |_| Ok(()));
    world.publish(early);
    world.put("a", "2");
    assert_eq!(client.brief(), ["0@2 created", "0@3 +a=2:3"]);
}

#[test]
fn a_hub_begins_where_its_store_stands() {
    let store = Arc::new(Store::default());
    store.put("a", "1");
    let world = World::over(store);
    assert_eq!(world.hub.revision(), 2);
    let client = world.client();
    client.watch(("a", ""), 0);
    world.put("a", "2");
    assert_eq!(client.brief(), ["0@3 +a=2:3"]);
}

#[test]
fn hubs_and_streams_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Hub>();
    crosses::<oxetcd_watch::Stream>();
    crosses::<oxetcd_watch::Frame>();
}
