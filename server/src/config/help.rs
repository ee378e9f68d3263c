//! What `--help` and `--version` print, made from the table of flags.

use super::{
    flag::{Effect, Flag, Kind},
    gates::GATES,
    table::GROUPS,
};
use std::fmt::Write;

/// How the program is called.
pub(super) fn usage() -> String {
    "Usage:

  etcd [flags]
    Run one member of an etcd cluster.

  etcd --version
    Print the version.

  etcd -h | --help
    Print all flags.

  etcd --config-file=FILE
    Read every setting from a YAML file; other flags and ETCD_* variables are then ignored.
    Lengths of time are whole nanoseconds there, 10m being 600000000000.

  etcd check-config FILE
  etcd check-config [flags]
    Say whether a member could start with these settings, and what is wrong with them.

  etcd gateway
    Forward TCP connections to a cluster.

  etcd grpc-proxy
    Forward gRPC calls to a cluster.
"
    .to_owned()
}

/// The version, with the lines that scripts look for.
pub(super) fn version() -> String {
    let (version, build) = (crate::VERSION, env!("CARGO_PKG_VERSION"));
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!(
        "etcd Version: {version}\nGit SHA: oxetcd {build}\nGo Version: none (Rust)\nGo OS/Arch: {}/{arch}\n",
        std::env::consts::OS
    )
}

/// All flags by group.
pub(super) fn flags() -> String {
    let mut out = String::new();
    for group in GROUPS {
        let Some(title) = group.title else { continue };
        // Writing to a string does not fail.
        let _ = write!(out, "\n{title}:\n");
        group.flags.iter().for_each(|flag| describe(flag, &mut out));
    }
    out.push_str("\nTake care with the unsafe ones: with them, what consensus promises may not hold.\n");
    out
}

fn describe(flag: &Flag, out: &mut String) {
    let default = if flag.name == "data-dir" { "${name}.etcd" } else { flag.default };
    let _ = writeln!(out, "  --{} '{default}'\n    {}", flag.name, flag.help);
    if flag.kind == Kind::Gates {
        for gate in GATES {
            let _ = writeln!(
                out,
                "    {}=true|false ({} - default={})",
                gate.name,
                gate.stage.name(),
                gate.default
            );
        }
    }
    let _ = match flag.effect {
        Effect::Works => Ok(()),
        Effect::NotYet => writeln!(out, "    (checked, but without effect yet)"),
        Effect::Never(why) => writeln!(out, "    (without effect: {why})"),
        Effect::Deprecated(when) => writeln!(out, "    (deprecated: {when})"),
    };
}
