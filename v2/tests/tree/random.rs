//! Random histories: what clients, members and crashes may do to a tree.

use oxetcd_v2::Elsewhere;
use proptest::{prelude::*, sample::select};

/// One step of a history.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A request of the log.
    Request(Draft),
    /// A read beside the log.
    Get { path: String, recursive: bool },
    /// Somebody begins to wait for what happened since `back` changes before the next but one, or from now on.
    Watch { path: String, recursive: bool, stream: bool, back: Option<u64> },
    /// One of those who wait gives up.
    Unwatch(prop::sample::Index),
    /// Something happened to the cluster's members.
    Elsewhere(Elsewhere),
    /// So many changes of a few keys.
    Burst(u64),
    /// The member stops, and begins again with its records.
    Restart,
    /// The tree moves into etcd's JSON and back, as with a snapshot of Go's.
    Move,
}

/// Part of a condition: it is seldom met by chance.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Any,
    /// As it is.
    Right,
    Wrong,
}

/// A request but for what depends on the moment.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) value: &'static str,
    pub(crate) dir: bool,
    pub(crate) recursive: bool,
    pub(crate) refresh: bool,
    pub(crate) prev_exist: Option<bool>,
    pub(crate) prev_value: Part,
    pub(crate) prev_index: Part,
    pub(crate) expires: Option<Expires>,
    /// Milliseconds since the request before; a new leader's clock may be behind the old one's.
    pub(crate) later_ms: i64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Expires {
    In {
        ms: i64,
    },
    /// Long ago, which means never when something is made.
    Ancient,
}

fn path() -> impl Strategy<Value = String> {
    let name = select(vec!["a", "a", "b", "ab", "_c", "00000000000000000005"]);
    let slash = select(vec!["/", "/", "/", "/", "/", "//", "/./", "/x/../"]);
    let below = prop::collection::vec((slash, name), 1..4)
        .prop_map(|parts| parts.iter().fold("/1".to_owned(), |path, (slash, name)| path + slash + name));
    // Half of all meets in one file.
    prop_oneof![12 => below, 12 => Just("/1/a/b".to_owned()), 1 => select(vec!["/1", "/", "/1/", "/2/a"]).prop_map(str::to_owned)]
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![6 => Just(Part::Any), 2 => Just(Part::Right), 1 => Just(Part::Wrong)]
}

fn expires() -> impl Strategy<Value = Option<Expires>> {
    let in_ms = (-2i64..20).prop_map(|halves| Some(Expires::In { ms: halves * 500 }));
    prop_oneof![5 => Just(None), 5 => in_ms, 1 => Just(Some(Expires::Ancient))]
}

prop_compose! {
    fn draft()(
        method in select(vec!["PUT", "PUT", "PUT", "PUT", "POST", "DELETE", "DELETE", "QGET", "SYNC", "SYNC", "HEAD"]),
        path in path(),
        value in select(vec!["", "x", "y"]),
        (dir, recursive, refresh) in (prop::bool::weighted(0.3), any::<bool>(), prop::bool::weighted(0.3)),
        prev_exist in select(vec![None, None, None, Some(true), Some(false)]),
        (prev_value, prev_index) in (part(), part()),
        expires in expires(),
        later_ms in select(vec![0, 1, 250, 500, 1000, 3000, -700]),
    ) -> Draft {
        Draft { method, path, value, dir, recursive, refresh, prev_exist, prev_value, prev_index, expires, later_ms }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let watch = (path(), any::<bool>(), any::<bool>(), prop::option::of(prop_oneof![1u64..5, 0u64..30]))
        .prop_map(|(path, recursive, stream, back)| {
            // Changes elsewhere are of the root, in etcd; no client can wait there.
            let path = if path == "/" { "/1".to_owned() } else { path };
            // Seen from the next but one, some reach beyond what is kept.
            let back = back.map(|back| if back > 20 { 975 + back } else { back });
            Step::Watch { path, recursive, stream, back }
        });
    let elsewhere = [Elsewhere::Made, Elsewhere::Set, Elsewhere::Updated, Elsewhere::Removed];
    prop_oneof![
        60 => draft().prop_map(Step::Request),
        8 => (path(), any::<bool>()).prop_map(|(path, recursive)| Step::Get { path, recursive }),
        14 => watch,
        3 => any::<prop::sample::Index>().prop_map(Step::Unwatch),
        4 => select(elsewhere.to_vec()).prop_map(Step::Elsewhere),
        1 => (1u64..1100).prop_map(Step::Burst),
        4 => Just(Step::Restart),
        2 => Just(Step::Move),
    ]
}

/// A history.
pub(crate) fn history() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 0..100)
}
