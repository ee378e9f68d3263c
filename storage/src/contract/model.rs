//! Random histories against the plainest of all engines.

use super::Subject;
use crate::{Batch, Checkpoint, Durability, Engine, Op, Table};
use bytes::Bytes;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::{collections::BTreeMap, ops::ControlFlow, path::Path};

/// What an engine must hold: a sorted map a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    tables: [BTreeMap<Bytes, Bytes>; Table::ALL.len()],
}

impl Model {
    /// Empty tables.
    pub fn new() -> Self {
        Self::default()
    }

    /// The records of a table.
    pub fn table(&self, table: Table) -> &BTreeMap<Bytes, Bytes> {
        &self.tables[table.index()]
    }

    /// Does what a commit of `batch` does.
    pub fn apply(&mut self, batch: &Batch) {
        for Op { table, key, value } in batch.ops() {
            let map = &mut self.tables[table.index()];
            match value {
                Some(value) => map.insert(key.clone(), value.clone()),
                None => map.remove(key),
            };
        }
    }

    /// All that `engine` holds.
    ///
    /// # Panics
    /// When a scan fails.
    pub fn read(engine: &dyn Engine) -> Self {
        Self::read_with(|table, visit| engine.scan(table, b"", None, visit))
    }

    /// All that `checkpoint` holds.
    ///
    /// # Panics
    /// When a scan fails.
    pub fn read_checkpoint(checkpoint: &dyn Checkpoint) -> Self {
        Self::read_with(|table, visit| checkpoint.scan(table, b"", visit))
    }

    fn read_with(scan: impl Fn(Table, &mut crate::Visit<'_>) -> crate::Result<()>) -> Self {
        let mut model = Model::new();
        for table in Table::ALL {
            let map = &mut model.tables[table.index()];
            scan(table, &mut |key, value| {
                let last = map.last_key_value().map(|(last, _)| last);
                assert!(last.is_none_or(|last| &last[..] < key), "{table:?}: {key:?} comes after {last:?}");
                map.insert(Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
                ControlFlow::Continue(())
            })
            .unwrap_or_else(|error| panic!("scan of {table:?}: {error}"));
        }
        model
    }
}

/// One thing that happens to an engine.
#[derive(Clone, Debug)]
enum Event {
    Commit(Batch, Durability),
    Reopen,
    Defragment,
    /// Takes a checkpoint, in the place of the one before.
    Checkpoint,
    Get(Table, Vec<Bytes>),
    /// A scan that stops after so many records.
    Scan(Table, Bytes, Option<Bytes>, usize),
}

fn table() -> impl Strategy<Value = Table> {
    prop_oneof![3 => Just(Table::Key), 1 => proptest::sample::select(&Table::ALL[..])]
}

fn key() -> impl Strategy<Value = Bytes> {
    let revision = (0..200_u64).prop_map(|main| [&main.to_be_bytes()[..], b"_", &[0; 8]].concat());
    let short = vec(0..3_u8, 1..4);
    // Around the length where engines begin to treat keys differently, and alike up to there.
    let long = (500..520_usize, vec(0..3_u8, 0..3)).prop_map(|(len, end)| [vec![1; len], end].concat());
    prop_oneof![4 => revision, 4 => short, 1 => long].prop_map(Bytes::from)
}

fn value() -> impl Strategy<Value = Bytes> {
    let bytes =
        prop_oneof![4 => vec(any::<u8>(), 0..40), 1 => (1500..9000_usize).prop_map(|len| vec![7; len])];
    bytes.prop_map(Bytes::from)
}

fn batch() -> impl Strategy<Value = Batch> {
    let op = (table(), key(), proptest::option::weighted(0.7, value()));
    vec(op.prop_map(|(table, key, value)| Op { table, key, value }), 0..60).prop_map(Batch::from_iter)
}

fn event() -> impl Strategy<Value = Event> {
    let durability = prop_oneof![4 => Just(Durability::Buffered), 1 => Just(Durability::Synced)];
    let from = prop_oneof![1 => Just(Bytes::new()), 4 => key()];
    prop_oneof![
        8 => (batch(), durability).prop_map(|(batch, durability)| Event::Commit(batch, durability)),
        1 => Just(Event::Reopen),
        1 => Just(Event::Defragment),
        2 => Just(Event::Checkpoint),
        3 => (table(), vec(key(), 0..20)).prop_map(|(table, keys)| Event::Get(table, keys)),
        6 => (table(), from, proptest::option::of(key()), 1..30_usize)
            .prop_map(|(table, from, to, stop)| Event::Scan(table, from, to, stop)),
    ]
}

/// Random events leave the engine, and every checkpoint, as they leave the model.
pub fn random_histories_match_the_model<S: Subject>(subject: &S) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(40);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let history = vec(event(), 1..25);
    let run = |events| {
        let dir = tempfile::tempdir().expect("a temporary directory");
        Run::new(subject, dir.path()).run(events);
        Ok(())
    };
    if let Err(failure) = runner.run(&history, run) {
        panic!("{failure}");
    }
}

struct Run<'s, S: Subject> {
    subject: &'s S,
    dir: &'s Path,
    engine: S::Engine,
    model: Model,
    checkpoint: Option<(Box<dyn Checkpoint>, Model)>,
    is_durable: bool,
}

