//! What is written is read, and the trees have the shape that bbolt expects.

use crate::common::*;
use oxetcd_storage_bolt::{MAX_KEY_BYTES, Reader, SeekWriter};
use proptest::prelude::*;
use std::{collections::BTreeSet, io::Cursor, ops::ControlFlow};

/// Checks a written file against its model, and its shape.
fn check(model: &Buckets) -> Vec<u8> {
    let file = written(model);
    let reader = Reader::new(&file).unwrap();
    assert!(content(&reader) == *model, "content differs");
    let report = reader.check().unwrap();
    assert_eq!(report.buckets, model.len() as u64);
    assert_eq!(report.records, model.values().map(|records| records.len() as u64).sum::<u64>());
    assert_eq!(report.pages * PAGE as u64, file.len() as u64);
    assert_eq!(report.free_pages, 0);
    assert!(branch_counts(&file).iter().all(|count| *count >= 2), "a branch with an only child");
    file
}

/// Number of children of every branch.
fn branch_counts(file: &[u8]) -> Vec<u16> {
    let mut counts = Vec::new();
    let mut page = 2 * PAGE;
    while page < file.len() {
        let number = |at: usize| u16::from_le_bytes([file[page + at], file[page + at + 1]]);
        let overflow = u32::from_le_bytes(file[page + 12..page + 16].try_into().unwrap());
        if number(8) == BRANCH {
            counts.push(number(10));
        }
        page += (1 + overflow as usize) * PAGE;
    }
    counts
}

fn one_bucket(records: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Buckets {
    [(b"key".to_vec(), records.into_iter().collect())].into()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(model in buckets()) {
        let file = check(&model);

        // In one pass, and in another order of buckets: the same content, planned or not.
        let mut writer = SeekWriter::new(Cursor::new(vec![9; 100])).unwrap();
        for (name, records) in model.iter().rev() {
            writer.bucket(name).unwrap();
            records.iter().for_each(|(key, value)| writer.put(key, value).unwrap());
        }
        let (reversed, layout) = writer.finish().unwrap();
        prop_assert_eq!(reversed.position(), layout.bytes());
        prop_assert_eq!(layout.bytes(), file.len() as u64);
        prop_assert!(content(&Reader::new(reversed.into_inner()).unwrap()) == model);
    }

    #[test]
    fn lookups_and_scans_begin_where_they_are_told(
        model in buckets(), seeds in prop::collection::vec((any::<prop::sample::Index>(), 0..4u8), 1..12)
    ) {
        let reader = Reader::new(written(&model)).unwrap();
        for (name, records) in &model {
            let keys: Vec<_> = records.keys().collect();
            for (at, change) in &seeds {
                // A key that is there, or one close to it.
                let mut key = if keys.is_empty() { vec![1] } else { at.get(&keys).to_vec() };
                match change {
                    1 => key.push(0),
                    2 => { key.pop(); }
                    3 => key[0] = key[0].wrapping_add(1),
                    _ => {}
                }
                let found = reader.get(name, &key).unwrap();
                prop_assert_eq!(found.as_ref(), records.get(&key));
                let expect: Records = records.range(key.clone()..).map(|(k, v)| (k.clone(), v.clone())).collect();
                prop_assert!(records_from(&reader, name, &key) == expect);
                // A visitor that stops is not called again.
                let mut met = Vec::new();
                reader.scan(name, &key, |key, _| {
                    met.push(key.to_vec());
                    if met.len() < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                }).unwrap();
                prop_assert!(met.iter().eq(expect.keys().take(2)));
            }
        }
        prop_assert!(!reader.has_bucket(b"a name longer than any of the model's").unwrap());
    }

    #[test]
    fn large_keys_make_deep_trees(
        seeds in prop::collection::btree_set(any::<u64>(), 1..60), key_bytes in 1000..=MAX_KEY_BYTES
    ) {
        check(&one_bucket(seeds.into_iter().map(|seed| (bytes(seed, key_bytes), vec![1; 9]))));
    }
}

#[test]
fn every_number_of_records_makes_a_tree_that_bbolt_accepts() {
    // Keys of 1,500 bytes: branches have few children, so all the odd ends of levels are met.
    let key = |n: u64| [&n.to_be_bytes()[..], &[5; 1492]].concat();
    for count in 0..120 {
        check(&one_bucket((0..count).map(|n| (key(n), vec![1]))));
    }
}

#[test]
fn pages_are_well_filled() {
    for value_bytes in [0, 10, 100, 256, 500, 700, 1000, 1500, 2100, 2900, 3500, 5000, 30_000] {
        let count = 2000.min(30_000_000 / (value_bytes + 1)) as u64;
        let key = |n: u64| [&n.to_be_bytes()[..], b"_", &[0; 8]].concat();
        let file = check(&one_bucket((0..count).map(|n| (key(n), vec![1; value_bytes]))));
        let report = Reader::new(&file).unwrap().check().unwrap();
        let fill = report.used_bytes as f64 / (file.len() - 2 * PAGE) as f64;
        assert!(fill > 0.85, "values of {value_bytes} bytes: pages are {fill:.2} full");
    }
}

#[test]
fn the_last_branches_share_their_children() {
    // 17-byte keys: 123 children a branch. One leaf more than a branch holds must not make a branch of one.
    let key = |n: u64| [&n.to_be_bytes()[..], b"_", &[0; 8]].concat();
    let mut seen = BTreeSet::new();
    for leaves in [2, 123, 124, 125, 246, 247, 400] {
        let file = check(&one_bucket((0..leaves).map(|n| (key(n), vec![1; 4000]))));
        let counts = branch_counts(&file);
        let (last, before) = match counts.as_slice() {
            [.., before, last, _root] => (*last, *before),
            _ => continue,
        };
        assert!(last * 2 + 1 >= before, "{leaves} leaves: {counts:?}");
        seen.insert(counts.len());
    }
    assert_eq!(seen, [3, 4, 5].into());
}

#[test]
fn the_largest_values_come_back() {
    let model = one_bucket((0..4).map(|n| (vec![n + 1], bytes(u64::from(n), 1_500_000 * usize::from(n)))));
    check(&model);
}
