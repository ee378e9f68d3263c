//! Where a file's bytes come from: positioned reads, nothing else.

use crate::{Error, Result};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

/// Bytes that can be read at any place, by several readers at once. They must not change meanwhile.
pub trait ReadAt {
    /// Fills `buffer` from `offset`.
    ///
    /// # Errors
    /// When the device fails or the bytes end earlier.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Number of bytes.
    ///
    /// # Errors
    /// When the device fails.
    fn total_bytes(&self) -> io::Result<u64>;
}

impl ReadAt for File {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }

    fn total_bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl ReadAt for [u8] {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let begin = usize::try_from(offset).ok();
        let found = begin.and_then(|begin| self.get(begin..begin.checked_add(buffer.len())?));
        buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn total_bytes(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}

impl ReadAt for Vec<u8> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.as_slice().read_exact_at(buffer, offset)
    }

    fn total_bytes(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}

impl<S: ReadAt + ?Sized> ReadAt for &S {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        (**self).read_exact_at(buffer, offset)
    }

    fn total_bytes(&self) -> io::Result<u64> {
        (**self).total_bytes()
    }
}

/// A file under a shared lock: the one that bbolt takes for reading, so no writer has it open meanwhile.
#[derive(Debug)]
pub struct LockedFile(Flock<File>);

impl LockedFile {
    pub(crate) fn open(path: &Path) -> Result<LockedFile> {
        let file = File::open(path)?;
        match Flock::lock(file, FlockArg::LockSharedNonblock) {
            Ok(file) => Ok(LockedFile(file)),
            Err((_, Errno::EWOULDBLOCK)) => Err(Error::InUse),
            Err((_, errno)) => Err(Error::Io(errno.into())),
        }
    }
}

impl ReadAt for LockedFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(&*self.0, buffer, offset)
    }

    fn total_bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}