impl<'s, S: Subject> Run<'s, S> {
    fn new(subject: &'s S, dir: &'s Path) -> Self {
        let engine = subject.open(dir).expect("an empty directory");
        // An engine without files starts empty each time.
        let is_durable = std::fs::read_dir(dir).is_ok_and(|mut files| files.next().is_some());
        Run { subject, dir, engine, model: Model::new(), checkpoint: None, is_durable }
    }

    fn run(mut self, events: Vec<Event>) {
        for event in events {
            self = self.happen(event);
        }
        self.check_checkpoint();
        assert_eq!(Model::read(&self.engine), self.model);
        if self.is_durable {
            self = self.reopen();
            assert_eq!(Model::read(&self.engine), self.model);
        }
    }

    fn happen(mut self, event: Event) -> Self {
        match event {
            Event::Commit(batch, durability) => {
                self.engine.commit(&batch, durability).expect("commit");
                self.model.apply(&batch);
            }
            Event::Reopen if self.is_durable => self = self.reopen(),
            Event::Reopen => {}
            Event::Defragment => self.engine.defragment().expect("defragment"),
            Event::Checkpoint => {
                self.check_checkpoint();
                self.checkpoint = Some((self.engine.checkpoint().expect("checkpoint"), self.model.clone()));
            }
            Event::Get(table, keys) => self.check_get(table, &keys),
            Event::Scan(table, from, to, stop) => self.check_scan(table, &from, to.as_deref(), stop),
        }
        self
    }

    fn reopen(mut self) -> Self {
        self.check_checkpoint();
        self.checkpoint = None;
        let Run { subject, dir, engine, model, checkpoint, is_durable } = self;
        drop(engine);
        Run { subject, dir, engine: subject.open(dir).expect("reopen"), model, checkpoint, is_durable }
    }

    fn check_checkpoint(&self) {
        let Some((checkpoint, model)) = &self.checkpoint else { return };
        assert_eq!(&Model::read_checkpoint(checkpoint.as_ref()), model, "the checkpoint has changed");
    }

    fn check_get(&self, table: Table, keys: &[Bytes]) {
        let map = self.model.table(table);
        let wanted: Vec<_> = keys.iter().map(|key| map.get(key).cloned()).collect();
        let single: Vec<_> = keys.iter().map(|key| self.engine.get(table, key).expect("get")).collect();
        assert_eq!(single, wanted);
        let mut many = Vec::new();
        let slices: Vec<_> = keys.iter().map(|key| &key[..]).collect();
        let visit = &mut |at: usize, value: Option<&[u8]>| {
            assert_eq!(at, many.len());
            many.push(value.map(Bytes::copy_from_slice));
            ControlFlow::Continue(())
        };
        self.engine.get_many(table, &slices, visit).expect("get_many");
        assert_eq!(many, wanted);
    }

    fn check_scan(&self, table: Table, from: &[u8], to: Option<&[u8]>, stop: usize) {
        let records = self.model.table(table).iter();
        let inside = records.filter(|(key, _)| &key[..] >= from && to.is_none_or(|to| &key[..] < to));
        let wanted: Vec<_> = inside.take(stop).map(|(key, value)| (key.clone(), value.clone())).collect();
        let mut found = Vec::new();
        let visit = &mut |key: &[u8], value: &[u8]| {
            found.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
            if found.len() == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        self.engine.scan(table, from, to, visit).expect("scan");
        assert_eq!(found, wanted);
    }
}
