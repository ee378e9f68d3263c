//! What must be true once the harm is over: nothing acknowledged is missing, nobody saw the impossible, and all
//! members hold the same.

use super::{
    ask::{self, Event},
    cluster::Cluster,
    load::{Load, Seen},
};
use std::collections::{BTreeMap, HashMap};

impl Cluster {
    /// Ends the load and compares what clients were told with what every running member holds.
    pub(crate) async fn verify(&mut self, load: Load) {
        let seen = load.finish().await;
        self.heal();
        let urls = self.running_urls();
        for url in &urls {
            ask_until(|| ask::get(url, "any")).await;
        }
        // A linearizable read has the member catch up; nobody writes any more.
        let mut revisions = BTreeMap::new();
        for url in &urls {
            let answer = ask_until(|| ask::get(url, "any")).await;
            revisions.insert(url, answer.header.expect("every answer has a header").revision);
        }
        let revision = *revisions.values().next().expect("a member runs");
        assert!(revisions.values().all(|other| *other == revision), "revisions differ: {revisions:?}");
        self.hashes_agree(&urls, revision).await;
        let members = ask_until(|| ask::members(&urls[0], true)).await;
        for url in &urls {
            assert_eq!(ask_until(|| ask::members(url, false)).await, members, "{url} has other members");
        }
        let mut histories = Vec::new();
        for url in &urls {
            histories.push(ask_until(|| ask::events(url, revision)).await);
        }
        let history = &histories[0];
        for (other, url) in histories.iter().zip(&urls).skip(1) {
            assert!(other == history, "the changes at {url} differ from those at {}", urls[0]);
        }
        complete(history, revision);
        nothing_is_missing(&seen, history);
        seen.history.assert_linearizable();
    }

    /// All running members hash alike; clients may go on writing.
    pub(crate) async fn assert_equal_hashes(&mut self) {
        let urls = self.running_urls();
        let answer = ask_until(|| ask::get(&urls[0], "any")).await;
        // A member that does not know the revision yet refuses, and is asked again.
        let revision = answer.header.expect("every answer has a header").revision;
        self.hashes_agree(&urls, revision).await;
    }

    async fn hashes_agree(&self, urls: &[String], revision: i64) {
        let mut hashes = BTreeMap::new();
        for url in urls {
            let answer = ask_until(|| ask::hash_kv(url, revision)).await;
            hashes.insert(url, (answer.hash, answer.compact_revision));
        }
        let first = hashes.values().next();
        assert!(hashes.values().all(|hash| Some(hash) == first), "hashes at revision {revision}: {hashes:?}");
    }
}

/// Repeats a question until it is answered.
pub(crate) async fn ask_until<T, A: Future<Output = Result<T, tonic::Status>>>(
    question: impl Fn() -> A,
) -> T {
    let end = tokio::time::Instant::now() + super::member::LIMIT;
    loop {
        match question().await {
            Ok(answer) => return answer,
            Err(status) if tokio::time::Instant::now() > end => panic!("no answer in time: {status:?}"),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
}

/// Clients change one key at a time, so there is one event for each revision.
fn complete(history: &[Event], revision: i64) {
    let revisions: Vec<i64> = history.iter().map(|event| event.revision).collect();
    assert_eq!(revisions, (2..=revision).collect::<Vec<_>>(), "revisions have gaps or come twice");
    let mut by_value = HashMap::new();
    for event in history.iter().filter(|event| event.value.is_some()) {
        let before = by_value.insert(event.value.clone(), event);
        assert!(before.is_none(), "written twice: {before:?} and {event:?}");
    }
}

fn nothing_is_missing(seen: &Seen, history: &[Event]) {
    let writes = seen.writes();
    assert!(!writes.is_empty(), "the clients wrote nothing");
    for write in &writes {
        let at = history.binary_search_by_key(&write.revision, |event| event.revision).ok();
        let found = at.map(|at| &history[at]);
        let value = write.value.map(|value| value.to_string());
        let there = found.is_some_and(|event| {
            event.key == write.key.as_bytes() && event.value.as_deref() == value.as_deref().map(str::as_bytes)
        });
        assert!(there, "acknowledged and not there: {write:?}; instead {found:?}");
    }
    eprintln!("{} acknowledged writes of {} are there", writes.len(), history.len());
}

#[cfg(test)]
mod tests {
    use super::{super::load::Write, *};

    fn event(revision: i64, key: &str, value: Option<&str>) -> Event {
        Event { revision, key: key.to_owned().into(), value: value.map(|value| value.to_owned().into()) }
    }

    fn judge(written: (i64, &str, Option<u64>), history: &[Event]) -> bool {
        let seen = Seen::default();
        let (revision, key, value) = written;
        seen.acknowledged(Write { revision, key: key.to_owned(), value });
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| nothing_is_missing(&seen, history))).is_ok()
    }

    #[test]
    fn a_write_that_is_not_there_as_it_was_acknowledged_is_missing() {
        let history = [event(2, "a", Some("1")), event(3, "a", None)];
        assert!(judge((2, "a", Some(1)), &history) && judge((3, "a", None), &history));
        for lost in
            [(4, "a", Some(1)), (2, "b", Some(1)), (2, "a", Some(2)), (2, "a", None), (3, "a", Some(1))]
        {
            assert!(!judge(lost, &history), "{lost:?}");
        }
    }

    #[test]
    fn gaps_and_repetitions_are_seen() {
        let good = [event(2, "a", Some("1")), event(3, "a", None)];
        complete(&good, 3);
        let gap = [event(2, "a", Some("1")), event(4, "a", None)];
        let twice = [event(2, "a", Some("1")), event(3, "b", Some("1"))];
        for (bad, until) in [(&good, 4), (&gap, 4), (&twice, 3)] {
            assert!(std::panic::catch_unwind(|| complete(bad, until)).is_err(), "{bad:?}");
        }
    }
}
