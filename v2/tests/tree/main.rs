//! The tree against a model of it, and in single cases to the letter.

mod against;
mod kept;
mod model;
mod random;
mod told;
mod waiting;

use against::Both;
use kept::Kept;
use oxetcd_v2::{Code, Condition, Expiry, HISTORY_CAPACITY, Tree, V2Error};
use proptest::prelude::*;

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_700_000_000 * SECOND;
const NEVER: Expiry = Expiry { at: None, refresh: false };

fn code<T>(result: Result<T, V2Error>) -> Option<(Code, String)> {
    result.err().map(|error| (error.code, error.cause))
}

#[test]
fn answers_are_etcds_to_the_letter() -> Result<(), V2Error> {
    let mut tree = Tree::default();
    let first =
        tree.set("/1/foo", Some("<bar>"), Expiry { at: Some(NOW + SECOND / 2), refresh: false }, NOW)?;
    let json = oxetcd_v2::to_json(&first.without_prefix("/1"));
    let expected = r#"{"action":"set","node":{"key":"/foo","value":"\u003cbar\u003e","#.to_owned()
        + r#""expiration":"2023-11-14T22:13:20.5Z","ttl":1,"modifiedIndex":1,"createdIndex":1}}"#;
    assert_eq!(json, expected);
    assert!(first.is_created());
    let error = tree.create("/1/foo", Some(""), false, NEVER, NOW).map(drop);
    let json = error.map_err(|error| error.without_prefix("/1").to_json());
    let expected = r#"{"errorCode":105,"message":"Key already exists","cause":"/foo","index":1}"#;
    assert_eq!(json, Err(expected.to_owned()));
    Ok(())
}

#[test]
fn each_refusal_has_its_code() -> Result<(), V2Error> {
    let mut tree = Tree::default();
    tree.set("/1/d/f", Some("v"), NEVER, NOW)?;
    let both = Condition { prev_value: "w", prev_index: 9 };
    let cause = |cause: &str| cause.to_owned();
    let swapped = tree.compare_and_swap("/1/d/f", both, "x", NEVER, NOW);
    assert_eq!(code(swapped), Some((Code::TestFailed, cause("[w != v] [9 != 1]"))));
    assert_eq!(code(tree.get("/1/no/where", false, NOW)), Some((Code::KeyNotFound, cause("/1/no"))));
    assert_eq!(code(tree.get("/1/d/f/x", false, NOW)), Some((Code::NotDir, cause("/1/d/f"))));
    assert_eq!(code(tree.set("/1/d", Some("v"), NEVER, NOW)), Some((Code::NotFile, cause("/1/d"))));
    assert_eq!(code(tree.set("/1", Some("v"), NEVER, NOW)), Some((Code::RootReadOnly, cause("/"))));
    assert_eq!(code(tree.delete("/1/d", false, false, NOW)), Some((Code::NotFile, cause("/1/d"))));
    assert_eq!(code(tree.delete("/1/d", true, false, NOW)), Some((Code::DirNotEmpty, cause("/1/d"))));
    let updated = tree.update("/1/d", "", NEVER, NOW);
    assert_eq!(code(updated), Some((Code::RaftInternal, cause("nodePath /1/d : Not a file ()"))));
    assert_eq!(tree.index(), 1, "nothing changed");
    Ok(())
}

#[test]
fn in_order_keys_are_named_by_their_index() -> Result<(), V2Error> {
    let mut tree = Tree::default();
    let made = tree.create("/1/queue", Some("a"), true, NEVER, NOW)?;
    assert_eq!(made.node.as_ref().map(|node| &*node.key), Some("/1/queue/00000000000000000001"));
    Ok(())
}

#[test]
fn watchers_hear_of_what_they_wait_for() -> Result<(), V2Error> {
    let mut tree = Tree::default();
    let (once, stream, below, slow) = (Kept::new(9), Kept::new(9), Kept::new(9), Kept::new(1));
    tree.watch("/1/a", false, false, 0, Box::new(once.clone()))?;
    tree.watch("/1/a", true, true, 0, Box::new(stream.clone()))?;
    tree.watch("/1/a/b", false, false, 0, Box::new(below.clone()))?;
    tree.watch("/", true, true, 0, Box::new(slow.clone()))?;
    tree.set("/1/a/b/c", Some(""), NEVER, NOW)?;
    tree.set("/1/a/_hidden", Some(""), NEVER, NOW)?;
    tree.set("/1/a/b/c", Some("2"), Expiry { at: None, refresh: true }, NOW)?;
    tree.delete("/1/a", false, true, NOW)?;
    // A deletion is told to a stream of what was deleted twice, as in etcd: as its own, and as that of a watched node.
    assert_eq!(stream.indexes(), [1, 4, 4], "no hidden one and no refresh");
    assert_eq!((once.indexes(), below.indexes(), slow.indexes()), (vec![4], vec![4], vec![1]));
    assert_eq!(tree.stats().watchers, 1, "the stream is left");
    Ok(())
}

#[test]
fn history_answers_until_it_is_outdated() -> Result<(), V2Error> {
    let mut tree = Tree::default();
    for at in 0..HISTORY_CAPACITY + 10 {
        tree.set(&format!("/1/{}", at % 7), Some("v"), NEVER, NOW)?;
    }
    let kept = Kept::new(1);
    tree.watch("/1/3", false, false, 12, Box::new(kept.clone()))?;
    assert_eq!(kept.indexes(), [18]);
    let outdated = tree.watch("/1/3", false, false, 10, Box::new(kept));
    let cause = "the requested history has been cleared [11/10]".to_owned();
    assert_eq!(code(outdated), Some((Code::EventIndexCleared, cause)));
    Ok(())
}

/// A quarter of the usual number of cases, so that `PROPTEST_CASES` still asks for more.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.div_ceil(4), failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_tree_does_what_its_model_does(history in random::history()) {
        let mut both = Both::new();
        for step in &history {
            both.go(step)?;
        }
        both.compare_all()?;
    }

    #[test]
    fn damaged_records_are_errors(key in prop::collection::vec(any::<u8>(), 0..12), value in ".{0,40}") {
        let _ = Tree::open([(&key[..], value.as_bytes())]);
        let _ = Tree::recover(value.as_bytes());
    }
}
