//! What an entry costs in the log: encoding alone (a disk that does nothing), with the real disk, and reading
//! it back.

use std::hint::black_box;
use std::io;
use std::path::Path;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use oxetcd_consensus::disk::{DiskFile, Open};
use oxetcd_consensus::node::bootstrap;
use oxetcd_consensus::raftpb::{Entry, HardState};
use oxetcd_consensus::{Disk, Node, NodeConfig, OsDisk, Wal, WalOptions, walpb};

const PAYLOAD_BYTES: usize = 256;
const BATCH: u64 = 100;

/// A disk that takes everything at no cost.
struct NoDisk;

struct NoFile;

impl Disk for NoDisk {
    fn open(&self, _: &Path, _: Open) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(NoFile))
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove_file(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for NoFile {
    fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
        Ok(0)
    }

    fn write_at(&mut self, bytes: &[u8], _: u64) -> io::Result<()> {
        black_box(bytes);
        Ok(())
    }

    fn sync_data(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn set_len(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn allocate(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(0)
    }
}

fn entries(first: u64, count: u64) -> Vec<Entry> {
    let data = bytes::Bytes::from(vec![7; PAYLOAD_BYTES]);
    let entry = |index| Entry { r#type: None, term: Some(2), index: Some(index), data: Some(data.clone()) };
    (first..first + count).map(entry).collect()
}

fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    group.throughput(Throughput::Elements(BATCH));
    let batch = entries(1, BATCH);
    let state = HardState { term: Some(2), vote: Some(1), commit: Some(1) };

    let mut wal = Wal::create(Arc::new(NoDisk), Path::new("wal"), b"m", WalOptions::default()).unwrap();
    group.bench_function("encode 100 entries", |bencher| {
        bencher.iter(|| wal.append(black_box(&batch), Some(&state), true).unwrap());
    });

    let dir = tempfile::tempdir_in(std::env::var_os("BENCH_DIR").unwrap_or(".".into())).unwrap();
    let path = dir.path().join("wal");
    let mut wal = Wal::create(Arc::new(OsDisk), &path, b"m", WalOptions::default()).unwrap();
    group.bench_function("write and sync 100 entries", |bencher| {
        bencher.iter(|| wal.append(black_box(&batch), Some(&state), true).unwrap());
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("write and sync 1 entry", |bencher| {
        bencher.iter(|| wal.append(black_box(&batch[..1]), Some(&state), true).unwrap());
    });
    group.finish();
}

fn replay(criterion: &mut Criterion) {
    const COUNT: u64 = 100_000;
    let dir = tempfile::tempdir_in(std::env::var_os("BENCH_DIR").unwrap_or(".".into())).unwrap();
    let path = dir.path().join("wal");
    let options = WalOptions { fsync: false, ..WalOptions::default() };
    let mut wal = Wal::create(Arc::new(OsDisk), &path, b"m", options).unwrap();
    wal.append(&entries(1, COUNT), None, true).unwrap();
    wal.close().unwrap();
    let mut group = criterion.benchmark_group("replay");
    group.sample_size(10).throughput(Throughput::Elements(COUNT));
    group.bench_function("100000 entries", |bencher| {
        bencher.iter(|| Wal::open(Arc::new(OsDisk), &path, &walpb::Snapshot::default(), options).unwrap().1);
    });
    group.finish();
}

fn node(criterion: &mut Criterion) {
    let mut node = Node::new(&NodeConfig::new(1), bootstrap(&[(1, bytes::Bytes::new())])).unwrap();
    // Its own membership is applied, then it leads.
    let mut drain = |payloads: Option<Vec<bytes::Bytes>>| {
        match payloads {
            Some(payloads) => node.propose(payloads).unwrap(),
            None => drop(node.campaign()),
        }
        let mut applied = 0;
        while let Some(ready) = node.ready() {
            node.persisted(ready.number);
            if let Some(last) = ready.committed.last() {
                applied = last.index();
                node.applied_to(applied);
            }
            black_box(ready);
        }
        node.compact(applied.saturating_sub(5000));
    };
    drain(None);
    drain(None);
    let data = bytes::Bytes::from(vec![7; PAYLOAD_BYTES]);
    let mut group = criterion.benchmark_group("node");
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("propose, commit and apply 100 entries", |bencher| {
        bencher.iter_batched(
            || vec![data.clone(); BATCH as usize],
            |payloads| drain(Some(payloads)),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, append, replay, node);
criterion_main!(benches);
