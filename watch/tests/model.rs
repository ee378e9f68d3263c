//! Random histories, watchers, slow readers, compactions and resets against what each watcher must get: the
//! events of its range from its start on, each once, in order, whole revisions at a time.

mod common;

use common::{Client, Op, Store, World};
use oxetcd_api::{
    Event, EventKind, KeyRange,
    etcdserverpb::{WatchCreateRequest, WatchResponse, watch_create_request::FilterType},
    mvccpb,
};
use oxetcd_watch::{CatchUp, History, QueueLimit};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];
const RANGES: [(&str, &str); 7] =
    [("a", ""), ("c", ""), ("a", "c"), ("b", "e"), ("b", "\0"), ("", "\0"), ("d", "\0")];
const STREAMS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    /// Changes by key and whether to put; published at once unless told otherwise.
    Write {
        changes: Vec<(usize, bool)>,
        publish: bool,
    },
    Create {
        stream: usize,
        range: usize,
        start_back: Option<i64>,
        filter: u8,
        options: u8,
    },
    Cancel {
        stream: usize,
        watcher: usize,
    },
    Take {
        stream: usize,
        max: usize,
    },
    CatchUp {
        rounds: usize,
    },
    Compact {
        back: i64,
    },
    Progress {
        stream: usize,
    },
    Tick {
        stream: usize,
    },
    Close {
        stream: usize,
    },
    Reset,
    Break {
        broken: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let stream = 0..STREAMS;
    let changes = prop::collection::vec((0..KEYS.len(), prop::bool::weighted(0.7)), 1..4);
    prop_oneof![
        20 => (changes, prop::bool::weighted(0.9)).prop_map(|(changes, publish)| Step::Write { changes, publish }),
        8 => (stream.clone(), 0..RANGES.len(), prop::option::of(-3..12i64), 0..4u8, any::<u8>()).prop_map(
            |(stream, range, start_back, filter, options)| Step::Create {
                stream, range, start_back, filter: if options < 128 { 0 } else { filter }, options,
            }
        ),
        2 => (stream.clone(), 0..8usize).prop_map(|(stream, watcher)| Step::Cancel { stream, watcher }),
        8 => (stream.clone(), 1..6usize).prop_map(|(stream, max)| Step::Take { stream, max }),
        6 => (1..4usize).prop_map(|rounds| Step::CatchUp { rounds }),
        1 => (0..12i64).prop_map(|back| Step::Compact { back }),
        3 => stream.clone().prop_map(|stream| Step::Progress { stream }),
        2 => stream.clone().prop_map(|stream| Step::Tick { stream }),
        1 => stream.prop_map(|stream| Step::Close { stream }),
        1 => Just(Step::Reset),
        1 => any::<bool>().prop_map(|broken| Step::Break { broken }),
    ]
}

/// What one watcher has asked for and got.
struct Expected {
    range: KeyRange,
    start: i64,
    filter: u8,
    previous: bool,
    fragment: bool,
    /// Everything before this revision was received; the events of this one, up to `within`, too.
    next: i64,
    within: usize,
}

impl Expected {
    fn wants(&self, event: &Event) -> bool {
        let filtered = match event.kind {
            EventKind::Put => self.filter & 1 != 0,
            EventKind::Delete => self.filter & 2 != 0,
        };
        self.range.contains(&event.key) && !filtered
    }

    /// Events not received yet, up to `limit`.
    fn missing(&self, store: &Store, limit: i64) -> VecDeque<Event> {
        let from = |event: &Event| (self.next..=limit).contains(&event.revision.main) && self.wants(event);
        store.all().into_iter().filter(from).skip(self.within).collect()
    }

    fn receive(&mut self, store: &Store, response: &WatchResponse) {
        let mut missing = self.missing(store, i64::MAX);
        let mut last = 0;
        for got in &response.events {
            let event = missing.pop_front().expect("an event that happened");
            assert_eq!(got.kv.clone(), event.key_value().ok());
            assert_eq!(got.r#type == 1, event.kind == EventKind::Delete);
            self.check_previous(store, &event, got);
            (self.next, self.within) = match event.revision.main {
                same if same == self.next => (same, self.within + 1),
                new => (new, 1),
            };
            last = event.revision.main;
        }
        assert!(response.header.as_ref().is_some_and(|header| header.revision >= last));
        if response.fragment {
            assert!(self.fragment);
        } else {
            let split = missing.front().is_some_and(|event| event.revision.main == last);
            assert!(!split, "revision {last} came in parts");
            (self.next, self.within) = (last + 1, 0);
        }
    }

    fn check_previous(&self, store: &Store, event: &Event, got: &mvccpb::Event) {
        let revision = event.revision.main;
        let before = |old: &Event| old.key == event.key && old.revision.main < revision;
        let old = store.all().into_iter().rfind(before).filter(|old| old.kind == EventKind::Put);
        let truth = old.and_then(|old| old.key_value().ok()).filter(|_| self.previous);
        match &got.prev_kv {
            Some(_) => assert_eq!(got.prev_kv, truth),
            None => assert!(truth.is_none() || revision - 1 < store.compacted_revision()),
        }
    }
}

/// One stream, and its watchers as its replies tell of them.
struct Reader {
    client: Client,
    /// Created, but the reply is not read yet.
    asked: VecDeque<(i64, Expected)>,
    watchers: BTreeMap<i64, Expected>,
}

impl Reader {
    fn new(world: &World) -> Reader {
        let mut client = world.client_with(QueueLimit { replies: 2, size_bytes: 400 });
        client.fragment_bytes = 60;
        Reader { client, asked: VecDeque::new(), watchers: BTreeMap::new() }
    }

