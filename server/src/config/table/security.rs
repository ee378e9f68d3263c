//! Flags of TLS, of who may call, and of passwords.

use crate::config::flag::{Flag, Kind::*, flag};

pub(super) const SECURITY: &[Flag] = &[
    flag("cert-file", Text, "", "Certificate shown to clients.").at("client-transport-security.cert-file"),
    flag("key-file", Text, "", "Key of that certificate.").at("client-transport-security.key-file"),
    flag("client-cert-auth", Bool, "false", "Ask clients for a certificate.")
        .at("client-transport-security.client-cert-auth"),
    flag("client-cert-file", Text, "", "Certificate for this member's own calls to clients' addresses.")
        .at("client-transport-security.client-cert-file"),
    flag("client-key-file", Text, "", "Key of that certificate.")
        .at("client-transport-security.client-key-file"),
    flag("client-crl-file", Text, "", "List of clients' certificates that were revoked.")
        .at("ClientTLSInfo.CRLFile"),
    flag(
        "client-cert-allowed-hostname",
        List,
        "",
        "Names of which one must stand in a client's certificate.",
    )
    .at("client-transport-security.allowed-hostname"),
    flag("trusted-ca-file", Text, "", "Authorities that vouch for clients.")
        .at("client-transport-security.trusted-ca-file"),
    flag("auto-tls", Bool, "false", "Make a certificate for clients at the start.")
        .at("client-transport-security.auto-tls"),
    flag("peer-cert-file", Text, "", "Certificate shown to other members.")
        .at("peer-transport-security.cert-file"),
    flag("peer-key-file", Text, "", "Key of that certificate.").at("peer-transport-security.key-file"),
    flag("peer-client-cert-auth", Bool, "false", "Ask other members for a certificate.")
        .at("peer-transport-security.client-cert-auth"),
    flag("peer-client-cert-file", Text, "", "Certificate for calls to other members.")
        .at("peer-transport-security.client-cert-file"),
    flag("peer-client-key-file", Text, "", "Key of that certificate.")
        .at("peer-transport-security.client-key-file"),
    flag("peer-trusted-ca-file", Text, "", "Authorities that vouch for other members.")
        .at("peer-transport-security.trusted-ca-file"),
    flag("peer-cert-allowed-cn", List, "", "Common names of which one must stand in a member's certificate.")
        .at("peer-transport-security.allowed-cn"),
    flag("peer-cert-allowed-hostname", List, "", "Names of which one must stand in a member's certificate.")
        .at("peer-transport-security.allowed-hostname"),
    flag("peer-auto-tls", Bool, "false", "Make a certificate for other members at the start.")
        .at("peer-transport-security.auto-tls"),
    flag("self-signed-cert-validity", Uint, "1", "Years for which certificates made here are valid."),
    flag("peer-crl-file", Text, "", "List of members' certificates that were revoked.")
        .at("PeerTLSInfo.CRLFile"),
    flag("cipher-suites", List, "", "TLS cipher suites to offer; by default those of the library."),
    flag("cors", Origins, "*", "Origins from which browsers may call; * for any."),
    flag("host-whitelist", Set, "*", "Host names under which plain HTTP is answered; * for any."),
    flag("tls-min-version", Text, "TLS1.2", "Oldest version of TLS taken: TLS1.2 or TLS1.3."),
    flag("tls-max-version", Text, "", "Newest version of TLS taken: TLS1.2 or TLS1.3."),
];

pub(super) const AUTH: &[Flag] = &[
    flag(
        "auth-token",
        Text,
        "simple",
        "Kind of token given to users who log in: simple, or jwt with options.",
    ),
    flag("bcrypt-cost", Uint, "10", "How hard passwords are hashed, from 4 to 31."),
    flag("auth-token-ttl", Uint, "300", "Seconds for which a simple token lives."),
];
