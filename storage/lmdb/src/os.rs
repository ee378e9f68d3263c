//! What the standard library does not offer: locking a file, reserving room for it, looking for its map and
//! letting go of the map's pages. Off Linux the last three do nothing, which costs memory or a clear "disk is
//! full" in time, never correctness.

#![allow(unsafe_code)]

use std::{fs::File, io, os::fd::AsRawFd};

/// Locks a file for this open handle alone, until it is closed. `false`: somebody else has it.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    // SAFETY: an open descriptor.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::WouldBlock { Ok(false) } else { Err(error) }
}

/// Whether an error number says that there is no room: on the device, in a quota, or under the limit of a
/// file's size.
pub(crate) fn is_full(errno: i32) -> bool {
    [libc::ENOSPC, libc::EDQUOT, libc::EFBIG].contains(&errno)
}

/// Takes room for the bytes of `file` up to `end`, without changing its length.
///
/// # Errors
/// `ENOSPC` and its kin. A file system that cannot do it is no error.
#[cfg(target_os = "linux")]
pub(crate) fn reserve(file: &File, from: u64, end: u64) -> io::Result<()> {
    let (Ok(from), Ok(len)) = (i64::try_from(from), i64::try_from(end.saturating_sub(from))) else {
        return Ok(());
    };
    if len == 0 {
        return Ok(());
    }
    // SAFETY: an open descriptor.
    if unsafe { libc::fallocate(file.as_raw_fd(), libc::FALLOC_FL_KEEP_SIZE, from, len) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error().is_some_and(is_full) { Err(error) } else { Ok(()) }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn reserve(_file: &File, _from: u64, _end: u64) -> io::Result<()> {
    Ok(())
}

/// A file's map in this process.
#[derive(Clone, Copy)]
pub(crate) struct MapRange {
    address: usize,
    len: usize,
}

/// Where `file` is mapped.
#[cfg(target_os = "linux")]
pub(crate) fn find_map(file: &File) -> Option<MapRange> {
    use std::os::unix::fs::MetadataExt;
    let inode = file.metadata().ok()?.ino().to_string();
    let path = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| {
        // address-address perms offset device inode path
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let is_ours = fields.nth(3)? == inode && line.ends_with(path.to_str()?);
        let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
        is_ours.then_some(MapRange { address: start, len: end.checked_sub(start)? })
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn find_map(_file: &File) -> Option<MapRange> {
    None
}

/// Takes the pages of a map out of the process. They come back from the page cache when touched.
pub(crate) fn drop_pages(map: MapRange) {
    // SAFETY: a shared map of a file, read-only in this process: no content is lost, readers fault it back.
    // The caller holds the map's lock, so the range is still that map. A failure only costs memory.
    unsafe { libc::madvise(map.address as *mut _, map.len, libc::MADV_DONTNEED) };
}

/// Whether `len` bytes of address space are to be had in one piece.
pub(crate) fn can_map(len: usize) -> bool {
    // SAFETY: an anonymous map without access at no given place, and its own unmapping.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_NORESERVE;
        let map = libc::mmap(std::ptr::null_mut(), len, libc::PROT_NONE, flags, -1, 0);
        map != libc::MAP_FAILED && libc::munmap(map, len) == 0
    }
}

/// Bytes of a page of memory.
pub(crate) fn page_bytes() -> usize {
    // SAFETY: no argument but a constant.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}
