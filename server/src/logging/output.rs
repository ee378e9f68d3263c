//! The places that lines are written to.

use super::{Output, Rotation, rotate::RotatingFile};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::net::UnixDatagram,
    path::Path,
};

/// Takes whole lines. It may block: only its own thread waits for it.
pub(super) trait Target: Send {
    /// Writes some lines.
    fn write(&mut self, lines: &[u8]) -> io::Result<()>;
}

/// Opens an output.
pub(super) fn open(output: &Output, rotation: Option<&Rotation>) -> Result<Box<dyn Target>, String> {
    let failed = |error: io::Error| {
        let error = system_text(&error);
        match output {
            Output::File(path) => format!("open sink {path:?}: open {}: {error}", path.display()),
            other => format!("open sink {other:?}: {error}"),
        }
    };
    Ok(match (output, rotation) {
        (Output::Stderr, _) => Box::new(Stderr),
        (Output::Stdout, _) => Box::new(Stdout),
        (Output::Journal, _) => Box::new(Journal::open().map_err(failed)?),
        (Output::File(path), None) => Box::new(append(path).map_err(failed)?),
        (Output::File(path), Some(rotation)) => {
            Box::new(RotatingFile::open(path.clone(), rotation.clone()).map_err(failed)?)
        }
    })
}

/// The system's words for an error, as Go has them: in small letters, without the number.
pub(crate) fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Opens a file to append to.
pub(super) fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

struct Stderr;

impl Target for Stderr {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        io::stderr().lock().write_all(lines)
    }
}

struct Stdout;

impl Target for Stdout {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(lines)?;
        stdout.flush()
    }
}

impl Target for File {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.write_all(lines)
    }
}

/// The systemd journal: a datagram for each line, in its native protocol.
struct Journal(UnixDatagram);

const JOURNAL: &str = "/run/systemd/journal/socket";

impl Journal {
    fn open() -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(JOURNAL)?;
        Ok(Journal(socket))
    }
}

impl Target for Journal {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let mut datagram =
                format!("PRIORITY={}\nSYSLOG_IDENTIFIER=etcd\nMESSAGE=", priority(line)).into_bytes();
            datagram.extend_from_slice(line);
            datagram.push(b'\n');
            if self.0.send(&datagram).is_err() {
                io::stderr().lock().write_all(&[line, b"\n"].concat())?;
            }
        }
        Ok(())
    }
}

/// The journal's number for a line's level.
fn priority(line: &[u8]) -> u8 {
    let level = |name: &str| {
        let json = format!("{{\"level\":\"{name}\"");
        let console = format!("\t{name}\t");
        line.starts_with(json.as_bytes())
            || line.windows(console.len()).take(40).any(|part| part == console.as_bytes())
    };
    match ["debug", "info", "warn", "error"].into_iter().position(level) {
        Some(0) => 7,
        Some(1) => 6,
        Some(2) => 4,
        Some(3) => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_the_numbers_of_the_journal() {
        let cases: [(&[u8], u8); 4] = [
            (b"{\"level\":\"debug\",\"ts\":\"x\"}", 7),
            (b"{\"level\":\"warn\",\"ts\":\"x\",\"msg\":\"level info\"}", 4),
            (b"2026-11-22T17:58:54.000000Z\terror\tx:1\tm", 3),
            (b"{\"level\":\"fatal\",\"ts\":\"x\"}", 2),
        ];
        for (line, expected) in cases {
            assert_eq!(priority(line), expected);
        }
    }
}
