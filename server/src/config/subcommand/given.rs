//! The command line of a subcommand, in the syntax of the pflag library, and the values that its flags have then.

use super::Subcommand;
use crate::config::{
    duration,
    flag::{Flag, Kind},
    number::{NumberError, parse_bool, parse_int, parse_uint},
    settings::Settings,
    value::Value,
};

/// What is wrong with a value, in the words of the pflag library, which are not those of Go's `flag`.
fn pflag_text(kind: Kind, text: &str, error: String) -> String {
    let number = |error: NumberError, parser| error.strconv_text(parser, text);
    match kind {
        Kind::Bool => parse_bool(text).err().map_or(error, |error| number(error, "ParseBool")),
        Kind::Int => parse_int(text).err().map_or(error, |error| number(error, "ParseInt")),
        Kind::Uint | Kind::Uint32 => parse_uint(text).err().map_or(error, |error| number(error, "ParseUint")),
        Kind::Duration => duration::mistake(text),
        _ => error,
    }
}

/// Reads what stands beside `start`: a value for each flag.
pub(super) fn parse(command: &Subcommand, args: &[String]) -> Result<Settings, String> {
    let mut given = Settings::defaults_of(command.flags.iter());
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let Some(body) = arg.strip_prefix("--") else {
            return Err(match arg.strip_prefix('-') {
                Some(body) => {
                    format!("unknown shorthand flag: {:?} in -{body}", body.chars().next().unwrap_or('-'))
                }
                None => format!("unknown command {arg:?} for \"etcd {} start\"", command.name),
            });
        };
        let (name, value) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (body, None),
        };
        let flag = command.flags.iter().find(|flag| flag.name == name);
        let flag = flag.ok_or_else(|| format!("unknown flag: --{name}"))?;
        let value = match (value, flag.is_switch()) {
            (Some(value), _) => value,
            (None, true) => "true",
            (None, false) => rest.next().ok_or_else(|| format!("flag needs an argument: --{name}"))?,
        };
        let value = Value::parse(flag.kind, value, None)
            .map_err(|error| pflag_text(flag.kind, value, error))
            .map_err(|error| format!("invalid argument {value:?} for \"--{name}\" flag: {error}"))?;
        put(&mut given, flag, value);
    }
    Ok(given)
}

/// A list that is given twice is both together.
fn put(given: &mut Settings, flag: &'static Flag, value: Value) {
    let value = match (given.value(flag.name), value) {
        (Value::List(list), Value::List(more)) if given.is_given(flag.name) && flag.kind == Kind::List => {
            Value::List([&list[..], &more].concat())
        }
        (_, value) => value,
    };
    given.put(flag, value);
}
