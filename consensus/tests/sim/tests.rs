//! The tests: see the crate's text.

use std::env;

use crate::counts::{Counts, Seen};
use crate::plan::Sabotage;
use crate::run::run;

/// Seeds of a plain `cargo test`; `SIM_SEEDS` asks for more.
const SEEDS: u64 = 1000;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

#[test]
fn seeds() {
    let (first, count) = (number("SIM_FIRST").unwrap_or(0), number("SIM_SEEDS").unwrap_or(SEEDS));
    let part = |seeds: std::ops::Range<u64>| {
        let (mut counts, mut failures) = (Counts::default(), Vec::new());
        for seed in seeds {
            match run(seed, Sabotage::None, false) {
                Ok(outcome) => counts.add(&outcome.counts),
                Err(what) => failures.push(what),
            }
        }
        (counts, failures)
    };
    let half = first + count / 2;
    let ((mut counts, mut failures), (more_counts, more_failures)) = std::thread::scope(|scope| {
        let other = scope.spawn(|| part(half..first + count));
        (part(first..half), other.join().expect("panics are caught"))
    });
    counts.add(&more_counts);
    failures.extend(more_failures);
    println!("{count} seeds: {counts}");
    let shown = &failures[..failures.len().min(20)];
    assert!(failures.is_empty(), "{} of {count} fail:\n{}", failures.len(), shown.join("\n"));
    assert!(counts.least() >= count / 50, "too little has happened: {counts}");
    assert!(counts.of(Seen::Put) > 10 * count && counts.of(Seen::Read) > 10 * count, "{counts}");
}

#[test]
#[ignore = "for one seed, named by SIM_SEED"]
fn one_seed() {
    let seed = number("SIM_SEED").expect("SIM_SEED names the seed");
    println!("{:?}", run(seed, Sabotage::None, env::var_os("SIM_TRACE").is_some()).unwrap());
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in [1, 7, 42, 1 << 40] {
        assert_eq!(run(seed, Sabotage::None, false), run(seed, Sabotage::None, false));
    }
}

/// A build that is wrong is noticed within so many seeds.
fn is_caught(sabotage: Sabotage, within: u64) {
    // The runs before went well, so what is noticed is what was built in.
    let caught = (0..within).find_map(|seed| run(seed, sabotage, false).err().map(|what| (seed, what)));
    let (seed, what) = caught.unwrap_or_else(|| panic!("{sabotage:?} goes unnoticed for {within} seeds"));
    println!("{sabotage:?}: {what}");
    assert!(what.starts_with(&format!("seed {seed}, step ")), "{what}");
    run(seed, Sabotage::None, false).expect("the seed is at fault, not the sabotage");
}

#[test]
fn a_log_that_does_not_sync_is_caught() {
    is_caught(Sabotage::SkipFsync, 100);
}

#[test]
fn a_leader_that_answers_reads_without_a_quorum_is_caught() {
    is_caught(Sabotage::ReadWithoutQuorum, 500);
}

#[test]
fn a_read_that_does_not_wait_for_the_state_machine_is_caught() {
    is_caught(Sabotage::ReadBeforeApply, 100);
}

#[test]
fn a_vote_that_is_forgotten_is_caught() {
    is_caught(Sabotage::ForgetVote, 2000);
}

#[test]
fn a_promise_before_the_disk_is_caught() {
    is_caught(Sabotage::PromiseBeforeFsync, 500);
}

#[test]
fn entries_applied_before_they_are_committed_are_caught() {
    is_caught(Sabotage::ApplyUncommitted, 100);
}

#[test]
fn ids_of_reads_that_begin_again_are_caught() {
    is_caught(Sabotage::ReuseReadIds, 2000);
}
