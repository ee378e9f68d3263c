//! Ends of the program before it has begun: help, a version, or a refusal.

use super::help;
use crate::logging::{Level, Notice};
use std::{
    io::{self, Write},
    process::ExitCode,
};

/// What to print, and with which code to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Code of the process.
    pub code: u8,
    /// What goes to standard output.
    pub stdout: String,
    /// What goes to standard error.
    pub stderr: String,
}

impl Exit {
    /// Prints it all.
    pub fn report(self) -> ExitCode {
        // When nobody listens any more there is nothing left to do about it.
        let _ = io::stderr().lock().write_all(self.stderr.as_bytes());
        let _ = io::stdout().lock().write_all(self.stdout.as_bytes());
        ExitCode::from(self.code)
    }

    /// The answer to `--help`.
    pub(super) fn help() -> Self {
        Exit { code: 0, stdout: help::flags(), stderr: help::usage() }
    }

    /// The answer to `--version`.
    pub(super) fn version() -> Self {
        Exit { code: 0, stdout: help::version(), stderr: String::new() }
    }

    /// A command line that is none.
    pub(super) fn usage(mistake: &str) -> Self {
        Exit { code: 2, stdout: String::new(), stderr: format!("{mistake}\n{}", help::usage()) }
    }

    /// Plain words on standard error.
    pub(super) fn plain(code: u8, text: &str) -> Self {
        Exit { code, stdout: String::new(), stderr: format!("{text}\n") }
    }

    /// What would have been logged, then the reason, all as lines of a log.
    pub(super) fn refused(notices: &[Notice], args: &[String], reason: &str) -> Self {
        let running = Notice::new(Level::Info, "Running: ").with("args", super::arguments::shown(args));
        let failed = Notice::new(Level::Warn, "failed to verify flags").with("error", reason);
        Exit::logged(notices.iter().chain([&running, &failed]))
    }

    /// Lines of a log, and code 1.
    pub(super) fn logged<'a>(notices: impl IntoIterator<Item = &'a Notice>) -> Self {
        let stderr = notices.into_iter().map(Notice::to_line).collect();
        Exit { code: 1, stdout: String::new(), stderr }
    }
}
