//! `etcd gateway start`.

use crate::config::{
    flag::{Flag, Kind::*, flag},
    settings::Settings,
};
use oxetcd_proxy::{Srv, gateway::Options};

pub(super) const GATEWAY: &[Flag] = &[
    flag("discovery-srv", Text, "", "DNS domain whose SRV records name the members."),
    flag("discovery-srv-name", Text, "", "Ending of the SRV records' name."),
    flag("endpoints", List, "127.0.0.1:2379", "Addresses of the members."),
    flag("insecure-discovery", Bool, "false", "Take SRV records of members without TLS."),
    flag("listen-addr", Text, "127.0.0.1:23790", "Address to listen on."),
    flag("retry-delay", Duration, "1m0s", "Wait before a member that failed is tried again."),
    flag("trusted-ca-file", Text, "", "Authorities that vouch for members found by DNS."),
];

/// What the gateway is told.
pub(super) fn options(given: &Settings) -> Options {
    Options {
        listen: given.text("listen-addr").to_owned(),
        endpoints: given.list("endpoints").to_vec(),
        srv: Srv {
            domain: given.text("discovery-srv").to_owned(),
            name: given.text("discovery-srv-name").to_owned(),
        },
        trusted_ca_file: given.path("trusted-ca-file"),
        insecure_discovery: given.bool("insecure-discovery"),
        retry_delay: given.duration("retry-delay").wait(),
    }
}
