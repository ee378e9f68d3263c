//! The log as its readers see it.

use super::{
    FATAL, Format, Level, LogOptions, Logging, Notice, Output, Rotation, json, layer::ZapLayer, log_notices,
    output::Target,
};
use crossbeam_channel::{Receiver, Sender, bounded};
use serde_json::{Value, json as value};
use std::{
    io,
    sync::{Arc, Mutex},
};
use tracing_subscriber::layer::SubscriberExt;

/// An output that keeps what it gets.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Target for Kept {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.lock().expect("no test panics while it holds this").extend_from_slice(lines);
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("no test panics while it holds this");
        String::from_utf8(bytes.clone()).expect("logs are text")
    }
}

/// Runs `act` with a log of its own; answers with what was written.
fn logged(level: Level, format: Format, act: impl FnOnce(&Logging)) -> String {
    let kept = Kept::default();
    let options = LogOptions { level, format, ..LogOptions::default() };
    let logging = Logging::over(&options, vec![Box::new(kept.clone())]).expect("a thread can be started");
    let subscriber = tracing_subscriber::registry().with(ZapLayer(logging.core.clone()));
    tracing::subscriber::with_default(subscriber, || act(&logging));
    logging.flush();
    kept.text()
}

/// The one line of JSON that `act` logs, without its time and place.
fn line(act: impl FnOnce()) -> Value {
    let text = logged(Level::Debug, Format::Json, |_| act());
    let mut line: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}"));
    let fields = line.as_object_mut().expect("a line is an object");
    for name in ["ts", "caller"] {
        assert!(fields.remove(name).is_some_and(|part| part.is_string()), "{name} is missing in {text}");
    }
    line
}

#[test]
fn parts_stand_in_the_order_of_zap() {
    let text = logged(Level::Info, Format::Json, |_| {
        tracing::info!("local-member-id" = "8e9e05c52164694d", count = 3, "started {}", "well");
    });
    let starts = "{\"level\":\"info\",\"ts\":\"20";
    assert!(text.starts_with(starts), "{text}");
    let (_, rest) = text.split_once("Z\",\"caller\":\"tests/mod.rs:").expect(&text);
    let (_, rest) = rest.split_once('"').expect(&text);
    assert_eq!(rest, ",\"msg\":\"started well\",\"local-member-id\":\"8e9e05c52164694d\",\"count\":3}\n");
    let line: Value = serde_json::from_str(&text).expect("a line is JSON");
    let stamp = line["ts"].as_str().unwrap_or_default();
    let shape: String = stamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000000Z");
}

