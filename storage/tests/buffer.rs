//! The write buffer: what is pending reads as if it were in the engine, and gets there in whole steps.

use bytes::Bytes;
use oxetcd_storage::{
    Batch, Buffer, Checkpoint, Durability, Engine, Error, Memory, Result, Size, Table, Visit, VisitFound,
    contract::Model,
};
use proptest::{collection::vec, prelude::*};
use std::{
    ops::ControlFlow::{Break, Continue},
    sync::{Arc, Mutex},
};

/// The memory engine, with something that happens before its next scan, and commits that can be refused.
#[derive(Default)]
struct Scripted {
    engine: Memory,
    before_scan: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    refusals: Mutex<usize>,
}

impl Engine for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>> {
        self.engine.get(table, key)
    }

    fn get_many(&self, table: Table, keys: &[&[u8]], visit: &mut VisitFound<'_>) -> Result<()> {
        self.engine.get_many(table, keys, visit)
    }

    fn scan(&self, table: Table, from: &[u8], to: Option<&[u8]>, visit: &mut Visit<'_>) -> Result<()> {
        let before = self.before_scan.lock().unwrap().take();
        if let Some(before) = before {
            before();
        }
        self.engine.scan(table, from, to, visit)
    }

    fn commit(&self, batch: &Batch, durability: Durability) -> Result<()> {
        let mut refusals = self.refusals.lock().unwrap();
        if *refusals > 0 {
            *refusals -= 1;
            return Err(Error::Full("as told".into()));
        }
        self.engine.commit(batch, durability)
    }

    fn size(&self) -> Result<Size> {
        self.engine.size()
    }

    fn checkpoint(&self) -> Result<Box<dyn Checkpoint>> {
        self.engine.checkpoint()
    }
}

fn read(buffer: &Buffer, from: &[u8], to: Option<&[u8]>, stop: usize) -> Vec<(Bytes, Bytes)> {
    let mut found = Vec::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        found.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
        if found.len() == stop { Break(()) } else { Continue(()) }
    };
    buffer.scan(Table::Key, from, to, visit).unwrap();
    found
}

fn put(buffer: &Buffer, records: &[(&'static str, &'static str)]) {
    let step = buffer.begin();
    records.iter().for_each(|(key, value)| step.put(Table::Key, *key, *value));
}

fn text(records: Vec<(Bytes, Bytes)>) -> String {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    records.iter().map(|(key, value)| format!("{}={}", text(key), text(value))).collect::<Vec<_>>().join(" ")
}

#[derive(Clone, Debug)]
enum Event {
    /// Changes of one step.
    Step(Vec<(u8, Option<u8>)>),
    Commit,
    RefusedCommit,
    Get(Vec<u8>),
    Scan(u8, Option<u8>, usize),
    Checkpoint,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => vec((0..40_u8, proptest::option::weighted(0.6, any::<u8>())), 0..6).prop_map(Event::Step),
        2 => Just(Event::Commit),
        1 => Just(Event::RefusedCommit),
        2 => vec(0..40_u8, 0..8).prop_map(Event::Get),
        4 => (0..41_u8, proptest::option::of(0..41_u8), 1..12_usize).prop_map(|(from, to, stop)| Event::Scan(from, to, stop)),
        1 => Just(Event::Checkpoint),
    ]
}

fn key(n: u8) -> Bytes {
    Bytes::copy_from_slice(&[n])
}

