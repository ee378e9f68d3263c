//! What happens behind a command, on stderr, one JSON object a line, as etcd's tools log it.

use std::{fmt, io, path::Path};
use tracing::{Event, Level, Subscriber, field::Field, field::Visit};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// Starts logging. Levels from info on are shown.
pub fn to_stderr() {
    tracing_subscriber::fmt()
        .event_format(JsonLine)
        .with_max_level(Level::INFO)
        .with_writer(io::stderr)
        .init();
}

/// Writes events in the form of zap, Go's logger.
struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let level = metadata.level().as_str().to_ascii_lowercase();
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        write!(writer, "{{\"level\":\"{level}\",\"ts\":\"{time}\"")?;
        if metadata.target().starts_with("oxetcd_client") {
            writer.write_str(",\"logger\":\"etcd-client\"")?;
        }
        let file = metadata.file().and_then(|file| Path::new(file).file_name()).unwrap_or_default();
        let caller = format!("{}:{}", file.to_string_lossy(), metadata.line().unwrap_or(0));
        write!(writer, ",\"caller\":\"{caller}\"")?;
        let mut fields = Fields::default();
        event.record(&mut fields);
        write!(writer, ",\"msg\":{}{}}}", escape(&fields.message), fields.others)?;
        writeln!(writer)
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: String,
}

impl Fields {
    fn add(&mut self, field: &Field, json: &str) {
        let name = field.name().replace('_', "-");
        self.others.push_str(&format!(",\"{name}\":{json}"));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.add(field, &escape(&text));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, &escape(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, &value.to_string());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, &value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, &value.to_string());
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
