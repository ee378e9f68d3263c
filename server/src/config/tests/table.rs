//! Every flag of etcd 3.7.1 is read, with its kind, default, variable and key; those that are gone are not.

use crate::config::{
    GATES, GROUPS, Kind, REMOVED, SUBCOMMANDS, arguments,
    flag::Flag,
    settings::Settings,
    table::{find, flags},
    value::Value,
};
use std::collections::BTreeSet;

/// Name, type, default, variable and key of all flags of etcd, and of those it once had.
const ETCD: &str = include_str!("etcd.tsv");

/// Where the defaults differ: here damaged data are looked for unless somebody forbids it.
const FOUND_BY_DEFAULT: [&str; 3] = ["corrupt-check-time", "CompactHashCheck", "InitialCorruptCheck"];

struct Row {
    name: &'static str,
    kind: &'static str,
    default: &'static str,
    env: &'static str,
    key: &'static str,
}

fn rows(start: &str) -> Vec<Row> {
    let row = |line: &'static str| {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap_or("");
        Row { name: cell(), kind: cell(), default: cell(), env: cell(), key: cell() }
    };
    let mut rows: Vec<Row> = ETCD.lines().skip(1).map(row).collect();
    rows.retain(|row| row.name.starts_with(start));
    for row in &mut rows {
        row.name = &row.name[start.len()..];
    }
    rows
}

/// A value of each type, as one types it.
fn sample(kind: &str) -> &'static str {
    match kind.split('(').next().unwrap_or(kind) {
        "bool" => "false",
        "int" | "int64" => "-7",
        "uint" | "uint32" | "uint64" => "7",
        "duration" => "1h2m3s",
        "string" | "ignored" => "text",
        "string-list" | "string-set" | "stringSlice" => "b,a",
        "url-list" => "http://127.0.0.1:1,http://127.0.0.1:2",
        "gate-list" => "AllAlpha=true",
        "enum" => "",
        other => panic!("the table of etcd has an unexpected type {other:?}"),
    }
}

/// What [`sample`] becomes.
fn expected(kind: &str, flag: &Flag) -> Value {
    let texts = |texts: &[&str]| Value::List(texts.iter().map(|text| (*text).to_owned()).collect());
    match kind.split('(').next().unwrap_or(kind) {
        "bool" => Value::Bool(false),
        "int" | "int64" => Value::Int(-7),
        "uint" | "uint32" | "uint64" => Value::Uint(7),
        "duration" => Value::parse(Kind::Duration, "3723s", None).expect("a duration"),
        "string-set" => texts(&["a", "b"]),
        "string-list" | "stringSlice" => texts(&["b", "a"]),
        "url-list" if flag.kind == Kind::Origins => texts(&["http://127.0.0.1:1", "http://127.0.0.1:2"]),
        "url-list" => Value::parse(Kind::Urls, sample("url-list"), None).expect("URLs"),
        "gate-list" => Value::parse(Kind::Gates, "AllAlpha=true", None).expect("gates"),
        _ => Value::Text(sample(kind).to_owned()),
    }
}

fn is_enum(flag: &Flag) -> bool {
    matches!(flag.kind, Kind::Choice(_) | Kind::Choices(_))
}

#[test]
fn every_flag_is_read_with_its_kind() {
    for row in rows("--") {
        let flag = find(row.name).unwrap_or_else(|| panic!("--{} is missing", row.name));
        assert_eq!(row.kind == "enum", is_enum(flag), "--{}", row.name);
        let given = if is_enum(flag) { flag.default } else { sample(row.kind) };
        let mut settings = Settings::defaults();
        let args = [format!("--{}={given}", row.name)];
        if given.is_empty() {
            continue;
        }
        assert_eq!(arguments::parse(&args, &mut settings).map(<[_]>::len), Ok(0), "{args:?}");
        let expected = if is_enum(flag) { Value::Text(given.to_owned()) } else { expected(row.kind, flag) };
        assert_eq!(settings.value(row.name), &expected, "{args:?}");
        assert!(settings.is_given(row.name));
    }
}

#[test]
fn flags_have_the_default_variable_and_key_of_etcd() {
    for row in rows("--") {
        let flag = find(row.name).unwrap_or_else(|| panic!("--{} is missing", row.name));
        if !FOUND_BY_DEFAULT.contains(&row.name) {
            assert_eq!(flag.default, row.default, "default of --{}", row.name);
        }
        if row.env != "-" {
            assert_eq!(flag.env(), row.env, "variable of --{}", row.name);
        }
        assert_eq!(flag.file_key().unwrap_or("-"), row.key, "key of --{}", row.name);
    }
}

#[test]
fn there_are_no_flags_beyond_those_of_etcd_but_a_few() {
    let known: BTreeSet<&str> = rows("--").iter().map(|row| row.name).collect();
    let extra: Vec<&str> = flags().map(|flag| flag.name).filter(|name| !known.contains(name)).collect();
    assert_eq!(
        extra,
        [
            "backend",
            "enable-v2",
            "metrics-prefixes",
            "audit-log",
            "auto-disarm-nospace",
            "raise-cluster-version"
        ]
    );
}

#[test]
fn no_name_and_no_key_stands_twice() {
    let mut names = BTreeSet::new();
    let mut keys = BTreeSet::new();
    for flag in GROUPS.iter().flat_map(|group| group.flags) {
        assert!(names.insert(flag.name), "--{} stands twice", flag.name);
        assert!(
            flag.file_key().is_none_or(|key| keys.insert(key)),
            "the key of --{} stands twice",
            flag.name
        );
        assert!(flag.help.ends_with('.'), "--{} has no sentence", flag.name);
    }
}

#[test]
fn every_gate_is_known_with_its_stage_and_default() {
    let rows = rows("feature-gate:");
    assert_eq!(rows.len(), GATES.len());
    for row in rows {
        let gate = GATES.iter().find(|gate| gate.name == row.name).expect(row.name);
        let on = gate.default != FOUND_BY_DEFAULT.contains(&row.name);
        assert_eq!(on.to_string(), row.default, "{}", row.name);
    }
}

#[test]
fn every_flag_of_the_subcommands_is_read_with_its_kind() {
    for command in SUBCOMMANDS {
        let rows = rows(&format!("etcd {} start --", command.name));
        assert_eq!(rows.len(), command.flags.len(), "flags of {}", command.name);
        for row in rows {
            let flag = command.flags.iter().find(|flag| flag.name == row.name).expect(row.name);
            let value = Value::parse(flag.kind, sample(row.kind), None);
            assert_eq!(value, Ok(expected(row.kind, flag)), "--{} of {}", row.name, command.name);
            let default = row.default.trim_start_matches('[').trim_end_matches(']');
            assert_eq!(flag.default, default, "--{} of {}", row.name, command.name);
        }
    }
}

#[test]
fn flags_that_are_gone_are_unknown_and_have_a_word_of_advice() {
    let rows = rows("removed:--");
    assert_eq!(rows.len(), REMOVED.len());
    for row in rows {
        assert!(find(row.name).is_none(), "--{} is back", row.name);
        let removed = REMOVED.iter().find(|removed| removed.name == row.name).expect(row.name);
        let named =
            removed.instead.split("--").skip(1).map(|rest| rest.split([' ', '=']).next().unwrap_or(rest));
        for name in named {
            assert!(find(name).is_some(), "--{} is to be replaced by --{name}, which is none", row.name);
        }
    }
}
