//! The command line as etcdctl of version 2 read it: Go's `flag`, and in front of it a reordering.
//!
//! Its quirks are kept, since scripts were written around them. Flags of the program come before the command. Behind a
//! command, flags may stand anywhere, because they are moved to the front before they are read; but the move does not know
//! which flags take a value, and takes the word behind any of them along. So in `rm key --dir other` the key is `other`.

use crate::{
    args::{Flag, Kind, Matches, Value},
    go::{
        duration::GoDuration,
        number::{NumberError, parse_bool, parse_int},
        quote::quote,
    },
};

/// Every command's `--help`.
pub(super) static HELP: Flag = Flag::switch("help", "show help").short('h');

/// Moves the flags of a command to the front, each with the word behind it unless it has its value at hand.
pub(super) fn reorder(flags: &[&'static Flag], args: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let (mut front, mut rest) = (Vec::new(), Vec::new());
    let mut value_may_follow = false;
    for (at, arg) in args.iter().enumerate() {
        if value_may_follow && !arg.starts_with(b"-") {
            value_may_follow = false;
            front.push(arg.clone());
        } else if arg == b"--" {
            rest.extend_from_slice(&args[at..]);
            break;
        } else if is_flag(flags, arg) {
            value_may_follow = !arg.contains(&b'=');
            front.push(arg.clone());
        } else {
            rest.push(arg.clone());
        }
    }
    front.append(&mut rest);
    front
}

fn is_flag(flags: &[&'static Flag], arg: &[u8]) -> bool {
    if matches!(arg, b"-" | b"--") {
        return false;
    }
    let Some(name) = arg.strip_prefix(b"--").or(arg.strip_prefix(b"-")) else { return false };
    let name = name.split(|byte| *byte == b'=').next().unwrap_or_default();
    named(flags, name).is_some()
}

fn named(flags: &[&'static Flag], name: &[u8]) -> Option<&'static Flag> {
    let is = |flag: &&&'static Flag| {
        flag.name.as_bytes() == name || matches!(name, [short] if flag.short == Some(char::from(*short)))
    };
    flags.iter().find(is).copied()
}

/// Reads flags up to the first word that is none; the words from there on are the arguments.
///
/// # Errors
/// In Go's words.
pub(super) fn parse(flags: &[&'static Flag], args: &[Vec<u8>]) -> Result<Matches, String> {
    let mut matches = Matches::default();
    let mut at = 0;
    while let Some(arg) = args.get(at) {
        if !arg.starts_with(b"-") || arg == b"-" {
            break;
        }
        at += 1;
        if arg == b"--" {
            break;
        }
        let body = arg.strip_prefix(b"--").unwrap_or(&arg[1..]);
        if matches!(body.first(), None | Some(b'-' | b'=')) {
            return Err(format!("bad flag syntax: {}", String::from_utf8_lossy(arg)));
        }
        let mut parts = body.splitn(2, |byte| *byte == b'=');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next());
        let shown = String::from_utf8_lossy(name);
        let flag = named(flags, name).ok_or_else(|| format!("flag provided but not defined: -{shown}"))?;
        let value = match (value, flag.kind) {
            (Some(value), _) => value,
            (None, Kind::Bool) => b"true",
            (None, _) => {
                let next = args.get(at).ok_or_else(|| format!("flag needs an argument: -{shown}"))?;
                at += 1;
                next
            }
        };
        matches.set(flag, read(flag, value).map_err(|problem| wrong(flag, value, &shown, problem))?);
    }
    matches.args = args[at.min(args.len())..].to_vec();
    Ok(matches)
}

fn wrong(flag: &Flag, value: &[u8], name: &str, problem: &str) -> String {
    let kind = if flag.kind == Kind::Bool { "boolean value" } else { "value" };
    let for_ = if flag.kind == Kind::Bool { "for" } else { "for flag" };
    format!("invalid {kind} {} {for_} -{name}: {problem}", quote(value))
}

fn read(flag: &Flag, text: &[u8]) -> Result<Value, &'static str> {
    let number = |error: NumberError| {
        if error.is_out_of_range() { "value out of range" } else { "parse error" }
    };
    Ok(match flag.kind {
        Kind::Bool => Value::Bool(parse_bool(text).map_err(number)?),
        Kind::Int | Kind::Uint => Value::Int(parse_int(text, 0).map_err(number)?),
        Kind::Duration => Value::Duration(GoDuration::parse(text).map_err(|_| "parse error")?),
        // Each time it is given it adds one value, commas or not.
        Kind::List => Value::List(vec![text.to_vec()]),
        Kind::Text => Value::Text(text.to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use super::{Flag, Kind, parse, reorder};

    static DIR: Flag = Flag::switch("dir", "");
    static TTL: Flag = Flag::int("ttl", "").short('t');
    static ROLES: Flag = Flag::new("roles", Kind::List, "", "");
    const ALL: &[&Flag] = &[&DIR, &TTL, &ROLES];

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split_whitespace().map(|word| word.as_bytes().to_vec()).collect()
    }

    fn reordered(line: &str) -> String {
        String::from_utf8(reorder(ALL, &words(line)).join(&b' ')).expect("was text")
    }

    #[test]
    fn flags_come_to_the_front_with_the_word_behind_them() {
        assert_eq!(reordered("foo bar --ttl 5"), "--ttl 5 foo bar");
        assert_eq!(reordered("foo --ttl=5 bar"), "--ttl=5 foo bar");
        assert_eq!(reordered("foo --dir bar"), "--dir bar foo");
        assert_eq!(reordered("-t 5 -- foo --dir"), "-t 5 -- foo --dir");
        assert_eq!(reordered("foo --dir -- echo hi"), "--dir foo -- echo hi");
        assert_eq!(reordered("foo bar --ttl -5"), "--ttl foo bar -5");
        assert_eq!(reordered("--other foo"), "--other foo");
    }

    #[test]
    fn reads_flags_up_to_the_first_argument() {
        let matches =
            parse(ALL, &words("-dir --ttl 0x10 --roles a,b --roles=c foo --ttl 3")).expect("is fine");
        assert!(matches.bool(&DIR));
        assert_eq!((matches.int(&TTL), matches.list(&ROLES)), (16, vec!["a,b".to_owned(), "c".to_owned()]));
        assert_eq!(matches.args, words("foo --ttl 3"));
        assert_eq!(parse(ALL, &words("-- --dir")).expect("is fine").args, words("--dir"));
    }

    #[test]
    fn complains_in_gos_words() {
        let complaint = |line| parse(ALL, &words(line)).map(|_| ()).expect_err("is wrong");
        assert_eq!(complaint("--nonsense"), "flag provided but not defined: -nonsense");
        assert_eq!(complaint("--ttl"), "flag needs an argument: -ttl");
        assert_eq!(complaint("--ttl=x"), "invalid value \"x\" for flag -ttl: parse error");
        assert_eq!(complaint("--dir=x"), "invalid boolean value \"x\" for -dir: parse error");
        assert_eq!(complaint("---x"), "bad flag syntax: ---x");
    }
}
