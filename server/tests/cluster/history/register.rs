//! One key as a client sees it: a register that holds a number or nothing.
//!
//! Every write writes a number of its own, so an answer that shows a number also shows which write it saw.

/// What a write leaves; no two writes of a history use the same.
pub(crate) type Value = u64;

/// What a client asks of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Read it.
    Get,
    /// Write it, whatever it holds.
    Put(Value),
    /// Write it if it holds `expected`.
    Swap {
        /// What it must hold; `None`: it must not exist.
        expected: Option<Value>,
        /// What it holds then.
        new: Value,
    },
    /// Remove it.
    Delete,
}

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What the register held when a get, a put or a delete came.
    Before(Option<Value>),
    /// A put was done; the client did not ask what was there.
    Done,
    /// A swap found what it expected.
    Swapped,
    /// A swap found this instead.
    Refused(Option<Value>),
}

impl Op {
    /// What the register holds after this operation, by itself; says nothing about answers.
    pub(crate) fn apply(self, state: Option<Value>) -> Option<Value> {
        match self {
            Op::Get => state,
            Op::Put(value) => Some(value),
            Op::Swap { expected, new } if expected == state => Some(new),
            Op::Swap { .. } => state,
            Op::Delete => None,
        }
    }

    /// Whether a register that holds `state` would answer so.
    pub(crate) fn could_answer(self, state: Option<Value>, answer: Answer) -> bool {
        match (self, answer) {
            (Op::Get | Op::Put(_) | Op::Delete, Answer::Before(seen)) => seen == state,
            (Op::Put(_), Answer::Done) => true,
            (Op::Swap { expected, .. }, Answer::Swapped) => expected == state,
            (Op::Swap { expected, .. }, Answer::Refused(seen)) => expected != state && seen == state,
            _ => false,
        }
    }

    /// The number that it writes, if it writes one.
    pub(crate) fn writes(self) -> Option<Value> {
        match self {
            Op::Put(value) | Op::Swap { new: value, .. } => Some(value),
            Op::Get | Op::Delete => None,
        }
    }
}
