//! Bytes back into records, and the judgement of what a bad record means.
//!
//! Segments are preallocated with zeros, so a log ends at a length of zero. When the machine stops in the
//! middle of a write, the disk keeps any of the sectors: a **torn** record shows at least one 512-byte sector
//! of zeros. Only bytes that nobody was told are durable can be torn, so cutting them off is safe. Anything
//! else that is wrong is **corruption**, and guessing there would lose acknowledged writes.
//!
//! The reference takes any length that points beyond the file, and any bad record with a sector of zeros in
//! it, for torn. A rotten length field often meets that, and everything after it would be cut off silently.
//! A length cannot tear, though (it is aligned), and the record repeats it in its own header, so here the
//! zeros have to come before the first thing that is wrong, else the record counts as corrupt.

use std::path::{Path, PathBuf};

use super::encode::{CRC, FRAME_BYTES};
use super::error::{WalError, io_error};
use crate::disk::DiskFile;

/// The unit that a disk writes whole.
const SECTOR_BYTES: u64 = 512;
/// How much is read at a time.
const WINDOW_BYTES: usize = 1 << 20;

/// A record's parts.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) kind: i64,
    pub(crate) data: &'a [u8],
    /// Where its frame begins in the segment.
    pub(crate) offset: u64,
}

/// What comes next in a segment.
#[derive(Debug)]
pub(crate) enum Next<'a> {
    Record(Record<'a>),
    /// The end: of the file, or of what was written into it.
    End,
    /// A record of which only a part reached the disk.
    Torn,
}

/// Reads one segment from front to back.
pub(crate) struct SegmentReader {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    len: u64,
    window: Vec<u8>,
    window_start: u64,
    crc: u32,
    offset: u64,
}

impl SegmentReader {
    /// Starts at the file's beginning, after records whose checksum is `crc` (0: not known).
    pub(crate) fn new(file: Box<dyn DiskFile>, path: &Path, crc: u32) -> Result<SegmentReader, WalError> {
        let len = file.len().map_err(io_error("read", path))?;
        let window = Vec::new();
        Ok(SegmentReader { file, path: path.to_owned(), len, window, window_start: 0, crc, offset: 0 })
    }

    /// The checksum after the last good record.
    pub(crate) fn crc(&self) -> u32 {
        self.crc
    }

    /// Where the last good record ends.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn into_file(self) -> Box<dyn DiskFile> {
        self.file
    }

    /// An error that names this segment.
    pub(crate) fn corrupt(&self, offset: u64, reason: &'static str) -> WalError {
        WalError::Corrupt { path: self.path.clone(), offset, reason }
    }

    /// The next record.
    pub(crate) fn next(&mut self) -> Result<Next<'_>, WalError> {
        let offset = self.offset;
        let field = self.bytes(offset, FRAME_BYTES)?;
        let Ok(field) = <[u8; FRAME_BYTES]>::try_from(&self.window[field]) else {
            return Ok(if offset == self.len { Next::End } else { Next::Torn });
        };
        let length = u64::from_le_bytes(field);
        if length == 0 {
            return self.end_of_records();
        }
        let Some((record_len, padded_len)) = split_length(length) else {
            return Err(self.corrupt(offset, "impossible record length"));
        };
        let start = offset + FRAME_BYTES as u64;
        let available = padded_len.min(self.len.saturating_sub(start));
        let range = self.bytes(start, available as usize)?;
        let body = &self.window[range.clone()];
        let parsed = parse(&body[..body.len().min(record_len as usize)], record_len as usize);
        let cut_short = available < padded_len;
        let found = match parsed {
            Ok(found) if !cut_short => found,
            // All that is there makes sense, and the file ends before the record does.
            Ok(_) => return Ok(Next::Torn),
            Err(at) if at >= body.len() && cut_short => return Ok(Next::Torn),
            Err(at) => {
                return match first_blank_sector(start, body) {
                    Some(blank) if blank <= at => Ok(Next::Torn),
                    _ => Err(self.corrupt(offset, "malformed record")),
                };
            }
        };
        let data = range.start + found.data.start..range.start + found.data.end;
        if let Err(reason) = self.check(&found, data.clone()) {
            let torn = first_blank_sector(start, &self.window[range]).is_some();
            return if torn { Ok(Next::Torn) } else { Err(self.corrupt(offset, reason)) };
        }
        self.offset = start + padded_len;
        Ok(Next::Record(Record { kind: found.kind, data: &self.window[data], offset }))
    }

    /// Checks a record against the chain of checksums, and lengthens the chain.
    fn check(&mut self, found: &Parsed, data: std::ops::Range<usize>) -> Result<(), &'static str> {
        if found.kind == CRC {
            if self.crc != 0 && self.crc != found.crc {
                return Err("does not continue the previous segment");
            }
            self.crc = found.crc;
            return Ok(());
        }
        let crc = crc32c::crc32c_append(self.crc, &self.window[data]);
        if crc != found.crc {
            return Err("checksum mismatch");
        }
        self.crc = crc;
        Ok(())
    }

    /// Judges a length of zero. If it was never written, neither was the rest of its sector.
    fn end_of_records(&mut self) -> Result<Next<'_>, WalError> {
        let rest = SECTOR_BYTES - self.offset % SECTOR_BYTES;
        let range = self.bytes(self.offset, rest as usize)?;
        match self.window[range].iter().all(|&byte| byte == 0) {
            true => Ok(Next::End),
            false => Err(self.corrupt(self.offset, "a record without a length")),
        }
    }

    /// Has up to `len` bytes at `offset` (fewer at the end of the file) in the window; says where.
    fn bytes(&mut self, offset: u64, len: usize) -> Result<std::ops::Range<usize>, WalError> {
        let window_end = self.window_start + self.window.len() as u64;
        let wanted = len.min(usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX));
        if offset < self.window_start || offset + wanted as u64 > window_end {
            self.window.resize(wanted.max(WINDOW_BYTES), 0);
            self.window_start = offset;
            let mut filled = 0;
            while filled < self.window.len() {
                let read = self.file.read_at(&mut self.window[filled..], offset + filled as u64);
                match read.map_err(io_error("read", &self.path))? {
                    0 => break,
                    count => filled += count,
                }
            }
            self.window.truncate(filled);
        }
        let start = (offset - self.window_start) as usize;
        Ok(start..(start + wanted).min(self.window.len()))
    }
}

