//! Opening a data file: how much address space it gets, whether it is whole, whether it is ours.

use crate::{
    Options,
    error::{from_code, from_io},
    os,
    pages::{Pages, Tree},
    raw::{Dbis, WriteTxn},
};
use lmdb::{DatabaseFlags, Environment, EnvironmentFlags, Error as Code};
use oxetcd_storage::{Error, Result, Table};
use std::{fs::File, os::unix::fs::FileExt, path::Path};

/// Version of what we put into the file. A newer one is refused.
const FORMAT: &str = "1";
/// Database that holds the version.
const FORMAT_TABLE: &str = "oxetcd";
const FORMAT_KEY: &[u8] = b"format";
/// Map sizes are multiples of this; any page size divides it.
const MAP_STEP: u64 = 1 << 20;

/// `bytes` as a map size that does not pass `limit_bytes`.
pub(crate) fn map_size(bytes: u64, limit_bytes: u64) -> u64 {
    bytes.clamp(MAP_STEP, limit_bytes.max(MAP_STEP)).next_multiple_of(MAP_STEP)
}

/// Opens the environment with as much of the wanted address space as there is.
pub(crate) fn open_reserved(path: &Path, options: &Options) -> Result<Environment> {
    let flags = EnvironmentFlags::NO_SUB_DIR | EnvironmentFlags::NO_TLS;
    let mut bytes = map_size(options.reserve_bytes, options.map_limit_bytes());
    while bytes > MAP_STEP && usize::try_from(bytes).map_or(true, |bytes| !os::can_map(bytes)) {
        bytes = map_size(bytes / 2, bytes);
    }
    let mut builder = Environment::new();
    builder.set_flags(flags).set_max_dbs(Table::ALL.len() as u32 + 1);
    builder.set_map_size(usize::try_from(bytes).unwrap_or(usize::MAX));
    builder.open(path).map_err(|code| from_code(code, path))
}

/// One of the two root pages, which take turns: what the last commit but one, or the last one, left.
struct Root {
    /// Number of the commit.
    commit: u64,
    /// Number of the last page ever used.
    last_page: u64,
    /// The trees of free pages and of tables.
    books: [[u8; 48]; 2],
}

/// LMDB trusts its file. So before it gets to see one: is it an LMDB file, is it whole, and are the trees sound
/// that LMDB looks into when it opens? They are a few pages.
pub(crate) fn check_file(path: &Path) -> Result<()> {
    let file = File::open(path).map_err(|error| from_io(&error, path))?;
    let length = file.metadata().map_err(|error| from_io(&error, path))?.len();
    let failed = |code| from_code(code, path);
    let mut header = [0; 64];
    file.read_exact_at(&mut header, 0).map_err(|_| failed(Code::Invalid))?;
    // The page size is noted in the first tree.
    let page_bytes =
        u32_at(&header, 40).filter(|bytes| bytes.is_power_of_two() && (4096..=65536).contains(bytes));
    let page_bytes = page_bytes.ok_or_else(|| failed(Code::Invalid))?;
    let pages = Pages::new(file, page_bytes as usize);
    let roots = [read_root(&pages, 0).map_err(failed)?, read_root(&pages, 1).map_err(failed)?];
    let newest = if roots[0].commit > roots[1].commit { &roots[0] } else { &roots[1] };
    // Reading a page behind the end of the file through the map would kill the process.
    let needed = newest.last_page.saturating_add(1).saturating_mul(page_bytes.into());
    if length < needed {
        let path = path.display();
        return Err(Error::Corrupt(format!("{path}: cut short: {length} bytes of at least {needed}")));
    }
    let check = |record: &[u8; 48]| pages.check(Tree::parse(0, record)?);
    newest.books.iter().try_for_each(check).map_err(failed)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_ne_bytes(*word))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|word| u64::from_ne_bytes(*word))
}

fn read_root(pages: &Pages, number: u64) -> std::result::Result<Root, Code> {
    let mut page = vec![0; pages.page_bytes()];
    pages.read(number, &mut page)?;
    // Behind the page's header: magic (4), version (4), address (8), map size (8), trees (48 each), last page (8),
    // commit (8).
    match (u32_at(&page, 16), u32_at(&page, 20)) {
        (Some(0xbeef_c0de), Some(1)) => {}
        (Some(0xbeef_c0de), _) => return Err(Code::VersionMismatch),
        _ => return Err(Code::Invalid),
    }
    let tree = |at: usize| page.get(at..)?.first_chunk().copied();
    let root = || {
        Some(Root {
            commit: u64_at(&page, 144)?,
            last_page: u64_at(&page, 136)?,
            books: [tree(40)?, tree(88)?],
        })
    };
    root().ok_or(Code::Corrupted)
}

/// Opens every table. In a file without any table, creates them and notes our format.
pub(crate) fn open_tables(env: &Environment, path: &Path) -> Result<Dbis> {
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
