//! The values of all flags, and which of them were given.

use super::{duration::GoDuration, flag::Flag, gates::FeatureGates, table, url::Url, value::Value};
use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
    time::Duration,
};

/// A value for every flag of a program, or of a program within it.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    values: HashMap<&'static str, Value>,
    given: BTreeSet<&'static str>,
}

const IN_TABLE: &str = "names asked for here are constants that stand in the table of flags";
const OF_KIND: &str = "the table of flags gives this flag the kind that is asked for";

impl Settings {
    /// Every flag of the server at its default.
    pub(super) fn defaults() -> Self {
        Settings::defaults_of(table::flags())
    }

    /// These flags at their defaults.
    pub(super) fn defaults_of(flags: impl Iterator<Item = &'static Flag>) -> Self {
        let default = |flag: &'static Flag| (flag.name, Settings::default_of(flag));
        Settings { values: flags.map(default).collect(), given: BTreeSet::new() }
    }

    /// Gives a flag the value that `text` says.
    ///
    /// # Errors
    /// With what is wrong with the text; the flag keeps its value.
    pub(super) fn set(&mut self, flag: &'static Flag, text: &str) -> Result<(), String> {
        let value = Value::parse(flag.kind, text, self.values.get(flag.name))?;
        self.put(flag, value);
        Ok(())
    }

    /// Gives a flag a value.
    pub(super) fn put(&mut self, flag: &'static Flag, value: Value) {
        self.values.insert(flag.name, value);
        self.given.insert(flag.name);
    }

    /// Takes back what a flag was given.
    pub(super) fn forget(&mut self, flag: &'static Flag) {
        self.values.insert(flag.name, Settings::default_of(flag));
        self.given.remove(flag.name);
    }

    fn default_of(flag: &'static Flag) -> Value {
        Value::parse(flag.kind, flag.default, None).expect("defaults are values of their kind")
    }

    /// Whether a flag was given, be it its default.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.given.contains(name)
    }

    /// Flags that were given a value other than their default.
    pub(super) fn changed(&self) -> impl Iterator<Item = &'static Flag> + '_ {
        table::flags().filter(|flag| {
            let default = Value::parse(flag.kind, flag.default, None).ok();
            self.is_given(flag.name) && default.as_ref() != self.values.get(flag.name)
        })
    }

    pub(super) fn value(&self, name: &str) -> &Value {
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

    pub(super) fn duration(&self, name: &str) -> GoDuration {
        let Value::Duration(value) = self.value(name) else { unreachable!("{OF_KIND}") };
        *value
    }

    /// A time to wait, where no time at all stands for `default`.
    pub(super) fn wait_or(&self, name: &str, default: Duration) -> Duration {
        match self.duration(name).wait() {
            Duration::ZERO => default,
            wait => wait,
        }
    }

    pub(super) fn text(&self, name: &str) -> &str {
        let Value::Text(value) = self.value(name) else { unreachable!("{OF_KIND}") };
        value
    }

    /// A path; no text is none.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    pub(super) fn list(&self, name: &str) -> &[String] {
        let Value::List(values) = self.value(name) else { unreachable!("{OF_KIND}") };
        values
    }

    pub(super) fn urls(&self, name: &str) -> &[Url] {
        let Value::Urls(urls) = self.value(name) else { unreachable!("{OF_KIND}") };
        urls
    }

    pub(super) fn gates(&self, name: &str) -> &FeatureGates {
        let Value::Gates(gates) = self.value(name) else { unreachable!("{OF_KIND}") };
        gates
    }
}
