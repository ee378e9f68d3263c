//! One line of the log: the parts in zap's order, as JSON or in columns.

use super::{Format, Level, time::Civil};
use serde::Serialize;
use serde_json::{
    Serializer,
    ser::{CompactFormatter, Formatter},
};
use std::{io, time::SystemTime};

/// Gathers the fields of a line, and puts it together in the end.
#[derive(Debug)]
pub(super) struct Line {
    format: Format,
    fields: Vec<u8>,
}

impl Line {
    pub(super) fn new(format: Format) -> Self {
        Line { format, fields: Vec::new() }
    }

    /// Adds a field.
    pub(super) fn field(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        let Format::Json = self.format else {
            if !self.fields.is_empty() {
                self.fields.extend_from_slice(b", ");
            }
            write(&mut self.fields, name, Spaced);
            self.fields.extend_from_slice(b": ");
            return write(&mut self.fields, value, Spaced);
        };
        self.fields.push(b',');
        write(&mut self.fields, name, CompactFormatter);
        self.fields.push(b':');
        write(&mut self.fields, value, CompactFormatter);
    }

    /// The whole line, with its end.
    pub(super) fn finish(self, level: Level, caller: &str, message: &str) -> Vec<u8> {
        let stamp = Civil::of(SystemTime::now()).stamp();
        let mut line = Vec::with_capacity(self.fields.len() + message.len() + caller.len() + 96);
        if self.format == Format::Console {
            for part in [&stamp, level.name(), caller] {
                line.extend_from_slice(part.as_bytes());
                line.push(b'\t');
            }
            // A message of several lines must not look like several lines of the log.
            line.extend(message.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
            if !self.fields.is_empty() {
                line.extend_from_slice(b"\t{");
                line.extend_from_slice(&self.fields);
                line.push(b'}');
            }
            line.push(b'\n');
            return line;
        }
        for (start, part) in [
            (&b"{\"level\":"[..], level.name()),
            (b",\"ts\":", &stamp),
            (b",\"caller\":", caller),
            (b",\"msg\":", message),
        ] {
            line.extend_from_slice(start);
            write(&mut line, part, CompactFormatter);
        }
        line.extend_from_slice(&self.fields);
        line.extend_from_slice(b"}\n");
        line
    }
}

fn write(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized), formatter: impl Formatter) {
    let start = out.len();
    if let Err(error) = value.serialize(&mut Serializer::with_formatter(&mut *out, formatter)) {
        out.truncate(start);
        write(out, &format!("not shown: {error}"), CompactFormatter);
    }
}

/// JSON with a space behind each comma and colon, as zap's console has it.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// `net/serve.rs:12`: the file below its folder, and the line.
pub(super) fn caller(file: Option<&str>, line: Option<u32>) -> String {
    let path = file.unwrap_or("unknown");
    let mut parts = path.rsplit(['/', '\\']);
    let name = parts.next().unwrap_or(path);
    let folder = parts.find(|part| *part != "src");
    match folder.filter(|folder| !folder.is_empty()) {
        Some(folder) => format!("{folder}/{name}:{}", line.unwrap_or(0)),
        None => format!("{name}:{}", line.unwrap_or(0)),
    }
}
