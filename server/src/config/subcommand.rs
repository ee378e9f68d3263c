//! `etcd gateway` and `etcd grpc-proxy`: their flags, in the syntax of the pflag library.
//!
//! Nothing runs behind them yet. Their command lines are read all the same, so that a mistake is told as one,
//! and a right one is answered with the reason why nothing happens.

use super::{
    exit::Exit,
    flag::{Flag, Kind::*, flag},
    value::Value,
};

/// A program within the program.
#[derive(Clone, Copy, Debug)]
pub struct Subcommand {
    /// What stands in front of its flags: `gateway`, then `start`.
    pub name: &'static str,
    /// Its flags.
    pub flags: &'static [Flag],
}

/// Both of them.
pub const SUBCOMMANDS: &[Subcommand] =
    &[Subcommand { name: "gateway", flags: GATEWAY }, Subcommand { name: "grpc-proxy", flags: GRPC_PROXY }];

const GATEWAY: &[Flag] = &[
    flag("discovery-srv", Text, "", "DNS domain whose SRV records name the members."),
    flag("discovery-srv-name", Text, "", "Ending of the SRV records' name."),
    flag("endpoints", List, "127.0.0.1:2379", "Addresses of the members."),
    flag("insecure-discovery", Bool, "false", "Take SRV records of members without TLS."),
    flag("listen-addr", Text, "127.0.0.1:23790", "Address to listen on."),
    flag("retry-delay", Duration, "1m0s", "Wait before a member that failed is tried again."),
    flag("trusted-ca-file", Text, "", "Authorities that vouch for members found by DNS."),
];

const GRPC_PROXY: &[Flag] = &[
    flag("advertise-client-url", Text, "127.0.0.1:23790", "Address under which clients reach the proxy."),
    flag("auto-tls", Bool, "false", "Make a certificate at the start."),
    flag("cacert", Text, "", "Authorities that vouch for the members."),
    flag("cert", Text, "", "Certificate to show the members."),
    flag("cert-file", Text, "", "Certificate to show clients."),
    flag("client-crl-file", Text, "", "List of clients' certificates that were revoked."),
    flag("data-dir", Text, "default.proxy", "Folder for certificates made here."),
    flag("debug", Bool, "false", "Log at debug level."),
    flag("dial-keepalive-time", Duration, "0s", "Silence after which a member is pinged; 0s for never."),
    flag("dial-keepalive-timeout", Duration, "20s", "How long its answer may take."),
    flag("discovery-srv", Text, "", "DNS domain whose SRV records name the members."),
    flag("discovery-srv-name", Text, "", "Ending of the SRV records' name."),
    flag("enable-pprof", Bool, "false", "Offer profiles of the Go run time over HTTP."),
    flag("endpoints", List, "127.0.0.1:2379", "Addresses of the members."),
    flag("endpoints-auto-sync-interval", Duration, "0s", "Time between looks at who the members are."),
    flag("experimental-enable-grpc-logging", Bool, "false", "Log all requests and answers."),
    flag(
        "experimental-leasing-prefix",
        Text,
        "",
        "Where leases on keys are kept for reads without a member.",
    ),
    flag(
        "experimental-serializable-ordering",
        Bool,
        "false",
        "Never answer a read older than one before it.",
    ),
    flag("grpc-keepalive-interval", Duration, "2h0m0s", "Silence after which a client is pinged."),
    flag("grpc-keepalive-min-time", Duration, "5s", "Clients that ping more often are cut off."),
    flag("grpc-keepalive-timeout", Duration, "20s", "How long a client's answer may take."),
    flag("insecure-discovery", Bool, "false", "Take SRV records of members without TLS."),
    flag("insecure-skip-tls-verify", Bool, "false", "Take any certificate of a member; for tests only."),
    flag("key", Text, "", "Key of the certificate for the members."),
    flag("key-file", Text, "", "Key of the certificate for clients."),
    flag("listen-addr", Text, "127.0.0.1:23790", "Address to listen on."),
    flag("listen-cipher-suites", List, "", "TLS cipher suites to offer clients."),
    flag("max-concurrent-streams", Uint32, "4294967295", "Most streams at once on a client's connection."),
    flag("max-recv-bytes", Int, "2147483647", "Largest answer of a member, in bytes."),
    flag("max-send-bytes", Int, "1572864", "Largest request to a member, in bytes."),
    flag("metrics-addr", Text, "", "Another address for /metrics."),
    flag("namespace", Text, "", "What is put in front of all keys."),
    flag("permit-without-stream", Bool, "false", "Ping members even when nothing is asked of them."),
    flag("resolver-prefix", Text, "", "Where the proxy registers itself."),
    flag("resolver-ttl", Int, "0", "Seconds for which the registration lasts."),
    flag("self-signed-cert-validity", Uint, "1", "Years for which certificates made here are valid."),
    flag("tls-max-version", Text, "", "Newest version of TLS taken."),
    flag("tls-min-version", Text, "TLS1.2", "Oldest version of TLS taken."),
    flag("trusted-ca-file", Text, "", "Authorities that vouch for clients."),
];

/// Reads the command line of a subcommand, when `args`, without the program's name, is one.
pub(super) fn run(args: &[String]) -> Option<Exit> {
    let command = SUBCOMMANDS.iter().find(|command| args.first().is_some_and(|arg| arg == command.name))?;
    let rest = match args.get(1).map(String::as_str) {
        Some("start") => &args[2..],
        _ => return Some(Exit { code: 0, stdout: help(command), stderr: String::new() }),
    };
    if rest.iter().any(|arg| arg == "-h" || arg == "--help") {
        return Some(Exit { code: 0, stdout: help(command), stderr: String::new() });
    }
    Some(Exit::plain(
        1,
        &match parse(command, rest) {
            Ok(()) => format!("etcd {}: not part of this version yet", command.name),
            Err(mistake) => format!("Error: {mistake}"),
        },
    ))
}

fn parse(command: &Subcommand, args: &[String]) -> Result<(), String> {
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let Some(body) = arg.strip_prefix("--") else {
            return Err(match arg.strip_prefix('-') {
                Some(body) => {
                    format!("unknown shorthand flag: {:?} in -{body}", body.chars().next().unwrap_or('-'))
                }
                None => format!("unknown command {arg:?} for \"etcd {} start\"", command.name),
            });
        };
        let (name, value) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (body, None),
        };
        let flag = command.flags.iter().find(|flag| flag.name == name);
        let flag = flag.ok_or_else(|| format!("unknown flag: --{name}"))?;
        let value = match (value, flag.is_switch()) {
            (Some(value), _) => value,
            (None, true) => "true",
            (None, false) => rest.next().ok_or_else(|| format!("flag needs an argument: --{name}"))?,
        };
        Value::parse(flag.kind, value, None)
            .map_err(|error| format!("invalid argument {value:?} for \"--{name}\" flag: {error}"))?;
    }
    Ok(())
}

fn help(command: &Subcommand) -> String {
    let mut out = format!("Usage:\n  etcd {} start [flags]\n\nFlags:\n", command.name);
    for flag in command.flags {
        out.push_str(&format!("  --{} '{}'\n    {}\n", flag.name, flag.default, flag.help));
    }
    out
}
