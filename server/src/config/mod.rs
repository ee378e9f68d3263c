//! What the server is told: by flags, by the environment, or by a file.
//!
//! Every flag is one row of a table ([`GROUPS`]): its name, the kind of its value, its default, its help, its
//! key in a file and what comes of it. The command line, the environment, the file and `--help` all go by that
//! table, so none of them can forget a flag or read it otherwise than the rest.
//!
//! The values go into a bag by name first. Once they all are known they are checked against each other, and
//! become a [`Config`]: plain typed structs by subject, which the rest of the server reads.
//!
//! Who may say what is etcd's rule: a file excludes flags and environment; a flag and a variable for the same
//! thing are a mistake. Messages are etcd's where a script might look for them.

mod arguments;
mod checks;
mod cluster;
mod duration;
mod environment;
mod exit;
mod file;
mod flag;
mod gates;
mod help;
mod limits;
mod listen;
mod log;
mod member;
mod number;
mod observe;
mod raft;
mod reference;
mod refused;
mod security;
mod settings;
mod storage;
mod subcommand;
mod table;
#[cfg(test)]
mod tests;
mod url;
mod value;

/// Reads a duration in Go's form (`1h30m`).
pub(crate) fn parse_duration(text: &str) -> Option<std::time::Duration> {
    duration::GoDuration::parse(text).map(duration::GoDuration::wait)
}

pub use cluster::{ClusterConfig, ClusterState, Discovery};
pub use duration::GoDuration;
pub use exit::Exit;
pub use flag::{Effect, Flag, Key, Kind};
pub use gates::{FeatureGates, GATES, Gate, Stage};
pub use limits::LimitsConfig;
pub use listen::{Keepalive, ListenConfig, SocketOptions};
pub use member::MemberConfig;
pub use observe::{ObserveConfig, TracingConfig};
pub use raft::RaftConfig;
pub use reference::{reference, sample};

pub use security::{AuthConfig, SecurityConfig, TlsConfig, TlsOptions, TlsVersion};
pub use storage::{AutoCompaction, StorageConfig};
pub use subcommand::{Program, Run, SUBCOMMANDS, Subcommand};
pub use table::{GROUPS, Group, REMOVED, Removed};
pub use url::Url;

use crate::logging::{Level, LogOptions, Notice};
use arguments::Stop;
pub(crate) use refused::Refused;
use settings::Settings;
use std::path::Path;

/// Everything that the server is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The member itself.
    pub member: MemberConfig,
    /// Listeners and connections.
    pub listen: ListenConfig,
    /// The other members.
    pub cluster: ClusterConfig,
    /// Consensus.
    pub raft: RaftConfig,
    /// The store.
    pub storage: StorageConfig,
    /// Requests.
    pub limits: LimitsConfig,
    /// TLS.
    pub security: SecurityConfig,
    /// Users.
    pub auth: AuthConfig,
    /// The log.
    pub log: LogOptions,
    /// Metrics and traces.
    pub observe: ObserveConfig,
    /// Feature gates.
    pub features: FeatureGates,
    /// What is to be said once there is a log.
    pub notices: Vec<Notice>,
}

/// The environment of this process, as far as it is text.
pub fn environment() -> Vec<(String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(|(key, value)| (text(key), text(value))).collect()
}

impl Config {
    /// Reads a command line, the program's name first, an environment, and the file that they may name.
    ///
    /// # Errors
    /// When the program is to print something and end: help, a version, or what is wrong.
    pub fn load(args: &[String], env: &[(String, String)]) -> Result<Config, Exit> {
        let mut notices = Vec::new();
        Config::read(args, env, &mut notices).map_err(|refused| match refused {
            Refused::Ended(exit) => exit,
            Refused::Conflict(conflict) => Exit::logged(notices.iter().chain([&conflict])),
            Refused::Mistake(reason) => Exit::refused(&notices, args, &reason),
        })
    }

