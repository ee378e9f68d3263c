//! Opening a data file: how much address space it gets, whether it is whole, whether it is ours.

use crate::{
    Options,
    error::{from_code, from_io},
    os,
    raw::{Dbis, WriteTxn},
};
use lmdb::{DatabaseFlags, Environment, EnvironmentFlags, Error as Code};
use oxetcd_storage::{Error, Result, Table};
use std::{fs::File, path::Path};

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
    builder.open(path).map_err(|code| match code {
        // A header that is cut short.
        Code::Other(libc::EINVAL) => Error::Corrupt(format!("{}: not an LMDB file", path.display())),
        code => from_code(code, path),
    })
}

/// Reading a page behind the end of the file would kill the process, so a cut file is found out here.
pub(crate) fn check_length(env: &Environment, file: &File, path: &Path) -> Result<()> {
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
