//! One open data file.
//!
//! LMDB maps the whole file. The map is reserved far larger than the file (address space costs nothing, and the
//! file grows only by what is written), so in practice it never has to move. Where so much address space is not
//! to be had, [`Env::grow`] moves it; for that moment no reader may look at it, and long scans step aside.
//!
//! Read transactions are pooled: a used one keeps its slot in LMDB's reader table, and taking it again costs
//! two atomic writes instead of a lock.

use crate::{
    Options,
    error::{engine, from_code, from_io},
    files::Dir,
    long_keys,
    lookup::{Pages, Scratch, Tree},
    os,
    raw::{self, Cursor, Dbi, Dbis, ReadTxn, View, WriteTxn},
    resident::{LOOKUP_BYTES, Resident},
};
use lmdb::{DatabaseFlags, Environment, EnvironmentFlags, Error as Code};
use oxetcd_storage::{Error, Result, Table, Visit};
use parking_lot::{Mutex, RwLock};
use std::{
    fs::File,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Version of what we put into the file. A newer one is refused.
const FORMAT: &str = "1";
/// Database that holds the version.
const FORMAT_TABLE: &str = "oxetcd";
const FORMAT_KEY: &[u8] = b"format";
/// Map sizes are multiples of this; any page size divides it.
const MAP_STEP: u64 = 1 << 20;
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
    /// Asks long scans to let go of the map for a moment.
    growing: AtomicBool,
    resident: Resident,
    pages: Pages,
    /// Where the tables' trees begin, as of the newest commit that was looked at.
    trees: RwLock<[Option<Tree>; Table::ALL.len()]>,
    path: PathBuf,
    page_bytes: u64,
    /// The directory stays locked until the last reader of this file is gone.
    _dir: Arc<Dir>,
}

