//! Views of a tree that has none.
//!
//! Every commit has a number. A view is the number of the last commit that it sees. While there are views, a
//! commit notes, before it changes anything, what the values of its keys were:
//!
//! ```text
//!   key -> [(commit, value before it), ...]      oldest first
//! ```
//!
//! For a view, the value of a key is the first one noted by a commit behind the view, or what the tree has now
//! if there is none. A reader asks the tree first and the notes second: if the tree showed it a later commit's
//! value, that commit's note was there already. Notes live as long as a view needs them.

use parking_lot::Mutex;
use sled::IVec;
use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// What a key was: `None` if it was not there.
pub(crate) type Old = Option<IVec>;

/// The views of a tree, and the notes for them.
#[derive(Default)]
pub(crate) struct Undo {
    state: Mutex<State>,
    /// Whether there are notes: most views end without having to look.
    has_notes: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Number of the last commit.
    commit: u64,
    /// How many views see each commit as the last.
    views: BTreeMap<u64, usize>,
    notes: BTreeMap<IVec, VecDeque<(u64, Old)>>,
    /// Keys noted by each commit, oldest first.
    keys: VecDeque<(u64, Vec<IVec>)>,
}

/// Sees the tree as of one commit; its end gives the notes free.
pub(crate) struct View {
    undo: Arc<Undo>,
    commit: u64,
}

impl Undo {
    /// Sees what is there now. No commit may be half done meanwhile.
    pub(crate) fn view(self: &Arc<Self>) -> View {
        let mut state = self.state.lock();
        let commit = state.commit;
        *state.views.entry(commit).or_default() += 1;
        View { undo: self.clone(), commit }
    }

    /// Begins the next commit: notes what its keys are if anybody will ask. No view may begin until the commit
    /// is done.
    pub(crate) fn begin(&self, changed: impl Iterator<Item = (IVec, Old)>) {
        let mut state = self.state.lock();
        state.commit += 1;
        if state.views.is_empty() {
            return;
        }
        let commit = state.commit;
        let mut keys = Vec::new();
        for (key, old) in changed {
            keys.push(key.clone());
            state.notes.entry(key).or_default().push_back((commit, old));
        }
        state.keys.push_back((commit, keys));
        self.has_notes.store(true, Ordering::SeqCst);
    }
}

impl State {
    /// Drops notes that no view needs.
    fn clean(&mut self) -> bool {
        let oldest = self.views.first_key_value().map(|(commit, _)| *commit);
        while let Some((commit, keys)) = self.keys.pop_front() {
            // A view needs the notes of all commits behind it.
            if oldest.is_some_and(|oldest| commit > oldest) {
                self.keys.push_front((commit, keys));
                break;
            }
            for key in keys {
                if let Some(notes) = self.notes.get_mut(&key) {
                    notes.pop_front();
                    if notes.is_empty() {
                        self.notes.remove(&key);
                    }
                }
            }
        }
        !self.notes.is_empty()
    }
}

impl View {
    /// What the keys behind `after` and up to `upto` (`None`: to the end of `table`) were, as far as they have
    /// changed since. To be asked after the tree was.
    pub(crate) fn changed(&self, after: Bound<&[u8]>, upto: Option<&[u8]>, table: u8) -> Vec<(IVec, Old)> {
        if !self.undo.has_notes.load(Ordering::SeqCst) {
            return Vec::new();
        }
        let end = [table + 1];
        let end = upto.map_or(Bound::Excluded(&end[..]), Bound::Included);
        let state = self.undo.state.lock();
        let noted = state.notes.range::<[u8], _>((after, end));
        let seen = |(key, notes): (&IVec, &VecDeque<(u64, Old)>)| {
            let (_, old) = notes.iter().find(|(commit, _)| *commit > self.commit)?;
            Some((key.clone(), old.clone()))
        };
        noted.filter_map(seen).collect()
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let mut state = self.undo.state.lock();
        if let Some(count) = state.views.get_mut(&self.commit) {
            *count -= 1;
            if *count == 0 {
                state.views.remove(&self.commit);
            }
        }
        let has_notes = state.clean();
        self.undo.has_notes.store(has_notes, Ordering::SeqCst);
    }
}
