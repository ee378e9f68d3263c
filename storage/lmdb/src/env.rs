//! One open data file.
//!
//! LMDB maps the whole file. The map is reserved far larger than the file (address space costs nothing, and the
//! file grows only by what is written), so in practice it never has to move. Where so much address space is not
//! to be had, [`Env::grow`] moves it. Readers hardly notice: they read the file's pages, not the map.
//!
//! Read transactions are pooled: a used one keeps its slot in LMDB's reader table, and taking it again costs
//! two atomic writes instead of a lock.

use crate::{
    Options,
    error::{engine, from_code, from_io},
    files::{self, Dir},
    long_keys,
    lookup::Scratch,
    open, os,
    pages::{Pages, Tree},
    raw::{self, Dbi, Dbis, ReadTxn, View, WriteTxn},
    reader::{Idle, Reader},
    resident::Resident,
    scan::Scan,
};
use lmdb::{Environment, Error as Code};
use oxetcd_storage::{Doomed, Error, Result, Table, Visit};
use parking_lot::{Mutex, RwLock};
use std::{
    fs::File,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

/// Read transactions kept for later use.
const POOLED_MAX: usize = 64;

/// An open data file and its tables.
pub(crate) struct Env {
    // Before `env`: fields drop in order, and transactions must end before the environment closes.
    idle: Mutex<Vec<Idle>>,
    env: Environment,
    dbis: Dbis,
    /// Read by all that looks at the map, written by what moves it.
    map: RwLock<()>,
    resident: Resident,
    pages: Pages,
    /// Where the tables' trees begin, as of the newest commit that was looked at.
    trees: RwLock<[Option<Tree>; Table::ALL.len()]>,
    path: PathBuf,
    page_bytes: u64,
    /// Once another file has taken its place. Behind all that uses the file: its room is given back last.
    doomed: OnceLock<Doomed>,
    /// The directory stays locked until the last reader of this file is gone.
    _dir: Arc<Dir>,
}

/// How much of the file is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Number of the last commit.
    pub(crate) commit: usize,
    /// Bytes up to the last page ever used.
    pub(crate) total_bytes: u64,
}

impl Env {
    /// Opens the file at `path`, or makes it there: `is_new`.
    pub(crate) fn open(dir: Arc<Dir>, path: &Path, is_new: bool, options: &Options) -> Result<Self> {
        if !is_new {
            open::check_file(path)?;
        }
        files::prepare_lock_file(path)?;
        let env = open::open_reserved(path, options)?;
        let file = File::open(path).map_err(|error| from_io(&error, path))?;
        let page_bytes = env.stat().map_err(|code| from_code(code, path))?.page_size();
        let resident = Resident::new(os::find_map(&file), options.resident_bytes);
        let pages = Pages::new(file, page_bytes as usize);
        let dbis = open::open_tables(&env, path)?;
        Ok(Env {
            idle: Mutex::default(),
            env,
            dbis,
            map: RwLock::new(()),
            resident,
            pages,
            trees: RwLock::default(),
            path: path.to_owned(),
            page_bytes: page_bytes.into(),
            doomed: OnceLock::new(),
            _dir: dir,
        })
    }

    /// Handle of a table.
    pub(crate) fn dbi(&self, table: Table) -> Dbi {
        self.dbis[table.index()]
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file has a new name.
    pub(crate) fn renamed(&mut self, path: PathBuf) {
        self.path = path;
    }

    /// Another file has taken the place of this one, which goes when its last reader does.
    pub(crate) fn replaced(&self, dir: &Dir) {
        if let Some(doomed) = dir.remove(&self.path) {
            // It can be replaced once only.
            let _ = self.doomed.set(doomed);
        }
    }

    /// Bytes of a page.
    pub(crate) fn page_bytes(&self) -> u64 {
        self.page_bytes
    }

    /// What a code means here.
    pub(crate) fn error(&self, code: Code) -> Error {
        from_code(code, &self.path)
    }

    /// Begins to read as of now.
    pub(crate) fn read(&self) -> Result<Reader<'_>> {
        Reader::begin(self)
    }

    /// A read transaction for an owner that keeps this environment alive.
    pub(crate) fn begin_read(&self) -> Result<ReadTxn> {
        Ok(self.begin()?.txn)
    }

    /// A transaction that sees the newest commit, out of the pool if there is one.
    pub(crate) fn begin(&self) -> Result<Idle> {
        let idle = self.idle.lock().pop();
        let begun = match idle {
            Some(mut idle) => idle.txn.renew().map(|()| idle),
            None => ReadTxn::begin(&self.env).map(|txn| Idle { txn, scratch: Scratch::default() }),
        };
        begun.map_err(|code| self.error(code))
    }

    /// Puts a reader's leavings, reset, into the pool.
    pub(crate) fn end(&self, idle: Idle) {
        let mut all = self.idle.lock();
        if all.len() < POOLED_MAX {
            all.push(idle);
        }
    }

