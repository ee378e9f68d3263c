//! Flags given in the environment.
//!
//! `ETCDCTL_SOME_FLAG` is read for every flag that a command shares with those above it. A variable beside the same flag
//! on the command line is an error: nobody could tell which was meant. Variables that mean nothing are warned about,
//! wrong values are passed over.

use crate::args::{Command, Failure, Flag, Matches};
use crate::exit;
use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};

const PREFIX: &str = "ETCDCTL_";

/// The variable of a flag.
pub(super) fn variable(flag_name: &str) -> String {
    format!("{PREFIX}{}", flag_name.replace('-', "_").to_uppercase())
}

/// Takes over the environment. `known` are names of variables that the command reads by itself.
pub(super) fn apply(
    path: &[&'static Command],
    matches: &mut Matches,
    environment: impl Iterator<Item = (OsString, OsString)>,
    known: &[&str],
) -> Result<(), Failure> {
    let flags: Vec<&'static Flag> =
        path[..path.len() - 1].iter().flat_map(|command| command.shared_flags).copied().collect();
    let on_command_line: Vec<_> =
        flags.iter().filter(|flag| matches.is_set(flag)).map(|flag| flag.name).collect();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let value = value.into_vec();
        let flag = flags.iter().find(|flag| variable(flag.name) == name);
        match flag {
            Some(flag) if on_command_line.contains(&flag.name) => {
                let message = "conflicting environment variable is shadowed by corresponding command-line flag \
                               (either unset environment variable or disable flag))";
                tracing::error!(environment_variable = name, "{message}");
                return Err(Failure::silent(exit::ERROR));
            }
            Some(flag) if !value.is_empty() => {
                if let Ok(value) = flag.read(&value) {
                    matches.set(flag, value);
                }
            }
            None if known.contains(&name) && !value.is_empty() => {}
            _ => {
                let variable = format!("{name}={}", String::from_utf8_lossy(&value));
                tracing::warn!(environment_variable = variable, "unrecognized environment variable");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::{ETCDCTL, global};

    fn applied(given: &[(&str, &str)], mut matches: Matches) -> Result<Matches, Failure> {
        let environment = given.iter().map(|(name, value)| (name.into(), value.into()));
        apply(&[&ETCDCTL, &ETCDCTL], &mut matches, environment, &[])?;
        Ok(matches)
    }

    #[test]
    fn variables_set_flags_and_wrong_ones_do_not() {
        let given =
            [("ETCDCTL_ENDPOINTS", "a,b"), ("ETCDCTL_HEX", "maybe"), ("ETCDCTL_USER", ""), ("HEX", "true")];
        let matches = applied(&given, Matches::default()).expect("no conflict");
        assert_eq!(matches.list(&global::ENDPOINTS), ["a", "b"]);
        assert!(!matches.is_set(&global::HEX) && !matches.is_set(&global::USER));
    }

    #[test]
    fn a_variable_beside_its_flag_is_an_error() {
        let mut matches = Matches::default();
        matches.set(&global::HEX, crate::args::Value::Bool(true));
        assert_eq!(applied(&[("ETCDCTL_HEX", "")], matches).map(|_| ()), Err(Failure::silent(1)));
    }
}
