//! The operating system's files.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

use super::{Disk, DiskFile, Open};

/// Mode of new files and directories: the owner's only, as the log may hold secrets.
const FILE_MODE: u32 = 0o600;
const DIR_MODE: u32 = 0o700;

/// The real file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsDisk;

/// An open file; the lock, if any, goes with it.
enum OsFile {
    Reading(File),
    Locked(Flock<File>),
}

impl OsFile {
    fn file(&self) -> &File {
        match self {
            OsFile::Reading(file) => file,
            OsFile::Locked(file) => file,
        }
    }
}

fn lock(file: File) -> io::Result<OsFile> {
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(file) => Ok(OsFile::Locked(file)),
        Err((_, errno)) => Err(errno.into()),
    }
}

impl Disk for OsDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        let file = match how {
            Open::Read => OsFile::Reading(options.read(true).open(path)?),
            Open::Write => lock(options.read(true).write(true).open(path)?)?,
            Open::Create => {
                // Emptied only once the lock is ours: another process may be writing it.
                let new = options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
                let file = lock(new.open(path)?)?;
                file.file().set_len(0)?;
                file
            }
        };
        Ok(Box::new(file))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        match fs::remove_dir_all(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

impl DiskFile for OsFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match self.file().read_at(buf, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file().write_all_at(bytes, offset)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.file().sync_data()
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.file().set_len(len)
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    fn allocate(&mut self, len: u64) -> io::Result<()> {
        let len = i64::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        loop {
            match nix::fcntl::posix_fallocate(self.file(), 0, len) {
                Err(nix::errno::Errno::EINTR) => {}
                // Not every file system can; then the file grows as it is written.
                Err(
                    nix::errno::Errno::EOPNOTSUPP | nix::errno::Errno::ENOSYS | nix::errno::Errno::EINVAL,
                ) => {
                    let len = len.unsigned_abs();
                    return if self.len()? < len { self.set_len(len) } else { Ok(()) };
                }
                other => return other.map_err(Into::into),
            }
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    fn allocate(&mut self, len: u64) -> io::Result<()> {
        if self.len()? < len { self.set_len(len) } else { Ok(()) }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file().metadata()?.len())
    }
}
