//! The C calls, behind types that cannot be misused from the rest of the crate.
//!
//! LMDB hands out pointers into its map. They stay good while their transaction lives *and* the map is not
//! moved by growth, so a slice is reachable only through a [`View`], which holds both: a borrow of the
//! transaction and a read lock of the map. A transaction without a view may outlive a growth, because LMDB
//! keeps page numbers in it, not addresses. Records are read elsewhere (see `pages`); what is read through the
//! map is what only LMDB knows.
//!
//! The environment is opened with `NO_TLS`, so a read transaction is an object that may move between threads.

#![allow(unsafe_code)]

use lmdb::{Environment, Error as Code};
use lmdb_sys as ffi;
use oxetcd_storage::Table;
use parking_lot::{RwLock, RwLockReadGuard};
use std::{ffi::CString, marker::PhantomData, os::raw::c_uint, ptr};

/// Result of a C call.
pub(crate) type Result<T> = std::result::Result<T, Code>;
/// A record: key and value, in the map.
pub(crate) type Record<'v> = (&'v [u8], &'v [u8]);

/// Handle of a named database.
#[derive(Clone, Copy)]
pub(crate) struct Dbi(ffi::MDB_dbi);

/// The list of free pages, in every environment.
const FREE_DBI: Dbi = Dbi(0);

/// Handles of all tables, by [`Table::index`].
pub(crate) type Dbis = [Dbi; Table::ALL.len()];

fn check(code: libc::c_int) -> Result<()> {
    if code == ffi::MDB_SUCCESS { Ok(()) } else { Err(Code::from_err_code(code)) }
}

/// `None` for "not found".
fn found(code: libc::c_int) -> Result<Option<()>> {
    match check(code) {
        Err(Code::NotFound) => Ok(None),
        other => other.map(Some),
    }
}

fn to_val(bytes: &[u8]) -> ffi::MDB_val {
    ffi::MDB_val { mv_size: bytes.len(), mv_data: bytes.as_ptr() as *mut _ }
}

fn empty_val() -> ffi::MDB_val {
    ffi::MDB_val { mv_size: 0, mv_data: ptr::null_mut() }
}

/// # Safety
/// `val` was filled by LMDB, and its memory stays unchanged for `'v`.
unsafe fn to_slice<'v>(val: ffi::MDB_val) -> &'v [u8] {
    if val.mv_size == 0 {
        return &[];
    }
    // SAFETY: LMDB returns a pointer to `mv_size` bytes; the caller vouches for how long.
    unsafe { std::slice::from_raw_parts(val.mv_data as *const u8, val.mv_size) }
}

/// Sets or clears `NO_META_SYNC`: whether a commit leaves the flush of its root page to the next one.
pub(crate) fn set_meta_sync(env: &Environment, on: bool) -> Result<()> {
    // SAFETY: the environment is open, and the flag is one that may change at any time.
    check(unsafe { ffi::mdb_env_set_flags(env.env(), ffi::MDB_NOMETASYNC, i32::from(!on)) })
}

/// Sets or clears `NO_SYNC`, for bulk loads that end in one flush.
pub(crate) fn set_sync(env: &Environment, on: bool) -> Result<()> {
    // SAFETY: as above.
    check(unsafe { ffi::mdb_env_set_flags(env.env(), ffi::MDB_NOSYNC, i32::from(!on)) })
}

/// A read transaction, without access to what it sees: that takes a [`View`].
pub(crate) struct ReadTxn(*mut ffi::MDB_txn);

// SAFETY: with `NO_TLS` a read transaction is tied to no thread; `&mut` or ownership serialises its use.
unsafe impl Send for ReadTxn {}

impl ReadTxn {
    /// Begins one. The caller keeps `env` alive for as long as it lives.
    pub(crate) fn begin(env: &Environment) -> Result<Self> {
        let mut txn = ptr::null_mut();
        // SAFETY: the environment is open; `txn` receives the new transaction.
        check(unsafe { ffi::mdb_txn_begin(env.env(), ptr::null_mut(), ffi::MDB_RDONLY, &mut txn) })?;
        Ok(ReadTxn(txn))
    }

    /// Lets go of what it sees, but keeps its place in the reader table.
    pub(crate) fn reset(&mut self) {
        // SAFETY: a live read transaction, of which no view is left (`&mut`).
        unsafe { ffi::mdb_txn_reset(self.0) }
    }

