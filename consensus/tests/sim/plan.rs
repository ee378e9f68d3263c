//! What kind of run a seed stands for.
//!
//! One mixture of all faults would always look alike: with much of everything nothing gets far, with little of
//! everything nothing happens. So each seed draws its own mixture: some networks lose a lot, some disks are
//! slow, some runs are all about membership.

use crate::random::Random;

/// The length of a tick of a clock that is right.
pub(crate) const TICK: u64 = 100;

/// A way to build a member wrong. Each has to be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    None,
    /// The log says that it has synced, and has not.
    SkipFsync,
    /// A leader answers reads from its own commit index, without asking whether it still leads.
    ReadWithoutQuorum,
    /// A read is answered before the state machine has come to its index.
    ReadBeforeApply,
    /// The ids of reads begin again after a restart.
    ReuseReadIds,
    /// The log forgets for whom a member has voted.
    ForgetVote,
    /// What a message promises is sent before it is on disk.
    PromiseBeforeFsync,
    /// Entries are applied when they are appended.
    ApplyUncommitted,
}

/// What kind of run it is. Times are in hundredths of a tick, chances in thousandths.
pub(crate) struct Plan {
    pub(crate) sabotage: Sabotage,
    pub(crate) founders: u64,
    pub(crate) election_ticks: usize,
    pub(crate) heartbeat_ticks: usize,
    pub(crate) pre_vote: bool,
    pub(crate) max_message_bytes: u64,
    pub(crate) max_inflight: usize,
    pub(crate) max_apply_bytes: u64,
    /// Size at which a segment of the log is cut.
    pub(crate) segment_bytes: u64,
    pub(crate) loss: u64,
    pub(crate) duplication: u64,
    pub(crate) latency: (u64, u64),
    /// Links keep messages in order, as streams do.
    pub(crate) ordered: bool,
    /// The longest that a tick of a wrong clock takes, and that the shortest one is shorter.
    pub(crate) drift: u64,
    /// The longest that a sync takes; 0: it is done at once, as in a loop that waits for it.
    pub(crate) sync_time: u64,
    /// The longest that the state machine lags; 0: it applies at once.
    pub(crate) apply_time: u64,
    /// The longest that a member stays down.
    pub(crate) down_time: u64,
    /// The chance that input is left for the next batch.
    pub(crate) batching: u64,
    /// A snapshot is made after so many entries, and so many are kept for members that lag.
    pub(crate) snapshot_entries: u64,
    pub(crate) kept_entries: u64,
    pub(crate) client_every: u64,
    pub(crate) fault_every: u64,
    /// How often each kind of fault is drawn; see `faults`.
    pub(crate) weights: [u64; FAULTS],
    /// The largest value that a put writes.
    pub(crate) value_bytes: u64,
}

/// Kinds of faults.
pub(crate) const FAULTS: usize = 8;

/// How often they come on the whole: a crash, a disk that fails, a power cut for all, a partition, a pause, a
/// clock, a transfer of leadership, a change of members.
const USUAL: [u64; FAULTS] = [6, 6, 1, 6, 3, 2, 4, 9];

impl Plan {
    pub(crate) fn draw(random: &mut Random, sabotage: Sabotage) -> Plan {
        let calm = random.chance(150);
        let mut weights =
            USUAL.map(|usual| if random.chance(700) { usual * random.between(1, 5) } else { 0 });
        let mut latency = random.pick(&[(1, 5), (1, 60), (20, 40), (1, 300), (50, 500)]).unwrap_or((1, 5));
        let mut down_time = random.pick(&[TICK, 10 * TICK, 40 * TICK]).unwrap_or(TICK);
        if sabotage == Sabotage::ReuseReadIds {
            // To be hurt by it, a member has to be back before the answer to its former life.
            (weights[0], latency, down_time) = (100, (1, 500), TICK);
        }
        Plan {
            sabotage,
            founders: random.pick(&[3, 3, 3, 3, 5, 5, 5, 1]).unwrap_or(3),
            election_ticks: random.between(3, 8) as usize,
            heartbeat_ticks: random.between(1, 2) as usize,
            pre_vote: random.chance(850),
            max_message_bytes: random.pick(&[0, 100, 1000, 1 << 20, 1 << 20]).unwrap_or(0),
            max_inflight: random.pick(&[1, 2, 8, 512]).unwrap_or(1),
            max_apply_bytes: random.pick(&[1, 200, 1 << 20, 1 << 20]).unwrap_or(1),
            segment_bytes: random.pick(&[2048, 4096, 8192, 16_384]).unwrap_or(2048),
            loss: if calm { 0 } else { random.pick(&[0, 5, 30, 100, 250]).unwrap_or(0) },
            duplication: random.pick(&[0, 10, 100]).unwrap_or(0),
            latency,
            ordered: random.chance(400),
            drift: random.pick(&[0, 10, 40, 80]).unwrap_or(0),
            sync_time: random.pick(&[0, 0, 0, 10, 10, 50, 150, 1500]).unwrap_or(0),
            apply_time: random.pick(&[0, 0, 20, 200]).unwrap_or(0),
            down_time,
            batching: random.pick(&[0, 100, 500]).unwrap_or(0),
            snapshot_entries: random.pick(&[4, 15, 40, 1000]).unwrap_or(4),
            kept_entries: random.pick(&[0, 3, 20]).unwrap_or(0),
            client_every: random.between(5, 80),
            fault_every: if calm { 1 << 20 } else { random.between(60, 900) },
            weights,
            value_bytes: random.pick(&[0, 30, 700, 2500]).unwrap_or(0),
        }
    }
}
