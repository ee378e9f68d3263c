//! Rebuilding the index from the records.
//!
//! Records come in order of revision, the tree wants order of keys. Inserting a million keys in random order
//! would miss the cache at every step, so records are gathered in bounded groups, a group is sorted by key, and
//! goes into the tree in that order; the first group, often the only one, becomes the tree as it is. Of a
//! record only what the index keeps is read, and its key is copied to one arena.

use crate::{Error, Result, history::History, index::Index, leaf::Leaf, log::Entry, record, tree::Tree};
use oxetcd_api::Revision;
use oxetcd_storage::{Buffer, Table};
use std::ops::ControlFlow;

/// Records of a group: a compromise between order and memory (about 20 MiB).
const GROUP_RECORDS: usize = 1 << 18;

/// A record of the group.
struct Loaded {
    /// First bytes of the key, big-endian: most comparisons end here.
    head: u64,
    key_at: usize,
    key_len: usize,
    created: i64,
    entry: Entry,
}

/// Reads all records. Returns the index and the newest revision seen (1 if there is none).
pub(crate) fn index(buffer: &Buffer) -> Result<(Index, i64)> {
    let mut loader = Loader { newest: 1, ..Loader::default() };
    let mut outcome = Ok(());
    buffer.scan(Table::Key, &Revision::new(1, 0).to_bytes(), None, &mut |place, record| {
        outcome = loader.add(place, record);
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome?;
    loader.merge();
    Ok((Index::new(loader.tree), loader.newest))
}

#[derive(Default)]
struct Loader {
    tree: Tree,
    arena: Vec<u8>,
    group: Vec<Loaded>,
    newest: i64,
    /// Whether a group is in the tree already.
    begun: bool,
}

impl Loader {
    fn add(&mut self, place: &[u8], record: &[u8]) -> Result<()> {
        let damaged = || Error::Corrupt(format!("{place:02x?} holds no record"));
        let (revision, tombstone) = Revision::from_bytes(place).ok_or_else(damaged)?;
        let fields = record::fields(record)?;
        let version = if tombstone { 0 } else { fields.version };
        let sub = u32::try_from(revision.sub).map_err(|_| damaged())?;
        // Far from where counting on would overflow.
        let sane = 1..i64::MAX / 2;
        // A restore that skips revisions leaves an empty record behind them: no key, version 0.
        let skipped = record.is_empty() && version == 0;
        if !sane.contains(&revision.main) || !tombstone && !skipped && !sane.contains(&version) {
            return Err(damaged());
        }
        let entry = Entry { main: revision.main, version, sub, leased: !tombstone && fields.lease != 0 };
        let mut head = [0; 8];
        let head_len = fields.key.len().min(8);
        head[..head_len].copy_from_slice(&fields.key[..head_len]);
        self.group.push(Loaded {
            head: u64::from_be_bytes(head),
            key_at: self.arena.len(),
            key_len: fields.key.len(),
            created: if tombstone { 0 } else { fields.create_revision },
            entry,
        });
        self.arena.extend_from_slice(fields.key);
        self.newest = revision.main;
        if self.group.len() == GROUP_RECORDS {
            self.merge();
        }
        Ok(())
    }

    /// Moves the group into the tree.
    fn merge(&mut self) {
        let arena = &self.arena;
        let key = |loaded: &Loaded| &arena[loaded.key_at..loaded.key_at + loaded.key_len];
        let order = |loaded: &Loaded| (loaded.entry.main, loaded.entry.sub);
        self.group.sort_unstable_by(|a, b| {
            let keys = a.head.cmp(&b.head).then_with(|| key(a).cmp(key(b)));
            keys.then_with(|| order(a).cmp(&order(b)))
        });
        let same_key = |a: &Loaded, b: &Loaded| a.head == b.head && key(a) == key(b);
        let runs = self.group.chunk_by(same_key);
        if std::mem::replace(&mut self.begun, true) {
            for run in runs {
                let key = key(&run[0]);
                let leaf = self.tree.leaf_mut(key);
                match leaf.search(key) {
                    Ok(at) => extend(leaf, at, run),
                    Err(_) => self.tree.insert(key, history(run)),
                }
            }
        } else {
            self.tree = Tree::from_sorted(runs.map(|run| (key(&run[0]), history(run))));
        }
        self.group.clear();
        self.arena.clear();
    }
}

/// The history that the changes of one key make.
fn history(run: &[Loaded]) -> History {
    let mut history = History::new(run[0].created, run[0].entry);
    for Loaded { entry, .. } in &run[1..] {
        if !entry.is_tombstone() {
            history.put(entry.main, entry.sub, entry.leased);
        } else if history.newest().is_some() {
            history.delete(entry.main, entry.sub);
        }
    }
    history
}

/// Adds changes of a key that is in the tree already.
fn extend(leaf: &mut Leaf, at: usize, run: &[Loaded]) {
    for Loaded { entry, .. } in run {
        if entry.is_tombstone() {
            leaf.delete(at, entry.main, entry.sub);
        } else {
            leaf.put(at, entry.main, entry.sub, entry.leased);
        }
    }
}
