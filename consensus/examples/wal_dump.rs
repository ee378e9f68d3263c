//! Shows what a write-ahead log holds: `wal_dump <wal directory> [count]`.
//!
//! Works on the log of any etcd, which must not run. With a count, so many empty entries are appended and
//! committed, which every version takes for leaders' no-ops: start the other etcd on the directory afterwards
//! to see that it reads what we write.

use std::path::PathBuf;
use std::sync::Arc;

use oxetcd_consensus::raftpb::{Entry, HardState};
use oxetcd_consensus::{OsDisk, Wal, WalOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("usage: wal_dump <wal directory> [count]")?);
    let count: u64 = arguments.next().map_or(Ok(0), |count| count.parse())?;

    let (mut wal, replay) = Wal::open_newest(Arc::new(OsDisk), &dir, WalOptions::default())?;
    println!("metadata   {:02x?}", replay.metadata.as_ref());
    println!("start      {:?}", replay.start);
    println!("snapshots  {:?}", replay.snapshots);
    println!("hard state {:?}", replay.hard_state);
    for entry in &replay.entries {
        println!("{:>10} term {} {:?} {:02x?}", entry.index(), entry.term(), entry.r#type(), entry.data());
    }
    let state = replay.hard_state;
    let last = replay.start.index() + replay.entries.len() as u64;
    let entry = |index| Entry { term: state.term, index: Some(index), ..Entry::default() };
    let entries: Vec<_> = (last + 1..=last + count).map(entry).collect();
    let state = HardState { commit: Some(last + count), ..state };
    wal.append(&entries, Some(&state).filter(|_| count > 0), true)?;
    wal.close()?;
    Ok(())
}
