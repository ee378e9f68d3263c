//! What happened: by the store's history, and by the holders' own clock.

use super::vigil::Vigil;
use bytes::Bytes;
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{PutRequest, WatchCreateRequest},
    mvccpb::{Event, event::EventType},
};
use oxetcd_client::{Client, Error, concurrency};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

/// What is contended for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Lock,
    Election,
}

impl Line {
    pub(super) fn name(self) -> &'static str {
        match self {
            Line::Lock => "contend/lock",
            Line::Election => "contend/election",
        }
    }

    /// The key into which holders write.
    pub(super) fn record(self) -> &'static str {
        match self {
            Line::Lock => "contend-record/lock",
            Line::Election => "contend-record/election",
        }
    }

    fn contains(self, key: &[u8]) -> bool {
        key.strip_prefix(self.name().as_bytes()).is_some_and(|rest| rest.starts_with(b"/"))
    }
}

const LINES: [Line; 2] = [Line::Lock, Line::Election];
/// The last word of the history.
const END: &str = "contend-record/over";

/// Shared by all who take part.
pub(super) struct Board {
    state: Arc<Mutex<State>>,
    client: Client,
}

#[derive(Default)]
struct State {
    /// Every change below `contend`, and when it was heard of.
    events: Vec<(Event, Instant)>,
    /// Times of certain possession.
    spans: BTreeMap<&'static str, Vec<(Instant, Instant)>>,
    /// Who held last, and by which lease.
    holder: Option<(usize, LeaseId)>,
    counts: BTreeMap<String, usize>,
    /// How the leases of holders that were killed ended, and how many of them have not ended yet.
    vigils: Vec<Vigil>,
    open_vigils: usize,
    /// What must not happen and was seen outside of the test's own thread.
    violations: Vec<String>,
}

