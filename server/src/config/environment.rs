//! Settings in the environment: `ETCD_MAX_TXN_OPS` for `--max-txn-ops`.

use super::{refused::Refused, settings::Settings, table};
use crate::logging::{Level, Notice};

const PREFIX: &str = "ETCD_";

/// Reads variables into `settings`, which has the flags of the command line already.
pub(super) fn apply(
    variables: &[(String, String)],
    settings: &mut Settings,
    notices: &mut Vec<Notice>,
) -> Result<(), Refused> {
    let on_command_line = settings.clone();
    let mut mistake = None;
    let mut used = Vec::new();
    let value_of =
        |name: &str| variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if let Some(value) = value_of("ETCD_VERSION").filter(|value| !value.is_empty()) {
        let notice = Notice::new(Level::Warn, "cannot set special environment variable");
        notices.push(notice.with("key", "ETCD_VERSION").with("value", value));
    }
    let mut flags: Vec<_> = table::flags().filter(|flag| flag.name != "version").collect();
    flags.sort_unstable_by_key(|flag| flag.name);
    for flag in flags.into_iter().filter(|flag| !on_command_line.is_given(flag.name)) {
        let key = flag.env();
        let Some(value) = value_of(&key).filter(|value| !value.is_empty()) else { continue };
        match settings.set(flag, value) {
            Ok(()) => {
                let notice = Notice::new(Level::Info, "recognized and used environment variable");
                notices
                    .push(notice.with("variable-name", &key).with("variable-value", shown(flag.name, value)));
            }
            Err(error) => mistake = Some(format!("invalid value {value:?} for {key}: {error}")),
        }
        used.push(key);
    }
    look_for_strays(variables, &used, &on_command_line, notices)?;
    mistake.map_or(Ok(()), |mistake| Err(Refused::Mistake(mistake)))
}

/// A password is nothing for a log.
fn shown<'a>(name: &str, value: &'a str) -> &'a str {
    if name == "discovery-password" { "***" } else { value }
}

/// Refuses variables that a flag on the command line repeats, and tells of those that are nobody's.
fn look_for_strays(
    variables: &[(String, String)],
    used: &[String],
    on_command_line: &Settings,
    notices: &mut Vec<Notice>,
) -> Result<(), Refused> {
    let given: Vec<String> =
        table::flags().filter(|flag| on_command_line.is_given(flag.name)).map(|flag| flag.env()).collect();
    for (key, value) in variables.iter().filter(|(key, _)| key.starts_with(PREFIX) && !used.contains(key)) {
        if given.contains(key) {
            let notice = Notice::new(
                Level::Fatal,
                "conflicting environment variable is shadowed by corresponding command-line flag (either unset \
                 environment variable or disable flag))",
            );
            return Err(Refused::Conflict(notice.with("environment-variable", key)));
        }
        if key != "ETCD_VERSION" {
            let notice = Notice::new(Level::Warn, "unrecognized environment variable");
            notices.push(notice.with("environment-variable", format!("{key}={value}")));
        }
    }
    Ok(())
}
