//! The reference of all settings and the sample file, written by the table of flags.
//!
//! Both are kept in the repository, `docs/configuration.md` and `packaging/etcd.conf.yml`, for people to read; tests hold
//! them to what these functions give.

use super::{
    duration::GoDuration,
    flag::{Effect, Flag, Kind},
    gates::GATES,
    table::{GROUPS, REMOVED},
};
use std::fmt::Write as _;

const INTRODUCTION: &str = "\
# Configuration of `etcd`

Written by the table of flags in `server/src/config`, and held to it by a test: change it there, then run
`OXETCD_WRITE_DOCS=1 cargo test -p oxetcd-server --lib config::tests::reference`.

A setting is a flag (`--name=x`, with one hyphen or two), a variable of the environment, or a key of the YAML file that
`--config-file` names. With a file, all other flags and variables are ignored; a flag and a variable for the same setting are a
mistake. An unknown flag, a key that is unknown or has the wrong sort of value, and settings that contradict each other
end the start, with the line in the file where there is one. Times in a file are whole nanoseconds (`10m` is
600000000000). Keys with a dot are a section and a key in it.

`etcd check-config FILE`, or `etcd check-config FLAGS`, reads all of it as a start does, looks at the files and folders that it
names, changes nothing, and ends with 1 if a member could not start. `etcd.conf.yml` in `packaging/` is a sample with every
key at its default.
";

/// The reference of all settings, in Markdown.
pub fn reference() -> String {
    let mut out = INTRODUCTION.to_owned();
    for group in GROUPS {
        let Some(title) = group.title else { continue };
        // Writing to a string does not fail, here and below.
        let _ = write!(
            out,
            "\n## {title}\n| flag | value | default | variable | key | |\n|---|---|---|---|---|---|\n"
        );
        group.flags.iter().for_each(|flag| row(flag, &mut out));
    }
    out.push_str("\n## Feature gates\n`--feature-gates=Name=true,Other=false`.\n\n");
    out.push_str("| gate | stage | default | |\n|---|---|---|---|\n");
    for gate in GATES {
        let (name, stage, default) = (gate.name, gate.stage.name(), gate.default);
        let _ = writeln!(out, "| `{name}` | {stage} | {default} | {} |", sentence(gate.help, gate.effect));
    }
    out.push_str("\n## Read and thrown away\nRelics of old versions, with any value: ");
    let relics = GROUPS.iter().filter(|group| group.title.is_none()).flat_map(|group| group.flags);
    let relics: Vec<String> =
        relics.filter(|flag| flag.kind == Kind::Ignored).map(|flag| format!("`--{}`", flag.name)).collect();
    let _ = writeln!(out, "{}.", relics.join(", "));
    out.push_str("\n## Gone\nUnknown on the command line; in a file they are told of and ignored.\n\n");
    out.push_str("| flag of 3.5 or 3.6 | |\n|---|---|\n");
    for removed in REMOVED {
        let _ = writeln!(out, "| `--{}` | {} |", removed.name, removed.instead);
    }
    out
}

fn row(flag: &Flag, out: &mut String) {
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    let default = if flag.name == "data-dir" { "${name}.etcd" } else { flag.default };
    let _ = writeln!(
        out,
        "| `--{}` | {} | {} | `{}` | {} | {} |",
        flag.name,
        flag.kind.noun(),
        code(default),
        flag.env(),
        code(flag.file_key().unwrap_or_default()),
        sentence(flag.help, flag.effect),
    );
}

fn sentence(help: &str, effect: Effect) -> String {
    match effect {
        Effect::Works => help.to_owned(),
        Effect::NotYet => format!("{help} **Checked, but without effect yet.**"),
        Effect::Never(why) => format!("{help} **Without effect: {why}.**"),
        Effect::Deprecated(when) => format!("{help} **{when}**"),
    }
}

/// A configuration file with every key at its default, each behind a comment sign.
///
/// A line whose sign is followed by one blank is a remark; from all others the sign may be taken away.
pub fn sample() -> String {
    let mut out = "\
# Configuration of etcd, for `etcd --config-file FILE`. Every key is here with its default: take the sign away in front of
# those that you set (and of the section, if there is one). `etcd check-config FILE` says whether a file is good.
# Times are nanoseconds.
"
    .to_owned();
    level("", 0, &mut out);
    out
}

/// Writes the keys that begin with `prefix`, its sections last.
fn level(prefix: &str, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    let mut sections = Vec::new();
    for flag in GROUPS.iter().filter(|group| group.title.is_some()).flat_map(|group| group.flags) {
        let Some(rest) = flag.file_key().and_then(|key| key.strip_prefix(prefix)) else { continue };
        match rest.split_once('.') {
            None => {
                let _ = write!(out, "\n# {}\n#{indent}{rest}: {}\n", flag.help, in_file(flag));
            }
            Some((section, _)) if !sections.contains(&section) => sections.push(section),
            Some(_) => {}
        }
    }
    for section in sections {
        let _ = write!(out, "\n#{indent}{section}:\n");
        level(&format!("{prefix}{section}."), depth + 1, out);
    }
}

/// The default of a flag as one writes it in a file.
fn in_file(flag: &Flag) -> String {
    match flag.kind {
        Kind::Bool | Kind::Int | Kind::Uint | Kind::Uint32 => flag.default.to_owned(),
        Kind::Duration => match GoDuration::parse(flag.default) {
            Some(GoDuration(0)) | None => "0".to_owned(),
            Some(GoDuration(nanos)) => format!("{nanos} # {}", flag.default),
        },
        _ if flag.list_in_file => format!("[{}]", flag.default),
        _ => format!("'{}'", flag.default),
    }
}
