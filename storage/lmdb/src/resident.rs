//! Keeps the map's share of the process's memory small.
//!
//! Every page of the map that is looked at counts as memory of this process, though it belongs to the page
//! cache. Commits look at each page that they change, and the kernel maps its neighbours along with it: in the
//! end the process would seem as large as its file. So after every few megabytes the process asks the kernel how
//! many pages of files it has mapped, and when it is over the limit it lets the map's pages go: they stay in the
//! page cache, touching one again costs a minor fault.

use crate::os::{self, MapRange};
use parking_lot::Mutex;
use std::{
    fs::File,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Looked at, about, between two questions to the kernel.
const CHECK_BYTES: usize = 8 << 20;

/// Watches over the resident part of one map.
pub(crate) struct Resident {
    touched: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    map: Option<MapRange>,
    /// `/proc/self/statm`; `None` where there is none.
    statm: Option<File>,
    limit_bytes: usize,
    /// Bytes of files that stay mapped without ours: the program itself, other engines.
    others_bytes: usize,
}

impl Resident {
    /// Holds `map` to about `limit_bytes`.
    pub(crate) fn new(map: Option<MapRange>, limit_bytes: usize) -> Self {
        let statm = File::open("/proc/self/statm").ok();
        let state = State { map, statm, limit_bytes, others_bytes: 0 };
        Resident { touched: AtomicUsize::new(0), state: Mutex::new(state) }
    }

    /// Notes that about so many bytes were looked at.
    pub(crate) fn touched(&self, bytes: usize) {
        if self.touched.fetch_add(bytes, Ordering::Relaxed) + bytes < CHECK_BYTES {
            return;
        }
        // Whoever is late finds somebody at it already.
        if let Some(mut state) = self.state.try_lock() {
            self.touched.store(0, Ordering::Relaxed);
            state.check();
        }
    }

    /// The map lies elsewhere now.
    pub(crate) fn moved(&self, map: Option<MapRange>) {
        self.state.lock().map = map;
    }
}

impl State {
    fn check(&mut self) {
        let (Some(map), Some(mapped)) = (self.map, self.mapped_bytes()) else { return };
        if mapped > self.others_bytes + self.limit_bytes {
            os::drop_pages(map);
            self.others_bytes = self.mapped_bytes().unwrap_or(0);
        }
    }

    /// Resident bytes of all files that this process has mapped.
    fn mapped_bytes(&self) -> Option<usize> {
        let mut text = [0; 128];
        let len = self.statm.as_ref()?.read_at(&mut text, 0).ok()?;
        // size resident shared ...: in pages.
        let shared = std::str::from_utf8(&text[..len]).ok()?.split_ascii_whitespace().nth(2)?;
        Some(shared.parse::<usize>().ok()? * os::page_bytes())
    }
}
