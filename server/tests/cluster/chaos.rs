//! Faults in an order that nobody thought of. At most two of five members are in trouble at a time, so clients must
//! always get on.
//!
//! The seed is printed: `OXETCD_SEED` runs the same faults in the same order again, though not with the same timing.
//! `OXETCD_STEPS` says how many.

use crate::harness::{
    cluster::{Cluster, program},
    dice::Dice,
    load::Load,
    network::{Fault, Index},
};
use std::{env, time::SystemTime};

const SIZE: usize = 5;
const MOST_IN_TROUBLE: usize = 2;
const STEPS: u64 = 12;
/// A log this short makes snapshots of what members missed.
const FLAGS: [&str; 4] = ["--snapshot-count", "100", "--snapshot-catchup-entries", "10"];
/// Calls that must be answered after every step.
const CALLS: u64 = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Dead,
    Paused,
    /// Cut off from all others.
    Alone(Fault),
    /// Hears the others, but they do not hear it.
    Mute,
    /// Is heard, but does not hear.
    Deaf,
}

const TROUBLES: [Trouble; 6] = [
    Trouble::Dead,
    Trouble::Paused,
    Trouble::Alone(Fault::Silent),
    Trouble::Alone(Fault::Refused),
    Trouble::Mute,
    Trouble::Deaf,
];

struct Chaos {
    cluster: Cluster,
    load: Load,
    dice: Dice,
    in_trouble: Vec<(Index, Trouble)>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_fault_after_another() {
    let number = |name| env::var(name).ok().and_then(|text| text.parse().ok());
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seed = number("OXETCD_SEED").unwrap_or_else(|| now().map_or(0, |since| since.as_nanos() as u64));
    eprintln!("OXETCD_SEED={seed}");
    let cluster = Cluster::start_with(&program(), SIZE, &FLAGS).await;
    let load = cluster.load();
    let mut chaos = Chaos { cluster, load, dice: Dice::new(seed), in_trouble: Vec::new() };
    for _ in 0..number("OXETCD_STEPS").unwrap_or(STEPS) {
        chaos.step().await;
        chaos.load.more(CALLS).await;
    }
    while !chaos.in_trouble.is_empty() {
        chaos.help(0).await;
    }
    let Chaos { mut cluster, load, .. } = chaos;
    cluster.verify(load).await;
}

impl Chaos {
    async fn step(&mut self) {
        let healthy = self.healthy();
        let one = healthy[self.dice.below(healthy.len())];
        match self.dice.below(4) {
            0 => {
                eprintln!("m{one} shall lead");
                self.cluster.move_leader(one).await;
            }
            1 if !self.in_trouble.is_empty() => {
                let which = self.dice.below(self.in_trouble.len());
                self.help(which).await;
            }
            _ if self.in_trouble.len() < MOST_IN_TROUBLE => {
                let trouble = TROUBLES[self.dice.below(TROUBLES.len())];
                self.harm(one, trouble);
            }
            _ => self.help(0).await,
        }
    }

    fn healthy(&self) -> Vec<Index> {
        let harmed: Vec<Index> = self.in_trouble.iter().map(|(index, _)| *index).collect();
        self.cluster.others(&harmed)
    }

    fn harm(&mut self, index: Index, trouble: Trouble) {
        eprintln!("m{index}: {trouble:?}");
        self.in_trouble.push((index, trouble));
        match trouble {
            Trouble::Dead => self.cluster.kill(index),
            Trouble::Paused => self.cluster.member(index).pause(),
            Trouble::Alone(_) | Trouble::Mute | Trouble::Deaf => self.cut(index, trouble),
        }
    }

    fn cut(&self, index: Index, trouble: Trouble) {
        for other in self.cluster.others(&[index]) {
            let (outward, inward) = match trouble {
                Trouble::Alone(fault) => (Some(fault), Some(fault)),
                Trouble::Mute => (Some(Fault::Silent), None),
                Trouble::Deaf => (None, Some(Fault::Silent)),
                Trouble::Dead | Trouble::Paused => (None, None),
            };
            if let Some(fault) = outward {
                self.cluster.network.cut_one_way(index, other, fault);
            }
            if let Some(fault) = inward {
                self.cluster.network.cut_one_way(other, index, fault);
            }
        }
    }

    /// Ends the trouble that a member is in.
    async fn help(&mut self, which: usize) {
        let (index, trouble) = self.in_trouble.remove(which);
        eprintln!("m{index}: no longer {trouble:?}");
        match trouble {
            Trouble::Dead => self.cluster.restart(index).await,
            Trouble::Paused => self.cluster.member(index).resume(),
            Trouble::Alone(_) | Trouble::Mute | Trouble::Deaf => {
                self.cluster.heal();
                for (other, trouble) in &self.in_trouble {
                    self.cut(*other, *trouble);
                }
            }
        }
    }
}
