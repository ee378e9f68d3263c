//! Power cuts and failing disks at random moments, against a model that is a list of records.

use std::io::ErrorKind;
use std::sync::Arc;

use oxetcd_consensus::disk::{Fault, MemDisk};
use oxetcd_consensus::raftpb::{Entry, HardState};
use oxetcd_consensus::{Disk, Replay, Wal};
use proptest::prelude::*;

use crate::support::*;

const SEGMENT_BYTES: u64 = 6000;

#[derive(Clone, Debug)]
enum Op {
    /// Entries (their sizes) after dropping `overlap` of the last ones; with a hard state or not.
    Append {
        sizes: Vec<usize>,
        overlap: u64,
        state: bool,
        sync: bool,
    },
    Snapshot,
    Sync,
}

#[derive(Clone, Debug)]
struct Life {
    ops: Vec<Op>,
    fault: Option<(u64, Fault)>,
    seed: u64,
}

fn op() -> impl Strategy<Value = Op> {
    let sizes = prop::collection::vec(prop_oneof![4 => 0usize..200, 1 => 500usize..3000], 0..6);
    prop_oneof![
        8 => (sizes, 0u64..3, any::<bool>(), any::<bool>())
            .prop_map(|(sizes, overlap, state, sync)| Op::Append { sizes, overlap, state, sync }),
        1 => Just(Op::Snapshot),
        1 => Just(Op::Sync),
    ]
}

fn life() -> impl Strategy<Value = Life> {
    let fault = prop_oneof![
        Just(Fault::Error(ErrorKind::Other)),
        Just(Fault::Error(ErrorKind::StorageFull)),
        (0usize..2000).prop_map(Fault::ShortWrite),
    ];
    (prop::collection::vec(op(), 0..30), prop::option::of((0u64..60, fault)), any::<u64>())
        .prop_map(|(ops, fault, seed)| Life { ops, fault, seed })
}

#[derive(Clone, Debug)]
enum Record {
    Entry(Entry),
    State(HardState),
    Snapshot,
}

/// What a log of these records is read as.
fn fold(records: &[Record]) -> (Vec<Entry>, HardState, usize) {
    let mut entries: Vec<Entry> = Vec::new();
    let mut state = HardState::default();
    let mut snapshots = 1;
    for record in records {
        match record {
            Record::Entry(entry) => {
                entries.truncate(entry.index() as usize - 1);
                entries.push(entry.clone());
            }
            Record::State(new) => state = *new,
            Record::Snapshot => snapshots += 1,
        }
    }
    (entries, state, snapshots)
}

fn seen(replay: &Replay) -> (Vec<Entry>, HardState, usize) {
    (replay.entries.clone(), replay.hard_state, replay.snapshots.len())
}

/// Runs operations; `records` gets all that were tried, the result says how many of them are durable.
fn run(wal: &mut Wal, ops: &[Op], term: u64, records: &mut Vec<Record>) -> usize {
    let mut durable = records.len();
    for op in ops {
        let last = fold(records).0.len() as u64;
        let (done, synced) = match op {
            Op::Append { sizes, overlap, state: with_state, sync } => {
                let first = last.saturating_sub(if sizes.is_empty() { 0 } else { *overlap }) + 1;
                let entries: Vec<_> =
                    (first..).zip(sizes).map(|(index, &size)| entry(term, index, size)).collect();
                // What is committed stays so.
                let commit = fold(records).1.commit().max(first + records.len() as u64);
                let state = with_state.then(|| state(term, commit));
                records.extend(entries.iter().cloned().map(Record::Entry));
                records.extend(state.map(Record::State));
                (wal.append(&entries, state.as_ref(), *sync), *sync)
            }
            Op::Snapshot => {
                records.push(Record::Snapshot);
                let state = fold(records).1;
                if last.max(1) > state.commit() {
                    // It came from a leader, and says what is committed.
                    let vote = if state.term() >= term { state.vote() } else { 0 };
                    records.push(Record::State(HardState {
                        term: Some(state.term().max(term)),
                        vote: Some(vote),
                        commit: Some(last.max(1)),
                    }));
                }
                (wal.save_snapshot(&snapshot(term, last.max(1))), true)
            }
            Op::Sync => (wal.sync(), true),
        };
        match done {
            Ok(()) if synced => durable = records.len(),
            Ok(()) => {}
            Err(_) => {
                assert!(wal.sync().is_err(), "a log goes on after an error");
                break;
            }
        }
    }
    durable
}

/// Found by the simulation: of a write that was cut off, later sectors stay without the first one. The log wipes
/// them when it is opened, and the next write may be cut off too: then they must not shine through.
#[test]
fn two_power_cuts_in_a_row_leave_a_log_that_can_be_read() {
    for seed in 0..500 {
        let disk = MemDisk::new();
        let mut wal = create(&disk, SEGMENT_BYTES);
        wal.append(&[entry(1, 1, 300)], Some(&state(1, 1)), true).unwrap();
        for life in 0..3 {
            // The write is done; its sync is not.
            disk.fail_after(1, Fault::Error(ErrorKind::Other));
            assert!(wal.append(&[entry(1, 2, 1500 + 40 * life)], None, true).is_err());
            drop(wal);
            disk.crash(seed << 8 | life as u64);
            let (reopened, replay) = open(&disk, SEGMENT_BYTES).unwrap();
            assert_eq!(replay.entries[0], entry(1, 1, 300));
            wal = reopened;
        }
    }
}

proptest! {
    #![proptest_config(cases())]

    /// Whatever happens: after a crash the log holds all that was acknowledged, in order, and possibly some
    /// more of what was tried, without a hole.
    #[test]
    fn what_was_synced_survives(lives in prop::collection::vec(life(), 1..5)) {
        let disk = MemDisk::new();
        let mut wal = create(&disk, SEGMENT_BYTES);
        let mut records = Vec::new();
        for (term, life) in (1..).zip(&lives) {
            if let Some((skip, fault)) = life.fault {
                disk.fail_after(skip, fault);
            }
            let durable = run(&mut wal, &life.ops, term, &mut records);
            drop(wal);
            disk.crash(life.seed);
            let (reopened, replay) = open(&disk, SEGMENT_BYTES).unwrap();
            let found = seen(&replay);
            let kept = (durable..=records.len()).find(|&kept| fold(&records[..kept]) == found);
            prop_assert!(kept.is_some(), "{durable} of {} durable, found {found:?}", records.len());
            records.truncate(kept.unwrap());
            wal = reopened;
        }
    }

    /// A log appears whole or not at all.
    #[test]
    fn creation_is_atomic(skip in 0u64..16, seed in any::<u64>()) {
        let disk = MemDisk::new();
        create(&disk, SEGMENT_BYTES).close().unwrap();
        let total = disk.changes();
        let disk = MemDisk::new();
        make_parent(&disk);
        prop_assert!(total < 16 + disk.changes(), "the range of the fault is too small: {total}");
        disk.fail_after(skip, Fault::Error(ErrorKind::Other));
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let created = Wal::create(shared.clone(), &dir(), METADATA, options(SEGMENT_BYTES)).map(drop);
        disk.crash(seed);
        if created.is_ok() || Wal::exists(&disk, &dir()) {
            let (_, replay) = open(&disk, SEGMENT_BYTES).unwrap();
            prop_assert_eq!(replay.metadata.as_ref(), METADATA);
        }
        if !Wal::exists(&disk, &dir()) {
            Wal::create(shared, &dir(), METADATA, options(SEGMENT_BYTES)).unwrap();
        }
    }
}