impl Board {
    /// A board that follows the store.
    pub(super) fn follow(client: &Client) -> Board {
        let state = Arc::new(Mutex::new(State::default()));
        let request = WatchCreateRequest {
            key: "contend".into(),
            range_end: "contene".into(),
            start_revision: 1,
            ..Default::default()
        };
        let mut watch = client.watch(request);
        let board = Board { state: state.clone(), client: client.clone() };
        tokio::spawn(async move {
            while let Some(update) = watch.next().await {
                if let Some(error) = update.error {
                    board.violated(format!("the history cannot be followed: {error}"));
                }
                let now = Instant::now();
                board.state().events.extend(update.response.events.into_iter().map(|event| (event, now)));
            }
        });
        Board { state, client: client.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    /// What a holder writes.
    pub(super) fn entry(fence: i64, key: &Bytes) -> Bytes {
        [fence.to_string().as_bytes(), b" ", key].concat().into()
    }

    pub(super) fn count(&self, what: &str) {
        *self.state().counts.entry(what.to_owned()).or_default() += 1;
    }

    /// A turn ended with an error, as most do sooner or later.
    pub(super) fn failed(&self, error: &concurrency::Error<Error>) {
        self.count(&format!("turns that ended with: {error}"));
    }

    pub(super) fn holds(&self, line: Line, client: usize, lease: LeaseId) {
        self.state().holder = Some((client, lease));
        self.count(&format!("turns of {}", line.name()));
    }

    pub(super) fn held(&self, line: Line, since: Instant, until: Instant) {
        self.state().spans.entry(line.name()).or_default().push((since, until));
    }

    /// Who held something last.
    pub(super) fn holder(&self) -> Option<usize> {
        self.state().holder.as_ref().map(|(client, _)| *client)
    }

    /// A client is gone. If it held, the end of its lease is followed.
    pub(super) fn died(&self, client: usize) {
        self.count("clients killed");
        let mut state = self.state();
        let Some((_, lease)) = state.holder.take_if(|(holder, _)| *holder == client) else { return };
        state.open_vigils += 1;
        drop(state);
        let (client, shared) = (self.client.clone(), self.state.clone());
        tokio::spawn(async move {
            let vigil = Vigil::keep(&client, lease).await;
            let mut state = shared.lock().expect("nobody panics while holding it");
            state.open_vigils -= 1;
            state.violations.extend(vigil.as_ref().and_then(Vigil::violation));
            state.vigils.extend(vigil);
        });
    }

    /// Something must not have happened.
    pub(super) fn violated(&self, what: String) {
        self.state().violations.push(what);
    }

    /// How often somebody held.
    pub(super) fn turns(&self, line: Line) -> usize {
        self.state().counts.get(&format!("turns of {}", line.name())).copied().unwrap_or(0)
    }

    /// Waits until nobody stands in any line, and the leases of all dead holders are gone.
    pub(super) async fn wait_until_empty(&self, end: Instant) {
        loop {
            let mut standing = BTreeMap::new();
            for (event, _) in &self.state().events {
                let Some(kv) = event.kv.as_ref().filter(|kv| LINES.iter().any(|line| line.contains(&kv.key)))
                else {
                    continue;
                };
                match event.r#type() {
                    EventType::Put => drop(standing.insert(kv.key.clone(), kv.lease)),
                    EventType::Delete => drop(standing.remove(&kv.key)),
                }
            }
            let open = self.state().open_vigils;
            if standing.is_empty() && open == 0 {
                return;
            }
            assert_eq!(self.state().violations, Vec::<String>::new());
            assert!(
                Instant::now() < end,
                "these keys outlive their leases, {open} of dead holders: {standing:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Holds the history against the rules.
    pub(super) async fn judge(&self, client: &Client) {
        let put = PutRequest { key: END.into(), ..PutRequest::default() };
        client.put(put).await.expect("the members are all up");
        let over = |(event, _): &(Event, Instant)| event.kv.as_ref().is_some_and(|kv| kv.key == END);
        let end = Instant::now() + super::PATIENCE;
        while !self.state().events.last().is_some_and(over) {
            assert!(Instant::now() < end, "the history does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut state = self.state();
        assert_eq!(state.violations, Vec::<String>::new());
        for line in LINES {
            let writes = judge_line(&state.events, line);
            state.counts.insert(format!("fenced writes of {}", line.name()), writes);
        }
        for (line, spans) in &mut state.spans {
            spans.sort();
            let overlap = spans.windows(2).find(|pair| pair[1].0 < pair[0].1);
            assert_eq!(overlap, None, "two held {line} at the same time");
        }
    }
}

/// Whoever wrote as a holder stood first in the line, with a fence that was never lower than one before. Tells how many
/// such writes there were.
fn judge_line(events: &[(Event, Instant)], line: Line) -> usize {
    let (mut standing, mut highest, mut writes, mut revision) = (BTreeMap::new(), 0, 0, 0);
    for (event, _) in events {
        let kv = event.kv.as_ref().expect("every event is about a key");
        assert!(kv.mod_revision >= revision, "the history itself goes back");
        revision = kv.mod_revision;
        match event.r#type() {
            EventType::Put if line.contains(&kv.key) => {
                // By revision: the first in line comes first.
                standing.insert(kv.create_revision, kv.key.clone());
            }
            EventType::Delete if line.contains(&kv.key) => standing.retain(|_, key| *key != kv.key),
            EventType::Put if kv.key == line.record() => {
                let first =
                    standing.first_key_value().map(|(fence, key)| (*fence, Board::entry(*fence, key)));
                let (fence, entry) = first.expect("nobody stands in line, and somebody writes");
                assert_eq!(kv.value, entry, "at {revision} another one stands first in {}", line.name());
                assert!(fence >= highest, "{fence} comes after {highest}");
                (highest, writes) = (fence, writes + 1);
            }
            _ => {}
        }
    }
    writes
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        for (what, count) in &state.counts {
            writeln!(f, "{count:6} {what}")?;
        }
        let after_gift = state.vigils.iter().map(Vigil::stayed_after_gift).max().unwrap_or_default();
        writeln!(
            f,
            "{:6} leases outlived their holders, by {after_gift:.2?} at the most",
            state.vigils.len()
        )?;
        writeln!(f, "       after the holder's death or the last leader's election.")?;
        match state.vigils.iter().max_by_key(|vigil| vigil.stayed()) {
            Some(longest) => write!(f, "       The last to go: {longest}"),
            None => Ok(()),
        }
    }
}