    /// Number of the commit that it sees.
    pub(crate) fn snapshot(&self) -> usize {
        // SAFETY: a live transaction.
        unsafe { ffi::mdb_txn_id(self.0) }
    }

    /// Looks at the newest commit again, after [`ReadTxn::reset`].
    pub(crate) fn renew(&mut self) -> Result<()> {
        // SAFETY: a live read transaction; LMDB itself refuses one that was not reset.
        check(unsafe { ffi::mdb_txn_renew(self.0) })
    }
}

impl Drop for ReadTxn {
    fn drop(&mut self) {
        // SAFETY: the only owner; views borrow it, so none is left.
        unsafe { ffi::mdb_txn_abort(self.0) }
    }
}

/// What a read transaction sees, while the map stays where it is.
pub(crate) struct View<'v> {
    txn: &'v ReadTxn,
    _map: RwLockReadGuard<'v, ()>,
}

impl<'v> View<'v> {
    /// Holds the map for reading. `map` is the lock that [`grow`] takes for writing.
    pub(crate) fn new(txn: &'v ReadTxn, map: &'v RwLock<()>) -> Self {
        // Recursive: a visitor may itself read, and must not wait behind a growth that waits for it.
        View { txn, _map: map.read_recursive() }
    }

    /// The record that describes a named database; `None` for one that does not exist.
    pub(crate) fn describe(&self, name: &str) -> Result<Option<&[u8]>> {
        const MAIN_DBI: ffi::MDB_dbi = 1;
        let (mut key, mut value) = (to_val(name.as_bytes()), empty_val());
        // SAFETY: live transaction and handle; LMDB only reads `key`. The map is held by `self`.
        unsafe {
            let code = ffi::mdb_get(self.txn.0, MAIN_DBI, &mut key, &mut value);
            Ok(found(code)?.map(|()| to_slice(value)))
        }
    }

    /// A cursor over a table.
    pub(crate) fn cursor(&self, dbi: Dbi) -> Result<Cursor<'_>> {
        let mut cursor = ptr::null_mut();
        // SAFETY: live transaction and handle; the cursor borrows `self`, so it is closed before both.
        check(unsafe { ffi::mdb_cursor_open(self.txn.0, dbi.0, &mut cursor) })?;
        Ok(Cursor { cursor, _view: PhantomData })
    }

    /// Number of pages that the list of free ones takes itself.
    pub(crate) fn free_list_pages(&self) -> Result<u64> {
        let mut stat = std::mem::MaybeUninit::<ffi::MDB_stat>::zeroed();
        // SAFETY: a live transaction, and a handle that every environment has.
        check(unsafe { ffi::mdb_stat(self.txn.0, FREE_DBI.0, stat.as_mut_ptr()) })?;
        // SAFETY: it holds numbers only, of which zero is one, and they were filled in.
        let stat = unsafe { stat.assume_init() };
        Ok((stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) as u64)
    }

    /// Number of pages on the list of free ones.
    pub(crate) fn free_pages(&self) -> Result<u64> {
        let mut cursor = self.cursor(FREE_DBI)?;
        let mut pages = 0;
        let mut at = cursor.seek(&[])?;
        while let Some((_, list)) = at {
            // A list of page numbers, led by how many there are.
            let (count, _) = list.split_first_chunk().ok_or(Code::Corrupted)?;
            pages += usize::from_ne_bytes(*count) as u64;
            at = cursor.next()?;
        }
        Ok(pages)
    }
}

/// A place in a table; its records live as long as the view.
pub(crate) struct Cursor<'v> {
    cursor: *mut ffi::MDB_cursor,
    _view: PhantomData<&'v ()>,
}

