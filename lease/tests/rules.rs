//! Rules of the book that deserve a name.

use oxetcd_lease::{LeaseBook, LeaseConfig};
use oxetcd_storage::{Buffer, Durability, Error, Memory, Table};
use std::{collections::BTreeMap, sync::Arc};

fn open(buffer: &Buffer, config: LeaseConfig) -> LeaseBook {
    LeaseBook::open(buffer, config).expect("the table is sound")
}

fn memory() -> Buffer {
    Buffer::new(Arc::new(Memory::new()))
}

#[test]
fn an_expired_lease_comes_up_until_it_is_revoked() {
    let buffer = memory();
    let mut book = open(&buffer, LeaseConfig { retry_ms: 3_000, ..LeaseConfig::default() });
    book.promote(0, 0);
    book.grant(&buffer.begin(), 0, 1, 10).unwrap();
    assert!(book.expired(9_999, 10).is_empty());
    assert_eq!(book.expired(10_000, 10), [1]);
    assert!(book.expired(12_999, 10).is_empty());
    assert_eq!(book.expired(13_000, 10), [1]);
    book.revoke(&buffer.begin(), 1).unwrap();
    assert!(book.expired(99_999, 10).is_empty());
}

#[test]
fn a_follower_expires_nothing() {
    let buffer = memory();
    let mut book = open(&buffer, LeaseConfig::default());
    book.grant(&buffer.begin(), 0, 1, 10).unwrap();
    assert!(book.expired(u64::MAX - 1, 10).is_empty());
    assert_eq!(book.next_deadline(), None);
}

#[test]
fn the_remaining_ttl_outlives_a_restart() {
    let engine = Arc::new(Memory::new());
    let buffer = Buffer::new(engine.clone());
    let mut book = open(&buffer, LeaseConfig::default());
    book.promote(0, 0);
    book.grant(&buffer.begin(), 0, 1, 100).unwrap();
    book.grant(&buffer.begin(), 0, 2, 10).unwrap();
    // At its stop one lease has 69.5 s left, the other is over but not yet revoked.
    for last in book.checkpoint_all(30_500) {
        book.apply_checkpoint(&buffer.begin(), last.id, last.remaining_ttl);
    }
    buffer.commit(Durability::Synced).unwrap();

    let buffer = Buffer::new(engine);
    let mut book = open(&buffer, LeaseConfig::default());
    book.promote(0, 1_000);
    assert_eq!(book.time_to_live(0, 1, false).unwrap().remaining_s, 71);
    assert_eq!(book.time_to_live(0, 1, false).unwrap().granted_s, 100);
    assert_eq!(book.expired(2_000, 10), [2]);
    let renewal = book.renew(5_000, 1).unwrap();
    assert_eq!((renewal.ttl_s, renewal.clear_checkpoint), (100, true));
}

#[test]
fn a_lease_that_is_kept_alive_costs_no_checkpoint() {
    let buffer = memory();
    let mut book = open(&buffer, LeaseConfig { checkpoint_ms: 5_000, ..LeaseConfig::default() });
    book.promote(0, 0);
    book.grant(&buffer.begin(), 0, 1, 12).unwrap();
    book.grant(&buffer.begin(), 0, 2, 12).unwrap();
    let mut due = Vec::new();
    for second in 1..12 {
        if second % 4 == 0 {
            book.renew(second * 1_000, 1).unwrap();
        }
        due.extend(
            book.checkpoint_due(second * 1_000, 10).into_iter().map(|it| (second, it.id, it.remaining_ttl)),
        );
    }
    // Nothing was applied, so the second one is asked for again.
    assert_eq!(due, [(5, 2, 7), (10, 2, 2)]);
}

#[test]
fn a_promotion_spreads_what_would_pile_up() {
    let buffer = memory();
    let mut book = open(&buffer, LeaseConfig { revokes_per_s: 100, ..LeaseConfig::default() });
    let step = buffer.begin();
    for id in 1..=1_000 {
        book.grant(&step, 0, id, 10).unwrap();
    }
    book.promote(0, 0);
    let mut per_second = BTreeMap::new();
    for second in 0..60 {
        let over = book.expired(second * 1_000, usize::MAX);
        for id in &over {
            book.revoke(&step, *id).unwrap();
        }
        per_second.insert(second, over.len());
    }
    assert!(book.is_empty());
    assert_eq!(per_second.range(..10).map(|(_, count)| count).sum::<usize>(), 0);
    assert!(per_second.values().all(|count| *count <= 75), "{per_second:?}");
}

#[test]
fn a_short_ttl_is_raised_when_read_back_too() {
    let engine = Arc::new(Memory::new());
    let buffer = Buffer::new(engine.clone());
    let mut book = open(&buffer, LeaseConfig { min_ttl_s: 1, ..LeaseConfig::default() });
    assert_eq!(book.grant(&buffer.begin(), 0, -5, i64::MIN), Ok(1));
    let mut book = open(&buffer, LeaseConfig { min_ttl_s: 30, ..LeaseConfig::default() });
    book.promote(0, 0);
    assert_eq!(book.time_to_live(0, -5, false).unwrap().granted_s, 30);
}

#[test]
fn stored_leases_are_etcds_bytes() {
    let buffer = memory();
    let mut book = open(&buffer, LeaseConfig::default());
    book.grant(&buffer.begin(), 0, 0x0102, 300).unwrap();
    book.apply_checkpoint(&buffer.begin(), 0x0102, 7);
    book.apply_checkpoint(&buffer.begin(), 99, 7);
    let record = buffer.get(Table::Lease, &[0, 0, 0, 0, 0, 0, 1, 2]).unwrap().unwrap();
    assert_eq!(record[..], [0x08, 0x82, 0x02, 0x10, 0xac, 0x02, 0x18, 0x07]);
    assert_eq!(buffer.get(Table::Lease, &99_i64.to_be_bytes()).unwrap(), None);
}

#[test]
fn a_damaged_table_is_an_error() {
    for (key, value) in
        [(&b"short"[..], &b""[..]), (&[0, 0, 0, 0, 0, 0, 0, 9], &[0x08, 0x01]), (&[1; 8], b"\xff")]
    {
        let buffer = memory();
        buffer.begin().put(Table::Lease, key.to_vec(), value.to_vec());
        assert!(matches!(LeaseBook::open(&buffer, LeaseConfig::default()), Err(Error::Corrupt(_))));
    }
}
