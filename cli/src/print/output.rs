//! Standard output, buffered.

use super::Style;
use std::{
    cell::{RefCell, RefMut},
    fmt,
    io::{self, BufWriter, ErrorKind, Stdout, Write},
    rc::Rc,
};

/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 64 * 1024;
/// What a shell shows for a program that was ended by a closed pipe.
const PIPE_CLOSED: i32 = 141;

/// Where answers go. Nothing is written before the buffer is full or [`Output::flush`] is called.
#[derive(Clone, Debug)]
pub struct Output(Rc<RefCell<Sink>>);

#[derive(Debug)]
enum Sink {
    Stdout(BufWriter<Stdout>),
    Memory(Vec<u8>),
}

impl Output {
    /// Standard output.
    pub fn stdout() -> Self {
        let sink = Sink::Stdout(BufWriter::with_capacity(BUFFER_BYTES, io::stdout()));
        Output(Rc::new(RefCell::new(sink)))
    }

    /// Memory, for tests.
    pub fn memory() -> Self {
        Output(Rc::new(RefCell::new(Sink::Memory(Vec::new()))))
    }

    /// What was written to memory.
    pub fn contents(&self) -> Vec<u8> {
        match &*self.0.borrow() {
            Sink::Memory(bytes) => bytes.clone(),
            Sink::Stdout(_) => Vec::new(),
        }
    }

    /// A page to write on, in this style. One at a time.
    pub fn page(&self, style: Style) -> Page<'_> {
        Page { sink: self.0.borrow_mut(), hex: style.hex, value_only: style.value_only }
    }

    /// Writes bytes.
    pub fn write(&self, bytes: &[u8]) {
        self.0.borrow_mut().write(bytes);
    }

    /// Writes a line.
    pub fn line(&self, text: impl fmt::Display) {
        self.write(format!("{text}\n").as_bytes());
    }

    /// Writes out what has been collected.
    pub fn flush(&self) {
        self.0.borrow_mut().flush();
    }

    /// Writes out the rest; the exit code is `code`, unless that fails.
    pub fn finish(&self, code: u8) -> u8 {
        self.flush();
        code
    }
}

impl Sink {
    fn flush(&mut self) {
        if let Sink::Stdout(out) = self {
            settle(out.flush());
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        match self {
            Sink::Stdout(out) => settle(out.write_all(bytes)),
            Sink::Memory(out) => out.extend_from_slice(bytes),
        }
    }
}

/// Ends the program when nobody can read its answers any more: there is nothing left to do for it.
fn settle(result: io::Result<()>) {
    if let Err(error) = result {
        if error.kind() != ErrorKind::BrokenPipe {
            let _ = writeln!(io::stderr(), "Error: write to standard output: {error}");
        }
        std::process::exit(PIPE_CLOSED);
    }
}

/// One answer being written.
pub struct Page<'a> {
    sink: RefMut<'a, Sink>,
    /// Bytes and ids in hexadecimal.
    pub hex: bool,
    /// Values without their keys.
    pub value_only: bool,
}

impl Page<'_> {
    /// Writes bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.sink.write(bytes);
    }

    /// Writes a line to standard error, after what has been written so far.
    pub fn complaint(&mut self, text: &str) {
        self.sink.flush();
        match &mut *self.sink {
            Sink::Stdout(_) => eprintln!("{text}"),
            Sink::Memory(out) => out.extend_from_slice(format!("stderr: {text}\n").as_bytes()),
        }
    }

    /// Writes formatted text.
    pub fn print(&mut self, text: fmt::Arguments<'_>) {
        // `write_fmt` needs a writer whose errors it can hand on; ours are settled where they happen.
        struct Raw<'a>(&'a mut Sink);
        impl fmt::Write for Raw<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.write(text.as_bytes());
                Ok(())
            }
        }
        let _ = fmt::write(&mut Raw(&mut self.sink), text);
    }

    /// Writes a key or a value on a line of its own.
    pub fn text_line(&mut self, bytes: &[u8]) {
        if self.hex {
            let mut escaped = Vec::with_capacity(bytes.len() * 4 + 1);
            for byte in bytes {
                let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
                escaped.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte & 15)]);
            }
            self.bytes(&escaped);
        } else {
            self.bytes(bytes);
        }
        self.bytes(b"\n");
    }
}
