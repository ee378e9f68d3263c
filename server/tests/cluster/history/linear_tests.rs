//! The checker against histories whose verdict is known, and against one that tries all orders.

use super::{
    Call,
    linear::check,
    register::{Answer, Op, Value},
};
use proptest::prelude::*;

const NOBODY_WROTE: Value = 1_000_000;

fn call(op: Op, begin: u64, end: u64, answer: Answer) -> Call {
    Call { op, begin, end: Some((end, answer)) }
}

fn open(op: Op, begin: u64) -> Call {
    Call { op, begin, end: None }
}

fn put(value: Value, begin: u64, end: u64) -> Call {
    call(Op::Put(value), begin, end, Answer::Done)
}

fn get(value: Value, begin: u64, end: u64) -> Call {
    call(Op::Get, begin, end, Answer::Before(Some(value)))
}

#[test]
fn what_a_register_could_have_answered() {
    let swap = Op::Swap { expected: Some(1), new: 2 };
    let histories = [
        ("nothing at all", vec![]),
        ("one after the other", vec![put(1, 1, 2), get(1, 3, 4), put(2, 5, 6), get(2, 7, 8)]),
        (
            "a read beside a write sees it or not",
            vec![put(1, 1, 2), put(2, 3, 10), get(1, 4, 5), get(2, 6, 7)],
        ),
        ("the later of two concurrent writes is either", vec![put(1, 1, 9), put(2, 2, 8), get(1, 10, 11)]),
        ("a swap in its turn", vec![put(1, 1, 2), call(swap, 3, 4, Answer::Swapped), get(2, 5, 6)]),
        (
            "an unanswered write comes late",
            vec![put(1, 1, 2), open(Op::Put(2), 3), get(1, 4, 5), get(2, 6, 7)],
        ),
        ("an unanswered write never comes", vec![put(1, 1, 2), open(Op::Put(2), 3), get(1, 4, 5)]),
        (
            "an unanswered removal",
            vec![put(1, 1, 2), open(Op::Delete, 3), call(Op::Get, 4, 5, Answer::Before(None))],
        ),
    ];
    for (what, history) in histories {
        assert_eq!(check(&history), Ok(()), "{what}");
    }
}

#[test]
fn what_no_register_could_have_answered() {
    let swap = |new| Op::Swap { expected: Some(1), new };
    let histories = [
        ("a stale read", vec![put(1, 1, 2), put(2, 3, 4), get(1, 5, 6)]),
        ("a lost write", vec![put(1, 1, 2), call(Op::Get, 3, 4, Answer::Before(None))]),
        ("a value from nowhere", vec![put(1, 1, 2), get(NOBODY_WROTE, 3, 4)]),
        ("a value from the future", vec![get(1, 1, 2), put(1, 3, 4)]),
        ("back and forth", vec![put(1, 1, 2), put(2, 3, 20), get(2, 4, 5), get(1, 6, 7)]),
        (
            "two readers who disagree on the order",
            vec![put(1, 1, 20), put(2, 2, 21), get(1, 3, 4), get(2, 5, 6), get(1, 7, 8)],
        ),
        (
            "two swaps of the same value",
            vec![put(1, 1, 2), call(swap(2), 3, 10, Answer::Swapped), call(swap(3), 4, 9, Answer::Swapped)],
        ),
        (
            "an unanswered write that happened twice",
            vec![open(Op::Put(1), 1), get(1, 2, 3), put(2, 4, 5), get(1, 6, 7)],
        ),
        ("an unanswered write before it was sent", vec![get(1, 1, 2), open(Op::Put(1), 3)]),
    ];
    for (what, history) in histories {
        assert!(check(&history).is_err(), "{what}");
    }
}

/// A step of a register that is used by one after the other.
#[derive(Clone, Debug)]
struct Step {
    kind: u8,
    /// What a swap expects: one of the values so far, or the present one.
    pick: prop::sample::Index,
    /// How much earlier it began and how much later it ended than it took place.
    spread: (u64, u64),
    /// Whether the answer was lost.
    lost: bool,
    /// Whether it took place, if the answer was lost.
    took_place: bool,
}

fn steps(longest_spread: u64) -> impl Strategy<Value = Vec<Step>> {
    let spread = (0..=longest_spread, 0..=longest_spread);
    let step = (0_u8..7, any::<prop::sample::Index>(), spread, prop::bool::weighted(0.15), any::<bool>());
    let step =
        step.prop_map(|(kind, pick, spread, lost, took_place)| Step { kind, pick, spread, lost, took_place });
    prop::collection::vec(step, 1..80)
}

