//! Names of segment files: `<sequence>-<first index>.wal`, both as 16 hex digits.
//!
//! Sequences count the files without a gap; the index is that of the first entry a segment may hold, so the
//! names alone tell where to begin reading.

use std::path::Path;

use super::error::{WalError, io_error};
use crate::disk::Disk;

/// Position of a segment in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentName {
    pub(crate) sequence: u64,
    pub(crate) first_index: u64,
}

impl SegmentName {
    /// Reads a file name; `None` if it is not a segment's.
    pub(crate) fn parse(name: &str) -> Option<SegmentName> {
        let (sequence, index) = name.strip_suffix(".wal")?.split_once('-')?;
        let hex = |text: &str| match text.len() {
            16 => u64::from_str_radix(text, 16).ok(),
            _ => None,
        };
        Some(SegmentName { sequence: hex(sequence)?, first_index: hex(index)? })
    }

    pub(crate) fn file_name(self) -> String {
        format!("{:016x}-{:016x}.wal", self.sequence, self.first_index)
    }
}

/// All segments in a directory, oldest first.
pub(crate) fn list_segments(disk: &dyn Disk, dir: &Path) -> Result<Vec<SegmentName>, WalError> {
    let names = match disk.list(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        other => other.map_err(io_error("list", dir))?,
    };
    let mut segments: Vec<_> = names.iter().filter_map(|name| SegmentName::parse(name)).collect();
    segments.sort_unstable();
    Ok(segments)
}

/// Checks that no segment is missing between the first and the last.
pub(crate) fn check_sequence(segments: &[SegmentName]) -> Result<(), WalError> {
    match segments.windows(2).find(|pair| pair[0].sequence.checked_add(1) != Some(pair[1].sequence)) {
        None => Ok(()),
        Some(pair) => {
            Err(WalError::MissingSegment { after: pair[0].file_name(), found: pair[1].file_name() })
        }
    }
}

/// The position of the last segment that begins at or before `index`.
pub(crate) fn segment_of(segments: &[SegmentName], index: u64) -> Result<usize, WalError> {
    segments.iter().rposition(|name| name.first_index <= index).ok_or(WalError::NoSegmentFor(index))
}
