//! What a log can be told.

use super::Level;
use std::path::PathBuf;

/// Settings of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// Lowest level shown.
    pub level: Level,
    /// Form of a line.
    pub format: Format,
    /// Where lines go.
    pub outputs: Vec<Output>,
    /// How files are rotated; `None` for not at all.
    pub rotation: Option<Rotation>,
}

/// Form of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object.
    #[default]
    Json,
    /// Columns for people, with the fields as JSON at the end.
    Console,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
    /// The systemd journal.
    Journal,
    /// A file, appended to.
    File(PathBuf),
}

/// When a log file is closed and the next one begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Largest size of a file, in bytes.
    pub max_bytes: u64,
    /// Days that a closed file is kept; 0 for ever.
    pub max_age_days: u64,
    /// Closed files that are kept; 0 for all.
    pub max_backups: usize,
}

impl Default for LogOptions {
    fn default() -> Self {
        LogOptions {
            level: Level::default(),
            format: Format::default(),
            outputs: vec![Output::Stderr],
            rotation: None,
        }
    }
}
