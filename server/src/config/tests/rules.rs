//! Defaults that follow from other settings, and what must hold between them.

use super::{load, load_file, notices, reason};
use crate::config::{AutoCompaction, ClusterState, Config, TlsVersion};
use std::{path::PathBuf, time::Duration};

fn good(args: &[&str]) -> Config {
    load(args, &[]).unwrap_or_else(|exit| panic!("{args:?}: {}", exit.stderr))
}

#[test]
fn nothing_said_is_the_default_member() {
    let config = good(&[]);
    assert_eq!(config.member.data_dir, PathBuf::from("default.etcd"));
    assert_eq!(config.cluster.initial, "default=http://localhost:2380");
    assert_eq!(config.listen.client[0].as_str(), "http://localhost:2379");
    assert_eq!(config.cluster.state, ClusterState::New);
    assert_eq!(config.storage.quota_bytes, Some(2 << 30));
    assert_eq!(
        (config.storage.batch_interval, config.storage.batch_limit),
        (Duration::from_millis(100), 10_000)
    );
    assert_eq!(config.storage.compaction_batch_limit, 1000);
    assert_eq!(config.storage.compaction_sleep_interval, Duration::from_millis(10));
    assert_eq!(config.storage.auto_compaction, AutoCompaction::Off);
    assert_eq!(config.limits.watch_progress_interval, Duration::from_secs(600));
    assert_eq!(config.raft.election_ticks(), 10);
    assert_eq!(config.raft.request_timeout(), Duration::from_secs(7));
    assert_eq!(config.security.client.options.min_version, TlsVersion::V12);
    assert_eq!(config.member.backend, "lmdb");
    assert!(config.listen.cors.contains("*"));
    assert_eq!(Config::default().cluster.initial, config.cluster.initial);
}

#[test]
fn the_name_gives_data_dir_and_cluster() {
    let config = good(&["--name=abc", "--initial-advertise-peer-urls=http://10.0.0.1:1,http://10.0.0.2:1"]);
    assert_eq!(config.member.data_dir, PathBuf::from("abc.etcd"));
    assert_eq!(config.cluster.initial, "abc=http://10.0.0.1:1,abc=http://10.0.0.2:1");
    assert!(notices(&config).iter().any(|notice| notice == "'data-dir' was empty; using default: abc.etcd"));
    let config = good(&["--name=abc", "--data-dir=d", "--initial-cluster=abc=http://x:1", "--wal-dir=w"]);
    assert_eq!(config.cluster.initial, "abc=http://x:1");
    assert_eq!((config.member.data_dir, config.member.wal_dir), ("d".into(), Some("w".into())));
}

#[test]
fn zero_and_less_mean_what_they_do_in_etcd() {
    let config = good(&[
        "--quota-backend-bytes=-1",
        "--backend-batch-limit=-5",
        "--watch-progress-notify-interval=1ms",
        "--warning-unary-request-duration=0s",
        "--grpc-keepalive-interval=-1s",
        "--raft-read-timeout=1s",
        "--self-signed-cert-validity=0",
    ]);
    assert_eq!((config.storage.quota_bytes, config.storage.batch_limit), (None, 10_000));
    assert_eq!(config.limits.watch_progress_interval, Duration::from_millis(100));
    assert_eq!(config.limits.warning_unary_request, Duration::from_millis(300));
    assert_eq!(config.listen.keepalive.interval, Duration::ZERO);
    assert_eq!(config.raft.read_timeout, Duration::from_secs(5));
    assert_eq!(config.security.self_signed_years, 1);
}

fn check_refusals(cases: &[(&[&str], &str)]) {
    for (args, expected) in cases {
        let exit = load(args, &[]).expect_err(expected);
        assert_eq!((exit.code, reason(&exit).as_str()), (1, *expected), "{args:?}");
    }
}

