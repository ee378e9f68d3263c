//! A record as a line of JSON.
//!
//! Tens of thousands of lines a second are made here, on processors that requests want, too. So the usual - an address of
//! IPv4, plain text, the same second as in the line before - is written without the machinery of `fmt`.

use super::{Record, details};
use crate::{logging::time_stamp, net::Remote};
use std::{
    io::Write,
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tonic::Code;

/// Longest name that is shown whole, in bytes.
const NAME_MAX_BYTES: usize = 4 << 10;

/// Makes lines, and remembers what the next one may have in common with the last.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) text: Vec<u8>,
    second: u64,
    /// The beginning of a time within that second, up to the point in front of its parts.
    stamp: String,
}

impl Lines {
    /// Appends the line of `record`, whose request is `request`.
    pub(super) fn push(&mut self, record: &Record, request: &[u8]) {
        self.text.extend_from_slice(b"{\"time\":\"");
        self.time(record.ended);
        let lines = &mut self.text;
        lines.extend_from_slice(b"\",\"remote\":\"");
        remote(lines, record.remote);
        lines.push(b'"');
        if let Some(user) = record.seen.as_ref().and_then(|seen| seen.user()) {
            name(lines, "user", user.as_bytes());
        }
        name(lines, "method", record.path.trim_start_matches('/').as_bytes());
        details::push(lines, &record.path, request);
        lines.extend_from_slice(b",\"result\":\"");
        match record.code {
            Code::Ok => lines.extend_from_slice(b"Ok"),
            // Writing to memory does not fail.
            code => _ = write!(lines, "{code:?}"),
        }
        lines.extend_from_slice(b"\",\"took_us\":");
        digits(lines, u64::try_from(record.took.as_micros()).unwrap_or(u64::MAX), 1);
        lines.extend_from_slice(b"}\n");
    }

    fn time(&mut self, time: SystemTime) {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        if self.second != since.as_secs() || self.stamp.is_empty() {
            self.second = since.as_secs();
            self.stamp = time_stamp(UNIX_EPOCH + Duration::from_secs(self.second));
            self.stamp.truncate(self.stamp.find('.').map_or(0, |point| point + 1));
        }
        self.text.extend_from_slice(self.stamp.as_bytes());
        digits(&mut self.text, since.subsec_micros().into(), 6);
        self.text.push(b'Z');
    }
}

fn remote(lines: &mut Vec<u8>, remote: Remote) {
    match remote {
        Remote::Tcp(SocketAddr::V4(address)) => {
            for (octet, end) in address.ip().octets().into_iter().zip(*b"...:") {
                digits(lines, octet.into(), 1);
                lines.push(end);
            }
            digits(lines, address.port().into(), 1);
        }
        other => _ = write!(lines, "{other}"),
    }
}

/// Appends a number of at least so many digits.
fn digits(lines: &mut Vec<u8>, mut number: u64, at_least: usize) {
    let mut text = [b'0'; 20];
    let mut begin = text.len();
    while number > 0 || text.len() - begin < at_least {
        begin -= 1;
        text[begin] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    lines.extend_from_slice(&text[begin..]);
}

/// Appends a field with a name, which may be any bytes: those that are no text go out in base64, as `<field>_base64`.
pub(super) fn name(lines: &mut Vec<u8>, field: &str, value: &[u8]) {
    let shown = &value[..value.len().min(NAME_MAX_BYTES)];
    let is_plain = shown.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'));
    match std::str::from_utf8(shown) {
        Ok(text) => {
            key(lines, &[field]);
            if is_plain {
                lines.push(b'"');
                lines.extend_from_slice(shown);
                lines.push(b'"');
            } else {
                let _ = serde_json::to_writer(&mut *lines, text);
            }
        }
        Err(_) => {
            key(lines, &[field, "_base64"]);
            lines.push(b'"');
            base64(lines, shown);
            lines.push(b'"');
        }
    }
    if shown.len() < value.len() {
        let _ = write!(lines, ",\"{field}_bytes\":{}", value.len());
    }
}

fn key(lines: &mut Vec<u8>, parts: &[&str]) {
    lines.extend_from_slice(b",\"");
    parts.iter().for_each(|part| lines.extend_from_slice(part.as_bytes()));
    lines.extend_from_slice(b"\":");
}

fn base64(lines: &mut Vec<u8>, bytes: &[u8]) {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let begin = lines.len();
    lines.resize(begin + bytes.len().div_ceil(3) * 4, 0);
    // It is as long as the text, padding included.
    let written = STANDARD.encode_slice(bytes, &mut lines[begin..]).unwrap_or(0);
    lines.truncate(begin + written);
}

/// Appends a field with a number; 0 is left out.
pub(super) fn number(lines: &mut Vec<u8>, field: &str, value: i64) {
    if value != 0 {
        let _ = write!(lines, ",\"{field}\":{value}");
    }
}

/// Appends a field with an id, in hexadecimal as tools write it; 0 is left out.
pub(super) fn id(lines: &mut Vec<u8>, field: &str, value: u64) {
    if value != 0 {
        let _ = write!(lines, ",\"{field}\":\"{value:x}\"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What is written without `fmt` reads as what `fmt` writes.
        #[test]
        fn shortcuts_write_what_the_long_way_writes(
            times in prop::collection::vec(0u64..4_000_000_000_000_000, 1..5),
            address in any::<[u8; 4]>(),
            port in any::<u16>(),
            took in any::<u32>(),
            user in ".{0,20}",
        ) {
            let mut lines = Lines::default();
            for micros in times {
                let ended = UNIX_EPOCH + Duration::from_micros(micros);
                let remote = Remote::Tcp((address, port).into());
                let seen = crate::audit::Seen::default();
                seen.note(&user);
                let record = Record {
                    ended,
                    remote,
                    seen: Some(seen),
                    path: "/a/B".into(),
                    code: Code::Ok,
                    took: Duration::from_micros(took.into()),
                };
                lines.text.clear();
                lines.push(&record, &[]);
                let line: serde_json::Value = serde_json::from_slice(&lines.text).expect("JSON");
                let expected = serde_json::json!({
                    "time": time_stamp(ended), "remote": remote.to_string(), "user": user,
                    "method": "a/B", "result": "Ok", "took_us": took
                });
                prop_assert_eq!(line, expected);
            }
        }
    }
}