/// A length field's record and padded lengths, if a writer can have written it.
fn split_length(field: u64) -> Option<(u64, u64)> {
    let record_len = field & ((1 << 56) - 1);
    let padding = record_len.wrapping_neg() % FRAME_BYTES as u64;
    let top = if padding == 0 { 0 } else { 0x80 | padding };
    (record_len > 0 && field >> 56 == top).then_some((record_len, record_len + padding))
}

struct Parsed {
    kind: i64,
    crc: u32,
    data: std::ops::Range<usize>,
}

/// Takes a record of `record_len` bytes apart, of which `bytes` are there. An error is the position of the
/// first byte that cannot be right; the length of `bytes` if they are merely too few.
fn parse(bytes: &[u8], record_len: usize) -> Result<Parsed, usize> {
    let mut at = 0;
    let mut field = |tag: u8| -> Result<Option<u64>, usize> {
        if bytes.get(at) != Some(&tag) {
            return Ok(None);
        }
        let (value, len) = get_varint(&bytes[at + 1..]).map_err(|bad| at + 1 + bad)?;
        at += 1 + len;
        Ok(Some(value))
    };
    let kind = field(0x08)?.unwrap_or(0).cast_signed();
    let crc = u32::try_from(field(0x10)?.unwrap_or(0)).map_err(|_| 1usize)?;
    let data_len = field(0x1a)?;
    let end = at.checked_add(usize::try_from(data_len.unwrap_or(0)).unwrap_or(usize::MAX));
    match (end == Some(record_len), data_len) {
        (true, _) => Ok(Parsed { kind, crc, data: at..record_len }),
        // The length inside contradicts the frame's: its last byte is the suspect.
        (false, Some(_)) => Err(at - 1),
        // Something else where the data should begin, or nothing.
        (false, None) => Err(at),
    }
}

/// Reads a varint; the error is the position of the byte that spoils it.
fn get_varint(bytes: &[u8]) -> Result<(u64, usize), usize> {
    let mut value = 0;
    for (at, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return if at == 9 && byte > 1 { Err(at) } else { Ok((value, at + 1)) };
        }
    }
    Err(bytes.len().min(10))
}

/// Where in `body`, which lies at `start` in the file, the first sector without a set bit begins.
fn first_blank_sector(start: u64, body: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < body.len() {
        let left = (SECTOR_BYTES - (start + at as u64) % SECTOR_BYTES) as usize;
        let end = (at + left).min(body.len());
        if body[at..end].iter().all(|&byte| byte == 0) {
            return Some(at);
        }
        at = end;
    }
    None
}
