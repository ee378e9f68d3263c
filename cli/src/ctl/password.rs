//! Asks for passwords.

use crate::print::Output;
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use std::io::{self, BufRead as _, IsTerminal as _};

/// Shows a prompt and reads a line; what is typed on a terminal is not shown.
pub(crate) fn ask(out: &Output, prompt: &str) -> io::Result<String> {
    out.write(prompt.as_bytes());
    out.flush();
    let stdin = io::stdin();
    let line = if stdin.is_terminal() {
        let before = tcgetattr(&stdin)?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(&stdin, SetArg::TCSAFLUSH, &quiet)?;
        let line = read_line();
        tcsetattr(&stdin, SetArg::TCSAFLUSH, &before)?;
        line?
    } else {
        read_line()?
    };
    out.write(b"\n");
    out.flush();
    Ok(line)
}

/// A line of standard input, without its end; empty at the end of input.
pub(super) fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
