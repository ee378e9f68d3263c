//! Election timeouts that repeat.
//!
//! The algorithm draws a timeout whenever its role or term changes, from a generator that nobody can seed. With
//! a seed of ours the timeout is put in its place after each such change, before any tick can look at it.

use raft::{Raft, StateRole, Storage};

/// Draws timeouts from a seed.
pub(super) struct Timeouts {
    state: u64,
    drawn_for: Option<(u64, StateRole)>,
}

impl Timeouts {
    pub(super) fn new(seed: u64) -> Timeouts {
        Timeouts { state: seed, drawn_for: None }
    }

    /// Puts the drawn timeout in place, and draws another if role or term have changed.
    pub(super) fn pin<S: Storage>(&mut self, raft: &mut Raft<S>) {
        let now = (raft.term, raft.state);
        if self.drawn_for != Some(now) {
            self.drawn_for = Some(now);
            // SplitMix64.
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        }
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let ticks = raft.election_timeout();
        raft.set_randomized_election_timeout(ticks + (z % ticks as u64) as usize);
    }
}