    /// The file's pages, for lookups.
    pub(crate) fn pages(&self) -> &Pages {
        &self.pages
    }

    /// Where a table's tree begins for `txn`.
    pub(crate) fn tree(&self, txn: &ReadTxn, table: Table) -> Result<Tree> {
        let snapshot = txn.snapshot();
        match self.trees.read()[table.index()] {
            Some(tree) if tree.snapshot == snapshot => return Ok(tree),
            _ => {}
        }
        let view = View::new(txn, &self.map);
        let found = || Tree::parse(snapshot, view.describe(table.name())?.ok_or(Code::Corrupted)?);
        let tree = found().map_err(|code| self.error(code))?;
        let mut trees = self.trees.write();
        let known = &mut trees[table.index()];
        // A checkpoint's tree is of use to nobody else.
        if known.is_none_or(|known| known.snapshot < snapshot) {
            *known = Some(tree);
        }
        Ok(tree)
    }

    /// Goes to the first record of a table at or behind `from`, as `txn` sees it. Buckets of long keys are
    /// records like any other here.
    pub(crate) fn walk(&self, txn: &ReadTxn, table: Table, from: &[u8]) -> Result<Scan<'_>> {
        let tree = self.tree(txn, table)?;
        Scan::new(&self.pages, tree, from).map_err(|code| self.error(code))
    }

    /// Visits a range of what `txn` sees.
    pub(crate) fn scan(
        &self,
        txn: &ReadTxn,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        let failed = |code| self.error(code);
        let mut records = self.walk(txn, table, long_keys::head(from))?;
        while let Some((key, value)) = records.next().map_err(failed)? {
            let flow = if long_keys::is_bucket(key) {
                long_keys::scan(key, value, from, to, visit).map_err(failed)?
            } else if to.is_some_and(|to| key >= to) {
                ControlFlow::Break(())
            } else {
                visit(key, value)
            };
            if flow.is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Runs `write` in the write transaction and commits. The caller is the only writer.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut WriteTxn<'_>) -> raw::Result<T>) -> raw::Result<T> {
        let mut txn = WriteTxn::begin(&self.env)?;
        let out = write(&mut txn)?;
        txn.commit()?;
        Ok(out)
    }

    /// Notes that a commit looked at about so many bytes of the map.
    pub(crate) fn touched_by_writer(&self, bytes: usize) {
        let _map = self.map.read();
        self.resident.touched(bytes);
    }

    /// Whether a commit flushes its root page too, or leaves that to the next one.
    pub(crate) fn set_meta_sync(&self, on: bool) -> Result<()> {
        raw::set_meta_sync(&self.env, on).map_err(|code| self.error(code))
    }

    /// Whether a commit flushes at all.
    pub(crate) fn set_sync(&self, on: bool) -> Result<()> {
        raw::set_sync(&self.env, on).map_err(|code| self.error(code))
    }

    /// Flushes all that was committed.
    pub(crate) fn sync(&self) -> Result<()> {
        self.env.sync(true).map_err(|code| self.error(code))
    }

    /// How much of the file is used.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let info = self.env.info().map_err(|code| self.error(code))?;
        let total_bytes = (info.last_pgno() as u64 + 1) * self.page_bytes;
        Ok(Usage { commit: info.last_txnid(), total_bytes })
    }

    /// Bytes of pages that later commits use again.
    pub(crate) fn free_bytes(&self) -> Result<u64> {
        let reader = self.read()?;
        let pages = View::new(reader.txn(), &self.map).free_pages().map_err(|code| self.error(code))?;
        Ok(pages * self.page_bytes)
    }

    /// Bytes of pages that hold no data: free ones, and those that list them.
    pub(crate) fn idle_bytes(&self) -> Result<u64> {
        let reader = self.read()?;
        let view = View::new(reader.txn(), &self.map);
        let pages = view.free_pages().and_then(|free| Ok(free + view.free_list_pages()?));
        pages.map(|pages| pages * self.page_bytes).map_err(|code| self.error(code))
    }

    /// Doubles the map, up to `limit_bytes`. `false` when that is reached already. The caller is the only
    /// writer; waits for readers to let go of the map.
    pub(crate) fn grow(&self, limit_bytes: u64) -> Result<bool> {
        let old = self.env.info().map_err(|code| self.error(code))?.map_size() as u64;
        let new = open::map_size(old.saturating_mul(2), limit_bytes);
        let (true, Ok(bytes)) = (new > old, usize::try_from(new)) else { return Ok(false) };
        let map = self.map.write();
        // LMDB unmaps before it maps again; a failure in between would leave readers without a map.
        if !os::can_map(bytes) {
            return Err(engine(format!(
                "{}: no address space for a map of {bytes} bytes",
                self.path.display()
            )));
        }
        self.env.set_map_size(bytes).map_err(|code| self.error(code))?;
        let file = File::open(&self.path).map_err(|error| from_io(&error, &self.path))?;
        self.resident.moved(os::find_map(&file));
        drop(map);
        Ok(true)
    }
}
