//! `etcd gateway` and `etcd grpc-proxy`: programs within the program, with flags of their own.

mod gateway;
mod given;
mod grpc_proxy;

use super::{
    exit::Exit,
    flag::{Effect, Flag},
    settings::Settings,
};
use crate::logging::{Level, LogOptions, Notice};

/// A program within the program.
#[derive(Clone, Copy, Debug)]
pub struct Subcommand {
    /// What stands in front of its flags: `gateway`, then `start`.
    pub name: &'static str,
    /// Its flags.
    pub flags: &'static [Flag],
}

/// Both of them.
pub const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand { name: "gateway", flags: gateway::GATEWAY },
    Subcommand { name: "grpc-proxy", flags: grpc_proxy::GRPC_PROXY },
];

/// A subcommand that is to run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Which, with its settings.
    pub program: Program,
    /// The log.
    pub log: LogOptions,
    /// What is to be said once there is a log.
    pub notices: Vec<Notice>,
}

/// A subcommand with its settings.
#[derive(Clone, Debug)]
pub enum Program {
    /// `etcd gateway start`
    Gateway(oxetcd_proxy::gateway::Options),
    /// `etcd grpc-proxy start`
    GrpcProxy(Box<oxetcd_proxy::grpc::Options>),
}

impl Run {
    /// Reads a command line, the program's name first; `None` when it is not one of a subcommand.
    ///
    /// # Errors
    /// When the program is to print something and end: help, or what is wrong.
    pub fn load(args: &[String]) -> Option<Result<Run, Exit>> {
        let name = args.get(1)?;
        let command = SUBCOMMANDS.iter().find(|command| name == command.name)?;
        let help = || Exit { code: 0, stdout: help(command), stderr: String::new() };
        let Some(rest) = without_start(command, &args[2..]) else { return Some(Err(help())) };
        if rest.iter().any(|arg| arg == "-h" || arg == "--help") {
            return Some(Err(help()));
        }
        let given = match given::parse(command, &rest) {
            Ok(given) => given,
            Err(mistake) => return Some(Err(Exit::plain(1, &format!("Error: {mistake}")))),
        };
        Some(Run::of(command, &given, args).map_err(|mistake| Exit::plain(1, &mistake)))
    }

    fn of(command: &Subcommand, given: &Settings, args: &[String]) -> Result<Run, String> {
        let mut log = LogOptions::default();
        let program = match command.name {
            "gateway" => Program::Gateway(gateway::options(given)),
            _ => {
                if given.bool("debug") {
                    log.level = Level::Debug;
                }
                Program::GrpcProxy(Box::new(grpc_proxy::options(given)?))
            }
        };
        let mut notices = vec![Notice::new(Level::Info, "Running: ").with("args", args)];
        for flag in command.flags.iter().filter(|flag| given.is_given(flag.name)) {
            if let Effect::Never(why) = flag.effect {
                let notice = Notice::new(Level::Warn, "a flag is accepted but has no effect");
                notices.push(notice.with("flag", format!("--{}", flag.name)).with("reason", why));
            }
        }
        Ok(Run { program, log, notices })
    }
}

/// The flags, which may stand on both sides of `start`, as the cobra library has it; `None` when there is no `start`.
fn without_start(command: &Subcommand, args: &[String]) -> Option<Vec<String>> {
    let takes_next = |arg: &str| {
        let flag = command.flags.iter().find(|flag| arg.strip_prefix("--") == Some(flag.name));
        flag.is_some_and(|flag| !flag.is_switch())
    };
    let mut at = 0;
    while let Some(arg) = args.get(at) {
        match arg.as_str() {
            "start" => return Some([&args[..at], &args[at + 1..]].concat()),
            flag if flag.starts_with('-') => at += 1 + usize::from(takes_next(flag)),
            _ => return None,
        }
    }
    None
}

fn help(command: &Subcommand) -> String {
    let mut out = format!("Usage:\n  etcd {} start [flags]\n\nFlags:\n", command.name);
    for flag in command.flags {
        out.push_str(&format!("  --{} '{}'\n    {}\n", flag.name, flag.default, flag.help));
    }
    out
}
