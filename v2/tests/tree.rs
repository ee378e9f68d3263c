//! The tree against a map of paths, and what it keeps of itself against the tree.

use oxetcd_api::etcdserverpb::Request;
use oxetcd_v2::{Action, Code, Condition, Event, Expiry, HISTORY_CAPACITY, NodeView, Sink, Tree, V2Error};
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_700_000_000 * SECOND;
const NEVER: Expiry = Expiry { at: None, refresh: false };

/// A sink that keeps what it gets, up to a limit.
#[derive(Clone)]
struct Kept(Arc<Mutex<Vec<Arc<Event>>>>, usize);

impl Kept {
    fn new(limit: usize) -> Self {
        Kept(Arc::default(), limit)
    }

    fn indexes(&self) -> Vec<u64> {
        self.0.lock().map(|kept| kept.iter().map(|event| event.index()).collect()).unwrap_or_default()
    }
}

impl Sink for Kept {
    fn send(&self, event: Arc<Event>) -> bool {
        self.0.lock().is_ok_and(|mut kept| {
            let takes = kept.len() < self.1;
            if takes {
                kept.push(event);
            }
            takes
        })
    }
}

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

/// One request of a random history.
fn request() -> impl Strategy<Value = Request> {
    let name = prop::sample::select(vec!["a", "b", "_c"]);
    let path = prop::collection::vec(name, 1..4).prop_map(|names| format!("/1/{}", names.join("/")));
    let method = prop::sample::select(vec!["PUT", "PUT", "PUT", "POST", "DELETE", "DELETE", "QGET", "SYNC"]);
    let flags =
        (any::<bool>(), any::<bool>(), prop::option::of(any::<bool>()), prop::option::of(any::<bool>()));
    let values = (prop::sample::select(vec!["", "x", "y"]), prop::sample::select(vec!["", "", "x"]), 0u64..6);
    (method, path, flags, values, 0i64..20, 0i64..3).prop_map(|(method, path, flags, values, ttl, step)| {
        let (dir, recursive, prev_exist, refresh) = flags;
        Request {
            method: Some(method.into()),
            path: Some(path),
            val: Some(values.0.into()),
            dir: Some(dir && refresh != Some(true)),
            prev_value: Some(values.1.into()),
            prev_index: Some(values.2.saturating_sub(4)),
            prev_exist,
            // Most have none.
            expiration: Some(if ttl < 6 { NOW + ttl * SECOND } else { 0 }),
            recursive: Some(recursive),
            refresh,
            time: Some(NOW + step * SECOND),
            ..Request::default()
        }
    })
}

type Model = BTreeMap<String, Option<String>>;

/// All that is there, but what is hidden.
fn listed(view: &NodeView, into: &mut Model) {
    into.insert(view.key.clone(), view.value.clone());
    view.nodes.iter().for_each(|node| listed(node, into));
}

/// What an event did, done to a map.
fn replay(model: &mut Model, event: &Event) {
    let Some(node) = &event.node else { return };
    match event.action {
        Action::Get => {}
        Action::Delete | Action::CompareAndDelete | Action::Expire => {
            let below = format!("{}/", node.key);
            model.retain(|path, _| *path != node.key && !path.starts_with(&below));
        }
        _ => {
            for (at, _) in node.key.match_indices('/').skip(1) {
                model.entry(node.key[..at].to_owned()).or_insert(None);
            }
            model.insert(node.key.clone(), node.value.clone());
        }
    }
}

proptest! {
    #[test]
    fn events_tell_all_that_happens(requests in prop::collection::vec(request(), 0..80)) {
        let (mut tree, mut model, mut records) = (Tree::default(), Model::new(), BTreeMap::new());
        let told = Kept::new(usize::MAX);
        tree.watch("/1", true, true, 0, Box::new(told.clone())).map_err(|e| TestCaseError::fail(e.to_string()))?;
        model.insert("/1".into(), None);
        for request in &requests {
            let before = tree.index();
            match tree.apply(request) {
                Ok(Some(event)) => replay(&mut model, &event),
                Ok(None) => {
                    // What expired is in the history only.
                    for index in before + 1..=tree.index() {
                        let one = Kept::new(1);
                        let watch = tree.watch("/1", true, false, index, Box::new(one.clone()));
                        prop_assert!(watch.is_ok());
                        let kept = one.0.lock().map(|kept| kept.clone()).unwrap_or_default();
                        kept.iter().for_each(|event| replay(&mut model, event));
                    }
                }
                Err(_) => prop_assert_eq!(tree.index(), before, "a failure changes nothing"),
            }
            for change in tree.take_changes() {
                match change.value {
                    Some(value) => drop(records.insert(change.key, value)),
                    None => drop(records.remove(&change.key)),
                }
            }
        }
        model.retain(|path, _| !path.contains("/_"));
        let mut found = Model::new();
        let root = tree.get("/1", true, NOW).map_err(|e| TestCaseError::fail(e.to_string()))?;
        listed(&root.node.unwrap_or_default(), &mut found);
        prop_assert_eq!(&found, &model);
        // Counters of reads and failures are stored with the next change only.
        let same = |other: &Tree| {
            let tree_of = |tree: &Tree| -> Result<serde_json::Value, String> {
                let mut saved: serde_json::Value = serde_json::from_str(&tree.save(None)?).map_err(|e| e.to_string())?;
                saved["Stats"] = serde_json::Value::Null;
                Ok(saved)
            };
            Ok::<bool, String>(tree_of(other)? == tree_of(&tree)?)
        };
        let opened = Tree::open(records.iter().map(|(key, value)| (&key[..], &value[..])));
        let opened = opened.map_err(TestCaseError::fail)?;
        prop_assert!(same(&opened).map_err(TestCaseError::fail)?, "from its records");
        let saved = tree.save(None).map_err(TestCaseError::fail)?;
        let recovered = Tree::recover(saved.as_bytes()).map_err(TestCaseError::fail)?;
        prop_assert!(same(&recovered).map_err(TestCaseError::fail)?, "from etcd's JSON");
        prop_assert_eq!(recovered.has_ttl_keys(), tree.has_ttl_keys());
    }

    #[test]
    fn damaged_records_are_errors(key in prop::collection::vec(any::<u8>(), 0..12), value in ".{0,40}") {
        let _ = Tree::open([(&key[..], value.as_bytes())]);
        let _ = Tree::recover(value.as_bytes());
    }
}
