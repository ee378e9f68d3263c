//! A database file as it would be with some changes made: what restoring, defragmenting and migrating write.
//!
//! The file itself is never changed. Its records are read in order, the changes are mixed in, and the result goes
//! into a new file or into an engine. Small tables are changed by value; to the records of keys, which may be many,
//! one can only be added at the end.

use crate::import::Copy;
use oxetcd_storage::{Engine, Table};
use oxetcd_storage_bolt::{Error, ExportError, Reader, Visit, plan, write};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io,
    ops::ControlFlow,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Records of a small table.
type Records = BTreeMap<Vec<u8>, Vec<u8>>;
/// Is told of bytes that have been read.
pub type Progress<'a> = dyn FnMut(u64) + 'a;

/// A database file with changes that are not in it.
pub struct Altered<'a> {
    reader: &'a Reader,
    buckets: Vec<Vec<u8>>,
    tables: BTreeMap<&'static str, Records>,
    last_key: Option<(Vec<u8>, Vec<u8>)>,
}

impl<'a> Altered<'a> {
    /// The file as it is; with every bucket that a member wants to find.
    ///
    /// # Errors
    /// When its list of buckets is damaged.
    pub fn new(reader: &'a Reader) -> Result<Self, Error> {
        let mut buckets = reader.buckets()?;
        buckets.extend(Table::ALL.map(|table| table.name().as_bytes().to_vec()));
        buckets.sort_unstable();
        buckets.dedup();
        Ok(Altered { reader, buckets, tables: BTreeMap::new(), last_key: None })
    }

    /// The records of a table other than that of the keys, to be changed.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn table(&mut self, table: Table) -> Result<&mut Records, Error> {
        if !self.tables.contains_key(table.name()) {
            let mut records = Records::new();
            self.scan_file(table.name().as_bytes(), &mut |key, value| {
                records.insert(key.to_vec(), value.to_vec());
                ControlFlow::Continue(())
            })?;
            self.tables.insert(table.name(), records);
        }
        Ok(self.tables.entry(table.name()).or_default())
    }

    /// Adds a record behind all others of the keys.
    pub fn add_key(&mut self, place: Vec<u8>, record: Vec<u8>) {
        self.last_key = Some((place, record));
    }

    /// Writes it as a new file, durably: whoever opens `path` finds all of the old one or all of the new one.
    ///
    /// # Errors
    /// When the file is damaged, or the new one cannot be written; the text names it.
    pub fn write(&self, path: &Path, progress: &mut Progress<'_>) -> Result<(), String> {
        // A start of the server removes it if this is interrupted.
        let temporary = path.with_file_name("tmp-db");
        let done = self.write_new(&temporary, progress).and_then(|()| {
            let renamed = fs::rename(&temporary, path).and_then(|()| sync_parent(path));
            renamed.map_err(|error| error.to_string())
        });
        if done.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        done.map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    fn write_new(&self, path: &Path, progress: &mut Progress<'_>) -> Result<(), String> {
        let text = |error: ExportError<Error>| error.to_string();
        let layout = plan(&self.buckets, |at, visit| self.scan(at, &mut |_| {}, visit)).map_err(text)?;
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
        let file = file.map_err(|error| error.to_string())?;
        write(&self.buckets, layout, &file, |at, visit| self.scan(at, progress, visit)).map_err(text)?;
        file.sync_all().map_err(|error| error.to_string())
    }

    /// Copies the tables into `engine`, which is empty. What has been copied is not yet on the device.
    ///
    /// # Errors
    /// When the file is damaged, or the engine fails.
    pub fn copy_to(&self, engine: &dyn Engine, progress: &mut Progress<'_>) -> Result<(), String> {
        let mut copy = Copy::into(engine);
        for table in Table::ALL {
            let name = table.name().as_bytes();
            let Some(at) = self.buckets.iter().position(|bucket| bucket == name) else { continue };
            let mut done = Ok(());
            let scanned = self.scan(at, progress, &mut |key, value| {
                done = copy.put(table, key, value);
                if done.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            scanned.map_err(|error| error.to_string())?;
            done.and_then(|()| copy.commit()).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn scan(&self, at: usize, progress: &mut Progress<'_>, visit: &mut Visit<'_>) -> Result<(), Error> {
        let bucket = &self.buckets[at];
        let changed = std::str::from_utf8(bucket).ok().and_then(|name| self.tables.get(name));
        if let Some(records) = changed {
            let _ = records.iter().try_for_each(|(key, value)| visit(key, value));
            return Ok(());
        }
        let mut stopped = false;
        self.scan_file(bucket, &mut |key, value| {
            progress((key.len() + value.len()) as u64);
            let next = visit(key, value);
            stopped = next.is_break();
            next
        })?;
        if let (Some((place, record)), false) = (&self.last_key, stopped)
            && bucket == Table::Key.name().as_bytes()
        {
            let _ = visit(place, record);
        }
        Ok(())
    }

    /// Visits the records of a bucket as the file has them; none if there is no such bucket.
    fn scan_file(&self, bucket: &[u8], visit: &mut Visit<'_>) -> Result<(), Error> {
        if !self.reader.has_bucket(bucket)? {
            return Ok(());
        }
        self.reader.scan(bucket, b"", visit)
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}
