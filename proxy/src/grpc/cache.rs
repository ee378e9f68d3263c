//! Answers to reads, kept for serializable reads of the same.
//!
//! A serializable read may show an old state. So an answer can stand for a later one, until a write through this proxy
//! touches its keys, or it is [`MAX_AGE`] old: writes past this proxy are not seen here. An answer is for those who show
//! the same token only, since another user may not be allowed to see it.

use bytes::Bytes;
use oxetcd_api::{
    KeyRange,
    etcdserverpb::{RangeRequest, RangeResponse},
};
use parking_lot::Mutex;
use prost::Message;
use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

/// Answers kept at most.
const MAX_ENTRIES: usize = 2048;
/// How old an answer may be.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(1);

/// What makes two reads the same: who asks, and the request, made serializable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    token: Option<Bytes>,
    request: Bytes,
}

impl Question {
    pub(crate) fn new(token: Option<&[u8]>, request: &RangeRequest) -> Self {
        let mut request = request.clone();
        request.serializable = true;
        Question { token: token.map(Bytes::copy_from_slice), request: request.encode_to_vec().into() }
    }
}

/// The answers.
#[derive(Default)]
pub(crate) struct Cache(Mutex<State>);

#[derive(Default)]
struct State {
    answers: HashMap<Question, Answer>,
    /// Questions, the oldest first; some may be gone, or asked anew since.
    order: VecDeque<(Instant, Question)>,
    /// Counts what was forgotten: an answer from before a write is not kept behind it.
    changes: u64,
}

struct Answer {
    response: RangeResponse,
    keys: KeyRange,
    revision: i64,
    since: Instant,
}

impl Cache {
    /// The answer to `question` that is still good at `now`.
    pub(crate) fn get(&self, question: &Question, now: Instant) -> Option<RangeResponse> {
        let state = self.0.lock();
        let answer = state.answers.get(question)?;
        (now.duration_since(answer.since) < MAX_AGE).then(|| answer.response.clone())
    }

    /// To be taken before a read, for [`Cache::add`].
    pub(crate) fn changes(&self) -> u64 {
        self.0.lock().changes
    }

    /// Keeps the answer to a read, unless something was forgotten since `changes` was taken.
    pub(crate) fn add(
        &self,
        question: Question,
        request: &RangeRequest,
        response: &RangeResponse,
        changes: u64,
        now: Instant,
    ) {
        let mut state = self.0.lock();
        if state.changes != changes {
            return;
        }
        state.drop_old(now);
        let keys = KeyRange::new(request.key.clone(), request.range_end.clone());
        let answer = Answer { response: response.clone(), keys, revision: request.revision, since: now };
        state.answers.insert(question.clone(), answer);
        state.order.push_back((now, question));
    }

    /// Forgets answers with keys of this range in them.
    pub(crate) fn forget(&self, key: &Bytes, range_end: &Bytes) {
        let written = KeyRange::new(key.clone(), range_end.clone());
        let mut state = self.0.lock();
        state.changes += 1;
        state.answers.retain(|_, answer| !overlap(&answer.keys, &written));
    }

    /// Forgets answers of revisions before this one, which members do not have any more.
    pub(crate) fn compact(&self, revision: i64) {
        let mut state = self.0.lock();
        state.changes += 1;
        state.answers.retain(|_, answer| answer.revision == 0 || answer.revision >= revision);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().answers.len()
    }
}

impl State {
    /// Makes room, and forgets what is too old.
    fn drop_old(&mut self, now: Instant) {
        while let Some((since, _)) = self.order.front() {
            if now.duration_since(*since) < MAX_AGE
                && self.answers.len() < MAX_ENTRIES
                && self.order.len() < 2 * MAX_ENTRIES
            {
                return;
            }
            let Some((since, question)) = self.order.pop_front() else { return };
            if self.answers.get(&question).is_some_and(|answer| answer.since <= since) {
                self.answers.remove(&question);
            }
        }
    }
}

fn overlap(one: &KeyRange, other: &KeyRange) -> bool {
    if one.is_empty() || other.is_empty() {
        return false;
    }
    one.contains(other.start()) || other.contains(one.start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, end: &str) -> RangeRequest {
        let (key, range_end) = (key.to_owned().into(), end.to_owned().into());
        RangeRequest { key, range_end, ..Default::default() }
    }

    fn answer(count: i64) -> RangeResponse {
        RangeResponse { count, ..Default::default() }
    }

    fn bytes(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    #[test]
    fn an_answer_is_good_for_the_same_question_of_the_same_user_and_not_for_long() {
        let (cache, now) = (Cache::default(), Instant::now());
        let request = read("a", "");
        cache.add(Question::new(Some(b"t"), &request), &request, &answer(1), cache.changes(), now);
        let serializable = RangeRequest { serializable: true, ..request.clone() };
        assert_eq!(cache.get(&Question::new(Some(b"t"), &serializable), now), Some(answer(1)));
        assert_eq!(cache.get(&Question::new(None, &serializable), now), None, "another user");
        assert_eq!(cache.get(&Question::new(Some(b"t"), &read("b", "")), now), None, "another key");
        assert_eq!(cache.get(&Question::new(Some(b"t"), &serializable), now + MAX_AGE), None, "too old");
    }

    #[test]
    fn a_write_is_never_hidden() {
        let (cache, now) = (Cache::default(), Instant::now());
        let range = read("a", "c");
        let question = Question::new(None, &range);
        let before = cache.changes();
        for (key, end, hides) in
            [("d", "", false), ("c", "", false), ("b", "", true), ("0", "\0", true), ("0", "a", false)]
        {
            cache.add(question.clone(), &range, &answer(1), cache.changes(), now);
            cache.forget(&bytes(key), &bytes(end));
            assert_eq!(cache.get(&question, now).is_none(), hides, "{key:?} {end:?}");
        }
        cache.add(question.clone(), &range, &answer(0), before, now);
        assert_ne!(cache.get(&question, now), Some(answer(0)), "a read from before a write comes too late");
    }

    #[test]
    fn compacted_revisions_are_forgotten_and_room_is_bounded() {
        let (cache, now) = (Cache::default(), Instant::now());
        for revision in [0, 4, 5] {
            let request = RangeRequest { revision, ..read("a", "") };
            cache.add(Question::new(None, &request), &request, &answer(revision), cache.changes(), now);
        }
        cache.compact(5);
        assert_eq!(cache.len(), 2);
        for number in 0..3 * MAX_ENTRIES {
            let request = read(&number.to_string(), "");
            cache.add(Question::new(None, &request), &request, &answer(1), cache.changes(), now);
        }
        assert!(cache.len() <= MAX_ENTRIES, "{}", cache.len());
    }
}
