//! Levels of the log, zap's.

/// How grave a line is; the log shows lines of its own level and up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// For those who look for a fault in the program.
    Debug,
    /// What happens in the normal course.
    #[default]
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
    /// A defect that a test build would stop over.
    DPanic,
    /// A defect.
    Panic,
    /// The process ends over this.
    Fatal,
}

impl Level {
    /// Every level, lowest first.
    pub const ALL: [Level; 7] =
        [Level::Debug, Level::Info, Level::Warn, Level::Error, Level::DPanic, Level::Panic, Level::Fatal];

    /// The name, as it stands in a line.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
            Level::DPanic => "dpanic",
            Level::Panic => "panic",
            Level::Fatal => "fatal",
        }
    }

    /// Reads a name, in capitals or not; nothing at all is `info`.
    pub fn parse(text: &str) -> Option<Level> {
        if text.is_empty() {
            return Some(Level::Info);
        }
        Level::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(text))
    }

    pub(super) fn from_u8(number: u8) -> Level {
        Level::ALL.get(usize::from(number)).copied().unwrap_or_default()
    }
}
