//! Files byte by byte: what a bbolt file looks like, for the reader and for the writer.

use crate::common::*;
use oxetcd_storage_bolt::{Reader, Report, SeekWriter, Writer, plan};
use std::io::Cursor;

const NO_LIST: u64 = u64::MAX;

/// As bbolt leaves a file after some changes: pages in no order, a free list, a newer second meta, a tail.
fn grown_file() -> Vec<u8> {
    let inline = leaf(0, 0, &[(false, b"term", b"\0\0\0\0\0\0\0\x02")]);
    let root = leaf(
        9,
        0,
        &[
            (true, b"empty", &bucket(0, &leaf(0, 0, &[]))),
            (true, b"key", &bucket(7, b"")),
            (true, b"meta", &bucket(0, &inline)),
        ],
    );
    let long = vec![0xAB; 9000];
    let pages = [
        meta(0, 4, NO_LIST, 8, 12),
        meta(1, 9, 8, 12, 13),
        leaf(2, 0, &[(false, b"b", b"two")]),
        // Pages 3 and 11 are free: what they hold is not looked at.
        vec![0xFF; 100],
        leaf(4, 2, &[(false, b"c", &long), (false, b"d", b"")]),
        branch(7, &[(b"a", 10), (b"b", 2), (b"c", 4)]),
        free_list(8, 2, &[3, 11]),
        root,
        leaf(10, 0, &[(false, b"a", b"one"), (false, b"aa", b"one more")]),
        vec![0xFF; 100],
        b"a tail, as of a file that was grown".to_vec(),
    ];
    file(pages)
}

#[test]
fn a_file_that_bbolt_grew_is_read() {
    let reader = Reader::new(grown_file()).unwrap();
    let records = |records: &[(&[u8], &[u8])]| -> Records {
        records.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
    };
    let long = [0xAB; 9000];
    let key: [(&[u8], &[u8]); 5] =
        [(b"a", b"one"), (b"aa", b"one more"), (b"b", b"two"), (b"c", &long), (b"d", b"")];
    let expect: Buckets = [
        (b"empty".to_vec(), records(&[])),
        (b"key".to_vec(), records(&key)),
        (b"meta".to_vec(), records(&[(b"term", b"\0\0\0\0\0\0\0\x02")])),
    ]
    .into();
    assert_eq!(content(&reader), expect);
    assert_eq!(reader.bytes(), 12 * 4096);
    assert_eq!(
        reader.check().unwrap(),
        Report {
            buckets: 3,
            records: 6,
            pages: 12,
            branch_pages: 1,
            leaf_pages: 4,
            overflow_pages: 2,
            free_pages: 2,
            // Header and elements, then keys and values: root, branch, three leaves.
            used_bytes: (16 + 48 + 12 + 32 + 16 + 48 + 12)
                + (16 + 48 + 3)
                + (16 + 32 + 14)
                + (16 + 16 + 4)
                + (16 + 32 + 9002),
            depth: 2,
        }
    );
}

#[test]
fn a_torn_commit_leaves_the_older_state() {
    let mut file = grown_file();
    // The older meta says that page 4 is the root, which here is none: but it is what counts now.
    file[4096 + 16 + 30] ^= 1;
    let problem = Reader::new(file).unwrap().buckets().unwrap_err();
    assert_eq!(problem.to_string(), "bbolt file is damaged: page 4: a record among the buckets");
}

#[test]
fn a_small_file_is_written_to_the_byte() {
    // The second bucket is one byte too long to be inline, the third just fits.
    let (long, short) = (vec![7; 992], vec![7; 991]);
    let names: [&[u8]; 4] = [b"zero", b"long", b"short", b"a"];
    let records: [&[(&[u8], &[u8])]; 4] =
        [&[], &[(b"k", &long)], &[(b"k", &short)], &[(b"x", b""), (b"xy", b"1")]];
    let scan = |at: usize, visit: &mut oxetcd_storage_bolt::Visit<'_>| {
        records[at].iter().take_while(|(key, value)| visit(key, value).is_continue()).count();
        Ok::<_, std::convert::Infallible>(())
    };
    let layout = plan(&names, scan).unwrap();
    let found = oxetcd_storage_bolt::write(&names, layout, Vec::new(), scan).unwrap();

    let inline = |entries: &[Entry<'_>]| bucket(0, &leaf(0, 0, entries));
    let expect = file([
        meta(0, 3, NO_LIST, 4, 2),
        meta(1, 3, NO_LIST, 4, 1),
        leaf(2, 0, &[(false, b"k", &long)]),
        leaf(
            3,
            0,
            &[
                (true, b"a", &inline(&[(false, b"x", b""), (false, b"xy", b"1")])),
                (true, b"long", &bucket(2, b"")),
                (true, b"short", &inline(&[(false, b"k", &short)])),
                (true, b"zero", &inline(&[])),
            ],
        ),
    ]);
    assert!(found == expect);
}

#[test]
fn a_branch_is_written_to_the_byte() {
    // Seven records of 4,000 bytes; each fills a leaf of its own.
    let value = vec![1; 4000 - 33];
    let keys: Vec<[u8; 17]> = (0..7).map(|n| [n; 17]).collect();
    let mut writer = SeekWriter::new(Cursor::new(Vec::new())).unwrap();
    writer.bucket(b"key").unwrap();
    keys.iter().for_each(|key| writer.put(key, &value).unwrap());
    let (found, layout) = writer.finish().unwrap();

    let leaves = keys.iter().zip(2..).map(|(key, id)| leaf(id, 0, &[(false, key, &value)]));
    let children: Vec<(&[u8], u64)> = keys.iter().map(|key| key.as_slice()).zip(2..).collect();
    let metas = [meta(0, 10, NO_LIST, 11, 2), meta(1, 10, NO_LIST, 11, 1)];
    let ends = [branch(9, &children), leaf(10, 0, &[(true, b"key", &bucket(9, b""))])];
    let expect = file(metas.into_iter().chain(leaves).chain(ends));
    assert!(found.into_inner() == expect);
    assert_eq!(layout.bytes(), expect.len() as u64);
}

#[test]
fn a_file_without_buckets_has_an_empty_root() {
    let layout = oxetcd_storage_bolt::Plan::new().finish().unwrap();
    let found = Writer::new(Vec::new(), layout).unwrap().finish().unwrap();
    let expect = file([meta(0, 2, NO_LIST, 3, 2), meta(1, 2, NO_LIST, 3, 1), leaf(2, 0, &[])]);
    assert!(found == expect);
    assert_eq!(Reader::new(found).unwrap().buckets().unwrap(), Vec::<Vec<u8>>::new());
}
