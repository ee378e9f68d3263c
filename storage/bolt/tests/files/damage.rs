//! Files that lie. Whatever the bytes are, the reader comes to an end, with an error or with keys in order.

use crate::common::*;
use oxetcd_storage_bolt::{Error, Reader, Result};
use proptest::prelude::*;
use std::{cell::Cell, ops::ControlFlow};

/// Does everything that a reader can do, each with no more reads than the number of pages allows.
fn read_all(file: Vec<u8>) -> Result<u64> {
    // A page costs three reads at most. A walk that reads more of them has met some page twice. Every step
    // from bucket to bucket looks its root up.
    let reads = (file.len() as u64 / 512 + 1) * 4;
    let counted = Counted { file, reads: Cell::new(reads) };
    let reader = Reader::new(&counted)?;
    let mut outcome = Ok(());
    let mut records = 0;
    let names = reader.buckets();
    for name in names.as_deref().unwrap_or_default() {
        counted.reads.set(reads);
        let mut last = Vec::new();
        let scan = reader.scan(name, b"", |key, _| {
            assert!(last.as_slice() < key, "keys ascend");
            last.clear();
            last.extend_from_slice(key);
            records += 1;
            ControlFlow::Continue(())
        });
        counted.reads.set(reads);
        let get = reader.get(name, &last);
        if scan.is_ok() {
            assert_eq!(matches!(get, Ok(Some(_))), !last.is_empty(), "{get:?}");
        }
        outcome = outcome.and(scan).and(get.map(|_| ()));
    }
    counted.reads.set(reads * (1 + names.as_ref().map_or(0, |names| names.len() as u64)));
    let check = reader.check();
    if let Ok(report) = &check {
        // The check looks at no less than the scans do.
        assert!(names.is_ok() && outcome.is_ok(), "{outcome:?}");
        assert_eq!(report.records, records);
    }
    names.and(outcome).and(check).map(|_| records)
}

fn problem(file: Vec<u8>) -> String {
    let error = read_all(file).unwrap_err();
    assert!(error.is_damage(), "{error}");
    error.to_string()
}

/// One way to spoil a file.
#[derive(Clone, Debug)]
enum Spoil {
    /// Changes a byte.
    Byte(prop::sample::Index, u8),
    /// Changes a byte of a page's header or of its first elements.
    Head(prop::sample::Index, usize, u8),
    /// Makes a branch's element point elsewhere.
    Child(prop::sample::Index, usize, prop::sample::Index),
    /// Puts a copy of one page over another, with the right id.
    Copy(prop::sample::Index, prop::sample::Index),
    /// Cuts the file off.
    Cut(prop::sample::Index),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, byte)| Spoil::Byte(at, byte)),
        (index(), 0..80usize, any::<u8>()).prop_map(|(page, at, byte)| Spoil::Head(page, at, byte)),
        (index(), 0..8usize, index()).prop_map(|(page, at, child)| Spoil::Child(page, at, child)),
        (index(), index()).prop_map(|(from, to)| Spoil::Copy(from, to)),
        index().prop_map(Spoil::Cut),
    ]
}