/// What a reader leaves to the next one.
struct Idle {
    txn: ReadTxn,
    scratch: Scratch,
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
    /// Opens the file at `path`, or makes it there.
    pub(crate) fn open(dir: Arc<Dir>, path: &Path, options: &Options) -> Result<Self> {
        crate::files::prepare_lock_file(path)?;
        let env = open_reserved(path, options)?;
        let file = File::open(path).map_err(|error| from_io(&error, path))?;
        check_length(&env, &file, path)?;
        let dbis = open_tables(&env, path)?;
        let page_bytes = u64::from(env.stat().map_err(|code| from_code(code, path))?.page_size());
        let resident = Resident::new(os::find_map(&file), options.resident_bytes);
        Ok(Env {
            idle: Mutex::default(),
            env,
            dbis,
            map: RwLock::new(()),
            growing: AtomicBool::new(false),
            resident,
            pages: Pages::new(file, page_bytes as usize),
            trees: RwLock::default(),
            path: path.to_owned(),
            page_bytes,
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
        Ok(Reader { idle: Some(self.begin()?), env: self })
    }

    /// A read transaction for an owner that keeps this environment alive.
    pub(crate) fn begin_read(&self) -> Result<ReadTxn> {
        Ok(self.begin()?.txn)
    }

    fn begin(&self) -> Result<Idle> {
        let idle = self.idle.lock().pop();
        let begun = match idle {
            Some(mut idle) => idle.txn.renew().map(|()| idle),
            None => ReadTxn::begin(&self.env).map(|txn| Idle { txn, scratch: Scratch::default() }),
        };
        begun.map_err(|code| self.error(code))
    }

    /// Where a table's tree begins for `txn`.
    fn tree(&self, txn: &ReadTxn, table: Table) -> Result<Tree> {
        let snapshot = txn.snapshot();
        match self.trees.read()[table.index()] {
            Some(tree) if tree.snapshot == snapshot => return Ok(tree),
            _ => {}
        }
        let view = self.view(txn);
        let found = || Tree::parse(snapshot, view.describe(table.name())?.ok_or(Code::Corrupted)?);
        let tree = found().map_err(|code| self.error(code))?;
        self.touched(&view, LOOKUP_BYTES);
        self.trees.write()[table.index()] = Some(tree);
        Ok(tree)
    }

    /// What `txn` sees.
    pub(crate) fn view<'v>(&'v self, txn: &'v ReadTxn) -> View<'v> {
        View::new(txn, &self.map)
    }

    /// Notes that about so many bytes of the map were looked at. The view holds the map where it is meanwhile.
    pub(crate) fn touched(&self, _view: &View<'_>, bytes: usize) {
        self.resident.touched(bytes);
    }

    /// Visits a range of what `txn` sees. Lets go of the map between two records when it has to grow.
    pub(crate) fn scan(
        &self,
        txn: &ReadTxn,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        let mut next = None;
        loop {
            let from = next.as_deref().unwrap_or(from);
            next = self.scan_part(txn, table, from, to, visit)?;
            if next.is_none() {
                return Ok(());
            }
            // Blocks while the map grows, and only then.
            drop(self.map.read());
        }
    }

    /// Visits until the end, or until growth asks for the map: then returns where to go on.
    fn scan_part(
        &self,
        txn: &ReadTxn,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<Option<Vec<u8>>> {
        let view = self.view(txn);
        let failed = |code| self.error(code);
        let mut cursor: Cursor<'_> = view.cursor(self.dbi(table)).map_err(failed)?;
        let mut at = cursor.seek(long_keys::head(from)).map_err(failed)?;
        let mut seen = 0;
        while let Some((key, value)) = at {
            let flow = if long_keys::is_bucket(key) {
                long_keys::scan(key, value, from, to, visit).map_err(failed)?
            } else if to.is_some_and(|to| key >= to) {
                ControlFlow::Break(())
            } else {
                visit(key, value)
            };
            if flow.is_break() {
                self.touched(&view, seen);
                return Ok(None);
            }
            seen += key.len() + value.len() + 8;
            if seen >= crate::resident::STEP_BYTES {
                self.touched(&view, std::mem::take(&mut seen));
            }
            at = cursor.next().map_err(failed)?;
            if self.growing.load(Ordering::Relaxed) {
                return Ok(at.map(|(key, _)| key.to_vec()));
            }
        }
        self.touched(&view, seen);
        Ok(None)
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
        let pages = self.view(reader.txn()).free_pages().map_err(|code| self.error(code))?;
        Ok(pages * self.page_bytes)
    }

    /// Doubles the map, up to `limit_bytes`. `false` when that is reached already. The caller is the only
    /// writer; waits for readers to let go of the map.
    pub(crate) fn grow(&self, limit_bytes: u64) -> Result<bool> {
        let old = self.env.info().map_err(|code| self.error(code))?.map_size() as u64;
        let new = map_size(old.saturating_mul(2), limit_bytes);
        let (true, Ok(bytes)) = (new > old, usize::try_from(new)) else { return Ok(false) };
        self.growing.store(true, Ordering::Relaxed);
        let map = self.map.write();
        self.growing.store(false, Ordering::Relaxed);
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

/// A read transaction out of the pool.
pub(crate) struct Reader<'e> {
    env: &'e Env,
    /// Taken on drop only.
    idle: Option<Idle>,
}

impl Reader<'_> {
    /// The transaction.
    pub(crate) fn txn(&self) -> &ReadTxn {
        &self.idle.as_ref().expect("taken on drop only").txn
    }

    /// Looks keys of a table up, one after the other.
    pub(crate) fn lookup(&mut self, table: Table) -> Result<Lookup<'_>> {
        let tree = self.env.tree(self.txn(), table)?;
        let idle = self.idle.as_mut().expect("taken on drop only");
        Ok(Lookup { env: self.env, tree, scratch: &mut idle.scratch, _txn: &idle.txn })
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let Some(mut idle) = self.idle.take() else { return };
        idle.txn.reset();
        idle.scratch.clear();
        let mut all = self.env.idle.lock();
        if all.len() < POOLED_MAX {
            all.push(idle);
        }
    }
}

/// Looks keys of one table up, in one snapshot.
pub(crate) struct Lookup<'r> {
    env: &'r Env,
    tree: Tree,
    scratch: &'r mut Scratch,
    /// Keeps the pages as they are.
    _txn: &'r ReadTxn,
}

impl Lookup<'_> {
    /// The value of `key`.
    pub(crate) fn find(&mut self, key: &[u8]) -> Result<Option<&[u8]>> {
        if key.is_empty() {
            return Ok(None);
        }
        let env = self.env;
        let found =
            env.pages.find(self.tree, long_keys::head(key), self.scratch).map_err(|code| env.error(code))?;
        match (found, long_keys::tail(key)) {
            (Some(bucket), Some(tail)) => long_keys::find(bucket, tail).map_err(|code| env.error(code)),
            (found, _) => Ok(found),
        }
    }
}

