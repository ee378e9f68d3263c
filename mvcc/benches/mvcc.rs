//! Speed of the store over the memory engine: what a put, a lookup and ranges cost, and a start.
#![allow(missing_docs)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use oxetcd_api::etcdserverpb::{PutRequest, RangeRequest};
use oxetcd_mvcc::{NoLeases, Store};
use oxetcd_storage::{Buffer, Durability, Memory};
use std::{hint::black_box, sync::Arc};

// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const VALUE_BYTES: usize = 256;

/// Scatters numbers, so that keys are not written in their order.
fn key(number: u64) -> Vec<u8> {
    format!("/bench/{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes()
}

fn put(store: &Store, number: u64) {
    let request =
        PutRequest { key: key(number).into(), value: vec![b'v'; VALUE_BYTES].into(), ..Default::default() };
    apply(store, &request);
}

fn apply(store: &Store, request: &PutRequest) {
    let step = store.buffer().begin();
    black_box(store.apply_put(&step, request, &mut NoLeases).expect("memory cannot fail"));
}

fn store(keys: u64) -> Store {
    let buffer = Arc::new(Buffer::new(Arc::new(Memory::new())));
    let (store, _) = Store::open(buffer, &mut |_, _| {}).expect("memory cannot fail");
    for number in 0..keys {
        put(&store, number);
        if number % 10_000 == 9_999 {
            commit(&store);
        }
    }
    commit(&store);
    store
}

fn commit(store: &Store) {
    store.buffer().commit(Durability::Buffered).expect("memory cannot fail");
}

fn puts(c: &mut Criterion) {
    let mut group = c.benchmark_group("put");
    group.throughput(Throughput::Elements(1));
    for (name, keys) in [("new key", u64::MAX), ("one of 100k keys", 100_000)] {
        let store = store(100_000);
        let mut number = 100_000;
        group.bench_function(name, |b| {
            let request = |number: u64| PutRequest {
                key: key(number % keys).into(),
                value: vec![b'v'; VALUE_BYTES].into(),
                ..Default::default()
            };
            b.iter_batched_ref(
                || {
                    number += 1;
                    if number % 10_000 == 0 {
                        commit(&store);
                    }
                    request(number)
                },
                |request| apply(&store, request),
                BatchSize::SmallInput,
            );
        });
    }
}

fn reads(c: &mut Criterion) {
    let store = store(100_000);
    let mut group = c.benchmark_group("range");
    let mut number = 0;
    group.bench_function("one key", |b| {
        b.iter_batched_ref(
            || {
                number += 1;
                RangeRequest { key: key(number % 100_000).into(), ..Default::default() }
            },
            |request| black_box(store.range(request).expect("it is there")).count,
            BatchSize::SmallInput,
        );
    });
    let all = RangeRequest { key: "/".into(), range_end: "0".into(), ..Default::default() };
    let variants = [
        ("1000 of 100k, counting all", RangeRequest { limit: 1000, ..all.clone() }),
        ("100k", all.clone()),
        ("100k keys only", RangeRequest { keys_only: true, ..all.clone() }),
        ("100k count only", RangeRequest { count_only: true, ..all.clone() }),
        ("newest of 100k", RangeRequest { limit: 1, sort_target: 3, sort_order: 2, ..all }),
    ];
    for (name, request) in variants {
        group.bench_function(name, |b| b.iter(|| black_box(store.range(&request).expect("it is there"))));
    }
    let few = self::store(1000);
    let request = RangeRequest { key: "/".into(), range_end: "0".into(), ..Default::default() };
    group.bench_function("1000 of 1000", |b| b.iter(|| black_box(few.range(&request).expect("it is there"))));
}

fn start(c: &mut Criterion) {
    let store = store(1_000_000);
    let engine = store.buffer().engine().clone();
    let mut group = c.benchmark_group("start");
    group.sample_size(10);
    group.bench_function("1M records", |b| {
        b.iter_with_large_drop(|| Store::open(Arc::new(Buffer::new(engine.clone())), &mut |_, _| {}));
    });
    group.bench_function("hash of 1M records", |b| b.iter(|| store.hash_kv(0).expect("it is there")));
}

criterion_group!(benches, puts, reads, start);
criterion_main!(benches);
