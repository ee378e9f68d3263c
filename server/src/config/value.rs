//! Values of flags, read from text by the rules of their kind.

use super::{
    duration::GoDuration,
    flag::Kind,
    gates::FeatureGates,
    number::{NumberError, parse_bool, parse_int, parse_uint},
    url::{Url, join, parse_urls},
};
use std::{collections::BTreeSet, fmt};

/// The value of a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Duration(GoDuration),
    Text(String),
    List(Vec<String>),
    Urls(Vec<Url>),
    Gates(FeatureGates),
}

impl Value {
    /// Reads `text` as a value of `kind`; `current` is what the flag has so far.
    ///
    /// # Errors
    /// With what Go prints behind `invalid value "x" for flag -y:`.
    pub(super) fn parse(kind: Kind, text: &str, current: Option<&Value>) -> Result<Value, String> {
        let flag_text = |error: NumberError| error.flag_text().to_owned();
        Ok(match kind {
            Kind::Bool => Value::Bool(parse_bool(text).map_err(flag_text)?),
            Kind::Int => Value::Int(parse_int(text).map_err(flag_text)?),
            Kind::Uint => Value::Uint(parse_uint(text).map_err(flag_text)?),
            Kind::Uint32 => Value::Uint(parse_uint32(text)?),
            Kind::Duration => Value::Duration(GoDuration::parse(text).ok_or("parse error")?),
            Kind::Text | Kind::Ignored => Value::Text(text.to_owned()),
            Kind::List => Value::List(split(text).collect()),
            Kind::Set => Value::List(split(text).collect::<BTreeSet<_>>().into_iter().collect()),
            Kind::Urls => urls(text, current)?,
            Kind::Origins if text == "*" => Value::List(vec!["*".to_owned()]),
            Kind::Origins => Value::List(parse_urls(text)?.iter().map(ToString::to_string).collect()),
            Kind::Choice(choices) if choices.contains(&text) => Value::Text(text.to_owned()),
            Kind::Choice(_) => return Err("invalid value".to_owned()),
            // Nothing at all is the default, but nothing that one can choose.
            Kind::Choices(_) if text.is_empty() && current.is_none() => Value::Text(String::new()),
            Kind::Choices(choices) => chosen(choices, text)?,
            Kind::Gates => gates(text, current)?,
        })
    }
}

fn parse_uint32(text: &str) -> Result<u64, String> {
    let value = parse_uint(text).and_then(|value| match u32::try_from(value) {
        Ok(_) => Ok(value),
        Err(_) => Err(NumberError::Range),
    });
    value.map_err(|error| error.strconv_text("ParseUint", text))
}

fn split(text: &str) -> impl Iterator<Item = String> + '_ {
    // No text at all is an empty list; an empty text between commas is a member of it, as in etcd.
    text.split(',').filter(move |_| !text.is_empty()).map(str::to_owned)
}

/// No text leaves the URLs as they are: etcd takes it as "not given".
fn urls(text: &str, current: Option<&Value>) -> Result<Value, String> {
    match (text, current) {
        ("", Some(current)) => Ok(current.clone()),
        ("", None) => Ok(Value::Urls(Vec::new())),
        _ => Ok(Value::Urls(parse_urls(text)?)),
    }
}

fn chosen(choices: &[&str], text: &str) -> Result<Value, String> {
    match text.split(',').find(|part| !choices.contains(part)) {
        Some(part) => Err(format!("invalid value {part:?}")),
        None => Ok(Value::Text(text.to_owned())),
    }
}

fn gates(text: &str, current: Option<&Value>) -> Result<Value, String> {
    let mut gates = match current {
        Some(Value::Gates(gates)) => gates.clone(),
        _ => FeatureGates::default(),
    };
    gates.set(text)?;
    Ok(Value::Gates(gates))
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => value.fmt(f),
            Value::Int(value) => value.fmt(f),
            Value::Uint(value) => value.fmt(f),
            Value::Duration(value) => value.fmt(f),
            Value::Text(value) => value.fmt(f),
            Value::List(values) => f.write_str(&values.join(",")),
            Value::Urls(urls) => f.write_str(&join(urls)),
            Value::Gates(gates) => gates.fmt(f),
        }
    }
}
