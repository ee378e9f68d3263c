//! What a million leases cost: granting, keeping alive, and all of them expiring at once.
#![allow(missing_docs)]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use oxetcd_lease::{LeaseBook, LeaseConfig};
use oxetcd_storage::{Buffer, Memory};
use std::{hint::black_box, sync::Arc};

const LEASES: i64 = 1_000_000;
const NOW_MS: u64 = 1_000;

fn filled(buffer: &Buffer) -> LeaseBook {
    let mut book = LeaseBook::open(buffer, LeaseConfig::default()).expect("an empty table");
    book.promote(0, 0);
    let step = buffer.begin();
    for id in 1..=LEASES {
        book.grant(&step, 0, id, 60).expect("a new id");
        book.attach(id, format!("/registry/leases/{id:09}").as_bytes()).expect("just granted");
    }
    book
}

fn million(criterion: &mut Criterion) {
    let buffer = Buffer::new(Arc::new(Memory::new()));
    let mut group = criterion.benchmark_group("million");
    group.sample_size(10);
    group.bench_function("grant_and_attach", |bench| {
        bench.iter_batched(
            || Buffer::new(Arc::new(Memory::new())),
            |buffer| filled(&buffer),
            BatchSize::PerIteration,
        );
    });
    let mut book = filled(&buffer);
    group.bench_function("renew", |bench| {
        bench.iter(|| (1..=LEASES).for_each(|id| _ = black_box(book.renew(NOW_MS, id))));
    });
    group.bench_function("promote", |bench| bench.iter(|| book.promote(NOW_MS, 1_000)));
    drop(book);
    group.bench_function("expire_and_revoke", |bench| {
        let setup = || {
            let buffer = Buffer::new(Arc::new(Memory::new()));
            let book = filled(&buffer);
            (buffer, book)
        };
        let run = |(buffer, mut book): (Buffer, LeaseBook)| {
            loop {
                let over = book.expired(100_000, 10_000);
                if over.is_empty() {
                    break;
                }
                let step = buffer.begin();
                over.iter().for_each(|id| _ = black_box(book.revoke(&step, *id)));
            }
            assert!(book.is_empty());
            (buffer, book)
        };
        bench.iter_batched(setup, run, BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, million);
criterion_main!(benches);