#[test]
fn values_keep_their_kinds() {
    let urls = ["http://a:1", "http://b:1"];
    let seen = line(|| {
        tracing::warn!(
            flag = true,
            less = -1,
            part = 0.5,
            odd = f64::NAN,
            text = "a\"b\n\u{1}é",
            shown = %7,
            debugged = ?Some(1),
            error = &io::Error::other("broken") as &(dyn std::error::Error + 'static),
            "listen-urls" = json(&urls).value(),
            "m"
        );
    });
    let expected = value!({
        "level": "warn", "msg": "m", "flag": true, "less": -1, "part": 0.5, "odd": "NaN", "text": "a\"b\n\u{1}é",
        "shown": "7", "debugged": "Some(1)", "error": "broken", "listen-urls": urls,
    });
    assert_eq!(seen, expected);
}

#[test]
fn levels_have_the_names_of_zap() {
    assert_eq!(line(|| tracing::debug!(target: "oxetcd", "m")), value!({"level": "debug", "msg": "m"}));
    assert_eq!(line(|| tracing::error!("m")), value!({"level": "error", "msg": "m"}));
    assert_eq!(line(|| tracing::error!(target: FATAL, "m")), value!({"level": "fatal", "msg": "m"}));
}

#[test]
fn columns_are_those_of_zaps_console() {
    let text = logged(Level::Info, Format::Console, |_| {
        tracing::info!(name = "a", "urls" = json(&["x", "y"]).value(), "two\nlines");
        tracing::info!("bare");
    });
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    assert_eq!(columns[1], "info");
    assert!(columns[2].starts_with("tests/mod.rs:"), "{columns:?}");
    assert_eq!(columns[3..], ["two lines", "{\"name\": \"a\", \"urls\": [\"x\", \"y\"]}"]);
    assert_eq!(lines.next().unwrap_or_default().split('\t').skip(3).collect::<Vec<_>>(), ["bare"]);
    assert_eq!(lines.next(), None);
}

#[test]
fn only_lines_of_the_level_and_up_are_shown_and_the_level_can_change() {
    let text = logged(Level::Warn, Format::Json, |logging| {
        tracing::info!("one");
        tracing::warn!("two");
        logging.set_level(Level::Fatal);
        tracing::error!("three");
        tracing::error!(target: FATAL, "four");
        logging.set_level(Level::Debug);
        tracing::debug!(target: "oxetcd_server", "five");
        tracing::debug!(target: "h2::codec", "six");
        tracing::trace!(target: "oxetcd_server", "seven");
    });
    let messages: Vec<String> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["msg"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(messages, ["two", "four", "five"]);
}

#[test]
fn notices_keep_the_order_of_their_fields() {
    let notice = Notice::new(Level::Warn, "m").with("z", 1).with("a", ["x"]);
    let text = logged(Level::Info, Format::Json, |_| log_notices(std::slice::from_ref(&notice)));
    assert!(text.ends_with(",\"msg\":\"m\",\"z\":1,\"a\":[\"x\"]}\n"), "{text}");
    assert!(notice.to_line().ends_with(",\"msg\":\"m\",\"z\":1,\"a\":[\"x\"]}\n"), "{}", notice.to_line());
}

#[test]
fn one_place_cannot_flood_the_log_but_errors_are_all_told() {
    let text = logged(Level::Info, Format::Json, |_| {
        for _ in 0..300 {
            tracing::info!("again");
            tracing::error!("failed");
        }
    });
    let count = |message: &str| text.lines().filter(|line| line.contains(message)).count();
    // The loop may run over the end of a second, which starts the count anew.
    assert!((100..=204).contains(&count("again")), "{}", count("again"));
    assert_eq!(count("failed"), 300);
}

/// An output that says when it has a line, and waits to be let on.
struct Gate {
    inner: Kept,
    reached: Sender<()>,
    open: Receiver<()>,
}

impl Target for Gate {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        // Both ends of these channels outlive the test's work; afterwards all lines may pass.
        let _ = self.reached.send(());
        let _ = self.open.recv();
        self.inner.write(lines)
    }
}

#[test]
fn an_output_that_blocks_holds_up_nobody_and_loses_lines_openly() {
    let kept = Kept::default();
    let (reached, at_gate) = bounded(64);
    let (let_on, open) = bounded::<()>(64);
    let gate = Gate { inner: kept.clone(), reached, open };
    let other = Kept::default();
    let targets: Vec<Box<dyn Target>> = vec![Box::new(gate), Box::new(other.clone())];
    let logging = Logging::over(&LogOptions::default(), targets).expect("threads can be started");
    let subscriber = tracing_subscriber::registry().with(ZapLayer(logging.core.clone()));
    tracing::subscriber::with_default(subscriber, || {
        tracing::error!("first");
        at_gate.recv().expect("the first line reaches the output");
        // The output hangs now. More than the queue may hold is logged, and nothing waits.
        let long = "x".repeat(1 << 20);
        for _ in 0..12 {
            tracing::error!(long, "more");
        }
    });
    let dropped = logging.dropped_lines();
    assert!((1..12).contains(&dropped), "{dropped} lines dropped");
    drop(let_on);
    logging.flush();
    let text = kept.text();
    assert_eq!(text.matches("\"more\"").count() as u64, 12 - dropped);
    let told: u64 = text
        .lines()
        .filter(|line| line.contains("were dropped"))
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["lines"].as_u64())
        .sum();
    assert_eq!(told, dropped, "every dropped line is told of");
    assert_eq!(other.text().matches("\"first\"").count(), 1, "the other output has its lines");
}

#[test]
fn files_are_appended_to_and_dropping_the_log_writes_all() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("etcd.log");
    std::fs::write(&path, "before\n").expect("the folder is writable");
    let options = LogOptions { outputs: vec![Output::File(path.clone())], ..LogOptions::default() };
    let logging = Logging::open(&options).expect("the file can be opened");
    let subscriber = tracing_subscriber::registry().with(ZapLayer(logging.core.clone()));
    tracing::subscriber::with_default(subscriber, || tracing::info!("after"));
    drop(logging);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text.starts_with("before\n{") && text.ends_with("\"msg\":\"after\"}\n"), "{text}");
}

#[test]
fn an_output_that_cannot_be_opened_is_named() {
    for rotation in [None, Some(Rotation { max_bytes: 1, max_age_days: 0, max_backups: 0 })] {
        let outputs = vec![Output::File("/nowhere/etcd.log".into())];
        let options = LogOptions { outputs, rotation, ..LogOptions::default() };
        let error = Logging::open(&options).expect_err("there is no such folder");
        let expected = "open sink \"/nowhere/etcd.log\": open /nowhere/etcd.log: no such file or directory";
        assert_eq!(error, expected);
    }
}

#[test]
fn levels_are_read_as_zap_does() {
    for level in Level::ALL {
        assert_eq!(Level::parse(level.name()), Some(level));
        assert_eq!(Level::parse(&level.name().to_uppercase()), Some(level));
    }
    assert_eq!((Level::parse(""), Level::parse("loud")), (Some(Level::Info), None));
}
