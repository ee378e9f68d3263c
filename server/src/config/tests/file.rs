//! The file: etcd's keys, and mistakes told with line and key.

use super::{load, load_file, notices, reason};
use crate::config::{AutoCompaction, Config};
use std::{path::PathBuf, time::Duration};

fn good(text: &str) -> Config {
    load_file(text).unwrap_or_else(|exit| panic!("{text:?}: {}", exit.stderr))
}

#[test]
fn all_kinds_of_values_are_read() {
    let config = good(
        "name: 'n1'\n\
         data-dir: /var/lib/etcd # a comment\n\
         max-txn-ops: 256\n\
         quota-backend-bytes: -1\n\
         backend-batch-interval: 50000000\n\
         pre-vote: off\n\
         listen-client-urls: http://127.0.0.1:1, http://127.0.0.1:2\n\
         advertise-client-urls: http://127.0.0.1:1\n\
         log-outputs: [stdout, stderr, stdout]\n\
         cipher-suites: [B, A]\n\
         auto-compaction-retention: \"1\"\n\
         host-whitelist: b,a\n\
         feature-gates: AllAlpha=true,LeaseCheckpointPersist=true\n\
         socket-options:\n  reuse-port: true\n\
         client-transport-security:\n  cert-file: c.pem\n  client-cert-auth: true\n\
         peer-transport-security: {allowed-cn: [x, y], auto-tls: true}\n\
         ClientTLSInfo: {CRLFile: r.pem}\n",
    );
    assert_eq!(config.member.name, "n1");
    assert_eq!(config.member.data_dir, PathBuf::from("/var/lib/etcd"));
    assert_eq!((config.limits.max_txn_ops, config.storage.quota_bytes), (256, None));
    assert_eq!(config.storage.batch_interval, Duration::from_millis(50));
    assert!(!config.raft.pre_vote && config.listen.socket.reuse_port);
    assert_eq!(config.listen.client.len(), 2);
    assert_eq!(config.log.outputs.len(), 2);
    assert_eq!(config.security.cipher_suites, ["B", "A"]);
    assert_eq!(config.storage.auto_compaction, AutoCompaction::Periodic(Duration::from_secs(3600)));
    assert!(config.listen.host_whitelist.contains("a") && config.features.enabled("LeaseCheckpoint"));
    assert_eq!(config.security.client.options.cert_file, Some(PathBuf::from("c.pem")));
    assert_eq!(config.security.client.options.crl_file, Some(PathBuf::from("r.pem")));
    assert!(config.security.client.options.client_cert_auth && config.security.peer.auto_tls);
    assert_eq!(config.security.peer.options.allowed_cns, ["x", "y"]);
}

#[test]
fn keys_without_a_value_keep_their_defaults() {
    let config = good(
        "name:\ndata-dir: ~\ncors:\nclient-transport-security:\npeer-transport-security:\n  cert-file:\n",
    );
    assert_eq!(
        (config.member.name.as_str(), config.member.data_dir),
        ("default", PathBuf::from("default.etcd"))
    );
    for text in ["", "# nothing\n", "---\n# nothing\n", "\n\n"] {
        assert_eq!(good(text).member.name, "default", "{text:?}");
    }
}

#[test]
fn the_first_document_counts_and_the_last_of_two_keys() {
    assert_eq!(good("name: a\n---\nname: b\n").member.name, "a");
    let config = good("name: a\nname: b\n");
    assert_eq!(config.member.name, "b");
    assert!(notices(&config).iter().any(|notice| notice.contains("twice") && notice.ends_with(": name")));
    assert_eq!(good("NAME: c\n").member.name, "c", "case is of no account, as in etcd");
}

#[test]
fn a_file_excludes_flags_and_variables() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("conf.yml");
    std::fs::write(&path, "max-txn-ops: 7\n").expect("the folder is writable");
    let path = path.to_str().expect("the folder has a plain name");
    for (args, env) in [
        (vec!["--config-file", path, "--name=x"], vec!["ETCD_NAME=y".to_owned()]),
        (vec!["--name=x"], vec!["ETCD_NAME=y".to_owned(), format!("ETCD_CONFIG_FILE={path}")]),
    ] {
        let env: Vec<&str> = env.iter().map(String::as_str).collect();
        let config = load(&args, &env).expect("the file alone counts");
        assert_eq!((config.member.name.as_str(), config.limits.max_txn_ops), ("default", 7));
        assert!(notices(&config).iter().any(|notice| notice.starts_with("loaded server configuration")));
    }
    assert_eq!(load(&["--config-file", path, "--nope"], &[]).expect_err("an unknown flag").code, 2);
}

