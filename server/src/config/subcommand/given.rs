//! The command line of a subcommand, in the syntax of the pflag library, and the values that its flags have then.

use super::Subcommand;
use crate::config::{
    duration::GoDuration,
    flag::Kind,
    number::{NumberError, parse_bool, parse_int, parse_uint},
    value::Value,
};
use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    time::Duration,
};

const IN_TABLE: &str = "names asked for here are constants that stand in the table of the subcommand";
const OF_KIND: &str = "the table of the subcommand gives this flag the kind that is asked for";

/// What is wrong with a value, in the words of the pflag library, which are not those of Go's `flag`.
fn pflag_text(kind: Kind, text: &str, error: String) -> String {
    let number = |error: NumberError, parser| error.strconv_text(parser, text);
    match kind {
        Kind::Bool => parse_bool(text).err().map_or(error, |error| number(error, "ParseBool")),
        Kind::Int => parse_int(text).err().map_or(error, |error| number(error, "ParseInt")),
        Kind::Uint | Kind::Uint32 => parse_uint(text).err().map_or(error, |error| number(error, "ParseUint")),
        Kind::Duration if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() => {
            format!("time: missing unit in duration {text:?}")
        }
        Kind::Duration => format!("time: invalid duration {text:?}"),
        _ => error,
    }
}

/// A value for each flag of a subcommand.
#[derive(Debug)]
pub(super) struct Given {
    values: HashMap<&'static str, Value>,
    pub(super) names: HashSet<&'static str>,
}

impl Given {
    /// Reads what stands behind `start`.
    pub(super) fn parse(command: &Subcommand, args: &[String]) -> Result<Given, String> {
        let default = |kind, text| Value::parse(kind, text, None).expect("defaults are values of their kind");
        let values = command.flags.iter().map(|flag| (flag.name, default(flag.kind, flag.default))).collect();
        let mut given = Given { values, names: HashSet::new() };
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
            given.put(flag.name, flag.kind, value);
        }
        Ok(given)
    }

    /// A list that is given twice is both together.
    fn put(&mut self, name: &'static str, kind: Kind, value: Value) {
        let again = !self.names.insert(name);
        match (self.values.get_mut(name), value) {
            (Some(Value::List(list)), Value::List(more)) if again && kind == Kind::List => list.extend(more),
            (_, value) => drop(self.values.insert(name, value)),
        }
    }

    fn value(&self, name: &str) -> &Value {
        self.values.get(name).expect(IN_TABLE)
    }

    pub(super) fn bool(&self, name: &str) -> bool {
        let Value::Bool(value) = self.value(name) else { unreachable!("{OF_KIND}") };
        *value
    }

    pub(super) fn int(&self, name: &str) -> i64 {
        let Value::Int(value) = self.value(name) else { unreachable!("{OF_KIND}") };
        *value
    }

    pub(super) fn uint(&self, name: &str) -> u64 {
        let Value::Uint(value) = self.value(name) else { unreachable!("{OF_KIND}") };
        *value
    }

    pub(super) fn text(&self, name: &str) -> &str {
        let Value::Text(value) = self.value(name) else { unreachable!("{OF_KIND}") };
        value
    }

    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    pub(super) fn list(&self, name: &str) -> &[String] {
        let Value::List(values) = self.value(name) else { unreachable!("{OF_KIND}") };
        values
    }

    pub(super) fn wait(&self, name: &str) -> Duration {
        let Value::Duration(value) = self.value(name) else { unreachable!("{OF_KIND}") };
        GoDuration::wait(*value)
    }
}
