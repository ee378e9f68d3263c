//! How a command that we ran for the user ended, in Go's words.

use crate::go::{os_error, quote::quote};
use std::{io, os::unix::process::ExitStatusExt as _, process::ExitStatus};

/// How a command ended that did not end well.
pub(super) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => {
            let core = if status.core_dumped() { " (core dumped)" } else { "" };
            format!("signal: {}{core}", signal_name(signal))
        }
        (None, None) => status.to_string(),
    }
}

/// Why the command of this name could not be started.
pub(crate) fn not_started(name: &[u8], error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound && !name.contains(&b'/') {
        return format!("exec: {}: executable file not found in $PATH", quote(name));
    }
    format!("fork/exec {}: {}", String::from_utf8_lossy(name), os_error(error))
}

/// A signal in Go's words.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        6 => "aborted",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}
