//! Flags that every command understands. Each can also be given in the environment: `--dial-timeout` as
//! `ETCDCTL_DIAL_TIMEOUT`.

use crate::args::{Flag, Kind};

pub(super) static ENDPOINTS: Flag =
    Flag::new("endpoints", Kind::List, "127.0.0.1:2379", "addresses of members, separated by commas");
pub(super) static DEBUG: Flag =
    Flag::switch("debug", "log what the client does, and show the settings in effect");
pub(super) static WRITE_OUT: Flag =
    Flag::text("write-out", "simple", "format of answers (fields, json, protobuf, simple, table)")
        .short('w')
        .choices(&["fields", "json", "protobuf", "simple", "table"]);
pub(super) static HEX: Flag = Flag::switch("hex", "show byte strings and ids in hexadecimal");
pub(super) static DIAL_TIMEOUT: Flag =
    Flag::new("dial-timeout", Kind::Duration, "2s", "how long connecting may take");
pub(super) static COMMAND_TIMEOUT: Flag = Flag::new(
    "command-timeout",
    Kind::Duration,
    "5s",
    "how long a short command may take, without connecting",
);
pub(super) static KEEPALIVE_TIME: Flag =
    Flag::new("keepalive-time", Kind::Duration, "2s", "how often a quiet connection is checked");
pub(super) static KEEPALIVE_TIMEOUT: Flag = Flag::new(
    "keepalive-timeout",
    Kind::Duration,
    "6s",
    "how long a connection may take to answer such a check",
);
pub(super) static MAX_REQUEST_BYTES: Flag =
    Flag::int("max-request-bytes", "largest request in bytes (0 means 2 MiB)");
pub(super) static MAX_RECV_BYTES: Flag =
    Flag::int("max-recv-bytes", "largest answer in bytes (0 means as large as gRPC allows)");
pub(super) static INSECURE_TRANSPORT: Flag = Flag::new(
    "insecure-transport",
    Kind::Bool,
    "true",
    "connect without TLS where an address does not ask for it",
);
pub(super) static INSECURE_DISCOVERY: Flag =
    Flag::new("insecure-discovery", Kind::Bool, "true", "use addresses without TLS that SRV records name");
pub(super) static INSECURE_SKIP_TLS_VERIFY: Flag = Flag::switch(
    "insecure-skip-tls-verify",
    "trust any server certificate (for tests only: anybody can listen in)",
);
pub(super) static CERT: Flag = Flag::text("cert", "", "file with our TLS certificate");
pub(super) static KEY: Flag = Flag::text("key", "", "file with the key of our TLS certificate");
pub(super) static CACERT: Flag =
    Flag::text("cacert", "", "file with the certificates of authorities that servers are checked against");
pub(super) static AUTH_JWT_TOKEN: Flag =
    Flag::text("auth-jwt-token", "", "token to authenticate with, in place of --user and --password");
pub(super) static USER: Flag =
    Flag::text("user", "", "user[:password] to authenticate as (a missing password is asked for)");
pub(super) static PASSWORD: Flag =
    Flag::text("password", "", "password to authenticate with; --user is the name alone then");
pub(super) static DISCOVERY_SRV: Flag =
    Flag::text("discovery-srv", "", "domain whose SRV records name the members").short('d');
pub(super) static DISCOVERY_SRV_NAME: Flag =
    Flag::text("discovery-srv-name", "", "service name to ask SRV records for");

pub(super) static ALL: &[&Flag] = &[
    &AUTH_JWT_TOKEN,
    &CACERT,
    &CERT,
    &COMMAND_TIMEOUT,
    &DEBUG,
    &DIAL_TIMEOUT,
    &DISCOVERY_SRV,
    &DISCOVERY_SRV_NAME,
    &ENDPOINTS,
    &HEX,
    &INSECURE_DISCOVERY,
    &INSECURE_SKIP_TLS_VERIFY,
    &INSECURE_TRANSPORT,
    &KEEPALIVE_TIME,
    &KEEPALIVE_TIMEOUT,
    &KEY,
    &MAX_RECV_BYTES,
    &MAX_REQUEST_BYTES,
    &PASSWORD,
    &USER,
    &WRITE_OUT,
];
