//! The names of a disk, and how they change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Files by path, each with the number of its content, and directories.
#[derive(Clone, Default)]
pub(super) struct Names {
    pub(super) files: BTreeMap<PathBuf, u64>,
    pub(super) dirs: BTreeSet<PathBuf>,
}

/// One change of names.
#[derive(Clone)]
pub(super) enum NameChange {
    File(PathBuf, u64),
    Dir(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

/// Where `path` is after `from` was renamed to `to`; `None` if it is not under `from`.
pub(super) fn moved(path: &Path, from: &Path, to: &Path) -> Option<PathBuf> {
    path.strip_prefix(from)
        .ok()
        .map(|rest| if rest.as_os_str().is_empty() { to.into() } else { to.join(rest) })
}

impl Names {
    pub(super) fn apply(&mut self, change: &NameChange) {
        match change {
            NameChange::File(path, id) => drop(self.files.insert(path.clone(), *id)),
            NameChange::Dir(path) => drop(self.dirs.insert(path.clone())),
            NameChange::Rename(from, to) => {
                let under = |path: &&PathBuf| path.starts_with(from);
                for path in self.files.keys().filter(under).cloned().collect::<Vec<_>>() {
                    if let (Some(id), Some(new)) = (self.files.remove(&path), moved(&path, from, to)) {
                        self.files.insert(new, id);
                    }
                }
                for path in self.dirs.iter().filter(under).cloned().collect::<Vec<_>>() {
                    self.dirs.remove(&path);
                    self.dirs.extend(moved(&path, from, to));
                }
            }
            NameChange::Remove(gone) => {
                self.files.retain(|path, _| !path.starts_with(gone));
                self.dirs.retain(|path| !path.starts_with(gone));
            }
        }
    }
}
