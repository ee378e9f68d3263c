//! A disk with a stopwatch: how long its writes and syncs take.
//!
//! The log and the snapshot files are kept by a core that reads no clock, and through a trait that says what a
//! disk is. So whoever wants to know how long the disk took puts this between the two.

use oxetcd_consensus::disk::{Disk, DiskFile, Open};
use prometheus::Histogram;
use std::{io, path::Path, sync::Arc, time::Instant};

/// The times of one kind of files, in seconds.
#[derive(Clone)]
pub(crate) struct DiskTimes {
    /// Writing, without the sync; `None` when nobody asks.
    pub(crate) write: Option<Histogram>,
    /// Waiting for the device.
    pub(crate) sync: Histogram,
}

/// A disk whose files are timed.
pub(crate) struct MeteredDisk {
    disk: Arc<dyn Disk>,
    times: DiskTimes,
}

struct MeteredFile {
    file: Box<dyn DiskFile>,
    times: DiskTimes,
}

impl MeteredDisk {
    /// `disk`, with its files' times noted in `times`.
    pub(crate) fn new(disk: Arc<dyn Disk>, times: DiskTimes) -> Self {
        MeteredDisk { disk, times }
    }
}

impl Disk for MeteredDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>> {
        let file = self.disk.open(path, how)?;
        Ok(Box::new(MeteredFile { file, times: self.times.clone() }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_file(path)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.remove_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }
}

impl DiskFile for MeteredFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let Some(times) = &self.times.write else { return self.file.write_at(bytes, offset) };
        let began = Instant::now();
        let written = self.file.write_at(bytes, offset);
        times.observe(began.elapsed().as_secs_f64());
        written
    }

    fn sync_data(&mut self) -> io::Result<()> {
        let began = Instant::now();
        let synced = self.file.sync_data();
        self.times.sync.observe(began.elapsed().as_secs_f64());
        synced
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        self.file.allocate(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxetcd_consensus::disk::MemDisk;
    use prometheus::HistogramOpts;

    #[test]
    fn what_the_disk_does_is_timed_and_done() -> io::Result<()> {
        let times = || Histogram::with_opts(HistogramOpts::new("times", "times")).map_err(io::Error::other);
        let (write, sync) = (times()?, times()?);
        let kept = DiskTimes { write: Some(write.clone()), sync: sync.clone() };
        let disk = MeteredDisk::new(Arc::new(MemDisk::new()), kept);
        disk.create_dir(Path::new("/d"))?;
        let mut file = disk.open(Path::new("/d/f"), Open::Create)?;
        file.write_at(b"abc", 0)?;
        file.write_at(b"def", 3)?;
        file.sync_data()?;
        let mut read = [0; 6];
        assert_eq!((file.len()?, file.read_at(&mut read, 0)?, &read), (6, 6, b"abcdef"));
        assert_eq!((write.get_sample_count(), sync.get_sample_count()), (2, 1));
        Ok(())
    }
}
