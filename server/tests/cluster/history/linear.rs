//! Is there an order of these calls, in keeping with real time, that a register could have answered?
//!
//! The search goes through situations. A [`Situation`] says which calls have taken place so far and what the
//! register holds. From it, any call can be next that began before every outstanding call ended: had it begun
//! later, that other call would have to come first. If its answer fits what the register holds, it leads to another
//! situation. When a situation is reached in which all answered calls have taken place, the order is found; calls
//! without an answer may have happened or not. When none is left to look at, there is no such order.
//!
//! Three things keep it small. Two orders of the same calls that leave the same number are one situation, looked
//! at once. A call that changes nothing and whose answer fits is taken at once, with no alternative: later
//! it could at best fit as well. And a write without an answer whose number nobody ever saw is left out: if it
//! happened, then the next write hid it without a trace.

use super::{
    Call,
    register::{Answer, Op, Value},
};
use std::collections::HashSet;

/// Situations that are looked at before the search is given up.
const MAX_SITUATIONS: usize = 2_000_000;
/// Calls that are shown when there is no order.
const SHOWN_CALLS: usize = 12;

/// Which calls have taken place, and what the register holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Situation {
    /// All answered calls before this one have taken place.
    first: usize,
    /// Those behind it that have, in ascending order.
    beyond: Vec<usize>,
    /// Calls without an answer that have, in ascending order.
    open: Vec<usize>,
    /// What the register holds.
    state: Option<Value>,
}

/// The calls of one key, taken apart; both lists by their beginnings.
struct Calls {
    answered: Vec<(Op, u64, u64, Answer)>,
    open: Vec<(Op, u64)>,
}

/// Looks for an order.
///
/// # Errors
/// When there is none, with the calls where the search got stuck; or when it takes too long to find out.
pub(crate) fn check(calls: &[Call]) -> Result<(), String> {
    let calls = Calls::new(calls);
    let start = Situation { first: 0, beyond: Vec::new(), open: Vec::new(), state: None };
    let mut furthest = start.clone();
    let mut seen = HashSet::from([start.clone()]);
    let mut to_visit = vec![start];
    while let Some(situation) = to_visit.pop() {
        if situation.first == calls.answered.len() {
            return Ok(());
        }
        if seen.len() > MAX_SITUATIONS {
            return Err(format!("not decided after {MAX_SITUATIONS} situations; {}", calls.show(&furthest)));
        }
        if situation.first > furthest.first {
            furthest = situation.clone();
        }
        to_visit.extend(calls.next(&situation).into_iter().filter(|next| seen.insert(next.clone())));
    }
    Err(calls.show(&furthest))
}

impl Calls {
    fn new(calls: &[Call]) -> Calls {
        let mut seen = HashSet::new();
        for call in calls {
            if let Op::Swap { expected: Some(value), .. } = call.op {
                seen.insert(value);
            }
            if let Some((_, Answer::Before(Some(value)) | Answer::Refused(Some(value)))) = call.end {
                seen.insert(value);
            }
        }
        let mut answered = Vec::new();
        let mut open = Vec::new();
        for call in calls {
            match call.end {
                Some((end, answer)) => answered.push((call.op, call.begin, end, answer)),
                None if call.op.writes().is_some_and(|value| !seen.contains(&value)) => {}
                None => open.push((call.op, call.begin)),
            }
        }
        answered.sort_by_key(|(_, begin, ..)| *begin);
        open.sort_by_key(|(_, begin)| *begin);
        Calls { answered, open }
    }

    /// The answered calls that can be next, and the tick before which any other must have begun.
    fn candidates(&self, situation: &Situation) -> (Vec<usize>, u64) {
        let mut found = Vec::new();
        let mut earliest_end = u64::MAX;
        for (at, (_, begin, end, _)) in self.answered.iter().enumerate().skip(situation.first) {
            if *begin > earliest_end {
                break;
            }
            if situation.beyond.binary_search(&at).is_err() {
                found.push(at);
                earliest_end = earliest_end.min(*end);
            }
        }
        (found, earliest_end)
    }

    /// The situations after one more call. The most likely one comes last, for it is looked at first.
    fn next(&self, now: &Situation) -> Vec<Situation> {
        let (mut candidates, earliest_end) = self.candidates(now);
        candidates.retain(|at| self.answered[*at].0.could_answer(now.state, self.answered[*at].3));
        if let Some(at) = candidates.iter().find(|at| self.answered[**at].0.apply(now.state) == now.state) {
            return vec![self.after(now, *at)];
        }
        let began = self.open.iter().enumerate().take_while(|(_, (_, begin))| *begin <= earliest_end);
        let open = began.filter(|(at, _)| now.open.binary_search(at).is_err());
        let mut next: Vec<Situation> = open
            .map(|(at, (op, _))| Situation {
                open: with(&now.open, at),
                state: op.apply(now.state),
                ..now.clone()
            })
            .filter(|next| next.state != now.state)
            .collect();
        candidates.sort_by_key(|at| std::cmp::Reverse(self.answered[*at].2));
        next.extend(candidates.into_iter().map(|at| self.after(now, at)));
        next
    }

    /// The situation after an answered call.
    fn after(&self, now: &Situation, at: usize) -> Situation {
        let mut beyond = with(&now.beyond, at);
        let in_order = beyond.iter().zip(now.first..).take_while(|(at, wanted)| **at == *wanted).count();
        beyond.drain(..in_order);
        let state = self.answered[at].0.apply(now.state);
        Situation { first: now.first + in_order, beyond, open: now.open.clone(), state }
    }

    fn show(&self, stuck: &Situation) -> String {
        let (candidates, _) = self.candidates(stuck);
        let mut text = format!(
            "{} of {} calls fit; then the register holds {:?}, and next would come one of",
            stuck.first + stuck.beyond.len(),
            self.answered.len(),
            stuck.state
        );
        for at in candidates.into_iter().take(SHOWN_CALLS) {
            let (op, begin, end, answer) = self.answered[at];
            text += &format!("\n    {begin:>8} .. {end:<8} {op:?} -> {answer:?}");
        }
        text += "\nbefore them:";
        let from = stuck.first.saturating_sub(SHOWN_CALLS);
        for (op, begin, end, answer) in &self.answered[from..stuck.first] {
            text += &format!("\n    {begin:>8} .. {end:<8} {op:?} -> {answer:?}");
        }
        for (op, begin) in &self.open {
            text += &format!("\n    {begin:>8} .. ?        {op:?}");
        }
        text
    }
}

/// A sorted list with one more.
fn with(sorted: &[usize], at: usize) -> Vec<usize> {
    let mut list = Vec::with_capacity(sorted.len() + 1);
    let place = sorted.partition_point(|other| *other < at);
    list.extend_from_slice(&sorted[..place]);
    list.push(at);
    list.extend_from_slice(&sorted[place..]);
    list
}