#[test]
fn addresses_and_times_that_do_not_go_together_are_refused_in_the_words_of_etcd() {
    check_refusals(&[
        (&["--heartbeat-interval=0"], "--heartbeat-interval must be >0 (set to 0ms)"),
        (&["--election-timeout=0"], "--election-timeout must be >0 (set to 0ms)"),
        (
            &["--heartbeat-interval=300"],
            "--election-timeout[1000ms] should be at least as 5 times as --heartbeat-interval[300ms]",
        ),
        (
            &["--election-timeout=60000"],
            "--election-timeout[60000ms] is too long, and should be set less than 50000ms",
        ),
        (
            &["--listen-client-urls=http://127.0.0.1:1"],
            "--advertise-client-urls is required when --listen-client-urls is set explicitly",
        ),
        (
            &["--listen-client-urls="],
            "--advertise-client-urls is required when --listen-client-urls is set explicitly",
        ),
        (
            &["--listen-client-urls=http://example.com:1", "--advertise-client-urls=http://a:1"],
            "expected IP in URL for binding (http://example.com:1)",
        ),
        (&["--listen-peer-urls=http://:2380"], "expected IP in URL for binding (http://:2380)"),
        (&["--listen-metrics-urls=http://a:1"], "expected IP in URL for binding (http://a:1)"),
        (
            &["--advertise-client-urls=http://:2379"],
            "--advertise-client-urls \"http://:2379\" must be in the format \"host:port\", \
             \"unix:/path/to/socket\" or \"unixs:/path/to/socket\" (unexpected empty host (http://:2379))",
        ),
        (
            &["--initial-advertise-peer-urls=http://:2380"],
            "--initial-advertise-peer-urls \"http://:2380\" must be \"host:port\" (unexpected empty host \
             (http://:2380))",
        ),
        (&["--auto-compaction-mode=foo"], "unknown auto-compaction-mode \"foo\""),
        (&["--auto-compaction-mode="], "undefined auto-compaction-mode"),
        (
            &["--auto-compaction-retention=foo"],
            "error parsing CompactionRetention: time: invalid duration \"foo\"",
        ),
        (&["--compact-hash-check-time=0s"], "--compact-hash-check-time must be >0 (set to 0s)"),
        (
            &["--discovery-fallback=proxy"],
            "v2 proxy is deprecated, and --discovery-fallback can't be configured as \"proxy\"",
        ),
    ]);
}

#[test]
fn features_that_do_not_go_together_are_refused_in_the_words_of_etcd() {
    check_refusals(&[
        (&["--discovery-token=t"], "both --discovery-token and --discovery-endpoints must be set"),
        (
            &["--discovery-srv=d", "--initial-cluster=a=http://x:1"],
            "multiple discovery or bootstrap flags are set. Choose one of \"initial-cluster\", \
             \"discovery-endpoints\" or \"discovery-srv\"",
        ),
        (
            &["--feature-gates=LeaseCheckpointPersist=true"],
            "enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint",
        ),
        (&["--tls-min-version=TLS1.1"], "unexpected TLS version \"TLS1.1\" (must be one of: TLS1.2, TLS1.3)"),
        (
            &["--tls-min-version=TLS1.3", "--tls-max-version=TLS1.2"],
            "min version (TLS1.3) is greater than max version (TLS1.2)",
        ),
        (
            &["--tls-min-version=TLS1.3", "--cipher-suites=A"],
            "cipher suites cannot be configured when only TLS1.3 is enabled",
        ),
        (&["--logger=capnslog"], "--logger=capnslog is removed in v3.5"),
        (&["--logger=foo"], "unknown logger option \"foo\""),
        (&["--log-format=foo"], "unknown log format: foo, supported values json, console"),
        (&["--log-outputs=default,stderr"], "multi logoutput for \"default\" is not supported yet"),
        (&["--log-level=foo"], "unrecognized level: \"foo\""),
        (
            &["--enable-log-rotation"],
            "--log-outputs requires a single file path when --log-rotate-config-json is defined",
        ),
        (
            &["--enable-distributed-tracing", "--distributed-tracing-sampling-rate=-1"],
            "distributed tracing configurition is not valid: (tracing sampling rate must be positive)",
        ),
    ]);
}

