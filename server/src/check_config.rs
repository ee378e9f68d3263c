//! `etcd check-config`: whether a member could start with these settings. Not a command of etcd's.
//!
//! The settings are read as a start reads them; then what they name is looked at: certificates, keys, folders, the
//! storage engine, the first members. Nothing is written and no socket is opened, so that a running member is not
//! disturbed and a unit of systemd can ask before each start.

use crate::{
    access::Logins,
    adapters::{EngineHome, EngineOptions},
    cluster::join::has_log,
    config::{ClusterState, Config, Exit, Refused},
    logging::{Level, Notice},
    net::Secure,
};
use rustix::fs::{Access, access};
use std::{fmt::Write as _, path::Path};

const USAGE: &str = "\
Usage:
  etcd check-config FILE
  etcd check-config [flags]
    Say whether a member could start with these settings (of etcd's flags, its ETCD_* variables, or a file), and what is
    wrong with them. Looks at files and folders, writes nothing. Ends with 1 if a member could not start.
";

/// What was found.
#[derive(Default)]
struct Findings {
    errors: Vec<String>,
    warnings: Vec<String>,
}

/// Checks what `args`, those behind `check-config`, and the environment say.
pub fn run(args: &[String], env: &[(String, String)]) -> Exit {
    if args.iter().any(|arg| matches!(arg.trim_start_matches('-'), "h" | "help") && arg.starts_with('-')) {
        return Exit { code: 0, stdout: USAGE.to_owned(), stderr: String::new() };
    }
    let mut command = vec!["etcd".to_owned()];
    let (file, flags) = match args.split_first() {
        Some((file, flags)) if !file.starts_with('-') => (Some(file), flags),
        _ => (None, args),
    };
    command.extend(file.map(|file| format!("--config-file={file}")));
    command.extend(flags.iter().cloned());
    let (mut findings, mut notices) = (Findings::default(), Vec::new());
    match Config::read(&command, env, &mut notices) {
        Ok(config) => findings.look(&config),
        Err(Refused::Ended(exit)) => return exit,
        Err(Refused::Mistake(reason)) => findings.errors.push(reason),
        Err(Refused::Conflict(notice)) => findings.errors.push(words(&notice)),
    }
    findings.warnings.extend(notices.iter().filter(|notice| notice.level >= Level::Warn).map(words));
    findings.report()
}

/// A notice as a sentence.
fn words(notice: &Notice) -> String {
    let mut text = notice.message.clone();
    for (name, value) in &notice.fields {
        // Writing to a string does not fail.
        let _ = match value.as_str() {
            Some(value) => write!(text, " {name}={value}"),
            None => write!(text, " {name}={value}"),
        };
    }
    text
}

impl Findings {
    fn look(&mut self, config: &Config) {
        self.note(oxetcd_datadir::check_engine(&config.member.backend));
        self.note(certificates(config));
        self.note(Logins::new(config).map(drop).map_err(|error| format!("--auth-token: {error}")));
        self.note(folder("--data-dir", &config.member.data_dir));
        if let Some(dir) = &config.member.wal_dir {
            self.note(folder("--wal-dir", dir));
        }
        let snap_dir = config.member.data_dir.join("member").join("snap");
        let home = EngineHome::new(&config.member.backend, &snap_dir, EngineOptions { max_bytes: None });
        // An engine that is none was told of already.
        if oxetcd_datadir::check_engine(&config.member.backend).is_ok() {
            self.note(home.map(drop));
        }
        self.note(first_members(config));
    }

    fn note(&mut self, found: Result<(), String>) {
        self.errors.extend(found.err());
    }

    fn report(self) -> Exit {
        let mut stdout = String::new();
        let lines = self.errors.iter().map(|text| ("error", text));
        for (kind, text) in lines.chain(self.warnings.iter().map(|text| ("warning", text))) {
            let _ = writeln!(stdout, "{kind}: {text}");
        }
        stdout.push_str(match (self.errors.len(), self.warnings.len()) {
            (0, 0) => "a member can start with this configuration\n",
            (0, _) => "a member can start with this configuration; see the warnings\n",
            _ => "a member cannot start with this configuration\n",
        });
        Exit { code: u8::from(!self.errors.is_empty()), stdout, stderr: String::new() }
    }
}

/// Reads certificates and keys. Those that a start would make are left out.
fn certificates(config: &Config) -> Result<(), String> {
    let mut config = config.clone();
    if config.security.client.auto_tls {
        config.security.client.auto_tls = false;
        let listen = &mut config.listen;
        [&mut listen.client, &mut listen.client_http, &mut listen.metrics].into_iter().for_each(Vec::clear);
    }
    if config.security.peer.auto_tls {
        config.security.peer.auto_tls = false;
        config.listen.peer.clear();
        config.cluster.advertise_peer.clear();
    }
    Secure::of(&config).map(drop)
}

/// Whether a member can have its files in `dir`, which need not be there yet.
fn folder(flag: &str, dir: &Path) -> Result<(), String> {
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let Some(found) = absolute.ancestors().find(|path| path.exists()) else { return Ok(()) };
    let shown = found.display();
    if !found.is_dir() {
        return Err(format!("{flag}: {shown} is not a folder"));
    }
    access(found, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
        let error = std::io::Error::from(error);
        format!("{flag}: {shown} cannot be written: {}", crate::logging::system_text(&error))
    })
}

/// Whether the first members can be those of a cluster with this one; of no account once there is a log.
fn first_members(config: &Config) -> Result<(), String> {
    if has_log(config) || config.cluster.discovery.is_set() {
        return Ok(());
    }
    let name = &config.member.name;
    match config.cluster.state {
        ClusterState::New => config.cluster.verify_bootstrap(name).map(drop),
        ClusterState::Existing => config.cluster.verify_join(name).map(drop),
    }
}