/// The history of a register that took these steps, a hundred ticks apart.
fn honest(steps: &[Step]) -> Vec<Call> {
    let mut state = None;
    let mut values = vec![None];
    let mut calls = Vec::new();
    for (at, step) in (10_u64..).zip(steps) {
        let expected = if step.kind == 5 { state } else { *step.pick.get(&values) };
        let (op, blind) = match step.kind {
            0 | 1 => (Op::Get, false),
            2 => (Op::Put(at), true),
            3 => (Op::Put(at), false),
            4 | 5 => (Op::Swap { expected, new: at }, false),
            _ => (Op::Delete, false),
        };
        let answer = match op {
            Op::Swap { expected, .. } if expected == state => Answer::Swapped,
            Op::Swap { .. } => Answer::Refused(state),
            _ if blind => Answer::Done,
            _ => Answer::Before(state),
        };
        let (begin, end) = (at * 100 - step.spread.0, at * 100 + 1 + step.spread.1);
        if !step.lost || step.took_place {
            state = op.apply(state);
        }
        values.push(state);
        if !step.lost {
            calls.push(call(op, begin, end, answer));
        } else if op != Op::Get {
            calls.push(open(op, begin));
        }
    }
    calls
}

/// Tries everything.
fn any_order_fits(answered: &[Call], open: &[Call], state: Option<Value>) -> bool {
    let ends = |call: &Call| call.end.map_or(u64::MAX, |(end, _)| end);
    let Some(earliest_end) = answered.iter().map(ends).min() else { return true };
    let without = |calls: &[Call], at: usize| {
        let mut rest = calls.to_vec();
        rest.remove(at);
        rest
    };
    let may_be_next = |call: &Call| {
        let fits = call.end.is_none_or(|(_, answer)| call.op.could_answer(state, answer));
        fits && call.begin <= earliest_end
    };
    let next = answered.iter().enumerate().filter(|(_, call)| may_be_next(call));
    let mut next_open = open.iter().enumerate().filter(|(_, call)| may_be_next(call));
    next.into_iter().any(|(at, call)| any_order_fits(&without(answered, at), open, call.op.apply(state)))
        || next_open.any(|(at, call)| any_order_fits(answered, &without(open, at), call.op.apply(state)))
}

/// A few calls with arbitrary answers from a small world, so that they fit about as often as not.
fn arbitrary_calls() -> impl Strategy<Value = Vec<Call>> {
    let value = || prop::option::of(100_u64..103);
    let call = (0_u8..6, value(), value(), 0_u64..12, 0_u64..8, prop::bool::weighted(0.25));
    prop::collection::vec(call, 1..7).prop_map(|calls| {
        let calls = (100_u64..).zip(calls).filter_map(|(new, (kind, a, b, begin, length, lost))| {
            let (op, answer) = match kind {
                0 => (Op::Get, Answer::Before(a)),
                1 => (Op::Put(new), Answer::Before(a)),
                2 => (Op::Put(new), Answer::Done),
                3 => (Op::Swap { expected: a, new }, Answer::Swapped),
                4 => (Op::Swap { expected: a, new }, Answer::Refused(b)),
                _ => (Op::Delete, Answer::Before(a)),
            };
            let end = (!lost).then_some((begin + length + 1, answer));
            (op != Op::Get || !lost).then_some(Call { op, begin, end })
        });
        calls.collect()
    })
}

proptest! {
    #[test]
    fn a_real_register_always_passes(steps in steps(600)) {
        let history = honest(&steps);
        prop_assert_eq!(check(&history), Ok(()));
    }

    #[test]
    fn one_wrong_read_among_calls_one_after_the_other_fails(
        steps in steps(40),
        which in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
    ) {
        // No answer is lost here: what a lost one wrote could excuse a wrong read.
        let steps: Vec<Step> = steps.into_iter().map(|step| Step { lost: false, ..step }).collect();
        let mut history = honest(&steps);
        let reads: Vec<usize> = (0..history.len()).filter(|at| history[*at].op == Op::Get).collect();
        prop_assume!(!reads.is_empty());
        let at = *which.get(&reads);
        let Some((end, Answer::Before(seen))) = history[at].end else { unreachable!("reads have answers") };
        let mut values: Vec<Option<Value>> = history.iter().filter_map(|call| call.op.writes()).map(Some).collect();
        values.extend([None, Some(NOBODY_WROTE)]);
        values.retain(|value| *value != seen);
        history[at].end = Some((end, Answer::Before(*other.get(&values))));
        prop_assert!(check(&history).is_err());
    }

    #[test]
    fn a_value_that_nobody_wrote_fails_whatever_overlaps(steps in steps(600), which in any::<prop::sample::Index>()) {
        let mut history = honest(&steps);
        let reads: Vec<usize> = (0..history.len()).filter(|at| history[*at].op == Op::Get).collect();
        prop_assume!(!reads.is_empty());
        let call = &mut history[*which.get(&reads)];
        call.end = call.end.map(|(end, _)| (end, Answer::Before(Some(NOBODY_WROTE))));
        prop_assert!(check(&history).is_err());
    }

    #[test]
    fn the_verdict_is_that_of_trying_everything(calls in arbitrary_calls()) {
        let (answered, open): (Vec<Call>, Vec<Call>) = calls.iter().partition(|call| call.end.is_some());
        prop_assert_eq!(check(&calls).is_ok(), any_order_fits(&answered, &open, None), "{:?}", calls);
    }
}
