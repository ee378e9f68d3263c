//! Flags: their definition and their values.

use crate::go::{
    duration::GoDuration,
    number::{parse_bool, parse_int, parse_uint},
    quote::quote,
};

/// What a flag's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Set by its mere presence; `--flag=false` unsets it.
    Bool,
    /// Any text.
    Text,
    /// A whole number.
    Int,
    /// A whole number from 0.
    Uint,
    /// A length of time.
    Duration,
    /// Texts separated by commas; given twice, the lists are joined.
    List,
}

/// The definition of a flag.
#[derive(Debug)]
pub struct Flag {
    /// Its name, without the dashes.
    pub name: &'static str,
    /// Its one-letter form.
    pub short: Option<char>,
    /// What it takes.
    pub kind: Kind,
    /// The value it has when it is not given, as text.
    pub default: &'static str,
    /// One line for the help text.
    pub help: &'static str,
    /// The values it can have, for completion; empty when any will do.
    pub choices: &'static [&'static str],
}

impl Flag {
    /// A flag of this kind.
    pub const fn new(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Self {
        Flag { name, short: None, kind, default, help, choices: &[] }
    }

    /// A boolean that is false.
    pub const fn switch(name: &'static str, help: &'static str) -> Self {
        Flag::new(name, Kind::Bool, "false", help)
    }

    /// A text.
    pub const fn text(name: &'static str, default: &'static str, help: &'static str) -> Self {
        Flag::new(name, Kind::Text, default, help)
    }

    /// A whole number that is 0.
    pub const fn int(name: &'static str, help: &'static str) -> Self {
        Flag::new(name, Kind::Int, "0", help)
    }

    /// The same flag with a one-letter form.
    #[must_use]
    pub const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    /// The same flag with a list of values to choose from.
    #[must_use]
    pub const fn choices(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self
    }

    /// Whether the next argument is its value, when there is no `=`.
    pub fn takes_next(&self) -> bool {
        self.kind != Kind::Bool
    }

    /// Reads a value.
    ///
    /// # Errors
    /// In Go's words, when the text is no value of this kind.
    pub fn read(&self, text: &[u8]) -> Result<Value, String> {
        Ok(match self.kind {
            Kind::Bool => Value::Bool(parse_bool(text).map_err(|e| e.to_string())?),
            Kind::Text => Value::Text(text.to_vec()),
            Kind::Int => Value::Int(parse_int(text, 0).map_err(|e| e.to_string())?),
            Kind::Uint => Value::Uint(parse_uint(text, 0).map_err(|e| e.to_string())?),
            Kind::Duration => Value::Duration(GoDuration::parse(text)?),
            Kind::List => Value::List(read_list(text)?),
        })
    }

    /// [`Flag::read`], with an error that says which flag it is about.
    ///
    /// # Errors
    /// When the text is no value of this kind.
    pub fn read_named(&self, text: &[u8]) -> Result<Value, String> {
        self.read(text).map_err(|problem| {
            let name = match self.short {
                Some(short) => format!("-{short}, --{}", self.name),
                None => format!("--{}", self.name),
            };
            format!("invalid argument {} for {} flag: {problem}", quote(text), quote(name))
        })
    }
}

/// The value of a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of [`Kind::Bool`].
    Bool(bool),
    /// Of [`Kind::Text`].
    Text(Vec<u8>),
    /// Of [`Kind::Int`].
    Int(i64),
    /// Of [`Kind::Uint`].
    Uint(u64),
    /// Of [`Kind::Duration`].
    Duration(GoDuration),
    /// Of [`Kind::List`].
    List(Vec<Vec<u8>>),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Bool(value) => write!(f, "{value}"),
            Value::Text(value) => f.write_str(&String::from_utf8_lossy(value)),
            Value::Int(value) => write!(f, "{value}"),
            Value::Uint(value) => write!(f, "{value}"),
            Value::Duration(value) => write!(f, "{value}"),
            Value::List(values) => write!(f, "[{}]", String::from_utf8_lossy(&values.join(&b','))),
        }
    }
}

/// One line of comma-separated values; values with commas are in double quotes, a double quote inside is doubled.
fn read_list(text: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut fields = vec![Vec::new()];
    let mut rest = text;
    loop {
        let mut field = Vec::new();
        if let Some(mut inside) = rest.strip_prefix(b"\"") {
            loop {
                match inside {
                    [b'"', b'"', tail @ ..] => {
                        field.push(b'"');
                        inside = tail;
                    }
                    [b'"', tail @ ..] => {
                        rest = tail;
                        break;
                    }
                    [byte, tail @ ..] => {
                        field.push(*byte);
                        inside = tail;
                    }
                    [] => {
                        let column = text.len() + 1;
                        return Err(format!(
                            "parse error on line 1, column {column}: extraneous or missing \" in quoted-field"
                        ));
                    }
                }
            }
        } else {
            let length = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
            field.extend_from_slice(&rest[..length]);
            if let Some(quote) = field.iter().position(|byte| *byte == b'"') {
                let column = text.len() - rest.len() + quote + 1;
                return Err(format!("parse error on line 1, column {column}: bare \" in non-quoted-field"));
            }
            rest = &rest[length..];
        }
        if let Some(last) = fields.last_mut() {
            *last = field;
        }
        match rest {
            [] => return Ok(fields),
            [b',', tail @ ..] => {
                rest = tail;
                fields.push(Vec::new());
            }
            _ => {
                let column = text.len() - rest.len() + 1;
                return Err(format!(
                    "parse error on line 1, column {column}: extraneous or missing \" in quoted-field"
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_commas_outside_quotes() {
        let read = |text: &str| {
            let list = read_list(text.as_bytes())?;
            Ok::<_, String>(
                list.iter().map(|v| String::from_utf8_lossy(v).into_owned()).collect::<Vec<_>>().join("|"),
            )
        };
        assert_eq!(read("a,b"), Ok("a|b".into()));
        assert_eq!(read("a,"), Ok("a|".into()));
        assert_eq!(read("\"a,\"\"b\",c"), Ok("a,\"b|c".into()));
        assert_eq!(read(""), Ok(String::new()));
        assert!(read("a\"b").is_err() && read("\"a").is_err() && read("\"a\"b").is_err());
    }

    #[test]
    fn errors_name_the_flag() {
        static WIDTH: Flag = Flag::int("width", "").short('w');
        let error = "invalid argument \"x\" for \"-w, --width\" flag: strconv.ParseInt: parsing \"x\": invalid syntax";
        assert_eq!(WIDTH.read_named(b"x"), Err(error.to_owned()));
    }
}
