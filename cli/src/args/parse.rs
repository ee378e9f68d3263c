//! Reads flags.

use super::{Flag, Matches, Value};
use crate::go::quote::quote;

/// Every command's `--help`.
pub(super) static HELP: Flag = Flag::switch("help", "help for this command").short('h');

/// Why arguments cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError(pub String);

/// Reads the arguments of a command that understands these flags. Everything after `--` is positional.
///
/// # Errors
/// For an unknown flag, a missing value, or a wrong one.
pub fn parse(flags: &[&'static Flag], args: &[Vec<u8>]) -> Result<Matches, ParseError> {
    let mut matches = Matches::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_slice() {
            b"--" => {
                matches.args_before_dashes = Some(matches.args.len());
                matches.args.extend(args.cloned());
                break;
            }
            [b'-', b'-', ..] => parse_long(flags, arg, &mut args, &mut matches)?,
            [b'-', letters @ ..] if !letters.is_empty() => {
                parse_short(flags, letters, &mut args, &mut matches)?
            }
            _ => matches.args.push(arg.clone()),
        }
    }
    Ok(matches)
}

type Rest<'a> = std::slice::Iter<'a, Vec<u8>>;

fn parse_long(
    flags: &[&'static Flag],
    arg: &[u8],
    rest: &mut Rest<'_>,
    matches: &mut Matches,
) -> Result<(), ParseError> {
    let body = &arg[2..];
    if matches!(body.first(), None | Some(b'-' | b'=')) {
        return Err(ParseError(format!("bad flag syntax: {}", String::from_utf8_lossy(arg))));
    }
    let (name, value) = match body.iter().position(|byte| *byte == b'=') {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    };
    let shown = String::from_utf8_lossy(name);
    let Some(flag) = flags.iter().find(|flag| flag.name.as_bytes() == name) else {
        return Err(ParseError(format!("unknown flag: --{shown}")));
    };
    let value = match value {
        Some(value) => value,
        None if !flag.takes_next() => b"true",
        None => rest.next().ok_or_else(|| ParseError(format!("flag needs an argument: --{shown}")))?,
    };
    set(flag, value, matches)
}

/// One or more letters; the first that takes a value takes the rest of the word for it.
fn parse_short(
    flags: &[&'static Flag],
    mut letters: &[u8],
    rest: &mut Rest<'_>,
    matches: &mut Matches,
) -> Result<(), ParseError> {
    while let [letter, tail @ ..] = letters {
        let letter = char::from(*letter);
        // Go shows the letter as a rune in single quotes, and the word as it is.
        let shown = format!("'{}' in -{}", rune(letter), String::from_utf8_lossy(letters));
        let Some(flag) = flags.iter().find(|flag| flag.short == Some(letter)) else {
            return Err(ParseError(format!("unknown shorthand flag: {shown}")));
        };
        let value: &[u8] = match tail {
            [b'=', value @ ..] if !value.is_empty() => {
                letters = &[];
                value
            }
            _ if !flag.takes_next() => {
                letters = tail;
                b"true"
            }
            [] => {
                letters = &[];
                rest.next().ok_or_else(|| ParseError(format!("flag needs an argument: {shown}")))?
            }
            value => {
                letters = &[];
                value
            }
        };
        set(flag, value, matches)?;
    }
    Ok(())
}

fn rune(c: char) -> String {
    match c {
        '\'' => "\\'".to_owned(),
        '"' => "\"".to_owned(),
        c => quote(c.to_string()).trim_matches('"').to_owned(),
    }
}

fn set(flag: &'static Flag, value: &[u8], matches: &mut Matches) -> Result<(), ParseError> {
    let value: Value = flag.read_named(value).map_err(ParseError)?;
    matches.set(flag, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Kind;

    static PREFIX: Flag = Flag::switch("prefix", "");
    static LIMIT: Flag = Flag::int("limit", "");
    static FORMAT: Flag = Flag::text("write-out", "simple", "").short('w');
    static QUIET: Flag = Flag::switch("quiet", "").short('q');
    static HOSTS: Flag = Flag::new("hosts", Kind::List, "a", "");

    fn read(args: &[&str]) -> Result<Matches, String> {
        let args: Vec<_> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        parse(&[&PREFIX, &LIMIT, &FORMAT, &QUIET, &HOSTS], &args).map_err(|error| error.0)
    }

    #[test]
    fn flags_may_stand_anywhere_and_the_last_wins() {
        let m = read(&["k", "--prefix", "--limit", "3", "--limit=-0x10", "end", "-wjson"]).expect("valid");
        assert!(m.bool(&PREFIX) && m.is_set(&LIMIT) && !m.is_set(&QUIET));
        assert_eq!((m.int(&LIMIT), m.text(&FORMAT)), (-16, "json".to_owned()));
        assert_eq!(m.args, [b"k".to_vec(), b"end".to_vec()]);
    }

    #[test]
    fn booleans_take_a_value_only_behind_an_equals_sign() {
        let m = read(&["--prefix=false", "-q", "true", "-qw=x"]).expect("valid");
        assert!(!m.bool(&PREFIX) && m.bool(&QUIET));
        assert_eq!((m.text(&FORMAT), m.args), ("x".to_owned(), vec![b"true".to_vec()]));
    }

    #[test]
    fn two_dashes_end_the_flags_and_lists_are_joined() {
        let m = read(&["--hosts", "a,b", "--hosts=c", "-", "--", "--prefix", "--"]).expect("valid");
        assert_eq!(m.list(&HOSTS), ["a", "b", "c"]);
        assert_eq!(m.args, [b"-".to_vec(), b"--prefix".to_vec(), b"--".to_vec()]);
    }

    #[test]
    fn errors_are_those_of_pflag() {
        let error = |args: &[&str]| read(args).map(|_| ()).expect_err("invalid");
        assert_eq!(error(&["--nope=1"]), "unknown flag: --nope");
        assert_eq!(error(&["-qx"]), "unknown shorthand flag: 'x' in -x");
        assert_eq!(error(&["--limit"]), "flag needs an argument: --limit");
        assert_eq!(error(&["-w"]), "flag needs an argument: 'w' in -w");
        assert_eq!(error(&["---x"]), "bad flag syntax: ---x");
        assert_eq!(
            error(&["--prefix=maybe"]),
            "invalid argument \"maybe\" for \"--prefix\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax"
        );
    }
}