impl<'v> Cursor<'v> {
    /// Goes to the first record at or behind `key`; the empty key means the first of all.
    pub(crate) fn seek(&mut self, key: &[u8]) -> Result<Option<Record<'v>>> {
        self.go(key, if key.is_empty() { ffi::MDB_FIRST } else { ffi::MDB_SET_RANGE })
    }

    /// Goes one record on.
    pub(crate) fn next(&mut self) -> Result<Option<Record<'v>>> {
        self.go(&[], ffi::MDB_NEXT)
    }

    fn go(&mut self, key: &[u8], op: c_uint) -> Result<Option<Record<'v>>> {
        let (mut key, mut value) = (to_val(key), empty_val());
        // SAFETY: a live cursor; what it returns lies in the map, which the view holds for `'v`.
        unsafe {
            let code = ffi::mdb_cursor_get(self.cursor, &mut key, &mut value, op);
            Ok(found(code)?.map(|()| (to_slice(key), to_slice(value))))
        }
    }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        // SAFETY: the transaction is still live: the view borrows it, and the cursor borrows the view.
        unsafe { ffi::mdb_cursor_close(self.cursor) }
    }
}

/// The one write transaction; dropped without a commit it leaves no trace.
pub(crate) struct WriteTxn<'e> {
    txn: *mut ffi::MDB_txn,
    _env: PhantomData<&'e Environment>,
}

impl<'e> WriteTxn<'e> {
    /// Begins it. The caller holds the writer's lock and the map for reading.
    pub(crate) fn begin(env: &'e Environment) -> Result<Self> {
        let mut txn = ptr::null_mut();
        // SAFETY: the environment is open; `txn` receives the new transaction.
        check(unsafe { ffi::mdb_txn_begin(env.env(), ptr::null_mut(), 0, &mut txn) })?;
        Ok(WriteTxn { txn, _env: PhantomData })
    }

    /// Opens a named database, or creates it.
    pub(crate) fn open(&mut self, name: &str) -> Result<Dbi> {
        let name = CString::new(name).map_err(|_| Code::BadValSize)?;
        let mut dbi = 0;
        // SAFETY: live transaction, and a string that ends in a zero.
        check(unsafe { ffi::mdb_dbi_open(self.txn, name.as_ptr(), ffi::MDB_CREATE, &mut dbi) })?;
        Ok(Dbi(dbi))
    }

    /// The value of `key`; a copy, since the next write may move it.
    pub(crate) fn get(&mut self, dbi: Dbi, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let (mut key, mut value) = (to_val(key), empty_val());
        // SAFETY: live transaction and handle; the slice is copied before anything else happens.
        unsafe {
            let code = ffi::mdb_get(self.txn, dbi.0, &mut key, &mut value);
            Ok(found(code)?.map(|()| to_slice(value).to_vec()))
        }
    }

    /// Sets `key` to `value`.
    pub(crate) fn put(&mut self, dbi: Dbi, key: &[u8], value: &[u8]) -> Result<()> {
        self.put_with(dbi, key, value, 0)
    }

    /// Sets `key`, which lies behind all keys of its table: fills pages to the brim. `false`, and nothing
    /// written, when it does not.
    pub(crate) fn append(&mut self, dbi: Dbi, key: &[u8], value: &[u8]) -> Result<bool> {
        match self.put_with(dbi, key, value, ffi::MDB_APPEND) {
            Err(Code::KeyExist) => Ok(false),
            other => other.map(|()| true),
        }
    }

    fn put_with(&mut self, dbi: Dbi, key: &[u8], value: &[u8], flags: c_uint) -> Result<()> {
        let (mut key, mut value) = (to_val(key), to_val(value));
        // SAFETY: live transaction and handle; without RESERVE, LMDB only reads both.
        check(unsafe { ffi::mdb_put(self.txn, dbi.0, &mut key, &mut value, flags) })
    }

    /// Deletes `key` if it is there.
    pub(crate) fn delete(&mut self, dbi: Dbi, key: &[u8]) -> Result<()> {
        let mut key = to_val(key);
        // SAFETY: live transaction and handle; LMDB only reads `key`.
        found(unsafe { ffi::mdb_del(self.txn, dbi.0, &mut key, ptr::null_mut()) }).map(drop)
    }

    /// Makes it all visible, and durable as the environment's flags say.
    pub(crate) fn commit(self) -> Result<()> {
        let txn = self.txn;
        std::mem::forget(self);
        // SAFETY: a live transaction, which this call ends also when it fails.
        check(unsafe { ffi::mdb_txn_commit(txn) })
    }
}

impl Drop for WriteTxn<'_> {
    fn drop(&mut self) {
        // SAFETY: the only owner of a live transaction.
        unsafe { ffi::mdb_txn_abort(self.txn) }
    }
}
