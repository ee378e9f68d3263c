//! Flags of the program, and the variables that stand in for some of them.
//!
//! Unlike in version 3 a flag goes before its variable, and only these have one.

use crate::args::{Flag, Kind, Matches};

pub(super) static DEBUG: Flag = Flag::switch("debug", "show each request as a call of cURL");
pub(super) static NO_SYNC: Flag =
    Flag::switch("no-sync", "do not ask for the addresses of all members first");
pub(super) static OUTPUT: Flag =
    Flag::text("output", "simple", "format of answers (simple, extended or json)").short('o');
pub(super) static DISCOVERY_SRV: Flag =
    Flag::text("discovery-srv", "", "domain whose SRV records name the members").short('D');
pub(super) static INSECURE_DISCOVERY: Flag =
    Flag::switch("insecure-discovery", "use addresses without TLS that SRV records name");
pub(super) static PEERS: Flag = Flag::text("peers", "", "an older name of --endpoints").short('C');
pub(super) static ENDPOINT: Flag = Flag::text("endpoint", "", "an older name of --endpoints");
pub(super) static ENDPOINTS: Flag = Flag::text(
    "endpoints",
    "",
    "addresses of members, separated by commas (default: http://127.0.0.1:2379,http://127.0.0.1:4001)",
);
pub(super) static CERT_FILE: Flag = Flag::text("cert-file", "", "file with our TLS certificate");
pub(super) static KEY_FILE: Flag = Flag::text("key-file", "", "file with the key of our TLS certificate");
pub(super) static CA_FILE: Flag =
    Flag::text("ca-file", "", "file with the certificates of authorities that servers are checked against");
pub(super) static USERNAME: Flag =
    Flag::text("username", "", "name[:password] to authenticate as (a missing password is asked for)")
        .short('u');
pub(super) static TIMEOUT: Flag =
    Flag::new("timeout", Kind::Duration, "2s", "how long one member may take to answer");
pub(super) static TOTAL_TIMEOUT: Flag =
    Flag::new("total-timeout", Kind::Duration, "5s", "how long a command other than watch may take");
pub(super) static VERSION: Flag = Flag::switch("version", "print the version").short('v');

pub(super) static ALL: &[&Flag] = &[
    &DEBUG,
    &NO_SYNC,
    &OUTPUT,
    &DISCOVERY_SRV,
    &INSECURE_DISCOVERY,
    &PEERS,
    &ENDPOINT,
    &ENDPOINTS,
    &CERT_FILE,
    &KEY_FILE,
    &CA_FILE,
    &USERNAME,
    &TIMEOUT,
    &TOTAL_TIMEOUT,
];

/// Where members are when nobody says it: today's port, and the one of old.
const USUAL_ENDPOINTS: &str = "http://127.0.0.1:2379,http://127.0.0.1:4001";

/// The addresses of members: of several ways to give them the first that was used.
pub(super) fn endpoints(matches: &Matches) -> Vec<String> {
    let ways =
        [(&ENDPOINTS, "ETCDCTL_ENDPOINTS"), (&ENDPOINT, "ETCDCTL_ENDPOINT"), (&PEERS, "ETCDCTL_PEERS")];
    let given =
        ways.iter().map(|(flag, variable)| text(matches, flag, variable)).find(|text| !text.is_empty());
    given.unwrap_or_else(|| USUAL_ENDPOINTS.to_owned()).split(',').map(str::to_owned).collect()
}

/// A flag's text, or its variable's.
pub(super) fn text(matches: &Matches, flag: &Flag, variable: &str) -> String {
    let given = matches.text(flag);
    if given.is_empty() { std::env::var(variable).unwrap_or_default() } else { given }
}