    /// [`Config::load`], with what is wrong in plain words, and what was noticed until then in `notices`.
    pub(crate) fn read(
        args: &[String],
        env: &[(String, String)],
        notices: &mut Vec<Notice>,
    ) -> Result<Config, Refused> {
        let flags = args.get(1..).unwrap_or_default();
        let mut settings = Settings::defaults();
        let rest = arguments::parse(flags, &mut settings).map_err(|stop| match stop {
            Stop::Help => Refused::Ended(Exit::help()),
            Stop::Mistake(mistake) => Refused::Ended(Exit::usage(&mistake)),
        })?;
        if let Some(first) = rest.first() {
            return Err(Refused::Mistake(format!("{first:?} is not a valid flag")));
        }
        if settings.bool("version") {
            return Err(Refused::Ended(Exit::version()));
        }
        let file = file_path(&settings, env);
        let settings = match &file {
            Some(path) => file::load(Path::new(path), notices).map_err(Refused::Mistake)?,
            None => {
                environment::apply(env, &mut settings, notices)?;
                settings
            }
        };
        let mut config = Config::of(&settings, file.is_some(), notices).map_err(Refused::Mistake)?;
        if let Some(path) = &file {
            notices.push(loaded(path));
        }
        notices.push(Notice::new(Level::Info, "Running: ").with("args", arguments::shown(args)));
        config.notices.clone_from(notices);
        Ok(config)
    }

    /// Checks the settings and sorts them by subject.
    fn of(settings: &Settings, from_file: bool, notices: &mut Vec<Notice>) -> Result<Config, String> {
        let log = log::options(settings, notices)?;
        checks::check(settings, from_file, notices)?;
        tell_of_effects(settings, notices);
        let mut config = Config {
            member: MemberConfig::of(settings),
            listen: ListenConfig::of(settings),
            cluster: ClusterConfig::of(settings),
            raft: RaftConfig::of(settings),
            storage: StorageConfig::of(settings)?,
            limits: LimitsConfig::of(settings),
            security: SecurityConfig::of(settings)?,
            auth: AuthConfig::of(settings),
            log,
            observe: ObserveConfig::of(settings)?,
            features: settings.gates("feature-gates").clone(),
            notices: Vec::new(),
        };
        let name = config.member.name.clone();
        if let Some(host) = config.cluster.settle(&name, &config.listen.peer, &config.listen.client) {
            let notice = Notice::new(Level::Info, "detected default host for advertise");
            notices.push(notice.with("host", host));
        }
        if settings.path("data-dir").is_none() {
            let notice = Notice::new(Level::Warn, "'data-dir' was empty; using default");
            notices.push(notice.with("data-dir", config.member.data_dir.display().to_string()));
        }
        Ok(config)
    }
}

impl Default for Config {
    /// What holds when nothing is said.
    fn default() -> Self {
        Config::of(&Settings::defaults(), false, &mut Vec::new()).expect("defaults pass the checks")
    }
}

fn file_path(settings: &Settings, env: &[(String, String)]) -> Option<String> {
    let flag = Some(settings.text("config-file")).filter(|path| !path.is_empty());
    let variable = || env.iter().find(|(key, _)| key == "ETCD_CONFIG_FILE").map(|(_, path)| path.as_str());
    flag.or_else(variable).filter(|path| !path.is_empty()).map(str::to_owned)
}

fn loaded(path: &str) -> Notice {
    let notice = Notice::new(
        Level::Info,
        "loaded server configuration, other configuration command line flags and environment variables will be \
         ignored if provided",
    );
    notice.with("path", path)
}

/// Tells of settings that nothing comes of, and of those that will go.
fn tell_of_effects(settings: &Settings, notices: &mut Vec<Notice>) {
    for flag in settings.changed() {
        let notice =
            |message: &str| Notice::new(Level::Warn, message).with("flag", format!("--{}", flag.name));
        match flag.effect {
            Effect::Works => {}
            Effect::NotYet => notices.push(notice("a flag is accepted but has no effect yet")),
            Effect::Never(why) => {
                notices.push(notice("a flag is accepted but has no effect").with("reason", why))
            }
            Effect::Deprecated(when) => notices.push(notice(when)),
        }
    }
}
