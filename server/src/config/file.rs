//! The configuration file: YAML with etcd's keys.
//!
//! The file is read in one pass against the table of flags, while the parser still knows on which line it is:
//! every mistake is told with file, line and key. etcd itself passes over keys that it does not know; here they
//! are mistakes, since a misspelt setting that is silently not in force is found out too late.

use super::{
    duration::GoDuration,
    flag::{Flag, Kind},
    settings::Settings,
    table,
    value::Value,
};
use crate::logging::{Level, Notice, system_text};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::{collections::HashSet, fmt, path::Path};

/// Reads all settings from the file at `path`; whatever it does not name has its default.
///
/// # Errors
/// With the file, the line and the key.
pub(super) fn load(path: &Path, notices: &mut Vec<Notice>) -> Result<Settings, String> {
    let text = std::fs::read(path).map_err(|error| {
        let what = if path.is_dir() { "read" } else { "open" };
        format!("{what} {}: {}", path.display(), system_text(&error))
    })?;
    parse(&text, &path.display().to_string(), notices)
}

/// Reads all settings from the text of a file called `name`.
pub(super) fn parse(text: &[u8], name: &str, notices: &mut Vec<Notice>) -> Result<Settings, String> {
    let mut reader =
        Reader { settings: Settings::defaults(), notices, name, seen: HashSet::new(), mistake: None };
    // Only the first document counts, as in etcd; a file without any is empty.
    let Some(document) = serde_yaml_ng::Deserializer::from_slice(text).next() else {
        return Ok(reader.settings);
    };
    let read = Section { reader: &mut reader, path: String::new() }.deserialize(document);
    match read {
        Ok(()) => Ok(reader.settings),
        Err(error) => Err(reader.tell(&error)),
    }
}

struct Reader<'a> {
    settings: Settings,
    notices: &'a mut Vec<Notice>,
    name: &'a str,
    /// Keys read so far.
    seen: HashSet<String>,
    /// What is wrong, when it is not the YAML itself. The parser adds where.
    mistake: Option<String>,
}

impl Reader<'_> {
    fn tell(&mut self, error: &serde_yaml_ng::Error) -> String {
        let mut text = error.to_string();
        let Some(place) = error.location() else {
            return format!("{}: {}", self.name, self.mistake.take().unwrap_or(text));
        };
        if let Some(end) = text.rfind(" at line ") {
            text.truncate(end);
        }
        format!("{}:{}: {}", self.name, place.line(), self.mistake.take().unwrap_or(text))
    }

    fn mistake<E: Error>(&mut self, text: String) -> E {
        let error = E::custom(&text);
        self.mistake = Some(text);
        error
    }
}

/// What a key stands for.
enum Meaning {
    Flag(&'static Flag),
    Section,
    /// Something that was a setting once.
    Gone(&'static str),
}

fn meaning(key: &str) -> Result<Meaning, String> {
    let mut known = table::flags().filter_map(|flag| Some((flag, flag.file_key()?)));
    if let Some((flag, _)) = known.find(|(_, known)| known.eq_ignore_ascii_case(key)) {
        return Ok(Meaning::Flag(flag));
    }
    let start = format!("{}.", key.to_ascii_lowercase());
    let mut keys = table::flags().filter_map(Flag::file_key);
    if keys.any(|known| known.to_ascii_lowercase().starts_with(&start)) {
        return Ok(Meaning::Section);
    }
    if let Some(removed) = table::REMOVED.iter().find(|removed| removed.name == key) {
        return Ok(Meaning::Gone(removed.instead));
    }
    // etcd's own sample file has this one, although etcd reads it from nowhere but the command line.
    if key == "discovery-fallback" {
        return Ok(Meaning::Gone("it is a flag of the command line only"));
    }
    Err(match table::find(key).map(|flag| flag.file_key()) {
        Some(None) => format!("unknown key {key:?}: it is a flag of the command line only"),
        Some(Some(place)) => format!("unknown key {key:?}: it stands under {place} in a file"),
        None => format!("unknown key {key:?}"),
    })
}

/// A mapping of keys; the whole file is one.
struct Section<'r, 'a> {
    reader: &'r mut Reader<'a>,
    /// The keys that lead here, with dots behind them.
    path: String,
}

impl<'de> DeserializeSeed<'de> for Section<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Section<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.trim_end_matches('.') {
            "" => f.write_str("keys and values"),
            path => write!(f, "keys and values under {path}"),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    /// The parser's word for a file without anything in it.
    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Section { reader, path } = self;
        while let Some((key, meaning)) = map.next_key_seed(KeyOf { reader: &mut *reader, path: &path })? {
            if !reader.seen.insert(key.to_ascii_lowercase()) {
                let notice =
                    Notice::new(Level::Warn, "a key stands in the configuration file twice; the last counts");
                reader.notices.push(notice.with("key", &key));
            }
            match meaning {
                Meaning::Flag(flag) => {
                    map.next_value_seed(ValueOf { reader: &mut *reader, flag, key: &key })?
                }
                Meaning::Section => {
                    map.next_value_seed(Section { reader: &mut *reader, path: format!("{key}.") })?;
                }
                Meaning::Gone(instead) => {
                    map.next_value::<IgnoredAny>()?;
                    let notice = Notice::new(
                        Level::Warn,
                        "a key of older versions in the configuration file is ignored",
                    );
                    reader.notices.push(notice.with("key", &key).with("instead", instead));
                }
            }
        }
        Ok(())
    }
}

/// A key, looked up while its line is known.
struct KeyOf<'r, 'a> {
    reader: &'r mut Reader<'a>,
    path: &'r str,
}

impl<'de> DeserializeSeed<'de> for KeyOf<'_, '_> {
    type Value = (String, Meaning);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeyOf<'_, '_> {
    type Value = (String, Meaning);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        let key = format!("{}{key}", self.path);
        match meaning(&key) {
            Ok(meaning) => Ok((key, meaning)),
            Err(mistake) => Err(self.reader.mistake(mistake)),
        }
    }
}

/// The value of a flag.
struct ValueOf<'r, 'a> {
    reader: &'r mut Reader<'a>,
    flag: &'static Flag,
    key: &'r str,
}

impl ValueOf<'_, '_> {
    fn put<E: Error>(self, value: Value) -> Result<(), E> {
        self.reader.settings.put(self.flag, value);
        Ok(())
    }