#[test]
fn in_a_file_addresses_to_advertise_keep_their_default() {
    let config = load_file("listen-client-urls: http://127.0.0.1:1\n").expect("this is enough in a file");
    assert_eq!(config.cluster.advertise_client[0].as_str(), "http://localhost:2379");
}

#[test]
fn no_discovery_leads_to_a_cluster_that_nobody_asked_for() {
    let config =
        good(&["--discovery-endpoints=http://x:1", "--discovery-token=t", "--discovery-password=secret"]);
    let service = config.cluster.discovery.service.expect("a service is named");
    assert_eq!((service.endpoints, service.token), (vec!["http://x:1".to_owned()], "t".to_owned()));
    let all = format!(
        "{:?}",
        good(&["--discovery-endpoints=http://x:1", "--discovery-token=t", "--discovery-password=secret"])
    );
    assert!(!all.contains("secret"), "{all}");
}

#[test]
fn log_files_are_rotated_as_told() {
    let rotation = |json: &str| {
        let json = format!("--log-rotation-config-json={json}");
        load(&["--log-outputs=/tmp/etcd.log", "--enable-log-rotation", &json], &[])
    };
    let told =
        rotation("{\"maxsize\": 3, \"maxage\": 2, \"maxbackups\": 1}").expect("a good rule").log.rotation;
    let told = told.map(|rule| (rule.max_bytes, rule.max_age_days, rule.max_backups));
    assert_eq!(told, Some((3 << 20, 2, 1)));
    let default = rotation("{}").expect("defaults are a rule").log.rotation;
    assert_eq!(default.map(|rule| rule.max_bytes), Some(100 << 20));
    for (json, start) in [
        ("{", "improperly formatted log rotation config: "),
        ("{\"maxsize\": true}", "invalid log rotation config: "),
    ] {
        assert!(reason(&rotation(json).expect_err(json)).starts_with(start), "{json}");
    }
}

#[test]
fn the_first_members_are_checked_for_a_new_cluster() {
    let verify = |args: &[&str]| {
        let config = good(args);
        let members = config.cluster.verify_bootstrap(&config.member.name)?;
        Ok(members
            .into_iter()
            .map(|(name, urls)| format!("{name}:{}", urls.len()))
            .collect::<Vec<_>>()
            .join(" "))
    };
    let cases: &[(&[&str], Result<&str, &str>)] = &[
        (&[], Ok("default:1")),
        (
            &["--name=a", "--initial-cluster=b=http://x:1,a=http://localhost:2380,,b=http://y:1"],
            Ok("a:1 b:2"),
        ),
        (&["--initial-advertise-peer-urls=http://127.0.0.1:2380"], Ok("default:1")),
        (
            &["--initial-advertise-peer-urls=http://127.0.0.1:9"],
            Err("--initial-cluster has default=http://localhost:2380 but missing from \
                 --initial-advertise-peer-urls=http://127.0.0.1:9 \
                 (resolved urls: \"http://127.0.0.1:9\" != \"http://127.0.0.1:2380\")"),
        ),
        (
            &["--initial-advertise-peer-urls=http://localhost:2380,http://127.0.0.1:9"],
            Err("--initial-advertise-peer-urls has http://127.0.0.1:9 but missing from \
                 --initial-cluster=default=http://127.0.0.1:9,default=http://localhost:2380"),
        ),
        (
            &["--initial-cluster=b=http://x:1"],
            Err("couldn't find local name \"default\" in the initial cluster configuration"),
        ),
        (
            &["--initial-cluster=default=http://localhost:2380,b=http://localhost:2380"],
            Err("initial cluster b=http://localhost:2380,default=http://localhost:2380 has duplicate url"),
        ),
        (
            &["--initial-cluster=default=http://x"],
            Err(
                "error setting up initial cluster: URL address does not have the form \"host:port\": http://x",
            ),
        ),
        (
            &["--initial-cluster=default"],
            Err("error setting up initial cluster: URL scheme must be http, https, unix, or unixs: "),
        ),
    ];
    for (args, expected) in cases {
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(verify(args), expected, "{args:?}");
    }
}
