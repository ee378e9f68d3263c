//! The flags and arguments of one run.

use super::{Flag, Kind, Value};
use crate::go::duration::GoDuration;
use std::collections::HashMap;

/// What the command line (and the environment) say. Asked with the very definition of a flag.
#[derive(Clone, Debug, Default)]
pub struct Matches {
    given: HashMap<&'static str, Value>,
    /// Positional arguments.
    pub args: Vec<Vec<u8>>,
    /// How many of them stand before `--`, if there is one.
    pub args_before_dashes: Option<usize>,
}

impl Matches {
    /// Whether the flag was given.
    pub fn is_set(&self, flag: &Flag) -> bool {
        self.given.contains_key(flag.name)
    }

    /// Sets a flag. Lists given twice are joined.
    pub fn set(&mut self, flag: &Flag, value: Value) {
        match (self.given.get_mut(flag.name), value) {
            (Some(Value::List(list)), Value::List(more)) => list.extend(more),
            (_, value) => {
                self.given.insert(flag.name, value);
            }
        }
    }

    /// The value of a flag, given or default.
    pub fn value(&self, flag: &Flag) -> Value {
        match self.given.get(flag.name) {
            Some(value) => value.clone(),
            None if flag.kind == Kind::List => {
                Value::List(flag.default.split(',').map(|item| item.as_bytes().to_vec()).collect())
            }
            None => flag
                .read(flag.default.as_bytes())
                .unwrap_or_else(|error| panic!("default of {}: {error}", flag.name)),
        }
    }

    /// A flag of [`Kind::Bool`].
    pub fn bool(&self, flag: &Flag) -> bool {
        matches!(self.value(flag), Value::Bool(true))
    }

    /// A flag of [`Kind::Int`].
    pub fn int(&self, flag: &Flag) -> i64 {
        if let Value::Int(value) = self.value(flag) { value } else { 0 }
    }

    /// A flag of [`Kind::Uint`].
    pub fn uint(&self, flag: &Flag) -> u64 {
        if let Value::Uint(value) = self.value(flag) { value } else { 0 }
    }

    /// A flag of [`Kind::Text`], as bytes.
    pub fn bytes(&self, flag: &Flag) -> Vec<u8> {
        if let Value::Text(value) = self.value(flag) { value } else { Vec::new() }
    }

    /// A flag of [`Kind::Text`].
    pub fn text(&self, flag: &Flag) -> String {
        String::from_utf8_lossy(&self.bytes(flag)).into_owned()
    }

    /// A flag of [`Kind::Duration`].
    pub fn duration(&self, flag: &Flag) -> GoDuration {
        if let Value::Duration(value) = self.value(flag) { value } else { GoDuration(0) }
    }

    /// A flag of [`Kind::List`].
    pub fn list(&self, flag: &Flag) -> Vec<String> {
        let Value::List(values) = self.value(flag) else { return Vec::new() };
        values.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// The positional argument at `index` as text.
    pub fn arg(&self, index: usize) -> String {
        self.args.get(index).map(|arg| String::from_utf8_lossy(arg).into_owned()).unwrap_or_default()
    }
}
