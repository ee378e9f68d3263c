//! The command line, in the syntax of Go's `flag` package.
//!
//! One hyphen or two; `-name=value` or `-name value`; a switch takes its value only behind `=`. The first
//! argument that is no flag, and `--`, end the flags. A flag given twice has its last value.

use super::{settings::Settings, table};

/// Why a command line was not taken whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Help is wanted.
    Help,
    /// A mistake, in Go's words.
    Mistake(String),
}

/// Reads flags into `settings`. Answers with the arguments behind the last flag.
pub(super) fn parse<'a>(arguments: &'a [String], settings: &mut Settings) -> Result<&'a [String], Stop> {
    let mut rest = arguments;
    while let [argument, behind @ ..] = rest {
        let Some(body) = argument.strip_prefix('-').filter(|body| !body.is_empty()) else { break };
        if body == "-" {
            return Ok(behind);
        }
        let body = body.strip_prefix('-').unwrap_or(body);
        if body.is_empty() || body.starts_with(['-', '=']) {
            return Err(Stop::Mistake(format!("bad flag syntax: {argument}")));
        }
        rest = parse_one(body, behind, settings)?;
    }
    Ok(rest)
}

/// A command line as it may be logged: a password is nothing for a log.
pub(super) fn shown(arguments: &[String]) -> Vec<String> {
    let mut hide = false;
    let show = |argument: &String| {
        let name = argument.trim_start_matches('-');
        if std::mem::replace(&mut hide, argument.starts_with('-') && name == "discovery-password") {
            return "***".to_owned();
        }
        match name.strip_prefix("discovery-password=") {
            Some(_) if argument.starts_with('-') => "--discovery-password=***".to_owned(),
            _ => argument.clone(),
        }
    };
    arguments.iter().map(show).collect()
}

/// Reads one flag, given without its hyphens. Answers with what is left of `behind`.
fn parse_one<'a>(body: &str, behind: &'a [String], settings: &mut Settings) -> Result<&'a [String], Stop> {
    let (name, value) = match body.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (body, None),
    };
    let Some(flag) = table::find(name) else {
        return Err(if matches!(name, "help" | "h") { Stop::Help } else { unknown(name) });
    };
    if flag.is_switch() {
        let value = value.unwrap_or("true");
        return match settings.set(flag, value) {
            Ok(()) => Ok(behind),
            Err(error) => Err(Stop::Mistake(format!("invalid boolean value {value:?} for -{name}: {error}"))),
        };
    }
    let (value, rest) = match (value, behind) {
        (Some(value), _) => (value, behind),
        (None, [value, rest @ ..]) => (value.as_str(), rest),
        (None, []) => return Err(Stop::Mistake(format!("flag needs an argument: -{name}"))),
    };
    match settings.set(flag, value) {
        Ok(()) => Ok(rest),
        Err(error) => Err(Stop::Mistake(format!("invalid value {value:?} for flag -{name}: {error}"))),
    }
}

fn unknown(name: &str) -> Stop {
    let mut text = format!("flag provided but not defined: -{name}");
    if let Some(removed) = table::REMOVED.iter().find(|removed| removed.name == name) {
        text.push_str(&format!("\n--{name} is a flag of older versions: {}", removed.instead));
    }
    Stop::Mistake(text)
}