/// `bytes` as a map size that does not pass `limit_bytes`.
fn map_size(bytes: u64, limit_bytes: u64) -> u64 {
    bytes.clamp(MAP_STEP, limit_bytes.max(MAP_STEP)).next_multiple_of(MAP_STEP)
}

/// Opens the environment with as much of the wanted address space as there is.
fn open_reserved(path: &Path, options: &Options) -> Result<Environment> {
    let flags = EnvironmentFlags::NO_SUB_DIR | EnvironmentFlags::NO_TLS;
    let mut bytes = map_size(options.reserve_bytes, options.map_limit_bytes());
    while bytes > MAP_STEP && usize::try_from(bytes).map_or(true, |bytes| !os::can_map(bytes)) {
        bytes = map_size(bytes / 2, bytes);
    }
    let mut builder = Environment::new();
    builder.set_flags(flags).set_max_dbs(Table::ALL.len() as u32 + 1);
    builder.set_map_size(usize::try_from(bytes).unwrap_or(usize::MAX));
    builder.open(path).map_err(|code| match code {
        // A header that is cut short.
        Code::Other(libc::EINVAL) => Error::Corrupt(format!("{}: not an LMDB file", path.display())),
        code => from_code(code, path),
    })
}

/// Reading a page behind the end of the file would kill the process, so a cut file is found out here.
fn check_length(env: &Environment, file: &File, path: &Path) -> Result<()> {
    let info = env.info().map_err(|code| from_code(code, path))?;
    let page_bytes = env.stat().map_err(|code| from_code(code, path))?.page_size() as usize;
    let needed = (info.last_pgno() as u64 + 1) * page_bytes as u64;
    let length = file.metadata().map_err(|error| from_io(&error, path))?.len();
    if length < needed {
        let path = path.display();
        return Err(Error::Corrupt(format!("{path}: cut short: {length} bytes of at least {needed}")));
    }
    Ok(())
}

/// Opens every table. In a file without any table, creates them and notes our format.
fn open_tables(env: &Environment, path: &Path) -> Result<Dbis> {
    let corrupt = |what: String| Error::Corrupt(format!("{}: {what}", path.display()));
    let failed = |code| from_code(code, path);
    let entries = env.stat().map_err(failed)?.entries();
    if entries > 0 {
        match env.open_db(Some(FORMAT_TABLE)) {
            Ok(_) => {}
            Err(Code::NotFound | Code::Incompatible) => {
                return Err(corrupt("an LMDB file, but not of oxetcd".into()));
            }
            Err(code) => return Err(failed(code)),
        }
    } else {
        env.create_db(Some(FORMAT_TABLE), DatabaseFlags::empty()).map_err(failed)?;
    }
    let mut txn = WriteTxn::begin(env).map_err(failed)?;
    let format = txn.open(FORMAT_TABLE).map_err(failed)?;
    match txn.get(format, FORMAT_KEY).map_err(failed)? {
        Some(version) if version == FORMAT.as_bytes() => {}
        Some(version) => {
            let version = String::from_utf8_lossy(&version).into_owned();
            return Err(corrupt(format!("has format {version}, this program reads format {FORMAT}")));
        }
        None if entries == 0 => txn.put(format, FORMAT_KEY, FORMAT.as_bytes()).map_err(failed)?,
        None => return Err(corrupt("has no format version".into())),
    }
    let mut dbis = [format; Table::ALL.len()];
    for table in Table::ALL {
        dbis[table.index()] = txn.open(table.name()).map_err(failed)?;
    }
    txn.commit().map_err(failed)?;
    Ok(dbis)
}
