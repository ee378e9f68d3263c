//! The log, as flags describe it.

use super::settings::Settings;
use crate::logging::{Format, Level, LogOptions, Notice, Output, Rotation};
use serde::Deserialize;
use std::collections::BTreeSet;

const DEFAULT: &str = "default";

/// Reads the flags of the log.
///
/// # Errors
/// In etcd's words, for a level, form or output that there is not.
pub(super) fn options(settings: &Settings, notices: &mut Vec<Notice>) -> Result<LogOptions, String> {
    match settings.text("logger") {
        "zap" => {}
        "capnslog" => return Err("--logger=capnslog is removed in v3.5".to_owned()),
        other => return Err(format!("unknown logger option {other:?}")),
    }
    let names = settings.list("log-outputs");
    if names.len() > 1 && names.iter().any(|name| name == DEFAULT) {
        return Err(format!("multi logoutput for {DEFAULT:?} is not supported yet"));
    }
    if names.is_empty() {
        return Err("open sink \"\": open : no such file or directory".to_owned());
    }
    let outputs = outputs(names)?;
    let rotation = match settings.bool("enable-log-rotation") {
        true => Some(rotation(settings.text("log-rotation-config-json"), &outputs, notices)?),
        false => None,
    };
    let level = settings.text("log-level");
    let format = match settings.text("log-format") {
        "json" | "" => Format::Json,
        "console" => Format::Console,
        other => return Err(format!("unknown log format: {other}, supported values json, console")),
    };
    Ok(LogOptions {
        level: Level::parse(level).ok_or_else(|| format!("unrecognized level: {level:?}"))?,
        format,
        outputs,
        rotation,
    })
}

fn outputs(names: &[String]) -> Result<Vec<Output>, String> {
    if names.iter().any(|name| name == "/dev/null") {
        return Ok(Vec::new());
    }
    if names.len() > 1 && names.iter().any(|name| name == "systemd/journal") {
        let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        return Err(format!(
            "running with systemd/journal but other '--log-outputs' values ([{}]) are configured with 'default'; \
             override 'default' value with something else",
            names.join(" ")
        ));
    }
    let outputs: BTreeSet<Output> = names
        .iter()
        .map(|name| match name.as_str() {
            DEFAULT | "stderr" => Output::Stderr,
            "stdout" => Output::Stdout,
            "systemd/journal" => Output::Journal,
            path => Output::File(path.strip_prefix("file://").unwrap_or(path).into()),
        })
        .collect();
    if outputs.is_empty() { Ok(vec![Output::Stderr]) } else { Ok(outputs.into_iter().collect()) }
}

/// `--log-rotation-config-json`, in the form of the library that etcd uses.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RotationJson {
    maxsize: u64,
    maxage: u64,
    maxbackups: usize,
    localtime: bool,
    compress: bool,
}

const DEFAULT_MEGABYTES: u64 = 100;

fn rotation(text: &str, outputs: &[Output], notices: &mut Vec<Notice>) -> Result<Rotation, String> {
    let files = outputs.iter().filter(|output| matches!(output, Output::File(_))).count();
    if files > 1 || (files == 0 && outputs.len() == 1) {
        return Err(
            "--log-outputs requires a single file path when --log-rotate-config-json is defined".to_owned()
        );
    }
    let json: RotationJson = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => format!("invalid log rotation config: {error}"),
        _ => format!("improperly formatted log rotation config: {error}"),
    })?;
    for (name, wanted) in [("localtime", json.localtime), ("compress", json.compress)] {
        if wanted {
            let notice = Notice::new(Level::Warn, "a part of --log-rotation-config-json has no effect yet");
            notices.push(notice.with("part", name));
        }
    }
    let megabytes = if json.maxsize == 0 { DEFAULT_MEGABYTES } else { json.maxsize };
    Ok(Rotation {
        max_bytes: megabytes.saturating_mul(1 << 20),
        max_age_days: json.maxage,
        max_backups: json.maxbackups,
    })
}
