//! Rebuilding the index from the records.
//!
//! Records come in order of revision, the tree wants order of keys. Inserting a million keys in random order
//! would miss the cache at every step, so records are gathered in bounded groups, a group is sorted by key, and
//! goes into the tree in that order; the first group, often the only one, becomes the tree as it is. Of a
//! record only what the index keeps is read, and its key is copied to one arena.

use crate::{Error, Result, history::History, index::Index, key::Key, log::Entry, record};
use oxetcd_api::Revision;
use oxetcd_storage::{Buffer, Table};
use std::{collections::BTreeMap, ops::ControlFlow};

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
    Ok((Index::from_sorted(loader.map), loader.newest))
}

#[derive(Default)]
struct Loader {
    map: BTreeMap<Key, History>,
    arena: Vec<u8>,
    group: Vec<Loaded>,
    newest: i64,
}

impl Loader {
    fn add(&mut self, place: &[u8], record: &[u8]) -> Result<()> {
        let damaged = || Error::Corrupt(format!("{place:02x?} holds no record"));
        let (revision, tombstone) = Revision::from_bytes(place).ok_or_else(damaged)?;
        let fields = record::fields(record)?;
        let version = if tombstone { 0 } else { fields.version };
        let sub = u32::try_from(revision.sub).map_err(|_| damaged())?;
        if !tombstone && version < 1 {
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
        if self.map.is_empty() {
            let histories = runs.filter_map(|run| Some((Key::new(key(run.first()?)), history(None, run)?)));
            self.map = histories.collect();
        } else {
            for run in runs {
                let key = key(&run[0]);
                if let Some(known) = self.map.get_mut(key) {
                    history(Some(known), run);
                } else if let Some(new) = history(None, run) {
                    self.map.insert(Key::new(key), new);
                }
            }
        }
        self.group.clear();
        self.arena.clear();
    }
}

/// Adds the changes of one key to what is known of it, or returns what they make.
fn history(known: Option<&mut History>, run: &[Loaded]) -> Option<History> {
    let (mut new, rest) = match (known, run) {
        (Some(known), run) => {
            run.iter().for_each(|loaded| add(known, &loaded.entry));
            return None;
        }
        (None, [first, rest @ ..]) => (History::new(first.created, first.entry), rest),
        (None, []) => return None,
    };
    rest.iter().for_each(|loaded| add(&mut new, &loaded.entry));
    Some(new)
}

fn add(history: &mut History, entry: &Entry) {
    if !entry.is_tombstone() {
        history.put(entry.main, entry.sub, entry.leased);
    } else if history.newest().is_some() {
        history.delete(entry.main, entry.sub);
    }
}
