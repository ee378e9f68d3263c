//! Variables, and what happens when they meet flags.

use super::{load, notices, reason};

#[test]
fn variables_stand_in_for_flags() {
    let config =
        load(&[], &["ETCD_NAME=a", "ETCD_MAX_TXN_OPS=7", "ETCD_PRE_VOTE=false", "ETCD_BACKEND=sled"]);
    let config = config.expect("good variables");
    assert_eq!(
        (config.member.name.as_str(), config.limits.max_txn_ops, config.raft.pre_vote),
        ("a", 7, false)
    );
    assert_eq!(config.member.backend, "sled");
    let used = notices(&config).iter().filter(|n| n.starts_with("recognized and used environment")).count();
    assert_eq!(used, 4);
}

#[test]
fn a_flag_and_a_variable_for_the_same_thing_are_fatal() {
    for env in ["ETCD_NAME=a", "ETCD_NAME=b", "ETCD_NAME="] {
        let exit = load(&["--name=a"], &[env]).expect_err("a conflict");
        assert_eq!(exit.code, 1);
        let line: serde_json::Value = serde_json::from_str(&exit.stderr).expect("one line of JSON");
        assert_eq!(line["level"], "fatal");
        assert_eq!(line["environment-variable"], "ETCD_NAME");
        let text = "conflicting environment variable is shadowed by corresponding command-line flag \
                    (either unset environment variable or disable flag))";
        assert_eq!(line["msg"], text);
    }
}

#[test]
fn variables_that_are_nobodys_are_told_of_and_empty_ones_do_nothing() {
    let env = ["ETCD_NAME=", "ETCD_SERVICE_HOST=10.0.0.1", "ETCD_VERSION=v3", "PATH=/bin", "ETCDCTL_API=3"];
    let config = load(&[], &env).expect("strange variables are no mistake");
    assert_eq!(config.member.name, "default");
    let notices = notices(&config);
    for expected in [
        "unrecognized environment variable: ETCD_NAME=",
        "unrecognized environment variable: ETCD_SERVICE_HOST=10.0.0.1",
        "cannot set special environment variable: ETCD_VERSION",
    ] {
        assert!(notices.iter().any(|notice| notice == expected), "{expected:?} is not in {notices:?}");
    }
    assert!(!notices.iter().any(|notice| notice.contains("PATH") || notice.contains("ETCDCTL")));
}

#[test]
fn wrong_values_name_the_variable() {
    let cases = [
        ("ETCD_MAX_TXN_OPS=zz", "invalid value \"zz\" for ETCD_MAX_TXN_OPS: parse error"),
        ("ETCD_PRE_VOTE=zz", "invalid value \"zz\" for ETCD_PRE_VOTE: parse error"),
        (
            "ETCD_LISTEN_PEER_URLS=ftp://x:1",
            "invalid value \"ftp://x:1\" for ETCD_LISTEN_PEER_URLS: URL scheme must be http, https, unix, or \
             unixs: ftp://x:1",
        ),
    ];
    for (variable, expected) in cases {
        let exit = load(&[], &[variable]).expect_err(variable);
        assert_eq!((exit.code, reason(&exit)), (1, expected.to_owned()));
    }
}

#[test]
fn a_variable_given_counts_as_given() {
    let exit = load(&[], &["ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:1"]).expect_err("nothing to advertise");
    assert!(reason(&exit).starts_with("--advertise-client-urls is required"));
}

#[test]
fn a_password_is_not_logged() {
    let config = load(&[], &["ETCD_DISCOVERY_PASSWORD=secret", "ETCD_DISCOVERY_SRV=example.org"]);
    let config = config.expect("members are found by DNS");
    let said = format!("{:?}", config.notices);
    assert!(said.contains("ETCD_DISCOVERY_PASSWORD") && !said.contains("secret"), "{said}");
    let exit = load(&[], &["ETCD_DISCOVERY_PASSWORD=secret", "ETCD_LISTEN_PEER_URLS=ftp://x:1"]);
    assert!(!exit.expect_err("no such scheme").stderr.contains("secret"));
}
