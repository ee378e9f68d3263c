//! Giving the room of large files back, a little at a time.
//!
//! Removing a file of a gigabyte at once keeps the file system's journal busy, and whoever flushes another file behind
//! the same journal - the write-ahead log, above all - waits for it: 70 to 160 ms were seen. So a file that is no longer
//! needed loses its name first, and then its end, piece by piece, with rests in between, on a thread of its own. What a
//! process does not come to before it ends, the system does then.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Bytes given back at a time.
const STEP_BYTES: u64 = 16 << 20;
/// Rest between two steps: as long as the step took, within these.
const REST_MIN: Duration = Duration::from_millis(5);
const REST_MAX: Duration = Duration::from_millis(50);

/// A file without a name, whose room is given back when this is dropped: in the background, a little at a time.
///
/// To be dropped behind everything that still reads the file, above all through a map, which must not lose what it maps.
#[derive(Debug)]
pub struct Doomed(Option<File>);

impl Doomed {
    /// Takes the name from the file at `path`.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn unlink(path: &Path) -> io::Result<Doomed> {
        // Without a handle it is removed all the same, at once.
        let file = OpenOptions::new().write(true).open(path).ok();
        fs::remove_file(path)?;
        Ok(Doomed(file))
    }

    /// Takes their names from all files below the directory at `path`, and removes that, as far as it goes.
    pub fn unlink_all(path: &Path) -> Vec<Doomed> {
        let mut doomed = Vec::new();
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                doomed.extend(Doomed::unlink_all(&entry.path()));
            } else {
                doomed.extend(Doomed::unlink(&entry.path()));
            }
        }
        let _ = fs::remove_dir(path);
        doomed
    }
}

impl Drop for Doomed {
    fn drop(&mut self) {
        let Some(file) = self.0.take() else { return };
        if file.metadata().is_ok_and(|metadata| metadata.len() <= STEP_BYTES) {
            return;
        }
        // Without a thread it all goes at once, when the file is closed.
        let _ = thread::Builder::new().name("shed".into()).spawn(move || shorten(&file));
    }
}

/// Cuts the file down to nothing.
fn shorten(file: &File) {
    let mut len = file.metadata().map_or(0, |metadata| metadata.len());
    while len > 0 {
        len = len.saturating_sub(STEP_BYTES);
        let began = Instant::now();
        if file.set_len(len).is_err() {
            return;
        }
        thread::sleep(began.elapsed().clamp(REST_MIN, REST_MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_goes_at_once_and_the_room_when_nobody_reads_any_more() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("inner").join("large");
        fs::create_dir(dir.path().join("inner")).expect("a directory");
        let file = File::create_new(&path).expect("a file");
        file.set_len(5 * STEP_BYTES + 1).expect("a length");
        File::create_new(dir.path().join("inner").join("small")).expect("a file");
        let doomed = Doomed::unlink_all(&dir.path().join("inner"));
        assert_eq!((doomed.len(), fs::read_dir(dir.path()).expect("a listing").count()), (2, 0));
        let len = || file.metadata().expect("metadata").len();
        assert_eq!(len(), 5 * STEP_BYTES + 1, "whoever has it open still reads it");
        drop(doomed);
        let began = Instant::now();
        while len() > 0 && began.elapsed() < Duration::from_secs(60) {
            thread::yield_now();
        }
        assert_eq!(len(), 0);
    }
}
