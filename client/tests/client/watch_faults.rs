//! Watches over a connection that breaks anywhere: against a store that keeps its whole history, what arrives is what
//! happened, each event once and in order, or the truth about why it cannot be had any more.

mod history;

use crate::proxy::Proxy;
use history::{History, Key};
use oxetcd_api::etcdserverpb::WatchCreateRequest;
use oxetcd_client::{Client, Config, Error, Watch};
use proptest::prelude::*;
use std::time::{Duration, Instant};
use tokio::{sync::watch, time::timeout};

/// For what must happen; a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(5);
const KEYS: [&str; 3] = ["a", "b", "c"];

/// What is done to the store and the connection.
#[derive(Clone, Debug)]
enum Step {
    /// One change of these keys, by number.
    Write(Vec<usize>),
    Cut,
    /// A cut when so many more bytes have come.
    CutAfter(usize),
    /// History before this share of it, in percent, is forgotten.
    Compact(i64),
    /// All watches are up to date, or over.
    CatchUp,
}

/// What is watched.
#[derive(Clone, Debug)]
struct Wish {
    first: usize,
    start: i64,
    fragment: bool,
    progress: bool,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(0..KEYS.len(), 1..4).prop_map(Step::Write),
        2 => Just(Step::Cut),
        4 => (0_usize..800).prop_map(Step::CutAfter),
        1 => (0_i64..=100).prop_map(Step::Compact),
        2 => Just(Step::CatchUp),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    (0..KEYS.len(), 0_i64..6, any::<bool>(), any::<bool>())
        .prop_map(|(first, start, fragment, progress)| Wish { first, start, fragment, progress })
}

/// What a watch got so far.
#[derive(Clone, Debug, Default)]
struct Got {
    events: Vec<(i64, Key)>,
    /// What ended it, with the compacted revision that came along.
    end: Option<(Option<Error>, i64)>,
}

fn follow(mut watch: Watch) -> watch::Receiver<Got> {
    let (sender, receiver) = watch::channel(Got::default());
    tokio::spawn(async move {
        while let Some(update) = watch.next().await {
            let compacted = update.response.compact_revision;
            sender.send_modify(|got| {
                let events = update.response.events.into_iter().filter_map(|event| event.kv);
                got.events.extend(events.map(|kv| (kv.mod_revision, kv.key)));
                if update.error.is_some() {
                    got.end = Some((update.error, compacted));
                }
            });
        }
        sender.send_modify(|got| got.end = got.end.take().or(Some((None, 0))));
    });
    receiver
}

/// Waits until the watch `number` has the last event that concerns it, or is over.
async fn catch_up(history: &History, number: usize, wish: &Wish, got: &mut watch::Receiver<Got>) {
    let Some(last) = history.events(KEYS[wish.first]).pop() else { return };
    let there = |got: &Got| {
        // A watch from "now on" whose beginning got lost begins once more, and later.
        let concerned = history.start_of(number, wish.start).is_some_and(|start| last.0 >= start);
        !concerned || got.end.is_some() || got.events.contains(&last)
    };
    let end = Instant::now() + PATIENCE;
    while !there(&got.borrow()) {
        assert!(Instant::now() < end, "{last:?} does not come to {wish:?}");
        let _ = timeout(POLL, got.changed()).await;
    }
}

/// What the watch `number` got, against what there was.
fn judge(history: &History, number: usize, wish: &Wish, got: &Got) -> Result<(), TestCaseError> {
    let start = history.start_of(number, wish.start).unwrap_or(i64::MAX);
    let mut expected = history.events(KEYS[wish.first]);
    expected.retain(|(revision, _)| *revision >= start);
    let Some((error, compacted)) = &got.end else {
        prop_assert_eq!(&got.events, &expected);
        return Ok(());
    };
    prop_assert!(
        error.as_ref().is_some_and(|e| e.is("etcdserver: mvcc: required revision has been compacted"))
    );
    prop_assert!(expected.starts_with(&got.events), "{:?} is not how {:?} begins", got.events, expected);
    // It stood before what is left of the history: whoever asks for such a revision is refused as a whole.
    let next = got.events.last().map_or(start, |(revision, _)| revision + 1);
    prop_assert!(next < *compacted, "it was at {}, and {} is left", next, compacted);
    Ok(())
}

async fn run(wishes: &[Wish], steps: &[Step]) -> Result<(), TestCaseError> {
    let history = History::default();
    let server = history.serve();
    let proxy = Proxy::start(Some(&server.endpoint)).await;
    let client = Client::connect(Config::new([proxy.address()])).await.expect("nothing is connected to yet");
    let watcher = client.watcher();
    let mut followed = Vec::new();
    for (number, wish) in wishes.iter().enumerate() {
        let request = WatchCreateRequest {
            key: KEYS[wish.first].into(),
            // Bounds that differ in nothing but in whose they are.
            range_end: History::end_of(number),
            start_revision: wish.start,
            fragment: wish.fragment,
            progress_notify: wish.progress,
            ..Default::default()
        };
        followed.push(follow(watcher.watch(request)));
    }
    for step in steps {
        match step {
            Step::Write(keys) => history.write(keys.iter().map(|key| KEYS[*key])),
            Step::Cut => proxy.cut(),
            Step::CutAfter(bytes) => proxy.cut_after(*bytes),
            Step::Compact(percent) => history.compact(*percent),
            Step::CatchUp => {
                for (number, (wish, got)) in wishes.iter().zip(&mut followed).enumerate() {
                    catch_up(&history, number, wish, got).await;
                }
            }
        }
    }
    // A watch from now on that has not begun yet would miss the last word.
    for number in 0..wishes.len() {
        timeout(PATIENCE, history.begun(number)).await.expect("every watch is asked for in the end");
    }
    // Above every start.
    for _ in 0..8 {
        history.write(KEYS);
    }
    for (number, (wish, got)) in wishes.iter().zip(&mut followed).enumerate() {
        catch_up(&history, number, wish, got).await;
        judge(&history, number, wish, &got.borrow().clone())?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_event_is_lost_or_doubled(
        wishes in prop::collection::vec(wish(), 1..4),
        steps in prop::collection::vec(step(), 0..24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(run(&wishes, &steps))?;
    }
}

/// What the property asks for at random, once for certain.
#[tokio::test]
async fn a_watch_that_comes_back_too_late_says_so() {
    let history = History::default();
    let server = history.serve();
    let proxy = Proxy::start(Some(&server.endpoint)).await;
    let client = Client::connect(Config::new([proxy.address()])).await.expect("nothing is connected to yet");
    history.write(["a"]);
    let request = WatchCreateRequest {
        key: "a".into(),
        range_end: History::end_of(0),
        start_revision: 1,
        ..Default::default()
    };
    let mut got = follow(client.watch(request));
    let wish = Wish { first: 0, start: 1, fragment: false, progress: false };
    catch_up(&history, 0, &wish, &mut got).await;
    // While the connection is down, what comes next is written and forgotten.
    proxy.freeze(true);
    proxy.cut();
    for _ in 0..4 {
        history.write(["a"]);
    }
    history.compact(100);
    proxy.freeze(false);
    let waited = timeout(PATIENCE, got.wait_for(|got| got.end.is_some())).await;
    let got = waited.expect("the end is told").expect("its task lives as long as the watch").clone();
    assert_eq!(got.events, [(2, Key::from("a"))]);
    let (error, compacted) = got.end.expect("it was waited for");
    assert!(error.is_some_and(|error| error.is("etcdserver: mvcc: required revision has been compacted")));
    assert_eq!(compacted, 6);
}