proptest! {
    /// Whatever is committed when, and whether it works: reads see all steps, the engine sees whole ones.
    #[test]
    fn reads_do_not_tell_what_is_pending(events in vec(event(), 0..40)) {
        let engine = Arc::new(Scripted::default());
        let buffer = Buffer::new(engine.clone());
        let mut model = Model::new();
        for event in events {
            match event {
                Event::Step(changes) => {
                    let step = buffer.begin();
                    let mut batch = Batch::new();
                    for (n, value) in changes {
                        match value {
                            Some(value) => {
                                step.put(Table::Key, key(n), key(value));
                                batch.put(Table::Key, key(n), key(value));
                            }
                            None => {
                                step.delete(Table::Key, key(n));
                                batch.delete(Table::Key, key(n));
                            }
                        }
                    }
                    model.apply(&batch);
                }
                Event::Commit => {
                    let is_pending = buffer.pending().ops > 0;
                    prop_assert_eq!(buffer.commit(Durability::Synced).unwrap(), is_pending);
                    prop_assert_eq!(buffer.pending(), Default::default());
                    prop_assert_eq!(&Model::read(&engine.engine), &model);
                }
                Event::RefusedCommit => {
                    *engine.refusals.lock().unwrap() = 1;
                    let before = (buffer.pending(), Model::read(&engine.engine));
                    prop_assert_eq!(buffer.commit(Durability::Synced).is_err(), before.0.ops > 0);
                    prop_assert_eq!((buffer.pending(), Model::read(&engine.engine)), before);
                    *engine.refusals.lock().unwrap() = 0;
                }
                Event::Get(keys) => {
                    let keys: Vec<_> = keys.into_iter().map(key).collect();
                    let wanted: Vec<_> = keys.iter().map(|key| model.table(Table::Key).get(key).cloned()).collect();
                    let single: Vec<_> = keys.iter().map(|key| buffer.get(Table::Key, key).unwrap()).collect();
                    prop_assert_eq!(&single, &wanted);
                    let slices: Vec<_> = keys.iter().map(|key| &key[..]).collect();
                    let mut many = Vec::new();
                    let visit = &mut |at: usize, value: Option<&[u8]>| {
                        many.push((at, value.map(Bytes::copy_from_slice)));
                        Continue(())
                    };
                    buffer.get_many(Table::Key, &slices, visit).unwrap();
                    prop_assert_eq!(many, wanted.into_iter().enumerate().collect::<Vec<_>>());
                }
                Event::Scan(from, to, stop) => {
                    let (from, to) = (key(from), to.map(key));
                    let inside = |key: &Bytes| *key >= from && to.as_ref().is_none_or(|to| key < to);
                    let records = model.table(Table::Key).iter().filter(|(key, _)| inside(key)).take(stop);
                    let wanted: Vec<_> = records.map(|(key, value)| (key.clone(), value.clone())).collect();
                    prop_assert_eq!(read(&buffer, &from, to.as_deref(), stop), wanted);
                }
                Event::Checkpoint => {
                    prop_assert_eq!(&Model::read_checkpoint(buffer.checkpoint().unwrap().as_ref()), &model);
                }
            }
        }
    }
}

#[test]
fn a_scan_is_of_one_moment_though_a_step_is_committed_while_it_opens() {
    let engine = Arc::new(Scripted::default());
    let buffer = Arc::new(Buffer::new(engine.clone()));
    put(&buffer, &[("a", "1"), ("m", "1"), ("z", "1")]);
    buffer.commit(Durability::Synced).unwrap();
    // Pending when the scan looks at the layers; then newer values of the same records get into the engine.
    put(&buffer, &[("a", "2"), ("m", "2")]);
    let writer = buffer.clone();
    *engine.before_scan.lock().unwrap() = Some(Box::new(move || {
        put(&writer, &[("a", "3"), ("m", "3"), ("z", "3")]);
        assert!(writer.commit(Durability::Synced).unwrap());
    }));
    assert_eq!(text(read(&buffer, b"", None, 9)), "a=3 m=3 z=3");
    // The same when the engine has nothing in the range, so that its visitor is not called.
    put(&buffer, &[("p", "4")]);
    let writer = buffer.clone();
    *engine.before_scan.lock().unwrap() = Some(Box::new(move || {
        let step = writer.begin();
        step.put(Table::Key, "o", "5");
        step.delete(Table::Key, "p");
        drop(step);
        assert!(writer.commit(Durability::Synced).unwrap());
    }));
    assert_eq!(text(read(&buffer, b"n", Some(b"q"), 9)), "o=5");
}

#[test]
fn a_scan_keeps_the_pending_records_that_are_committed_under_it() {
    let buffer = Buffer::new(Arc::new(Memory::new()));
    put(&buffer, &[("a", "1"), ("c", "1")]);
    buffer.commit(Durability::Synced).unwrap();
    put(&buffer, &[("b", "1"), ("c", "2"), ("d", "1")]);
    let mut found = Vec::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        if found.is_empty() {
            buffer.commit(Durability::Synced).unwrap();
            put(&buffer, &[("b", "later"), ("e", "later")]);
        }
        found.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
        Continue(())
    };
    buffer.scan(Table::Key, b"", None, visit).unwrap();
    assert_eq!(text(found), "a=1 b=1 c=2 d=1");
}

#[test]
fn steps_reach_the_engine_whole() {
    const STEPS: u64 = 3000;
    let engine = Arc::new(Memory::new());
    let buffer = Buffer::new(engine.clone());
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 1..=STEPS {
                let step = buffer.begin();
                for table in Table::ALL {
                    step.put(table, "n", n.to_be_bytes().to_vec());
                }
            }
        });
        let mut last = Bytes::new();
        loop {
            let is_last = writer.is_finished();
            buffer.commit(Durability::Buffered).unwrap();
            let all = Table::ALL.map(|table| engine.get(table, b"n").unwrap().unwrap_or_default());
            assert!(all.iter().all(|n| *n == all[0]), "parts of steps: {all:?}");
            assert!(all[0] >= last);
            last = all[0].clone();
            if is_last {
                break;
            }
        }
        assert_eq!(last, STEPS.to_be_bytes().to_vec());
    });
}