#[test]
fn mistakes_name_file_line_and_key() {
    let cases = [
        ("nope: 1\n", ":1: unknown key \"nope\""),
        ("name: a\n\nnope: 1\n", ":3: unknown key \"nope\""),
        (
            "name: a\nclient-transport-security:\n  cert-file: x\n  nope: 1\n",
            ":4: unknown key \"client-transport-security.nope\"",
        ),
        (
            "name: a\ncert-file: x\n",
            ":2: unknown key \"cert-file\": it stands under client-transport-security.cert-file in a file",
        ),
        (
            "raft-read-timeout: 1\n",
            ":1: unknown key \"raft-read-timeout\": it is a flag of the command line only",
        ),
        (
            "name: a\nheartbeat-interval: abc\n",
            ":2: heartbeat-interval: \"abc\" where a whole number from 0 is wanted",
        ),
        (
            "heartbeat-interval: \"200\"\n",
            ":1: heartbeat-interval: \"200\" where a whole number from 0 is wanted",
        ),
        (
            "heartbeat-interval: -1\n",
            ":1: heartbeat-interval: the number -1 where a whole number from 0 is wanted",
        ),
        (
            "heartbeat-interval: 1.5\n",
            ":1: heartbeat-interval: the number 1.5 where a whole number from 0 is wanted",
        ),
        (
            "max-concurrent-streams: 5000000000\n",
            ":1: max-concurrent-streams: the number 5000000000 where a whole number from 0 is wanted",
        ),
        (
            "backend-batch-interval: 10ms\n",
            ":1: backend-batch-interval: \"10ms\" where a whole number of nanoseconds is wanted (10ms is 10000000)",
        ),
        ("pre-vote: 1\n", ":1: pre-vote: the number 1 where true or false is wanted"),
        ("pre-vote: maybe\n", ":1: pre-vote: \"maybe\" where true or false is wanted"),
        ("name: 123\n", ":1: name: the number 123 where a text (in quotes) is wanted"),
        ("name: true\n", ":1: name: true where a text (in quotes) is wanted"),
        ("name: [a]\n", ":1: name: a list where a text (in quotes) is wanted"),
        ("name: a\nlog-outputs: stderr\n", ":2: log-outputs: \"stderr\" where a list is wanted"),
        (
            "listen-peer-urls: http://x\n",
            ":1: listen-peer-urls: invalid value \"http://x\": URL address does not have the form \"host:port\": http://x",
        ),
        (
            "feature-gates: Foo=true\n",
            ":1: feature-gates: invalid value \"Foo=true\": unrecognized feature gate: Foo",
        ),
        ("initial-cluster-state: foo\n", ":1: initial-cluster-state: invalid value \"foo\": invalid value"),
    ];
    for (text, expected) in cases {
        let exit = load_file(text).expect_err(text);
        let reason = reason(&exit);
        assert_eq!(exit.code, 1, "{text:?}");
        assert!(
            reason.ends_with(&format!("conf.yml{expected}")),
            "{text:?} gave {reason:?}, not {expected:?}"
        );
    }
}

#[test]
fn broken_yaml_is_told_with_its_line() {
    let cases = [
        ("name: a\n  b: c\n", 2),
        ("name: a\nlog-outputs: [\n", 3),
        ("name: a\n\tb: c\n", 2),
        ("- a\n", 1),
        ("just a word\n", 1),
        ("client-transport-security: 3\n", 1),
        ("name: {a: b}\n", 1),
        ("name: a\nname: !!binary x\n? [a]\n: b\n", 3),
    ];
    for (text, line) in cases {
        let reason = reason(&load_file(text).expect_err(text));
        assert!(reason.contains(&format!("conf.yml:{line}: ")), "{text:?} gave {reason:?}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let exit = load(&["--config-file=/nowhere/conf.yml"], &[]).expect_err("no such file");
    assert_eq!(reason(&exit), "open /nowhere/conf.yml: no such file or directory");
}

#[test]
fn keys_of_older_versions_are_told_of_and_ignored() {
    // What etcd's sample file has and no version reads any more.
    let config = good(
        "discovery:\ndiscovery-fallback: 'proxy'\nproxy: 'off'\nproxy-read-timeout: 0\nexperimental-enable-v2v3: p\n",
    );
    let ignored: Vec<String> =
        notices(&config).into_iter().filter(|notice| notice.contains("older versions")).collect();
    assert_eq!(ignored.len(), 5, "{ignored:?}");
}

proptest::proptest! {
    #[test]
    fn no_file_is_a_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
        let _ = crate::config::file::parse(&bytes, "conf.yml", &mut Vec::new());
    }

    #[test]
    fn no_text_like_a_file_is_a_panic(
        lines in proptest::collection::vec("( {0,2}|- )?(name|pre-vote|socket-options|log-outputs|&a|\\*a|\\?)?:? ?[\\[\\]{}&*!|>'\"#%@`a1.~-]{0,6}", 0..6)
    ) {
        let _ = crate::config::file::parse(lines.join("\n").as_bytes(), "conf.yml", &mut Vec::new());
    }
}
