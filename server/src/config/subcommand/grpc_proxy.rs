//! `etcd grpc-proxy start`.

use crate::config::{
    flag::{Effect::Never, Flag, Kind::*, flag},
    security::version,
    settings::Settings,
};
use oxetcd_proxy::{Limits, Srv, grpc::Options};
use oxetcd_tls::{TlsOptions, certificate_name};
use std::path::PathBuf;

pub(super) const GRPC_PROXY: &[Flag] = &[
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
    flag("enable-pprof", Bool, "false", "Offer profiles of the Go run time over HTTP.")
        .but(Never("there is no Go run time to profile")),
    flag("endpoints", List, "127.0.0.1:2379", "Addresses of the members."),
    flag("endpoints-auto-sync-interval", Duration, "0s", "Time between looks at who the members are."),
    flag("experimental-enable-grpc-logging", Bool, "false", "Log all requests and answers."),
    flag(
        "experimental-leasing-prefix",
        Text,
        "",
        "Where leases on keys are kept for reads without a member; not taken.",
    ),
    flag(
        "experimental-serializable-ordering",
        Bool,
        "false",
        "Never answer a read older than one before it.",
    ),
    flag("grpc-keepalive-interval", Duration, "2h0m0s", "Silence after which a client is pinged."),
    flag("grpc-keepalive-min-time", Duration, "5s", "Clients that ping more often are cut off.")
        .but(Never("the HTTP/2 library answers pings without telling, so that nobody can count them")),
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
    flag("permit-without-stream", Bool, "false", "Ping members even when nothing is asked of them.").but(
        Never(
            "connections with nothing in flight are not pinged; one that died is replaced at the next call",
        ),
    ),
    flag("resolver-prefix", Text, "", "Where the proxy registers itself."),
    flag("resolver-ttl", Int, "0", "Seconds for which the registration lasts."),
    flag("self-signed-cert-validity", Uint, "1", "Years for which certificates made here are valid."),
    flag("tls-max-version", Text, "", "Newest version of TLS taken."),
    flag("tls-min-version", Text, "TLS1.2", "Oldest version of TLS taken."),
    flag("trusted-ca-file", Text, "", "Authorities that vouch for clients."),
];

/// What the proxy is told.
///
/// # Errors
/// With the first thing that is wrong, in etcd's words where it has some.
pub(super) fn options(given: &Settings) -> Result<Options, String> {
    let prefix = given.text("resolver-prefix");
    let ttl_s = given.int("resolver-ttl");
    match (prefix.is_empty(), ttl_s) {
        (false, ..1) => return Err(format!("invalid resolver-ttl {ttl_s}")),
        (true, 1..) => return Err(format!("invalid resolver-prefix {prefix:?}")),
        (false, _) if given.text("advertise-client-url").is_empty() => {
            return Err("invalid advertise-client-url \"\"".to_owned());
        }
        _ => {}
    }
    if !given.text("experimental-leasing-prefix").is_empty() {
        // To ignore it would be slow at least; to do it half would be wrong.
        return Err("--experimental-leasing-prefix is not supported: reads go to the members".to_owned());
    }
    let size =
        |name: &str| usize::try_from(given.int(name)).ok().filter(|size| *size > 0).unwrap_or(usize::MAX);
    let text = |name: &str| given.text(name).to_owned();
    let clients_tls = clients_tls(given)?;
    let auto = given.bool("auto-tls") && clients_tls.is_none();
    Ok(Options {
        listen: text("listen-addr"),
        metrics: Some(text("metrics-addr")).filter(|address| !address.is_empty()),
        advertise: text("advertise-client-url"),
        endpoints: given.list("endpoints").to_vec(),
        srv: Srv { domain: text("discovery-srv"), name: text("discovery-srv-name") },
        insecure_discovery: given.bool("insecure-discovery"),
        auto_sync: Some(given.duration("endpoints-auto-sync-interval").wait())
            .filter(|interval| !interval.is_zero()),
        keep_alive_time: Some(given.duration("dial-keepalive-time").wait()).filter(|time| !time.is_zero()),
        keep_alive_timeout: given.duration("dial-keepalive-timeout").wait(),
        max_send_bytes: size("max-send-bytes"),
        max_receive_bytes: size("max-recv-bytes"),
        members_tls: members_tls(given)?,
        clients_tls,
        self_signed: auto.then(|| (fixtures(given), given.uint("self-signed-cert-validity"))),
        namespace: text("namespace"),
        ordered: given.bool("experimental-serializable-ordering"),
        register: (!prefix.is_empty()).then(|| (prefix.to_owned(), ttl_s)),
        log_calls: given.bool("experimental-enable-grpc-logging"),
        limits: Limits {
            max_concurrent_streams: u32::try_from(given.uint("max-concurrent-streams")).unwrap_or(u32::MAX),
            keepalive_interval: given.duration("grpc-keepalive-interval").wait(),
            keepalive_timeout: given.duration("grpc-keepalive-timeout").wait(),
        },
    })
}

fn fixtures(given: &Settings) -> PathBuf {
    PathBuf::from(given.text("data-dir")).join("fixtures").join("proxy")
}

/// TLS towards members.
fn members_tls(given: &Settings) -> Result<Option<TlsOptions>, String> {
    let options = TlsOptions {
        cert_file: given.path("cert"),
        key_file: given.path("key"),
        trusted_ca_file: given.path("cacert"),
        insecure_skip_verify: given.bool("insecure-skip-tls-verify"),
        ..TlsOptions::default()
    };
    if let Some(file) = &options.cert_file {
        // Members would take each client of the proxy for the user of that name.
        if let Some(name) = certificate_name(file).map_err(|error| error.to_string())? {
            return Err(format!("cert has non empty Common Name ({name}): {}", file.display()));
        }
    }
    let nothing = options == TlsOptions::default();
    Ok((!nothing).then_some(options))
}

/// TLS towards clients.
fn clients_tls(given: &Settings) -> Result<Option<TlsOptions>, String> {
    let (min, max) = (given.text("tls-min-version"), given.text("tls-max-version"));
    let min_version = version(min).map_err(|error| format!("tls-min-version is invalid: {error}"))?;
    let max_version = version(max).map_err(|error| format!("tls-max-version is invalid: {error}"))?;
    if max_version.is_some() && min_version > max_version {
        return Err(format!("min version ({min}) is greater than max version ({max})"));
    }
    let cipher_suites: Vec<String> =
        given.list("listen-cipher-suites").iter().filter(|suite| !suite.is_empty()).cloned().collect();
    if min == "TLS1.3" && !cipher_suites.is_empty() {
        return Err("cipher suites cannot be configured when only TLS1.3 is enabled".to_owned());
    }
    oxetcd_tls::check_cipher_suites(&cipher_suites).map_err(|error| error.to_string())?;
    if given.bool("auto-tls") && given.uint("self-signed-cert-validity") == 0 {
        return Err("selfSignedCertValidity is invalid,it should be greater than 0".to_owned());
    }
    let options = TlsOptions {
        cert_file: given.path("cert-file"),
        key_file: given.path("key-file"),
        trusted_ca_file: given.path("trusted-ca-file"),
        crl_file: given.path("client-crl-file"),
        cipher_suites,
        min_version: min_version.unwrap_or_default(),
        max_version,
        ..TlsOptions::default()
    };
    let named =
        options.cert_file.is_some() || options.key_file.is_some() || options.trusted_ca_file.is_some();
    Ok(named.then_some(options))
}