fn apply(file: &mut Vec<u8>, spoil: &Spoil) {
    let pages = file.len() / PAGE;
    if pages < 3 {
        return;
    }
    let data_page = |page: &prop::sample::Index| 2 + page.index(pages - 2);
    match spoil {
        Spoil::Byte(at, byte) => {
            let at = at.index(file.len());
            file[at] ^= byte;
        }
        Spoil::Head(page, at, byte) => file[data_page(page) * PAGE + at] ^= byte,
        Spoil::Child(page, at, child) => {
            let place = data_page(page) * PAGE + 16 + 16 * at + 8;
            file[place..place + 8].copy_from_slice(&(data_page(child) as u64).to_le_bytes());
        }
        Spoil::Copy(from, to) => {
            let (from, to) = (data_page(from) * PAGE, data_page(to) * PAGE);
            file.copy_within(from..from + PAGE, to);
            file[to..to + 8].copy_from_slice(&((to / PAGE) as u64).to_le_bytes());
        }
        Spoil::Cut(at) => file.truncate(at.index(file.len())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn spoiled_files_are_read_to_an_end(model in buckets(), spoils in prop::collection::vec(spoil(), 1..6)) {
        let mut file = written(&model);
        spoils.iter().for_each(|spoil| apply(&mut file, spoil));
        if let Err(error) = read_all(file) {
            prop_assert!(error.is_damage(), "{error}");
        }
    }

    #[test]
    fn noise_behind_good_metas_is_read_to_an_end(
        noise in prop::collection::vec(any::<u8>(), 1..3 * PAGE), head in prop::collection::vec(0..5u8, 16..200)
    ) {
        // Small numbers, to get beyond the first checks.
        let mut page = leaf(2, 0, &[(true, b"b", &bucket(3, b""))]);
        page[10..].iter_mut().zip(&head).for_each(|(byte, noise)| *byte = byte.wrapping_add(*noise));
        let _ = read_all(file_with([page, noise]));
    }

    #[test]
    fn a_truncated_file_is_told(model in buckets(), at in any::<prop::sample::Index>()) {
        let mut file = written(&model);
        file.truncate(at.index(file.len()));
        let error = Reader::new(&file).unwrap_err();
        prop_assert!(matches!(error, Error::Truncated { .. } | Error::NotBolt), "{error}");
    }
}

#[test]
fn cycles_end() {
    // A branch whose only child is itself.
    let found = problem(file_of_tree([branch(3, &[(b"a", 3)])]));
    assert_eq!(found, "bbolt file is damaged: page 3: pages nested too deep");
    // Two branches that contain each other.
    let found = problem(file_of_tree([branch(3, &[(b"a", 4)]), branch(4, &[(b"a", 3)])]));
    assert!(found.contains("too deep"), "{found}");
    // A branch that is its own second child.
    let pages = [branch(3, &[(b"a", 4), (b"b", 3)]), leaf(4, 0, &[(false, b"a", b"")])];
    let found = problem(file_of_tree(pages));
    assert_eq!(found, "bbolt file is damaged: page 3: keys outside of the branch's interval");
}

#[test]
fn a_page_met_twice_is_told() {
    // Levels of branches, each with the next one as both children: 2^40 ways down.
    let pages = (3..43).map(|id| branch(id, &[(b"a", id + 1), (b"b", id + 1)]));
    let found = problem(file_of_tree(pages.chain([leaf(43, 0, &[(false, b"a", b"")])])));
    assert!(found.contains("keys outside of the branch's interval"), "{found}");

    // Two buckets with one tree: only a check of the whole file can tell.
    let root = leaf(2, 0, &[(true, b"a", &bucket(3, b"")), (true, b"b", &bucket(3, b""))]);
    let file = file_with([root, leaf(3, 0, &[(false, b"k", b"")])]);
    assert_eq!(content(&Reader::new(&file).unwrap()).len(), 2);
    assert_eq!(problem(file), "bbolt file is damaged: page 3: used twice");

    // A page in the overflow of another.
    let pages = [
        branch(3, &[(b"a", 4), (b"b", 5)]),
        leaf(4, 1, &[(false, b"a", &[0; 100])]),
        leaf(5, 0, &[(false, b"b", b"")]),
    ];
    assert_eq!(problem(file_of_tree(pages)), "bbolt file is damaged: page 5: used twice");
}

#[test]
fn pages_out_of_place_are_told() {
    let tree = |page: Vec<u8>| problem(file_of_tree([page]));
    assert!(tree(leaf(4, 0, &[])).ends_with("page 3: another page's id in its header"));
    assert!(tree(leaf(3, 1, &[])).ends_with("page 3: overflow beyond the pages in use"));
    assert!(tree(free_list(3, 0, &[])).ends_with("page 3: neither branch nor leaf"));
    assert!(tree(branch(3, &[])).ends_with("page 3: a branch without children"));
    assert!(tree(branch(3, &[(b"a", 1)])).ends_with("page 1 is out of bounds"));
    assert!(tree(branch(3, &[(b"a", 4)])).ends_with("page 4 is out of bounds"));
    assert!(tree(branch(3, &[(b"a", u64::MAX)])).ends_with("is out of bounds"));
    let root = leaf(2, 0, &[(true, b"b", &bucket(99, b""))]);
    assert!(problem(file_with([root])).ends_with("page 99 is out of bounds"));
    let empty_leaf = [branch(3, &[(b"a", 4)]), leaf(4, 0, &[])];
    assert!(problem(file_of_tree(empty_leaf)).ends_with("page 4: no element, though not a root"));
}

#[test]
fn elements_that_lie_are_told() {
    let spoiled = |at: usize, number: u32| {
        let mut page = leaf(3, 0, &[(false, b"a", b"1"), (false, b"b", b"2")]);
        page[at..at + 4].copy_from_slice(&number.to_le_bytes());
        problem(file_of_tree([page]))
    };
    // Count: the elements of a page and of its whole run are more than there is room for.
    assert!(spoiled(8, 0x0200_0002).ends_with("page 3: more elements than fit"));
    assert!(spoiled(16, 2).ends_with("page 3: an element with unknown flags"));
    assert!(spoiled(20, 4).ends_with("page 3: an element out of bounds"));
    assert!(spoiled(24, 0).ends_with("page 3: an empty key"));
    assert!(spoiled(28, u32::MAX).ends_with("page 3: an element out of bounds"));
    // The first key begins where the second one does.
    assert!(spoiled(20, 34).ends_with("page 3: keys out of order"));
}

#[test]
fn buckets_that_lie_are_told() {
    let root = |entry: Entry<'_>| problem(file_with([leaf(2, 0, &[entry])]));
    assert!(root((false, b"b", b"v")).ends_with("page 2: a record among the buckets"));
    assert!(root((true, b"b", &[0; 15])).ends_with("page 2: a bucket's header cut short"));
    assert!(root((true, b"b", &[0; 20])).ends_with("page 0: an inline bucket cut short"));
    assert!(root((true, b"b", &bucket(0, &branch(0, &[])))).ends_with("an inline bucket that is no leaf"));
    let mut inline = leaf(0, 0, &[(false, b"k", b"value")]);
    inline.pop();
    assert!(root((true, b"b", &bucket(0, &inline))).ends_with("page 0: an element out of bounds"));
    inline.truncate(20);
    assert!(root((true, b"b", &bucket(0, &inline))).ends_with("page 0: more elements than fit"));
    let nested = leaf(3, 0, &[(true, b"n", &bucket(0, &leaf(0, 0, &[])))]);
    assert_eq!(problem(file_of_tree([nested])), "bucket b holds a nested bucket");
}

#[test]
fn free_lists_that_lie_are_told() {
    // Root at 2, list at 3, one page more.
    let list = |list: Vec<u8>| {
        let pages = [meta(0, 2, 3, 5, 8), meta(1, 2, 3, 5, 7), leaf(2, 0, &[]), list, leaf(4, 0, &[])];
        read_all(file(pages)).map_err(|error| error.to_string())
    };
    assert_eq!(list(free_list(3, 1, &[4])), Ok(0));
    assert_eq!(list(free_list(3, 0xFFFF, &[1, 4])), Ok(0));
    let wrong = |ids: Vec<u8>| list(ids).unwrap_err();
    assert!(wrong(free_list(3, 0, &[])).ends_with("page 3: a free list that lacks unused pages"));
    assert!(wrong(free_list(3, 1, &[2])).ends_with("page 2: free and in use, or free twice"));
    assert!(wrong(free_list(3, 2, &[4, 4])).ends_with("page 4: free and in use, or free twice"));
    assert!(wrong(free_list(3, 1, &[5])).ends_with("page 5 is out of bounds"));
    assert!(wrong(free_list(3, 600, &[4])).ends_with("page 3: more free pages than the list has room for"));
    assert!(wrong(free_list(3, 0xFFFF, &[u64::MAX])).ends_with("more free pages than the list has room for"));
    assert!(wrong(free_list(3, 0xFFFF, &[510, 4])).ends_with("more free pages than the list has room for"));
    assert!(wrong(leaf(3, 0, &[])).ends_with("page 3: not a free list"));
}

#[test]
fn a_lie_about_the_overflow_costs_no_memory() {
    // A sparse file of 64 GiB, whose only leaf claims a run of 4 GiB or a value of 512 MiB.
    struct Sparse(Vec<u8>, Cell<usize>);
    impl oxetcd_storage_bolt::ReadAt for Sparse {
        fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
            self.1.set(self.1.get().max(buffer.len()));
            for (at, byte) in (offset..).zip(buffer) {
                *byte = self.0.get(at as usize).copied().unwrap_or(0);
            }
            Ok(())
        }
        fn total_bytes(&self) -> std::io::Result<u64> {
            Ok(64 << 30)
        }
    }
    let sparse = |page: Vec<u8>| {
        let high_water = (64 << 30) / PAGE as u64;
        let root = leaf(2, 0, &[(true, b"b", &bucket(3, b""))]);
        let metas = [meta(0, 2, u64::MAX, high_water, 8), meta(1, 2, u64::MAX, high_water, 7)];
        let reader = Reader::new(Sparse(file(metas.into_iter().chain([root, page])), Cell::new(0))).unwrap();
        let outcome = reader.check();
        let problem = outcome.map_err(|error| error.to_string());
        (problem, records_read(&reader))
    };
    fn records_read(reader: &Reader<Sparse>) -> bool {
        reader.scan(b"b", b"", |_, _| ControlFlow::Continue(())).is_ok()
    }
    let (check, scanned) = sparse(leaf(3, (1 << 20) - 1, &[(false, b"k", b"v")]));
    assert_eq!(check.unwrap_err(), "bbolt file is damaged: page 3: a run of pages longer than 1 GiB");
    assert!(!scanned);
    // A shorter run is believed, but only what its elements claim is read.
    let (check, scanned) = sparse(leaf(3, 1 << 17, &[(false, b"k", b"v")]));
    assert_eq!(check.unwrap().overflow_pages, 1 << 17);
    assert!(scanned);
}