    fn mistake<E: Error>(self, text: impl fmt::Display) -> E {
        self.reader.mistake(format!("{}: {text}", self.key))
    }

    fn misfit<E: Error>(self, given: &str) -> E {
        let wanted = self.wanted();
        self.mistake(format!("{given} where {wanted} is wanted"))
    }

    fn wanted(&self) -> &'static str {
        match self.flag.kind {
            Kind::Bool => "true or false",
            Kind::Int => "a whole number",
            Kind::Uint | Kind::Uint32 => "a whole number from 0",
            Kind::Duration => "a whole number of nanoseconds",
            _ if self.flag.list_in_file => "a list",
            _ => "a text (in quotes)",
        }
    }

    fn is_text(&self) -> bool {
        let scalar =
            matches!(self.flag.kind, Kind::Bool | Kind::Int | Kind::Uint | Kind::Uint32 | Kind::Duration);
        !scalar && !self.flag.list_in_file
    }

    fn number<E: Error>(self, number: i128) -> Result<(), E> {
        let given = format!("the number {number}");
        let largest = if self.flag.kind == Kind::Uint32 { u64::from(u32::MAX) } else { u64::MAX };
        let unsigned = u64::try_from(number).ok().filter(|number| *number <= largest).map(Value::Uint);
        let signed = i64::try_from(number).ok();
        let value = match self.flag.kind {
            Kind::Int => signed.map(Value::Int),
            Kind::Uint | Kind::Uint32 => unsigned,
            Kind::Duration => signed.map(|nanos| Value::Duration(GoDuration(nanos))),
            _ => None,
        };
        match value {
            Some(value) => self.put(value),
            None => Err(self.misfit(&given)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for ValueOf<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueOf<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}", self.wanted(), self.key)
    }

    /// A key without a value has its default, whatever stood before it.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.reader.settings.forget(self.flag);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        match self.flag.kind {
            Kind::Bool => self.put(Value::Bool(value)),
            _ => Err(self.misfit(if value { "true" } else { "false" })),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.number(i128::from(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.number(i128::from(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        // 1e9 is as whole as 1000000000; beyond 2^53 it would not be sure which number was meant.
        if number.fract() == 0.0 && number.abs() <= (1u64 << 53) as f64 {
            return self.number(number as i128);
        }
        Err(self.misfit(&format!("the number {number}")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if self.flag.kind == Kind::Bool {
            // Words that YAML 1.1, which etcd reads, takes for booleans.
            match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" => return self.put(Value::Bool(true)),
                "no" | "off" | "n" => return self.put(Value::Bool(false)),
                _ => {}
            }
        }
        if !self.is_text() {
            let hint = match GoDuration::parse(text).filter(|_| self.flag.kind == Kind::Duration) {
                Some(duration) => format!(" ({text} is {})", duration.0),
                None => String::new(),
            };
            let wanted = self.wanted();
            return Err(self.mistake(format!("{text:?} where {wanted} is wanted{hint}")));
        }
        // Of texts only plain ones can be set to nothing; for the others that means "not given".
        if text.is_empty() && self.flag.kind != Kind::Text {
            return Ok(());
        }
        // The one flag of several choices is ignored; etcd does not even look at what a file says of it.
        if let Kind::Choices(_) = self.flag.kind {
            return self.put(Value::Text(text.to_owned()));
        }
        match self.reader.settings.set(self.flag, text) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.mistake(format!("invalid value {text:?}: {error}"))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        if !self.flag.list_in_file {
            return Err(self.misfit("a list"));
        }
        let mut list = Vec::new();
        while let Some(value) = values.next_element::<String>()? {
            list.push(value);
        }
        if list.is_empty() {
            return self.visit_unit();
        }
        if self.flag.kind == Kind::Set {
            list.sort_unstable();
            list.dedup();
        }
        self.put(Value::List(list))
    }
}
