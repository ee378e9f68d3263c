//! The interval index against a model that looks at every key.
//!
//! Starts and ends are short strings of three letters. A gap in a union begins at the start of the range asked
//! for or where some interval ends, and all those are among the keys looked at: so the model misses none.

use oxetcd_auth::Intervals;
use proptest::prelude::*;

type Range = (Vec<u8>, Vec<u8>);

fn keys() -> Vec<Vec<u8>> {
    let mut all = vec![vec![]];
    for length in 0..3 {
        let longest: Vec<Vec<u8>> =
            all.iter().filter(|key: &&Vec<u8>| key.len() == length).cloned().collect();
        for key in longest {
            all.extend((0..3).map(|letter| [&key[..], &[letter]].concat()));
        }
    }
    all
}

fn holds((start, end): &Range, key: &[u8]) -> bool {
    match &end[..] {
        [] => key == start,
        [0] => key >= &start[..],
        end => key >= &start[..] && key < end,
    }
}

fn short() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0u8..3, 1..3)
}

fn range() -> impl Strategy<Value = Range> {
    (short(), prop_oneof![Just(vec![]), Just(vec![0]), short()])
}

proptest! {
    #[test]
    fn a_range_is_covered_when_every_key_of_it_is(
        granted in prop::collection::vec(range(), 0..6),
        asked in range(),
    ) {
        let index = Intervals::union(granted.iter().map(|(start, end)| (&start[..], &end[..])));
        let inside = |key: &[u8]| granted.iter().any(|range| holds(range, key));
        let keys = keys();
        let mut wanted: Vec<&[u8]> = keys.iter().map(|key| &key[..]).filter(|key| holds(&asked, key)).collect();
        if wanted.is_empty() {
            // Of an empty range the start counts.
            wanted.push(&asked.0);
        }
        // Beyond every end there is only what is open.
        let open = |range: &Range| range.1 == [0];
        let reaches = asked.1 != [0] || granted.iter().any(open);
        let allowed = reaches && wanted.iter().all(|key| inside(key));
        prop_assert_eq!(index.cover(&asked.0, &asked.1), allowed);
    }
}

#[test]
fn permissions_that_meet_are_as_good_as_one() {
    let index = Intervals::union([(&b"a"[..], &b"b"[..]), (b"b", b"c"), (b"x", b"")]);
    assert!(index.cover(b"a", b"c") && index.cover(b"x", b""));
    assert!(!index.cover(b"a", b"d") && !index.cover(b"x", b"y") && !index.cover(b"a", &[0]));
}
