//! Crashes: nothing that was committed is lost, nothing is half there.

use super::{
    Child, Model, Subject,
    child::{report, reports},
};
use crate::{Batch, Durability, Engine, Table};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Batch number `n` of a history that any process can recompute: its number in every table, and records that
/// come, change and go.
fn numbered(n: u64) -> Batch {
    let mut batch = Batch::new();
    for table in Table::ALL {
        batch.put(table, "last", n.to_be_bytes().to_vec());
    }
    let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for _ in 0..30 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let table = Table::ALL[state as usize % Table::ALL.len()];
        let key = (state >> 8 & 0xff).to_be_bytes().to_vec();
        _ = match state >> 16 & 3 {
            0 => batch.delete(table, key),
            1 => batch.put(table, key, vec![n as u8; 3000]),
            _ => batch.put(table, key, n.to_be_bytes().to_vec()),
        };
    }
    batch
}

fn last(model: &Model) -> u64 {
    let number = |table| model.table(table).get(&b"last"[..]).map(|n| n[..].try_into().expect("8 bytes"));
    let n = number(Table::Meta);
    assert!(Table::ALL.iter().all(|&table| number(table) == n), "a batch is half there: {model:?}");
    n.map_or(0, u64::from_be_bytes)
}

/// Checks what an engine holds against the whole history; returns where that ends.
fn check(engine: &dyn Engine) -> u64 {
    let found = Model::read(engine);
    let last = last(&found);
    let mut wanted = Model::new();
    (1..=last).for_each(|n| wanted.apply(&numbered(n)));
    assert_eq!(found, wanted, "not what {last} batches leave");
    last
}

/// The child's part: goes on where the directory's history ends, and reports each batch when it is committed.
pub(super) fn commit_for_ever<S: Subject>(subject: &S, dir: &Path) {
    let engine = subject.open(dir).expect("open");
    let first = last(&Model::read(&engine)) + 1;
    for n in first.. {
        let durability = if n % 3 == 0 { Durability::Buffered } else { Durability::Synced };
        engine.commit(&numbered(n), durability).expect("commit");
        report(n);
        if n % 16 == 0 {
            engine.defragment().expect("defragment");
        }
    }
}

/// The child's part beside a thread that defragments again and again.
pub(super) fn commit_beside_defragmenting<S: Subject>(subject: &S, dir: &Path) {
    let engine = subject.open(dir).expect("open");
    let first = last(&Model::read(&engine)) + 1;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                engine.defragment().expect("defragment");
            }
        });
        for n in first.. {
            engine.commit(&numbered(n), Durability::Buffered).expect("commit");
            report(n);
        }
    });
}

/// Names of all files below a directory, as far as they are still there.
fn names(dir: &Path) -> Vec<PathBuf> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        names.extend(self::names(&entry.path()));
        names.push(entry.path());
    }
    names.sort();
    names
}

/// Processes are killed in each stage of a defragmentation beside which they commit. Stages are told apart by the files
/// that come, go and get other names.
pub fn killed_processes_lose_nothing_in_any_stage_of_defragmenting<S: Subject>(subject: &S, child: &Child) {
    /// Changes of the directory after which a process is killed, at most; and how long they are waited for.
    const CHANGES: usize = 12;
    const PATIENCE: Duration = Duration::from_secs(20);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut reached = 0;
    for changes in 1..=CHANGES {
        let mut process = child.command("defragment", dir.path(), None).spawn().expect("start a child");
        let mut reports = reports(&mut process);
        let mut reported = reports.next().expect("the child failed: see its output");
        let (mut seen, mut left, began) = (names(dir.path()), changes, Instant::now());
        while left > 0 && began.elapsed() < PATIENCE {
            let now = names(dir.path());
            if now != seen {
                (seen, left) = (now, left - 1);
            }
        }
        process.kill().expect("kill the child");
        process.wait().expect("the child's end");
        // A last line that was cut is not a number, or a smaller one.
        reported = reports.filter(|line| line.parse::<u64>().is_ok()).last().unwrap_or(reported);
        let reported: u64 = reported.parse().expect("a number");
        let found = check(&subject.open(dir.path()).expect("open after a kill"));
        assert!(found >= reported && reported > reached, "{found} of {reported} batches, {changes} changes");
        reached = found;
    }
}

/// Processes are killed while they commit, again and again on one directory.
pub fn killed_processes_lose_no_commit<S: Subject>(subject: &S, child: &Child) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut reached = 0;
    for round in 0..6 {
        let mut process = child.command("commit", dir.path(), None).spawn().expect("start a child");
        // Killed somewhere in what it does after its last report: in a commit, or in defragmenting.
        let reported: Vec<_> = reports(&mut process).take(3 + 5 * round).collect();
        process.kill().expect("kill the child");
        process.wait().expect("the child's end");
        assert_eq!(reported.len(), 3 + 5 * round, "the child failed: see its output");
        let reported: u64 = reported.last().and_then(|n| n.parse().ok()).expect("a number");
        let found = check(&subject.open(dir.path()).expect("open after a kill"));
        assert!(found >= reported && reported > reached, "{found} of {reported} batches");
        reached = found;
    }
}

/// The files as they are between two commits, without the engine having been closed, hold all commits.
pub fn copies_of_files_between_commits_are_whole<S: Subject>(subject: &S) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let engine = subject.open(dir.path()).expect("an empty directory");
    for n in 1..=24 {
        engine.commit(&numbered(n), Durability::Synced).expect("commit");
        if n == 12 {
            engine.defragment().expect("defragment");
        }
        if n % 4 == 0 {
            let copy = tempfile::tempdir().expect("a temporary directory");
            copy_files(dir.path(), copy.path());
            assert_eq!(check(&subject.open(copy.path()).expect("open a copy")), n);
        }
    }
}

fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("list") {
        let entry = entry.expect("list");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("list").is_dir() {
            fs::create_dir(&to).expect("make a directory");
            copy_files(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).expect("copy");
        }
    }
}