    fn take(&mut self, store: &Store, max: usize) {
        for response in self.client.take(max) {
            self.receive(store, &response);
        }
    }

    fn receive(&mut self, store: &Store, response: &WatchResponse) {
        let id = response.watch_id;
        let revision = response.header.as_ref().map_or(0, |header| header.revision);
        if response.created {
            let (asked, expected) = self.asked.pop_front().expect("a creation");
            assert_eq!((id, response.canceled), (asked, false));
            assert!(self.watchers.insert(id, expected).is_none());
        } else if response.canceled {
            let gone = self.watchers.remove(&id);
            if response.compact_revision != 0 {
                let gone = gone.expect("a watcher that is told once");
                assert!(gone.next < response.compact_revision, "it has missed nothing");
            }
        } else if !response.events.is_empty() {
            self.watchers.get_mut(&id).expect("a live watcher").receive(store, response);
        } else {
            let told = self.watchers.iter().filter(|(other, _)| id == -1 || **other == id);
            for (id, watcher) in told {
                assert!(watcher.missing(store, revision).is_empty(), "progress {revision} overtook {id}");
                assert!(watcher.start <= revision || watcher.start == 0, "progress before the start");
            }
            assert!(id == -1 || self.watchers.contains_key(&id));
        }
    }

    fn create(&mut self, store: &Store, request: &WatchCreateRequest, filter: u8) {
        let now = store.current_revision();
        if let Some(id) = self.client.stream.create(request, |_| Ok(())) {
            let expected = Expected {
                range: KeyRange::new(request.key.clone(), request.range_end.clone()),
                start: request.start_revision,
                filter,
                previous: request.prev_kv,
                fragment: request.fragment,
                next: if request.start_revision == 0 { now + 1 } else { request.start_revision },
                within: 0,
            };
            self.asked.push_back((id, expected));
        }
    }
}

fn write(world: &World, changes: &[(usize, bool)], publish: bool) {
    let mut ops: Vec<Op<'_>> = Vec::new();
    let mut used = [false; KEYS.len()];
    for (key, put) in changes {
        if !std::mem::replace(&mut used[*key], true) {
            match put {
                true => ops.push(Op::Put(KEYS[*key], "v")),
                false if world.store.holds(KEYS[*key]) => ops.push(Op::Delete(KEYS[*key])),
                false => {}
            }
        }
    }
    if !ops.is_empty() {
        let batch = world.store.txn(&ops);
        if publish {
            world.publish(batch);
        }
    }
}

fn create(world: &World, reader: &mut Reader, range: usize, back: Option<i64>, filter: u8, options: u8) {
    let start = back.map_or(0, |back| (world.store.current_revision() - back).max(1));
    let mut filters = Vec::new();
    filters.extend((filter & 1 != 0).then_some(FilterType::Noput as i32));
    filters.extend((filter & 2 != 0).then_some(FilterType::Nodelete as i32));
    let (key, end) = RANGES[range];
    let request = WatchCreateRequest {
        key: if key.is_empty() { "\0".into() } else { key.into() },
        range_end: end.into(),
        filters,
        progress_notify: options & 1 != 0,
        prev_kv: options & 2 != 0,
        fragment: options & 4 != 0,
        ..common::request((key, end), start)
    };
    reader.create(&world.store, &request, filter);
}

fn run(steps: Vec<Step>) {
    let world = World::new();
    let store = &world.store;
    let mut readers: Vec<Reader> = (0..STREAMS).map(|_| Reader::new(&world)).collect();
    for step in steps {
        match step {
            Step::Write { changes, publish } => write(&world, &changes, publish),
            Step::Create { stream, range, start_back, filter, options } => {
                create(&world, &mut readers[stream], range, start_back, filter, options);
            }
            Step::Cancel { stream, watcher } => drop(readers[stream].client.stream.cancel(watcher as i64)),
            Step::Take { stream, max } => readers[stream].take(store, max),
            Step::CatchUp { rounds } => drop(world.hub.catch_up(rounds)),
            Step::Compact { back } => store.compact(store.current_revision() - back),
            Step::Progress { stream } => readers[stream].client.stream.request_progress(),
            Step::Tick { stream } => readers[stream].client.stream.tick(),
            Step::Close { stream } => readers[stream] = Reader::new(&world),
            Step::Reset => world.hub.reset(),
            Step::Break { broken } => store.broken.store(broken, std::sync::atomic::Ordering::Relaxed),
        }
    }
    finish(&world, &mut readers);
}

/// Reads everything up and checks that nobody misses anything.
fn finish(world: &World, readers: &mut [Reader]) {
    world.store.broken.store(false, std::sync::atomic::Ordering::Relaxed);
    world.hub.reset();
    let mut quiet = false;
    while !quiet {
        while world.hub.catch_up(1) == CatchUp::More {}
        quiet = readers.iter().all(|reader| reader.client.queue.is_empty());
        readers.iter_mut().for_each(|reader| reader.take(&world.store, usize::MAX));
    }
    assert_eq!(world.hub.stats().slow_watchers, 0);
    for reader in readers {
        assert!(reader.asked.is_empty());
        for (id, watcher) in &reader.watchers {
            assert_eq!(watcher.missing(&world.store, i64::MAX), [], "watcher {id}");
        }
        // In step, so progress is due at once for those that ask, unless one waits for the future.
        let revision = world.hub.revision();
        let ready = reader.watchers.values().all(|watcher| watcher.start <= revision);
        reader.client.stream.request_progress();
        let told = reader.client.read().len();
        assert_eq!(told, usize::from(ready && !reader.watchers.is_empty()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn every_watcher_gets_its_events_once_and_in_order(steps in prop::collection::vec(step(), 1..120)) {
        run(steps);
    }
}
