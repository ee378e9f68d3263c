//! A record as a line of JSON.

use super::{Record, details};
use crate::logging::time_stamp;
use std::io::Write;

/// Longest name that is shown whole, in bytes.
const NAME_MAX_BYTES: usize = 4 << 10;

/// Appends the line of `record`.
pub(super) fn push(lines: &mut Vec<u8>, record: &Record) {
    // Writing to memory does not fail.
    let _ = write!(lines, "{{\"time\":\"{}\",\"remote\":\"{}\"", time_stamp(record.ended), record.remote);
    if let Some(user) = record.seen.as_ref().and_then(|seen| seen.user()) {
        name(lines, "user", user.as_bytes());
    }
    name(lines, "method", record.path.trim_start_matches('/').as_bytes());
    details::push(lines, &record.path, record.request.clone());
    let _ = writeln!(lines, ",\"result\":\"{:?}\",\"took_us\":{}}}", record.code, record.took.as_micros());
}

/// Appends a field with a name, which may be any bytes: those that are no text go out in base64, as `<field>_base64`.
pub(super) fn name(lines: &mut Vec<u8>, field: &str, value: &[u8]) {
    let shown = &value[..value.len().min(NAME_MAX_BYTES)];
    match std::str::from_utf8(shown) {
        Ok(text) => {
            let _ = write!(lines, ",\"{field}\":");
            let _ = serde_json::to_writer(&mut *lines, text);
        }
        Err(_) => {
            use base64::Engine as _;
            let text = base64::engine::general_purpose::STANDARD.encode(shown);
            let _ = write!(lines, ",\"{field}_base64\":\"{text}\"");
        }
    }
    if shown.len() < value.len() {
        let _ = write!(lines, ",\"{field}_bytes\":{}", value.len());
    }
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
